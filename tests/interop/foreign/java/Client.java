import java.io.ByteArrayOutputStream;
import java.io.Reader;
import java.lang.annotation.Annotation;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import javax.jws.WebParam;
import javax.jws.WebResult;
import javax.net.ssl.HttpsURLConnection;
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
        HttpsURLConnection.setDefaultSSLSocketFactory(Tls.context(task).getSocketFactory());
        QName service = new QName(task.getProperty("namespace"), task.getProperty("service"));
        QName name = new QName(task.getProperty("namespace"), task.getProperty("port"));
        Class<?> type = Class.forName("anwendung." + task.getProperty("portType"));
        Object port = Service.create(new URL(task.getProperty("wsdl")), service).getPort(name, type);
        var binding = ((BindingProvider) port).getBinding();
        binding.setHandlerChain(List.of(new Keeping()));
        for (int number = 0; task.containsKey("calls." + number + ".operation"); number++) {
            System.out.println(Objects.json(call(port, type, "calls." + number)));
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
            said.put("protokollnummer", Objects.read(told.get("quittung"), List.of("protokollnummer")).get(0));
            said.put("read", Objects.read(told.get(path.get(0)), path.subList(1, path.size())));
        } catch (InvocationTargetException thrown) {
            Object fehler = thrown.getCause().getClass().getMethod("getFaultInfo").invoke(thrown.getCause());
            said.put("fault", Objects.read(fehler, List.of("code")).get(0));
            said.put("read", Objects.read(fehler, List.of("befund")));
        }
        said.put("verified", Seal.holds(raw, Seal.certificate(task.getProperty("signing")), task.getProperty("profile")));
        return said;
    }

    private Object context(Class<?> type) throws Exception {
        Object context = type.getConstructor().newInstance();
        for (String key : task.stringPropertyNames()) {
            if (key.startsWith("context.")) {
                String name = key.substring("context.".length());
                type.getMethod("set" + Objects.capital(name), String.class).invoke(context, task.getProperty(key));
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

    private static WebParam find(Annotation[] annotations) {
        return (WebParam) Arrays.stream(annotations).filter(WebParam.class::isInstance).findFirst().orElseThrow();
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
