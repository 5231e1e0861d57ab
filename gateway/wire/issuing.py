"""A small certificate authority for the demo, a first installation and the tests: RSA 3072 or EC P-256, no more.

Every certificate carries what CPython 3.13 demands under VERIFY_X509_STRICT: critical basicConstraints and keyUsage,
extendedKeyUsage, subject and authority key identifiers, and names for servers (RFC 5280, 4.2.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from gateway.errors import SettingsError
from gateway.wire.certificates import MINIMUM_RSA_BITS, fingerprint_of
from gateway.wire.certificates import load as load_certificate

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
KeyKind = Literal["rsa-3072", "ec-p256"]

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Term:
    """How long and under which serial number a certificate is issued; `serial` is positive, 159 bit at most."""

    start: datetime
    days: int
    serial: int


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its private key."""

    key: PrivateKey
    certificate: x509.Certificate

    @property
    def certificate_pem(self) -> bytes:
        """The certificate in PEM form."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def certificate_der(self) -> bytes:
        """The certificate in DER form."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        """The private key, unencrypted PKCS #8 in PEM form: to be written with mode 0600."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def fingerprint(self) -> str:
        """The certificate's name in agreements."""
        return fingerprint_of(self.certificate)

    def pkcs12(self, name: str, password: str, issuer: x509.Certificate) -> bytes:
        """Key, certificate and its issuer in one file, as Java, .NET and Windows want them."""
        secret = BestAvailableEncryption(password.encode())
        return pkcs12.serialize_key_and_certificates(name.encode(), self.key, self.certificate, [issuer], secret)


def new_key(kind: KeyKind = "rsa-3072") -> PrivateKey:
    """A new private key; an RSA key takes about a second of CPU."""
    if kind == "ec-p256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=MINIMUM_RSA_BITS)


def load(key_path: Path, certificate_path: Path) -> Issued:
    """What was issued earlier, from its PEM files; SettingsError if they are unreadable or not of one another."""
    certificate = load_certificate(certificate_path)
    try:
        key = load_pem_private_key(key_path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        raise SettingsError(f"key {key_path}: no private key in PEM form that can be read") from None
    if not isinstance(key, PrivateKey) or key.public_key() != certificate.public_key():
        raise SettingsError(f"key {key_path}: not the key of {certificate_path}")
    return Issued(key, certificate)


def authority(name: str, term: Term, *, unit: str | None = None, kind: KeyKind = "rsa-3072") -> Issued:
    """A self-signed CA that issues end certificates only (pathLenConstraint 0)."""
    key, own = new_key(kind), subject(name, unit)
    builder = _builder(own, own, key, term)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(authority=True), critical=True)
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    builder = builder.add_extension(issuer_key, critical=False)
    return Issued(key, builder.sign(key, hashes.SHA256()))


def server(
    issuer: Issued, name: str, term: Term, *, names: Sequence[str] = LOCAL_NAMES, kind: KeyKind = "rsa-3072"
) -> Issued:
    """A TLS server certificate for `names` (DNS names and IP addresses)."""
    return _end(issuer, name, term, kind=kind, use=ExtendedKeyUsageOID.SERVER_AUTH, names=names)


def client(issuer: Issued, name: str, term: Term, *, kind: KeyKind = "rsa-3072") -> Issued:
    """A TLS client certificate, good for signing requests too."""
    return _end(issuer, name, term, kind=kind, use=ExtendedKeyUsageOID.CLIENT_AUTH)


def signing(issuer: Issued, name: str, term: Term, *, kind: KeyKind = "rsa-3072") -> Issued:
    """A certificate for signing answers: digitalSignature, and no extendedKeyUsage (the use is no TLS one)."""
    return _end(issuer, name, term, kind=kind, use=None)


def approver(name: str, term: Term, *, unit: str, kind: KeyKind = "ec-p256") -> Issued:
    """A self-signed certificate for signing agreements (keyUsage digitalSignature): trusted by itself, in a list."""
    key = new_key(kind)
    own = subject(name, unit)
    builder = _builder(own, own, key, term)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(authority=False), critical=True)
    return Issued(key, builder.sign(key, hashes.SHA256()))


def _end(
    issuer: Issued,
    name: str,
    term: Term,
    *,
    kind: KeyKind,
    use: ObjectIdentifier | None,
    names: Sequence[str] = (),
) -> Issued:
    key = new_key(kind)
    builder = _builder(subject(name), issuer.certificate.subject, key, term)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(authority=False), critical=True)
    if use is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    subject_key = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(subject_key)
    builder = builder.add_extension(issuer_key, critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(n) for n in names]), critical=False)
    return Issued(key, builder.sign(issuer.key, hashes.SHA256()))


def _builder(subject: x509.Name, issuer: x509.Name, key: PrivateKey, term: Term) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).serial_number(term.serial)
    builder = builder.not_valid_before(term.start).not_valid_after(term.start + timedelta(days=term.days))
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.public_key(key.public_key()).add_extension(identifier, critical=False)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def subject(name: str, unit: str | None = None) -> x509.Name:
    """Whom a certificate of ours is for: `name`, in the organisational unit if there is one."""
    units = [] if unit is None else [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit)]
    return x509.Name([*units, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(name: str) -> x509.GeneralName:
    address: IPv4Address | IPv6Address
    try:
        address = ip_address(name)
    except ValueError:
        return x509.DNSName(name)
    return x509.IPAddress(address)
