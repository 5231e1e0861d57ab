"""Detached signatures over a file, as CMS SignedData (RFC 5652): made, and verified by a strict own profile.

The cryptography library can sign but has no public way to verify CMS; its ASN.1 module reads strict DER, and every
decision is made here. What `openssl cms -sign -binary -outform DER|PEM` and `openssl smime -sign` write is accepted.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key, pkcs7
from cryptography.x509.oid import NameOID, ObjectIdentifier

from gateway.errors import ApprovalRefused, SettingsError
from gateway.wire import certificates

MOST_BYTES = 256 * 1024
"""A signature with its certificates is a few thousand bytes; more is not read."""
_KEPT = 64
"""Of so many certificates it is kept who they stand for: few sign, and each of them signs many agreements."""
TRIAL_UNIT = "Erprobung"
"""The organisational unit in certificates that `gateway init` makes for itself: no office stands behind them."""

_SIGNED_DATA = ObjectIdentifier("1.2.840.113549.1.7.2")
_DATA = ObjectIdentifier("1.2.840.113549.1.7.1")
_CONTENT_TYPE = ObjectIdentifier("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST = ObjectIdentifier("1.2.840.113549.1.9.4")
_RSA = ObjectIdentifier("1.2.840.113549.1.1.1")
_DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
}
# RFC 4055, 5; RFC 5758, 3.2: the digest that belongs to each combined algorithm
_RSA_WITH = {"1.2.840.113549.1.1.11": "sha256", "1.2.840.113549.1.1.12": "sha384", "1.2.840.113549.1.1.13": "sha512"}
_ECDSA_WITH = {"1.2.840.10045.4.3.2": "sha256", "1.2.840.10045.4.3.3": "sha384", "1.2.840.10045.4.3.4": "sha512"}
_PEM = re.compile(rb"-----BEGIN (CMS|PKCS7)-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END \1-----\s*")

# What the library raises for certificates that are none; some of it only when a part is looked at.
_UNREADABLE = (ValueError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension)

_PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
_PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Signer:
    """Who a certificate stands for. `key` is the SHA-256 of the public key: two certificates of one key are one signer.

    `trial` is true for those that an installation made for itself.
    """

    name: str
    fingerprint: str
    key: str
    trial: bool
    valid_from: datetime
    valid_to: datetime


@dataclass(frozen=True, slots=True)
class SigningPair:
    """A private key with its certificate, strong enough and made for each other."""

    key: _PrivateKey
    certificate: x509.Certificate


def signer(certificate: x509.Certificate) -> Signer:
    """Who the certificate stands for; SettingsError if it is unreadable, its key too weak or not made for signing."""
    try:
        return _signer(certificate)
    except ApprovalRefused as error:
        raise SettingsError(str(error)) from None
    except _UNREADABLE:
        raise SettingsError("the signer's certificate cannot be read") from None


@lru_cache(maxsize=_KEPT)
def _signer(certificate: x509.Certificate) -> Signer:
    key = _public_key(certificate)
    return Signer(
        name=_display(certificate.subject),
        fingerprint=certificates.fingerprint_of(certificate),
        key=sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest(),
        trial=any(part.value == TRIAL_UNIT for part in certificate.subject.get_attributes_for_oid(_UNIT)),
        valid_from=certificate.not_valid_before_utc,
        valid_to=certificate.not_valid_after_utc,
    )


def load_signer(path: Path) -> Signer:
    """The signer of the one certificate in a PEM file; SettingsError if there is not exactly one that may sign."""
    chain = certificates.load_chain(path)
    if len(chain) != 1:
        raise SettingsError(f"certificate {path}: more than one certificate: whose signature is it to be?")
    return signer(chain[0])


def load_pair(key_path: Path, certificate_path: Path, password: bytes | None = None) -> SigningPair:
    """Key and certificate from PEM files; SettingsError if unreadable, too weak, or not of one another."""
    certificate = certificates.load(certificate_path)
    try:
        key = load_pem_private_key(key_path.read_bytes(), password)
    except OSError as error:
        raise SettingsError(f"key {key_path}: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SettingsError(f"key {key_path}: no private key in PEM form, or its password is wrong") from None
    signer(certificate)
    if not isinstance(key, _PrivateKey) or key.public_key() != certificate.public_key():
        raise SettingsError(f"key {key_path}: not the key of {certificate_path}")
    return SigningPair(key, certificate)


def sign_detached(content: bytes, pair: SigningPair) -> bytes:
    """A detached signature over exactly these bytes, DER, with the signer's certificate in it.

    The library states the signing time by the clock of the machine; nothing of ours relies on it.
    """
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content)
    options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.NoCapabilities]
    return builder.add_signer(pair.certificate, pair.key, hashes.SHA256()).sign(Encoding.DER, options)


def verify_detached(signature: bytes, content: bytes, trusted: Collection[str]) -> Signer:
    """Who signed exactly these bytes; ApprovalRefused names the rule that is broken.

     1. The signature is not larger than MOST_BYTES: strict DER with nothing behind it, or one PEM block of that.
     2. It is SignedData over `data` without the content: what is signed is the file, never something carried along.
     3. There is exactly one SignerInfo, and exactly one of the certificates in the message is the one it names.
     4. That certificate is, byte for byte (SHA-256), one of `trusted` (fingerprints).
     5. The digest algorithm is SHA-256, -384 or -512, the same wherever it is named.
     6. signedAttrs are there; in them exactly one contentType, which is `data`, and exactly one messageDigest, which
        is the digest of `content` (RFC 5652, 11.1 and 11.2). Unsigned attributes are not looked at.
     7. The key is RSA from 3,072 bit (PKCS#1 v1.5) or ECDSA on P-256 or P-384, allowed to sign by its keyUsage.
     8. The signature over the DER of signedAttrs holds under that key.

    Neither a chain nor a point of time is judged: there is no trusted time in it. Trust is the list of the caller.
    """
    if len(signature) > MOST_BYTES:
        raise ApprovalRefused(f"larger than {MOST_BYTES} bytes")
    if signature.lstrip()[:13].lower() == b"mime-version:":
        raise ApprovalRefused("S/MIME form: sign with -outform DER")
    try:
        return _verified(_read(signature), content, trusted)
    except _UNREADABLE:
        raise ApprovalRefused("not a CMS signature in strict DER or PEM form, or something stands behind it") from None


def _verified(message: _Signed, content: bytes, trusted: Collection[str]) -> Signer:
    if message.content.octets is not None:
        raise ApprovalRefused("carries its own content: it must be detached")
    info = _only_signer(message)
    certificate = _named(message, info)
    fingerprint = certificates.fingerprint_of(certificate)
    if fingerprint not in trusted:  # the name is a stranger's text, and may be a person's
        raise ApprovalRefused(f"signed with {fingerprint}, which the settings do not trust for this role")
    digest = _digest_algorithm(message, info)
    _check_attributes(info, _hash(digest, content))
    key = _public_key(certificate)
    _check_signature(key, info, digest)
    return _signer(certificate)


# RFC 5652, 5.1 to 5.3. CRLs and attribute certificates are not read: a message with them is refused.


@asn1.sequence
class _Algorithm:
    algorithm: ObjectIdentifier
    parameters: asn1.Null | None


@asn1.sequence
class _Content:
    kind: ObjectIdentifier
    octets: Annotated[bytes | None, asn1.Explicit(0)]


@asn1.sequence
class _Attribute:
    kind: ObjectIdentifier
    values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class _IssuerAndSerial:
    issuer: asn1.TLV
    serial: int


@asn1.sequence
class _OneSignature:  # SignerInfo
    version: int
    identifier: asn1.TLV
    digest: _Algorithm
    attributes: Annotated[asn1.SetOf[_Attribute] | None, asn1.Implicit(0)]
    algorithm: _Algorithm
    signature: bytes
    unsigned: Annotated[asn1.SetOf[_Attribute] | None, asn1.Implicit(1)]


@asn1.sequence
class _Signed:  # SignedData
    version: int
    digests: asn1.SetOf[_Algorithm]
    content: _Content
    certificates: Annotated[asn1.SetOf[x509.Certificate] | None, asn1.Implicit(0)]
    signers: asn1.SetOf[_OneSignature]


@asn1.sequence
class _Message:
    kind: ObjectIdentifier
    content: Annotated[_Signed, asn1.Explicit(0)]


def _read(signature: bytes) -> _Signed:
    message = asn1.decode_der(_Message, _from_pem(signature))
    if message.kind != _SIGNED_DATA or message.content.content.kind != _DATA:
        raise ApprovalRefused("not SignedData over data")
    return message.content


def _from_pem(signature: bytes) -> bytes:
    if not signature.startswith(b"-----"):
        return signature
    block = _PEM.fullmatch(signature)
    if block is None:
        raise ValueError("no PEM block of a CMS signature")
    return base64.b64decode(b"".join(block[2].split()), validate=True)


def _only_signer(message: _Signed) -> _OneSignature:
    infos = message.signers.as_list()
    if len(infos) != 1:
        raise ApprovalRefused(f"{len(infos)} signers: exactly one is allowed")
    if message.version != infos[0].version:  # RFC 5652, 5.1: both are 3 where a key identifier is used, else 1
        raise ApprovalRefused("versions contradict each other")
    return infos[0]


def _named(message: _Signed, info: _OneSignature) -> x509.Certificate:
    present = message.certificates.as_list() if message.certificates is not None else []
    found = [certificate for certificate in present if _names(info, certificate)]
    if len(found) != 1:
        raise ApprovalRefused("the signer's certificate must be in it exactly once")
    return found[0]


def _names(info: _OneSignature, certificate: x509.Certificate) -> bool:
    """Whether the identifier means this certificate (RFC 5652, 5.3: issuer and serial, or subjectKeyIdentifier)."""
    tag, content = info.identifier.tag_bytes, bytes(info.identifier.data)
    if tag == b"\x80" and info.version == 3:
        try:
            identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
            return False
        return identifier.digest == content
    if tag != b"\x30" or info.version != 1:
        return False
    try:
        named = info.identifier.parse(_IssuerAndSerial)
    except ValueError:
        return False
    same: bool = named.serial == certificate.serial_number
    issuer = named.issuer.tag_bytes, bytes(named.issuer.data)
    return same and issuer == (b"\x30", _content(certificate.issuer.public_bytes()))


def _content(der: bytes) -> bytes:
    """What stands in a DER element behind tag and length."""
    long = der[1] & 0x7F if der[1] & 0x80 else 0
    return der[2 + long :]


def _digest_algorithm(message: _Signed, info: _OneSignature) -> hashes.HashAlgorithm:
    name = info.digest.algorithm.dotted_string
    if [one.algorithm.dotted_string for one in message.digests.as_list()] != [name]:
        raise ApprovalRefused("digest algorithms contradict each other")
    if name not in _DIGESTS:
        raise ApprovalRefused(f"digest algorithm {name}: only SHA-256, SHA-384 and SHA-512")
    return _DIGESTS[name]


def _check_attributes(info: _OneSignature, digest: bytes) -> None:
    if info.attributes is None:
        raise ApprovalRefused("no signed attributes (sign without -noattr)")
    kinds = [attribute.kind for attribute in info.attributes.as_list()]
    if len(kinds) != len(set(kinds)):
        raise ApprovalRefused("a signed attribute stands twice")
    if _value(info, _CONTENT_TYPE) != (b"\x06", _content(asn1.encode_der(_DATA))):
        raise ApprovalRefused("signed attribute contentType is missing or not data")
    if _value(info, _MESSAGE_DIGEST) != (b"\x04", digest):
        raise ApprovalRefused("made over other bytes than these (messageDigest)")


def _value(info: _OneSignature, kind: ObjectIdentifier) -> tuple[bytes, bytes] | None:
    """Tag and content of the attribute's only value."""
    for attribute in info.attributes.as_list() if info.attributes is not None else ():
        values = attribute.values.as_list()
        if attribute.kind == kind and len(values) == 1:
            return values[0].tag_bytes, bytes(values[0].data)
    return None


@lru_cache(maxsize=_KEPT)
def _public_key(certificate: x509.Certificate) -> _PublicKey:
    try:
        key = certificate.public_key()
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        may_sign = usage.digital_signature or usage.content_commitment
    except x509.ExtensionNotFound:
        may_sign = True
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        raise ApprovalRefused("the signer's certificate cannot be read") from None
    if not may_sign:
        raise ApprovalRefused("the signer's certificate is not made for signing (keyUsage)")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= certificates.MINIMUM_RSA_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1):
        return key
    raise ApprovalRefused("the signer's key is too weak: RSA from 3,072 bit, or EC P-256 or P-384")


def _check_signature(key: _PublicKey, info: _OneSignature, digest: hashes.HashAlgorithm) -> None:
    signed = asn1.encode_der(info.attributes)  # RFC 5652, 5.4: as SET OF, not under its tag [0]
    name = info.algorithm.algorithm.dotted_string
    try:
        if isinstance(key, rsa.RSAPublicKey) and (name == _RSA.dotted_string or _RSA_WITH.get(name) == digest.name):
            key.verify(info.signature, signed, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and _ECDSA_WITH.get(name) == digest.name:
            key.verify(info.signature, signed, ec.ECDSA(digest))
        else:
            raise ApprovalRefused(f"signature algorithm {name} does not fit key and digest (no RSA-PSS)")
    except InvalidSignature:
        raise ApprovalRefused("the signature does not hold") from None


def _hash(algorithm: hashes.HashAlgorithm, content: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(content)
    return digest.finalize()


_UNIT = NameOID.ORGANIZATIONAL_UNIT_NAME


def _display(name: x509.Name) -> str:
    """The name on one line, without anything that could move a terminal's cursor."""
    text = name.rfc4514_string() or "(no name)"
    return "".join(character if character.isprintable() else "?" for character in text)[:200]
