"""Certificates: how they are named (fingerprint), how long they hold, and whether a client may use one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from gateway.errors import CallerUnknown, SettingsError

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

MINIMUM_RSA_BITS = 3072
"""BSI TR-02102-1: 3,000 bit at least."""

CURVES = (
    *(ec.SECP256R1, ec.SECP384R1, ec.SECP521R1),
    *(ec.BrainpoolP256R1, ec.BrainpoolP384R1, ec.BrainpoolP512R1),
)
"""BSI TR-02102-2, 3.6.2."""

_DIGESTS = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_ANY_USE = ObjectIdentifier("2.5.29.37.0")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@lru_cache(maxsize=256)
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


def weakness(certificate: x509.Certificate) -> str | None:
    """What is too weak for TLS about key or signature of a certificate (BSI TR-02102-2, 3.6); None: nothing.

    Good are RSA from 3,072 bit and ECDSA on the CURVES, signed with SHA-256, SHA-384 or SHA-512.
    """
    try:
        key, digest = certificate.public_key(), certificate.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        return "its key or signature is of an unknown kind"
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < MINIMUM_RSA_BITS:
            return f"an RSA key of {key.key_size} bit; {MINIMUM_RSA_BITS} is the least"
    elif not (isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, CURVES)):
        return "its key is neither RSA nor ECDSA on a curve of BSI TR-02102-2"
    if not isinstance(digest, _DIGESTS):
        return "it is signed with a digest weaker than SHA-256, or in another way"
    return None


def may_issue(certificate: x509.Certificate) -> bool:
    """Whether it is an authority's: basicConstraints say so and keyUsage, if there is one, allows it."""
    try:
        usage = _usage(certificate)
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False
    return constraints.ca and (usage is None or usage.key_cert_sign)


def may_serve(certificate: x509.Certificate) -> bool:
    """Whether keyUsage and extendedKeyUsage, where they stand, allow a TLS server that signs its key exchange."""
    try:
        uses = set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        uses = {_ANY_USE}
    except (x509.DuplicateExtension, ValueError):
        return False
    return bool({ExtendedKeyUsageOID.SERVER_AUTH, _ANY_USE} & uses) and may_sign(certificate)


def may_sign(certificate: x509.Certificate) -> bool:
    """Whether the keyUsage, if there is one, allows digital signatures (RFC 5280, 4.2.1.3)."""
    try:
        usage = _usage(certificate)
    except ValueError:
        return False
    return usage is None or usage.digital_signature


def server_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The DNS names and addresses that a server certificate stands for, as they are written in it."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(one.value) for one in names if isinstance(one, x509.DNSName | x509.IPAddress))


def is_issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether the authority's key has signed the certificate, and it names the authority as its issuer."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def check_client(
    der: bytes | None,
    *,
    now: datetime,
    pins: frozenset[str] | None = None,
    authorities: Sequence[x509.Certificate] = (),
) -> str:
    """The fingerprint of a client certificate that may be used `now`; CallerUnknown says which rule is broken.

    It must be readable, strong, within its validity, no CA, allowed to sign and for client authentication (keyUsage
    and extendedKeyUsage, where they stand); one of `pins` and issued directly by one of `authorities`, where these
    are given. The chain and the possession of the key are what TLS has proved before.
    """
    if not der:
        raise CallerUnknown("no client certificate")
    name = fingerprint(der)
    if pins is not None and name not in pins:
        raise CallerUnknown("the client certificate is not pinned for this application")
    certificate, weak, fit = _judged(der)
    if not holds(certificate, now=now):
        raise CallerUnknown("the client certificate is expired or not yet valid", code="zertifikat-abgelaufen")
    if weak:
        raise CallerUnknown(f"the client certificate is too weak: {weak}", code="zertifikat-ungeeignet")
    if not fit:
        raise CallerUnknown("the certificate is not one for client authentication", code="zertifikat-ungeeignet")
    if authorities and not any(_issued(certificate, authority, now) for authority in authorities):
        raise CallerUnknown("the client certificate is of no configured authority")
    return name


@lru_cache(maxsize=256)
def _judged(der: bytes) -> tuple[x509.Certificate, str | None, bool]:
    """The certificate, its weakness, and whether it is one of a client: what its bytes say, whatever time it is."""
    certificate = read(der)
    return certificate, weakness(certificate), _is_client(certificate) and may_sign(certificate)


def read(der: bytes) -> x509.Certificate:
    """The one certificate in `der`, which is nothing else; CallerUnknown otherwise."""
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        raise CallerUnknown("the client certificate cannot be read") from None


def _usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    """keyUsage (RFC 5280, 4.2.1.3), None if there is none; ValueError if it cannot be read."""
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None
    except x509.DuplicateExtension:
        raise ValueError("an extension stands twice") from None


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
