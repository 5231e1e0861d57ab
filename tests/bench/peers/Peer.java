import com.sun.net.httpserver.*;
import java.io.*;
import java.net.InetSocketAddress;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.*;
import java.util.concurrent.*;
import javax.xml.XMLConstants;
import javax.xml.crypto.dsig.*;
import javax.xml.crypto.dsig.dom.DOMSignContext;
import javax.xml.crypto.dsig.spec.*;
import javax.xml.parsers.*;
import javax.xml.transform.*;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import javax.xml.validation.*;
import org.w3c.dom.*;

/** The same signed, validated answer with the JDK alone: no store, no audit trail, no agreement. Peer PORT XSD PAGE KEY CERTIFICATE METHOD */
public class Peer {
    static final String SOAP = "http://schemas.xmlsoap.org/soap/envelope/";
    /** An element of a person in memory, as an application would hold it in its objects. */
    record Field(String name, String text, List<Field> parts) {
        static Field of(Element element) {
            List<Field> parts = new ArrayList<>();
            for (Node n = element.getFirstChild(); n != null; n = n.getNextSibling()) if (n instanceof Element e) parts.add(of(e));
            return new Field(element.getLocalName(), parts.isEmpty() ? element.getTextContent() : null, parts);
        }
    }

    static Schema schema;
    static String namespace, method;
    static final Map<String, Field> persons = new LinkedHashMap<>();
    static final List<Field> frame = new ArrayList<>();
    static PrivateKey key; static X509Certificate certificate;

    static DocumentBuilder builder() {
        try {
            DocumentBuilderFactory factory = DocumentBuilderFactory.newDefaultNSInstance();
            factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
            return factory.newDocumentBuilder();
        } catch (ParserConfigurationException e) { throw new IllegalStateException(e); }
    }

    static final SecureRandom RANDOM = new SecureRandom();
    static final ThreadLocal<DocumentBuilder> BUILDER = ThreadLocal.withInitial(Peer::builder);
    static final ThreadLocal<Validator> VALIDATOR = ThreadLocal.withInitial(() -> schema.newValidator());
    static final ThreadLocal<XMLSignatureFactory> SIGNATURES = ThreadLocal.withInitial(() -> XMLSignatureFactory.getInstance("DOM"));
    static final ThreadLocal<Transformer> WRITER = ThreadLocal.withInitial(() -> {
        try { return TransformerFactory.newInstance().newTransformer(); }
        catch (TransformerConfigurationException e) { throw new IllegalStateException(e); }
    });

    /** The first child of that name, or the first of all. */
    static Element child(Element parent, String local) {
        for (Node n = parent.getFirstChild(); n != null; n = n.getNextSibling())
            if (n instanceof Element e && (local == null || local.equals(e.getLocalName()))) return e;
        throw new IllegalArgumentException(local + " is missing");
    }

    static void append(Element parent, Field field) {
        Element element = parent.getOwnerDocument().createElementNS(namespace, field.name);
        if (field.text != null) element.appendChild(parent.getOwnerDocument().createTextNode(field.text));
        for (Field part : field.parts) append(element, part);
        parent.appendChild(element);
    }

    static Element ours(Document document, String name) {
        Element element = document.createElementNS(namespace, name);
        element.setAttributeNS(XMLConstants.XMLNS_ATTRIBUTE_NS_URI, "xmlns", namespace);
        return element;
    }

    static byte[] answer(byte[] request) throws Exception {
        Element envelope = BUILDER.get().parse(new ByteArrayInputStream(request)).getDocumentElement();
        Element asked = child(child(envelope, "Body"), null), context = child(child(envelope, "Header"), null);
        Validator validator = VALIDATOR.get();
        for (Element given : List.of(asked, context)) validator.validate(new DOMSource(given));
        Document document = BUILDER.get().newDocument();
        Element out = (Element) document.appendChild(document.createElementNS(SOAP, "soap:Envelope"));
        out.setAttributeNS(XMLConstants.XMLNS_ATTRIBUTE_NS_URI, "xmlns:soap", SOAP);
        Element header = (Element) out.appendChild(document.createElementNS(SOAP, "soap:Header"));
        Element body = (Element) out.appendChild(document.createElementNS(SOAP, "soap:Body"));
        Element response = (Element) body.appendChild(ours(document, asked.getLocalName() + "Response"));
        if (asked.getLocalName().equals("personAbrufen")) {
            append(response, Objects.requireNonNull(persons.get(child(asked, "personenkennung").getTextContent())));
        } else {
            int most = Integer.parseInt(child(asked, "anzahl").getTextContent()), count = 0;
            for (Field field : frame) if (!field.name.equals("person") || count++ < most) append(response, field);
        }
        validator.validate(new DOMSource(response));
        validator.validate(new DOMSource(header.appendChild(receipt(document, request))));
        sign(header);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(131072);
        WRITER.get().transform(new DOMSource(document), new StreamResult(bytes));
        return bytes.toByteArray();
    }

    static Element receipt(Document document, byte[] request) throws Exception {
        Element receipt = ours(document, "quittung");
        byte[] salt = new byte[32];
        RANDOM.nextBytes(salt);
        String now = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(), text = HexFormat.of().formatHex(salt);
        String digest = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(request));
        String[][] fields = {{"protokollnummer", UUID.randomUUID().toString()}, {"eintragsHash", text}, {"salt", text},
            {"zeitpunkt", now}, {"anfrageDigest", digest}, {"fassung", "3"}, {"stand", now}};
        for (String[] field : fields) append(receipt, new Field(field[0], field[1], List.of()));
        return receipt;
    }

    static void sign(Element header) throws Exception {
        XMLSignatureFactory signatures = SIGNATURES.get();
        Reference reference = signatures.newReference("", signatures.newDigestMethod(DigestMethod.SHA256, null),
            List.of(signatures.newTransform(Transform.ENVELOPED, (TransformParameterSpec) null),
                signatures.newTransform(CanonicalizationMethod.EXCLUSIVE, (TransformParameterSpec) null)), null, null);
        SignedInfo info = signatures.newSignedInfo(
            signatures.newCanonicalizationMethod(CanonicalizationMethod.EXCLUSIVE, (C14NMethodParameterSpec) null),
            signatures.newSignatureMethod(method, null), List.of(reference));
        var keys = signatures.getKeyInfoFactory();
        signatures.newXMLSignature(info, keys.newKeyInfo(List.of(keys.newX509Data(List.of(certificate))))).sign(new DOMSignContext(key, header));
    }

    public static void main(String[] given) throws Exception {
        schema = SchemaFactory.newInstance(XMLConstants.W3C_XML_SCHEMA_NS_URI).newSchema(new File(given[1]));
        Element page = builder().parse(new File(given[2])).getDocumentElement();
        namespace = page.getNamespaceURI(); frame.addAll(Field.of(page).parts);
        for (Field field : frame)
            if (field.name.equals("person")) persons.put(field.parts.stream().filter(f -> f.name.equals("personenkennung")).findFirst().get().text, field);
        String pem = Files.readString(Path.of(given[3])).replaceAll("-----[A-Z ]+-----|\\s", "");
        boolean rsa = given[5].equals("rsa-sha256");
        key = KeyFactory.getInstance(rsa ? "RSA" : "EC").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
        method = rsa ? "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" : "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
        certificate = (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(new FileInputStream(given[4]));
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(given[0])), 128);
        server.setExecutor(Executors.newFixedThreadPool(16));
        server.createContext("/", exchange -> {
            byte[] bytes; int status = 200;
            try { bytes = answer(exchange.getRequestBody().readAllBytes()); }
            catch (Exception e) { bytes = String.valueOf(e).getBytes(); status = 500; }
            exchange.getResponseHeaders().set("Content-Type", "text/xml; charset=utf-8");
            exchange.sendResponseHeaders(status, bytes.length);
            try (OutputStream stream = exchange.getResponseBody()) { stream.write(bytes); }
        });
        server.start();
    }
}
