"""How an answer is signed: the octets of the Body, the two profiles, the key that is loaded once.

The finished message is put together as text from the very octets that were audited and signed; nothing is printed
anew after signing. It starts with an XML declaration that says UTF-8, and has no white space between elements.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureConstructionMethod, SignatureMethod
from signxml.signer import XMLSigner

from gateway.errors import MessageRefused, SettingsError, SigningError
from gateway.wire import certificates
from gateway.wire.names import BASE64, DS, WSSE, WSU, X509V3, ds, wsse
from gateway.wire.soap import Envelope, Version, open_answer
from gateway.wire.xml import ANSWER_LIMITS, canonical, parse

Profile = Literal["umschlag", "wsse"]
Method = Literal["rsa-sha256", "ecdsa-p256-sha256"]

_ALGORITHMS = {"rsa-sha256": SignatureMethod.RSA_SHA256, "ecdsa-p256-sha256": SignatureMethod.ECDSA_SHA256}
_KEY_KINDS = {"rsa-sha256": rsa.RSAPrivateKey, "ecdsa-p256-sha256": ec.EllipticCurvePrivateKey}
_LIFETIME = timedelta(minutes=5)
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_BODY_ID, _TIMESTAMP_ID, _TOKEN_ID = "Body", "Timestamp", "X509"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its certificate; loading an RSA key costs 0.2 s of CPU, so it is done once."""

    method: Method
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def load(cls, key_path: Path, certificate_path: Path, method: Method) -> SigningKey:
        """The pair in two PEM files; SettingsError lists what is wrong with it.

        Refused: a key that is encrypted, unreadable, not of `method`, RSA below 3,072 bit or another curve than
        P-256; a certificate of another key; a keyUsage without digitalSignature.
        """
        certificate = certificates.load(certificate_path)
        key = _private_key(key_path)
        problems = _problems(key, certificate, method)
        if problems or not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise SettingsError(problems=[f"signing key {key_path}: {problem}" for problem in problems])
        return cls(method, key, certificate)

    @property
    def certificate_text(self) -> str:
        """The certificate as base64 of its DER, in one line."""
        return b64encode(self.certificate.public_bytes(Encoding.DER)).decode("ascii")


def body_bytes(version: Version, payload: bytes, profile: Profile) -> bytes:
    """The exclusive-canonical octets of the soap:Body that will stand in the message with this payload.

    `payload` are canonical octets of one element that declares its own namespaces: `sign` refuses anything else.
    """
    declarations = f' xmlns:soap="{version.namespace}"'
    identity = ""
    if profile == "wsse":
        declarations += f' xmlns:wsu="{WSU}"'
        identity = f' wsu:Id="{_BODY_ID}"'
    octets = f"<soap:Body{declarations}{identity}>".encode() + payload + b"</soap:Body>"
    if b"xmlns:soap=" in payload or b"xmlns:wsu=" in payload:
        # A prefix that the Body declares already is not declared again below it (Exclusive C14N, 3).
        octets = canonical(_parsed(octets))
    return octets


def sign(
    profile: Profile,
    version: Version,
    header_blocks: Sequence[bytes],
    body: bytes,
    key: SigningKey,
    *,
    now: datetime,
) -> bytes:
    """The finished, signed message; its soap:Body canonicalises to exactly `body`, which `body_bytes` has made.

    `umschlag`: one enveloped signature over the whole Envelope, the last child of soap:Header. `wsse`: signature over
    Body and Timestamp (valid five minutes from `now`) in a wsse:Security header without mustUnderstand, the last
    child of soap:Header; other header blocks are not covered by it. SigningError if anything is not as it must be.
    """
    if not certificates.holds(key.certificate, now=now):
        raise SigningError("the signing certificate is expired or not yet valid")
    seal = _seal_wsse if profile == "wsse" else _seal_umschlag
    try:
        return seal(_Draft(version, tuple(header_blocks), body), key, now)
    except SigningError:
        raise
    except MessageRefused as error:
        raise SigningError(f"the answer is not a message that could be read ({error.code})") from None
    except Exception:  # noqa: BLE001 -- the border to signxml: whatever fails there quotes the answer, and nothing may leave
        raise SigningError("the signature could not be made") from None


def sample(profile: Profile, key: SigningKey, *, now: datetime) -> bytes:
    """A signed message that says nothing: the rehearsal of a key. SigningError as for any other."""
    body = body_bytes(Version.SOAP11, b'<probe xmlns="urn:de:koeln:fldm:probe"></probe>', profile)
    return sign(profile, Version.SOAP11, (), body, key, now=now)


@dataclass(frozen=True, slots=True)
class _Draft:
    """The parts of an answer before it is signed."""

    version: Version
    blocks: tuple[bytes, ...]
    body: bytes

    def message(self, last_block: bytes) -> bytes:
        """The Envelope with one more header block at the end, as text."""
        start = f'<soap:Envelope xmlns:soap="{self.version.namespace}"><soap:Header>'.encode()
        return b"".join((start, *self.blocks, last_block, b"</soap:Header>", self.body, b"</soap:Envelope>"))

    def opened(self, last_block: bytes = b"") -> Envelope:
        """The parsed Envelope; SigningError unless its parts are exactly the given ones."""
        envelope = open_answer(parse(self.message(last_block), limits=ANSWER_LIMITS))
        blocks = [*self.blocks, last_block] if last_block else list(self.blocks)
        if len(envelope.document.root[0]) != len(blocks):
            raise SigningError("a header block is not exactly one element")
        if canonical(envelope.body) != self.body:
            raise SigningError("the Body in the message is not the Body that was audited")
        return envelope


def _seal_umschlag(draft: _Draft, key: SigningKey, _now: datetime) -> bytes:
    signer = _signer(SignatureConstructionMethod.enveloped, key)
    envelope = draft.opened()
    signed = signer.sign(envelope.document.root, key=key.key, cert=[key.certificate])
    # The enveloped transform removes the signature wherever it stands: it goes to its place in the header as text.
    return _DECLARATION + draft.message(_finished(signed[-1]))


def _seal_wsse(draft: _Draft, key: SigningKey, now: datetime) -> bytes:
    unsigned = _security(key, now)
    envelope = draft.opened(unsigned)
    signer = _signer(SignatureConstructionMethod.detached, key)
    references = [f"#{_TIMESTAMP_ID}", f"#{_BODY_ID}"]
    signature = signer.sign(envelope.document.root, key=key.key, reference_uri=references, key_info=_token_reference())
    end = b"</wsse:Security>"
    return _DECLARATION + draft.message(unsigned.removesuffix(end) + _finished(signature) + end)


def _signer(construction: SignatureConstructionMethod, key: SigningKey) -> XMLSigner:
    """A new signer for each message: signxml keeps state on the object."""
    return XMLSigner(
        method=construction,
        signature_algorithm=_ALGORITHMS[key.method],
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )


def _finished(signature: etree._Element) -> bytes:
    """The signature as self-contained text; its SignedInfo keeps its canonical form wherever it is put."""
    if signature.tag != ds("Signature"):
        raise SigningError("signxml returned no signature")
    return canonical(signature)


def _security(key: SigningKey, now: datetime) -> bytes:
    """wsse:Security with token and Timestamp (WS-Security 1.1, 10; X.509 Token Profile 1.1, 3)."""
    created, expires = (moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for moment in (now, now + _LIFETIME))
    return (
        f'<wsse:Security xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}">'
        f'<wsse:BinarySecurityToken EncodingType="{BASE64}" ValueType="{X509V3}" wsu:Id="{_TOKEN_ID}">'
        f"{key.certificate_text}</wsse:BinarySecurityToken>"
        f'<wsu:Timestamp wsu:Id="{_TIMESTAMP_ID}">'
        f"<wsu:Created>{created}</wsu:Created><wsu:Expires>{expires}</wsu:Expires></wsu:Timestamp>"
        "</wsse:Security>"
    ).encode()


def _token_reference() -> etree._Element:
    key_info = etree.Element(ds("KeyInfo"), nsmap={"ds": DS, "wsse": WSSE})
    reference = etree.SubElement(key_info, wsse("SecurityTokenReference"))
    etree.SubElement(reference, wsse("Reference"), URI=f"#{_TOKEN_ID}", ValueType=X509V3)
    return key_info


def _parsed(octets: bytes) -> etree._Element:
    try:
        return parse(octets, limits=ANSWER_LIMITS).root
    except MessageRefused as error:
        raise SigningError(f"the payload is no well-formed XML ({error.code})") from None


def _private_key(path: Path) -> object:
    try:
        return load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise SettingsError(f"signing key {path}: {error.strerror}") from error
    except (ValueError, TypeError):  # Its text may quote the file.
        raise SettingsError(f"signing key {path}: not an unencrypted private key in PEM form") from None


def _problems(key: object, certificate: x509.Certificate, method: Method) -> list[str]:
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) or not isinstance(key, _KEY_KINDS[method]):
        return [f"not a key for {method}"]
    problems = []
    if certificates.public_key(certificate) is None:
        problems.append(f"RSA from {certificates.MINIMUM_RSA_BITS} bit or EC P-256 is needed")
    if key.public_key() != certificate.public_key():
        problems.append("the certificate belongs to another key")
    if not certificates.may_sign(certificate):
        problems.append("keyUsage of the certificate does not allow digitalSignature")
    return problems
