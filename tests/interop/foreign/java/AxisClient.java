import java.io.Reader;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Parameter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Calendar;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import javax.net.ssl.SSLContext;
import javax.xml.namespace.QName;
import javax.xml.rpc.holders.Holder;
import org.apache.axis.AxisFault;
import org.apache.axis.EngineConfiguration;
import org.apache.axis.MessageContext;
import org.apache.axis.SimpleTargetedChain;
import org.apache.axis.client.Service;
import org.apache.axis.client.Stub;
import org.apache.axis.configuration.SimpleProvider;
import org.apache.axis.encoding.TypeMapping;
import org.apache.axis.encoding.TypeMappingRegistry;
import org.apache.axis.encoding.ser.CalendarDeserializerFactory;
import org.apache.axis.encoding.ser.CalendarSerializerFactory;
import org.apache.axis.encoding.ser.DateDeserializerFactory;
import org.apache.axis.encoding.ser.DateSerializerFactory;
import org.apache.axis.handlers.BasicHandler;
import org.apache.axis.message.SOAPHeaderElement;
import org.apache.axis.transport.http.HTTPSender;

/**
 * Apache Axis 1.4 (2006) with the classes that its WSDL2Java makes of the one-port WSDL; Seal verifies the signature.
 * Usage: AxisClient task.properties; one line of JSON per call goes to standard output.
 */
final class AxisClient {
    private static byte[] raw;
    private final Properties task;

    private AxisClient(Properties task) {
        this.task = task;
    }

    public static void main(String[] arguments) throws Exception {
        Properties task = new Properties();
        try (Reader reader = Files.newBufferedReader(Path.of(arguments[0]))) {
            task.load(reader);
        }
        new AxisClient(task).run();
    }

    private void run() throws Exception {
        SSLContext.setDefault(Tls.context(task));
        SimpleProvider provider = new SimpleProvider();
        provider.deployTransport("http", new SimpleTargetedChain(null, new HTTPSender(), new Keeping()));
        String name = "anwendung." + task.getProperty("service");
        Service service = (Service)
                Class.forName(name + "Locator").getConstructor(EngineConfiguration.class).newInstance(provider);
        dates(service.getEngine().getTypeMappingRegistry());
        String port = task.getProperty("port");
        service.getClass().getMethod("set" + port + "EndpointAddress", String.class).invoke(service, url());
        Stub stub = (Stub) service.getClass().getMethod("get" + port).invoke(service);
        for (int number = 0; task.containsKey("calls." + number + ".operation"); number++) {
            System.out.println(Objects.json(call(stub, "calls." + number)));
        }
    }

    /** Axis 1.4 has a reader for xs:date and xs:dateTime, and forgets it for types that restrict them. */
    private void dates(TypeMappingRegistry registry) {
        TypeMapping literal = registry.getOrMakeTypeMapping("");
        QName date = new QName(task.getProperty("namespace"), "Datum");
        QName moment = new QName(task.getProperty("namespace"), "Zeitpunkt");
        literal.register(Date.class, date, new DateSerializerFactory(Date.class, date), new DateDeserializerFactory(Date.class, date));
        literal.register(
                Calendar.class,
                moment,
                new CalendarSerializerFactory(Calendar.class, moment),
                new CalendarDeserializerFactory(Calendar.class, moment));
    }

    private String url() {
        return task.getProperty("url");
    }

    private Map<String, Object> call(Stub stub, String key) throws Exception {
        String operation = task.getProperty(key + ".operation");
        Method method =
                Arrays.stream(stub.getClass().getMethods()).filter(one -> one.getName().equals(operation)).findFirst().orElseThrow();
        Map<String, Object> told = new TreeMap<>();
        Parameter[] parameters = method.getParameters();
        Object[] values = new Object[parameters.length];
        for (int index = 0; index < values.length; index++) {
            Class<?> type = parameters[index].getType();
            if (Holder.class.isAssignableFrom(type)) {
                values[index] = type.getConstructor().newInstance();
                told.put(parameters[index].getName(), values[index]);
            } else {
                values[index] = value(type, task.getProperty(key + ".parameters." + parameters[index].getName()));
            }
        }
        stub.clearHeaders();
        stub.setHeader(context());
        List<String> path = List.of(task.getProperty(key + ".read").split("/"));
        Map<String, Object> said = new LinkedHashMap<>();
        said.put("operation", operation);
        try {
            Object result = method.invoke(stub, values);
            told.putIfAbsent(path.get(0), result); // Axis gives a single element as the result, without its name
            var receipt = stub.getResponseHeader(task.getProperty("namespace"), "quittung");
            said.put("protokollnummer", text(receipt, "protokollnummer"));
            said.put("read", Objects.read(told.get(path.get(0)), path.subList(1, path.size())));
        } catch (InvocationTargetException thrown) {
            if (thrown.getCause().getClass() == AxisFault.class) {
                throw (AxisFault) thrown.getCause(); // no fault of the contract
            }
            Object fehler = thrown.getCause();
            said.put("fault", Objects.read(fehler, List.of("code")).get(0));
            said.put("read", Objects.read(fehler, List.of("befund")));
        }
        said.put("verified", Seal.holds(raw, Seal.certificate(task.getProperty("signing")), task.getProperty("profile")));
        return said;
    }

    private String text(SOAPHeaderElement block, String name) {
        return block.getChildElement(new QName(task.getProperty("namespace"), name)).getValue();
    }

    private SOAPHeaderElement context() throws Exception {
        String namespace = task.getProperty("namespace");
        var block = new SOAPHeaderElement(new QName(namespace, "abrufkontext"));
        block.setActor(null);
        for (String name : List.of("kennung", "verwendungszweck", "aktenzeichen")) {
            block.addChildElement(name, "", namespace).addTextNode(task.getProperty("context." + name));
        }
        return block;
    }

    private static Object value(Class<?> type, String text) {
        if (text == null || type == String.class) {
            return text;
        }
        return type == Integer.class ? (Object) Integer.valueOf(text) : Long.valueOf(text);
    }

    /** Keeps the bytes of the last answer before Axis reads them. */
    private static final class Keeping extends BasicHandler {
        @Override
        public void invoke(MessageContext context) throws AxisFault {
            raw = context.getResponseMessage().getSOAPPartAsBytes();
        }
    }
}
