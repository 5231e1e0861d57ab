"""A client that signs requests the way foreign stacks do, and, if asked, in every wrong way.

Written against the standards with lxml and cryptography only, so that it shares no code with what it tests.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import new as new_hash

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from gateway.wire.seal import SigningKey

NS = "urn:de:koeln:fldm:wohnung2000:1"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = DS + "enveloped-signature"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
RSA = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
ECDSA = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
X509 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"
BASE64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
PAYLOAD = f'<personAbrufen xmlns="{NS}"><personenkennung>c0ffee</personenkennung></personAbrufen>'
ID = f"{{{WSU}}}Id"
NAMES = {"ds": DS, "wsse": WSSE, "wsu": WSU, "s": SOAP}
LEGACY = {"sha1": "http://www.w3.org/2000/09/xmldsig#sha1", "sha512": "http://www.w3.org/2001/04/xmlenc#sha512"}


@dataclass(frozen=True)
class Ref:
    """One reference: what it names, how it is transformed."""

    uri: str
    transforms: Sequence[str] = (EXC,)
    prefixes: str | None = None
    digest: str = "sha256"
    octets: bytes | None = None
    method: str | None = None


@dataclass(frozen=True)
class Client:
    """A signing client; `replace` one of its habits to make it a bad one."""

    key: SigningKey
    refs: Sequence[Ref] = (Ref("#TS"), Ref("#B"))
    c14n: str = EXC
    prefixes: str | None = None
    algorithm: str | None = None
    key_info: str | None = None
    inside: str = ""
    attributes: str = ""
    created: str = "2026-11-23T12:00:00Z"
    expires: str = "2026-11-23T12:05:00Z"
    payload: str = PAYLOAD
    header: str = f'<abrufkontext xmlns="{NS}"/>'
    envelope: str = ""
    namespaces: dict[str, str] = field(default_factory=dict)

    def but(self, **habits: object) -> Client:
        """The same client with other habits."""
        return replace(self, **habits)  # type: ignore[arg-type]  # tests name fields of this class

    @property
    def token(self) -> str:
        """The certificate in base64."""
        return b64encode(self.key.certificate.public_bytes(Encoding.DER)).decode()

    def wsse(self, *, position: str = "Security") -> bytes:
        """A request with token, Timestamp and signature in wsse:Security, as WSS4J writes it."""
        security = (
            f'<wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}" s:mustUnderstand="1">'
            f'<wsse:BinarySecurityToken EncodingType="{BASE64}" ValueType="{X509}" wsu:Id="X">{self.token}'
            f'</wsse:BinarySecurityToken><wsu:Timestamp wsu:Id="TS"><wsu:Created>{self.created}</wsu:Created>'
            f"<wsu:Expires>{self.expires}</wsu:Expires></wsu:Timestamp></wsse:Security>"
        )
        root = etree.fromstring(self._text(security, body=f' xmlns:wsu="{WSU}" wsu:Id="B"'))
        info = self.key_info or (
            f'<wsse:SecurityTokenReference xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}" wsu:Id="STR">'
            f'<wsse:Reference URI="#X" ValueType="{X509}"/></wsse:SecurityTokenReference>'
        )
        return self._sealed(root, root.find(f".//{{{WSSE}}}{position}"), info)

    def umschlag(self, *, timestamp: bool = True) -> bytes:
        """A request with one enveloped signature over everything, as a child of soap:Header."""
        block = (
            f'<wsu:Timestamp xmlns:wsu="{WSU}"><wsu:Created>{self.created}</wsu:Created>'
            f"<wsu:Expires>{self.expires}</wsu:Expires></wsu:Timestamp>"
        )
        root = etree.fromstring(self._text(block if timestamp else ""))
        info = self.key_info or f"<ds:X509Data><ds:X509Certificate>{self.token}</ds:X509Certificate></ds:X509Data>"
        refs = self.refs if [ref.uri for ref in self.refs] != ["#TS", "#B"] else (Ref("", (ENVELOPED, EXC)),)
        return self.but(refs=refs)._sealed(root, root[0], info)

    def _text(self, security: str, body: str = "") -> str:
        declared = "".join(f' xmlns:{prefix}="{name}"' for prefix, name in self.namespaces.items())
        return (
            f'<s:Envelope xmlns:s="{SOAP}"{declared}{self.envelope}><s:Header>{self.header}{security}</s:Header>'
            f"<s:Body{body}>{self.payload}</s:Body></s:Envelope>"
        )

    def _sealed(self, root: etree._Element, place: etree._Element, info: str) -> bytes:
        references = "".join(self._reference(root, ref) for ref in self.refs)
        algorithm = self.algorithm or (RSA if isinstance(self.key.key, rsa.RSAPrivateKey) else ECDSA)
        text = (
            f'<ds:Signature xmlns:ds="{DS}" Id="SIG"{self.attributes}><ds:SignedInfo>'
            f'<ds:CanonicalizationMethod Algorithm="{self.c14n}">{_inclusive(self.prefixes)}'
            f'</ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="{algorithm}"/>{references}</ds:SignedInfo>'
            f'<ds:SignatureValue>?</ds:SignatureValue><ds:KeyInfo Id="KI">{info}</ds:KeyInfo>{self.inside}'
            "</ds:Signature>"
        )
        place.append(etree.fromstring(text))
        root = etree.fromstring(etree.tostring(root))
        signature = root.find(f".//{{{DS}}}Signature")
        octets = octets_of(signature[0], self.prefixes)
        signature[1].text = b64encode(sign_octets(self.key, octets)).decode()
        return etree.tostring(root)

    def _reference(self, root: etree._Element, ref: Ref) -> str:
        octets = ref.octets
        if octets is None:
            found = root if ref.uri == "" else root.xpath(f"//*[@*[local-name()='Id']='{ref.uri[1:]}']")
            target = found if ref.uri == "" or not found else found[0]
            octets = octets_of(target, ref.prefixes) if isinstance(target, etree._Element) else b""
        digest = b64encode(new_hash(ref.digest, octets).digest()).decode()
        transforms = "".join(
            f'<ds:Transform Algorithm="{name}">{_inclusive(ref.prefixes) if name == EXC else ""}</ds:Transform>'
            for name in ref.transforms
        )
        method = ref.method or LEGACY.get(ref.digest, SHA256)
        return (
            f'<ds:Reference URI="{ref.uri}"><ds:Transforms>{transforms}</ds:Transforms>'
            f'<ds:DigestMethod Algorithm="{method}"/><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>'
        )


def octets_of(element: etree._Element, prefixes: str | None = None) -> bytes:
    """Exclusive C14N of a part, computed on a copy that declares everything in scope."""
    apex = etree.fromstring(etree.tostring(element, with_tail=False))
    names = (prefixes or "").split() or None
    return etree.tostring(apex, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=names)


def sign_octets(key: SigningKey, octets: bytes) -> bytes:
    """The signature value as XML Signature wants it."""
    if isinstance(key.key, rsa.RSAPrivateKey):
        return key.key.sign(octets, PKCS1v15(), hashes.SHA256())
    r, s = decode_dss_signature(key.key.sign(octets, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _inclusive(prefixes: str | None) -> str:
    return "" if prefixes is None else f'<ec:InclusiveNamespaces xmlns:ec="{EXC}" PrefixList="{prefixes}"/>'
