"""The change of a signing key: the next pair is prepared beside the one in use, and both are published meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.errors import SettingsError
from gateway.wire import certificates, issuing
from gateway.wire.issuing import Issued, KeyKind, PrivateKey, Term


class Pair(Protocol):
    """What is published of one signing key."""

    @property
    def certificate(self) -> Path: ...

    @property
    def next_certificate(self) -> Path | None: ...

    @property
    def previous_certificates(self) -> tuple[Path, ...]: ...


def published(pairs: Iterable[tuple[str, Pair]]) -> dict[str, bytes]:
    """The certificates of each method as one PEM text: the one in use, then the next, then the previous ones.

    SettingsError names the file that holds none.
    """
    return {method: b"".join(_block(use, path) for use, path in _listed(pair)) for method, pair in pairs}


def prepare(folder: Path, stem: str, kind: KeyKind, issuer: Issued | None, subject: x509.Name, term: Term) -> Path:
    """A new key lies in `folder` as `<stem>.key` (0600); the path of its certificate, or of its request (PKCS #10).

    The certificate is issued by `issuer`; without one, a request is written for somebody else to sign. SettingsError
    if there is a file of one of these names already: a prepared key is never replaced.
    """
    if issuer is not None:
        made = issuing.signing(issuer, _called(subject), term, kind=kind)
        key, content, path = made.key, made.certificate_pem, folder / f"{stem}.pem"
    else:
        key = issuing.new_key(kind)
        request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
        content, path = request.public_bytes(Encoding.PEM), folder / f"{stem}.csr"
    _write_new(folder / f"{stem}.key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    _write_new(path, content, 0o644)
    return path


def request(folder: Path, stem: str, present: x509.Certificate) -> Path:
    """A new key of the present one's kind lies in `folder` as `<stem>.key` (0600), beside its request (PKCS #10).

    The request has the subject and the names of the present certificate. Gives its path; SettingsError as `prepare`.
    """
    kind: KeyKind = "ec-p256" if isinstance(present.public_key(), ec.EllipticCurvePublicKey) else "rsa-3072"
    builder = x509.CertificateSigningRequestBuilder().subject_name(present.subject)
    with suppress(x509.ExtensionNotFound):
        named = present.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        builder = builder.add_extension(named.value, critical=False)
    key, path = issuing.new_key(kind), folder / f"{stem}.csr"
    _write_new(folder / f"{stem}.key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    _write_new(path, builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM), 0o644)
    return path


def install(
    chain: Sequence[x509.Certificate], key: PrivateKey, certificate_path: Path, key_path: Path, *, stem: str
) -> None:
    """Key and certificates lie where the settings name them; what lay there is kept beside it under `stem`.

    Whoever could read what lay there can read what lies there now, but for a key that all could. Each file
    is whole or as it was. Broken off between the two, nothing starts with a pair that does not fit, and installing
    again mends it. SettingsError if a file cannot be written.
    """
    # Not what the files held: one with both would lay the key open, and could be another by now.
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = b"".join(one.public_bytes(Encoding.PEM) for one in chain)
    for path, content, mode in ((key_path, secret, 0o640), (certificate_path, public, 0o644)):
        kept, new = path.with_name(f"{stem}{path.suffix}"), path.with_name(f".{path.name}.new")
        new.unlink(missing_ok=True)
        _write_new(new, content, 0o600)
        _as_before(new, path, mode)
        if not kept.exists():
            os.link(path, kept)
        new.replace(path)


def _as_before(new: Path, path: Path, most: int) -> None:
    """Owner, group and mode are those of the file before, so that the server can still read it; at most `most`."""
    before = path.stat()
    if os.geteuid() == 0:
        os.chown(new, before.st_uid, before.st_gid)
    new.chmod(before.st_mode & most | 0o600)


def authority(certificate_path: Path, key_path: Path) -> Issued:
    """The certificate authority in two PEM files; SettingsError if they are not one."""
    certificate = certificates.load(certificate_path)
    try:
        key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(f"{key_path}: no private key ({type(error).__name__})") from None
    if not isinstance(key, PrivateKey) or key.public_key() != certificate.public_key():
        raise SettingsError(f"{key_path}: not the key of {certificate_path.name}")
    return Issued(key, certificate)


def _listed(pair: Pair) -> list[tuple[str, Path]]:
    following = [] if pair.next_certificate is None else [("next", pair.next_certificate)]
    return [("in use", pair.certificate), *following, *(("previous", path) for path in pair.previous_certificates)]


def _block(use: str, path: Path) -> bytes:
    certificate = certificates.load(path)
    until = certificate.not_valid_after_utc.date().isoformat()
    head = f"# {use}, until {until}, {certificates.fingerprint_of(certificate)}\n"
    return head.encode() + certificate.public_bytes(Encoding.PEM)


def _called(subject: x509.Name) -> str:
    names = subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else "FLDM gateway signature"


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
    except OSError as error:
        raise SettingsError(f"{path.name} cannot be made: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
