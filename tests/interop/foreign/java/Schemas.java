import java.io.File;
import javax.xml.XMLConstants;
import javax.xml.transform.stream.StreamSource;
import javax.xml.validation.Schema;
import javax.xml.validation.SchemaFactory;
import org.xml.sax.SAXException;

/** The JDK's Xerces. Usage: Schemas XSD FILE...; prints "schema" once it compiles, then valid or invalid per file. */
final class Schemas {
    public static void main(String[] arguments) throws Exception {
        SchemaFactory factory = SchemaFactory.newInstance(XMLConstants.W3C_XML_SCHEMA_NS_URI);
        factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
        factory.setFeature("http://apache.org/xml/features/validation/schema-full-checking", true);
        Schema schema = factory.newSchema(new File(arguments[0]));
        System.out.println("schema");
        for (int index = 1; index < arguments.length; index++) {
            try {
                schema.newValidator().validate(new StreamSource(new File(arguments[index])));
                System.out.println("valid");
            } catch (SAXException invalid) {
                System.out.println("invalid");
            }
        }
    }

    private Schemas() {}
}
