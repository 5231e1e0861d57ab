import java.io.ByteArrayInputStream;
import java.io.FileInputStream;
import java.io.InputStream;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import javax.xml.crypto.dsig.Reference;
import javax.xml.crypto.dsig.XMLSignature;
import javax.xml.crypto.dsig.XMLSignatureException;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;

/** The JDK's own XML signature API on both profiles. */
final class Seal {
    private static final String WSSE =
            "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
    private static final String WSU =
            "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

    /** Whether the message is signed with this certificate over what the profile says, and unchanged. */
    static boolean holds(byte[] raw, X509Certificate certificate, String profile) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        Document document = factory.newDocumentBuilder().parse(new ByteArrayInputStream(raw));
        NodeList signatures = document.getElementsByTagNameNS(XMLSignature.XMLNS, "Signature");
        if (signatures.getLength() != 1) {
            return false;
        }
        DOMValidateContext context = new DOMValidateContext(certificate.getPublicKey(), signatures.item(0));
        context.setProperty("org.jcp.xml.dsig.secureValidation", true);
        Set<String> expected = new TreeSet<>(List.of(""));
        if (profile.equals("wsse")) {
            expected = new TreeSet<>();
            List<Element> parts = parts(document);
            for (Element part : parts) {
                if (!part.hasAttributeNS(WSU, "Id")) {
                    return false;
                }
                context.setIdAttributeNS(part, WSU, "Id");
                expected.add("#" + part.getAttributeNS(WSU, "Id"));
            }
            if (parts.size() != 2 || expected.size() != 2) {
                return false;
            }
        }
        XMLSignature signature = XMLSignatureFactory.getInstance("DOM").unmarshalXMLSignature(context);
        Set<String> found = new TreeSet<>();
        for (Object reference : signature.getSignedInfo().getReferences()) {
            found.add(((Reference) reference).getURI());
        }
        try {
            return found.equals(expected) && signature.validate(context);
        } catch (XMLSignatureException unresolved) {
            return false;
        }
    }

    static X509Certificate certificate(String path) throws Exception {
        try (InputStream stream = new FileInputStream(path)) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(stream);
        }
    }

    /** Body and Timestamp where they stand: each once, if the message is sound. */
    private static List<Element> parts(Document document) {
        Element envelope = document.getDocumentElement();
        String soap = envelope.getNamespaceURI();
        List<Element> found = children(envelope, soap, "Body");
        for (Element header : children(envelope, soap, "Header")) {
            for (Element security : children(header, WSSE, "Security")) {
                found.addAll(children(security, WSU, "Timestamp"));
            }
        }
        return found;
    }

    private static List<Element> children(Element parent, String space, String name) {
        List<Element> found = new ArrayList<>();
        for (Node one = parent.getFirstChild(); one != null; one = one.getNextSibling()) {
            if (one instanceof Element && name.equals(one.getLocalName()) && space.equals(one.getNamespaceURI())) {
                found.add((Element) one);
            }
        }
        return found;
    }

    private Seal() {}
}
