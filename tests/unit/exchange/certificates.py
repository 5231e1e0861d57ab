"""Throw-away certificates for tests: one CA, a server, clients."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pin(self) -> str:
        return f"sha256:{self.certificate.fingerprint(hashes.SHA256()).hex()}"

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """The PEM files `<name>.crt` and `<name>.key`."""
        certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
        certificate.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        key.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate, key


def issue(
    name: str,
    signer: Issued | None = None,
    *,
    begin: datetime = datetime(2020, 1, 1, tzinfo=UTC),
    days: int = 4000,
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
    key: Key | None = None,
    authority: bool | None = None,
    signs: bool = True,
    path_length: int | None = None,
    digest: hashes.HashAlgorithm | None = None,
) -> Issued:
    """A certificate (P-256 unless told otherwise) by `signer`, or a CA's own; for 127.0.0.1 and localhost."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    authority = signer is None if authority is None else authority
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signing = (signer.certificate.subject, signer.key) if signer else (subject, key)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(begin).not_valid_after(begin + timedelta(days=days))
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=path_length), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False
    )
    builder = builder.add_extension(
        x509.KeyUsage(signs and not authority, False, not signs, False, False, authority, authority, False, False),
        critical=True,
    )
    if not authority:
        names = [x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return Issued(
        builder.sign(signing, None if isinstance(signing, ed25519.Ed25519PrivateKey) else digest or hashes.SHA256()),
        key,
    )


def server(signer: Issued, key: Key | None = None) -> Issued:
    """A server certificate."""
    return issue("localhost", signer, usage=ExtendedKeyUsageOID.SERVER_AUTH, key=key)


@cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    """One RSA key of this size for all tests of a run: making one takes its time."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)
