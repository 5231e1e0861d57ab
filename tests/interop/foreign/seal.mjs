// Verifies the signature of an answer in node with xml-crypto.
import { X509Certificate, createVerify } from 'node:crypto';

const DS = 'http://www.w3.org/2000/09/xmldsig#';
const MORE = 'http://www.w3.org/2001/04/xmldsig-more#';
const METHODS = { rsa: `${MORE}rsa-sha256`, ec: `${MORE}ecdsa-sha256` };
const WSU = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd';

/** What xml-crypto lacks: ECDSA, with r and s as XML Signature has them. */
class EcdsaSha256 {
  getAlgorithmName = () => METHODS.ec;
  verifySignature = (octets, key, value) =>
    createVerify('sha256').update(octets).verify({ key, dsaEncoding: 'ieee-p1363' }, value, 'base64');
}

/** The function `verified`; `need` requires packages. */
export function verifier(need) {
  const { SignedXml } = need('xml-crypto');
  const { DOMParser } = need('@xmldom/xmldom');

  /** Whether the message is signed with this certificate (PEM) over what its profile says, and unchanged. */
  return function verified(text, certificate, profile) {
    const envelope = new DOMParser().parseFromString(text, 'text/xml').documentElement;
    const signatures = Array.from(envelope.getElementsByTagNameNS(DS, 'Signature'));
    if (signatures.length !== 1) return false;
    const signature = new SignedXml({ publicCert: certificate, getCertFromKeyInfo: () => null });
    signature.SignatureAlgorithms[METHODS.ec] = EcdsaSha256;
    signature.loadSignature(signatures[0]);
    const method = METHODS[new X509Certificate(certificate).publicKey.asymmetricKeyType];
    if (signature.signatureAlgorithm !== method) return false;
    try {
      if (!signature.checkSignature(text)) return false;
    } catch {
      return false; // xml-crypto throws where an Id is there twice, and where a digest is wrong
    }
    // What is signed is what is read: the one Body and the one Timestamp at their places.
    const signed = signature.getSignedReferences().map((one) => new DOMParser().parseFromString(one, 'text/xml').documentElement);
    if (profile === 'umschlag') return signed.length === 1 && signed[0].localName === 'Envelope';
    const header = children(envelope, 'Header').flatMap((one) => children(one, 'Security'));
    const parts = [...children(envelope, 'Body'), ...header.flatMap((one) => children(one, 'Timestamp'))];
    return ids(parts) === 'Body Timestamp' && ids(signed) === 'Body Timestamp';
  };
}

const children = (element, name) => Array.from(element.childNodes).filter((one) => one.localName === name);
const ids = (elements) => elements.map((one) => one.getAttributeNS(WSU, 'Id')).sort().join(' ');
