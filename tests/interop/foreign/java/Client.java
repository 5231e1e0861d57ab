import java.io.ByteArrayOutputStream;
import java.io.Reader;
import java.lang.annotation.Annotation;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import javax.jws.WebParam;
import javax.jws.WebResult;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import javax.xml.namespace.QName;
import javax.xml.soap.SOAPException;
import javax.xml.ws.BindingProvider;
import javax.xml.ws.Holder;
import javax.xml.ws.Service;
import javax.xml.ws.handler.MessageContext;
import javax.xml.ws.handler.soap.SOAPHandler;
import javax.xml.ws.handler.soap.SOAPMessageContext;

/**
 * JAX-WS with the classes that wsimport makes of the WSDL; the signature is checked with the JDK's own API.
 * Usage: Client task.properties; one line of JSON per call goes to standard output.
 */
final class Client {
    private final Properties task;
    private byte[] raw;

    private Client(Properties task) {
        this.task = task;
    }

    public static void main(String[] arguments) throws Exception {
        Properties task = new Properties();
        try (Reader reader = Files.newBufferedReader(Path.of(arguments[0]))) {
            task.load(reader);
        }
        new Client(task).run();
    }

    private void run() throws Exception {
        HttpsURLConnection.setDefaultSSLSocketFactory(tls().getSocketFactory());
        QName service = new QName(task.getProperty("namespace"), task.getProperty("service"));
        QName name = new QName(task.getProperty("namespace"), task.getProperty("port"));
        Class<?> type = Class.forName("anwendung." + task.getProperty("portType"));
        Object port = Service.create(new URL(task.getProperty("wsdl")), service).getPort(name, type);
        var binding = ((BindingProvider) port).getBinding();
        binding.setHandlerChain(List.of(new Keeping()));
        for (int number = 0; task.containsKey("calls." + number + ".operation"); number++) {
            System.out.println(json(call(port, type, "calls." + number)));
        }
    }

    private Map<String, Object> call(Object port, Class<?> type, String key) throws Exception {
        String operation = task.getProperty(key + ".operation");
        Method method =
                Arrays.stream(type.getMethods()).filter(one -> one.getName().equals(operation)).findFirst().orElseThrow();
        Map<String, Object> told = new TreeMap<>();
        Object[] values = new Object[method.getParameterCount()];
        for (int index = 0; index < values.length; index++) {
            WebParam parameter = find(method.getParameterAnnotations()[index]);
            Class<?> wanted = method.getParameterTypes()[index];
            if (wanted == Holder.class) {
                values[index] = new Holder<>();
                told.put(parameter.name(), values[index]);
            } else if (parameter.header()) {
                values[index] = context(wanted);
            } else {
                values[index] = value(wanted, task.getProperty(key + ".parameters." + parameter.name()));
            }
        }
        Map<String, Object> said = new LinkedHashMap<>();
        said.put("operation", operation);
        try {
            Object result = method.invoke(port, values);
            if (method.getAnnotation(WebResult.class) != null) {
                told.put(method.getAnnotation(WebResult.class).name(), result);
            }
            List<String> path = List.of(task.getProperty(key + ".read").split("/"));
            said.put("protokollnummer", read(told.get("quittung"), List.of("protokollnummer")).get(0));
            said.put("read", read(told.get(path.get(0)), path.subList(1, path.size())));
        } catch (InvocationTargetException thrown) {
            Object fehler = thrown.getCause().getClass().getMethod("getFaultInfo").invoke(thrown.getCause());
            said.put("fault", read(fehler, List.of("code")).get(0));
            said.put("read", read(fehler, List.of("befund")));
        }
        said.put("verified", Seal.holds(raw, Seal.certificate(task.getProperty("signing")), task.getProperty("profile")));
        return said;
    }

    private Object context(Class<?> type) throws Exception {
        Object context = type.getConstructor().newInstance();
        for (String key : task.stringPropertyNames()) {
            if (key.startsWith("context.")) {
                String name = key.substring("context.".length());
                type.getMethod("set" + capital(name), String.class).invoke(context, task.getProperty(key));
            }
        }
        return context;
    }

    private static Object value(Class<?> type, String text) {
        if (text == null || type == String.class) {
            return text;
        }
        return type == Integer.class ? (Object) Integer.valueOf(text) : Long.valueOf(text);
    }

    /** The texts at a path of names, through lists and holders. */
    private static List<String> read(Object value, List<String> path) throws Exception {
        Object here = value instanceof Holder ? ((Holder<?>) value).value : value;
        List<String> found = new ArrayList<>();
        if (here instanceof Collection) {
            for (Object item : (Collection<?>) here) {
                found.addAll(read(item, path));
            }
        } else if (here != null && path.isEmpty()) {
            found.add(here.toString());
        } else if (here != null) {
            Object next = here.getClass().getMethod("get" + capital(path.get(0))).invoke(here);
            found.addAll(read(next, path.subList(1, path.size())));
        }
        return found;
    }

    private SSLContext tls() throws Exception {
        String pem = Files.readString(Path.of(task.getProperty("key"))).replaceAll("-----[A-Z ]+-----|\\s", "");
        PrivateKey key =
                KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        Certificate[] chain = {Seal.certificate(task.getProperty("certificate"))};
        store.setKeyEntry("client", key, new char[0], chain);
        store.setCertificateEntry("ca", Seal.certificate(task.getProperty("ca")));
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, new char[0]);
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }

    private static WebParam find(Annotation[] annotations) {
        return (WebParam) Arrays.stream(annotations).filter(WebParam.class::isInstance).findFirst().orElseThrow();
    }

    private static String capital(String name) {
        return Character.toUpperCase(name.charAt(0)) + name.substring(1);
    }

    private static String json(Object value) {
        if (value instanceof Map) {
            return ((Map<?, ?>) value).entrySet().stream()
                    .map(entry -> json(entry.getKey()) + ":" + json(entry.getValue()))
                    .collect(Collectors.joining(",", "{", "}"));
        }
        if (value instanceof Collection) {
            return ((Collection<?>) value).stream().map(Client::json).collect(Collectors.joining(",", "[", "]"));
        }
        if (value instanceof Boolean) {
            return value.toString();
        }
        return value.toString().chars()
                .mapToObj(one -> one < 32 || one > 126 || one == '"' || one == '\\'
                        ? String.format("\\u%04x", one)
                        : String.valueOf((char) one))
                .collect(Collectors.joining("", "\"", "\""));
    }

    /** Keeps the bytes of the last answer. */
    private final class Keeping implements SOAPHandler<SOAPMessageContext> {
        @Override
        public boolean handleMessage(SOAPMessageContext context) {
            if (!(Boolean) context.get(MessageContext.MESSAGE_OUTBOUND_PROPERTY)) {
                keep(context);
            }
            return true;
        }

        @Override
        public boolean handleFault(SOAPMessageContext context) {
            keep(context);
            return true;
        }

        private void keep(SOAPMessageContext context) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            try {
                context.getMessage().writeTo(bytes);
            } catch (SOAPException | java.io.IOException broken) {
                throw new IllegalStateException(broken);
            }
            raw = bytes.toByteArray();
        }

        @Override
        public Set<QName> getHeaders() {
            return Set.of();
        }

        @Override
        public void close(MessageContext context) {}
    }
}
