"""Certificates: how they are named (fingerprint), how long they hold, and whether a client may use one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from gateway.errors import CallerUnknown, SettingsError

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

MINIMUM_RSA_BITS = 3072
"""BSI TR-02102-1: 3,000 bit at least."""

_ANY_USE = ObjectIdentifier("2.5.29.37.0")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def fingerprint(der: bytes) -> str:
    """The name of a certificate in agreements: `sha256:` and the 64 hexadecimal digits of the digest of its DER."""
    return f"sha256:{sha256(der).hexdigest()}"


def fingerprint_of(certificate: x509.Certificate) -> str:
    """The fingerprint of a loaded certificate."""
    return fingerprint(certificate.public_bytes(Encoding.DER))


def load(path: Path) -> x509.Certificate:
    """The first certificate in a PEM file; SettingsError names the file, never its content."""
    return load_chain(path)[0]


def load_chain(path: Path) -> tuple[x509.Certificate, ...]:
    """All certificates in a PEM file, one at least, in their order; SettingsError otherwise."""
    try:
        blocks = _PEM.findall(path.read_bytes())
        chain = tuple(x509.load_pem_x509_certificate(block) for block in blocks)
    except OSError as error:
        raise SettingsError(f"certificate {path}: {error.strerror}") from error
    except ValueError:
        raise SettingsError(f"certificate {path}: not a certificate in PEM form") from None
    if not chain:
        raise SettingsError(f"certificate {path}: no certificate in PEM form")
    return chain


def holds(certificate: x509.Certificate, *, now: datetime) -> bool:
    """Whether `now` lies within the validity of the certificate (RFC 5280, 4.1.2.5: both ends included)."""
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def days_left(certificate: x509.Certificate, *, now: datetime) -> int:
    """Whole days until the certificate ends; negative after its end."""
    return (certificate.not_valid_after_utc - now).days


def public_key(certificate: x509.Certificate) -> PublicKey | None:
    """The key if it is strong enough and of a kind that is used here: RSA from 3,072 bit, or EC P-256; else None."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= MINIMUM_RSA_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    return None


def may_sign(certificate: x509.Certificate) -> bool:
    """Whether the keyUsage, if there is one, allows digital signatures (RFC 5280, 4.2.1.3)."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    except ValueError:
        return False
    return usage.digital_signature


def check_client(
    der: bytes | None,
    *,
    now: datetime,
    pins: frozenset[str] | None = None,
    authorities: Sequence[x509.Certificate] = (),
) -> str:
    """The fingerprint of a client certificate that may be used `now`; CallerUnknown says which rule is broken.

    It must be readable, within its validity, no CA, allowed for client authentication (extendedKeyUsage, if there is
    one); one of `pins` and issued directly by one of `authorities`, where these are given. The chain and the
    possession of the key are what TLS has proved before.
    """
    if not der:
        raise CallerUnknown("no client certificate")
    name = fingerprint(der)
    if pins is not None and name not in pins:
        raise CallerUnknown("the client certificate is not pinned for this application")
    certificate = _read(der)
    if not holds(certificate, now=now):
        raise CallerUnknown("the client certificate is expired or not yet valid", code="zertifikat-abgelaufen")
    if not _is_client(certificate):
        raise CallerUnknown("the certificate is not one for client authentication", code="zertifikat-ungeeignet")
    if authorities and not any(_issued(certificate, authority, now) for authority in authorities):
        raise CallerUnknown("the client certificate is of no configured authority")
    return name


def _read(der: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        raise CallerUnknown("the client certificate cannot be read") from None


def _is_client(certificate: x509.Certificate) -> bool:
    try:
        extensions = certificate.extensions
    except (ValueError, x509.DuplicateExtension):
        return False
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.BasicConstraints) and value.ca:
            return False
        if isinstance(value, x509.ExtendedKeyUsage) and not {ExtendedKeyUsageOID.CLIENT_AUTH, _ANY_USE} & set(value):
            return False
    return True


def _issued(certificate: x509.Certificate, authority: x509.Certificate, now: datetime) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return holds(authority, now=now)
