"""The anchor file: signed checkpoints of the chain, appended outside the database, so that it cannot shrink unseen.

One line per checkpoint: RFC 8785 JSON, a tab, the Base64 of an ECDSA P-256 SHA-256 signature (DER) over exactly
the bytes before the tab, a line feed. Each line also holds the SHA-256 of the line before, so none can be taken
out of the middle. After a legitimate restore of the database a signed restore checkpoint says where it goes on.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import AuditError
from gateway.store.audit_chain import Head
from gateway.store.audit_entry import rfc3339, sha256
from gateway.store.durable import sync_folder

PRIVATE_KEY = "checkpoint.key"
PUBLIC_KEY = "checkpoint.pub"
NO_LINE = bytes(32).hex()
_LONGEST_LINE = 4096
_ALGORITHM = ec.ECDSA(hashes.SHA256())

Hex = Field(pattern="^[0-9a-f]{64}$")


class Checkpoint(BaseModel):
    """One line of the anchor, under the names that stand in it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, strict=True)

    format: Literal[1] = 1
    art: Literal["prüfpunkt", "wiederherstellung"]
    kette: str
    block: int = Field(ge=0)
    gesamt: int = Field(ge=0)
    hash: str = Hex
    zeitpunkt: str
    vorgaenger: str = Hex


@dataclass(frozen=True, slots=True)
class Line:
    """A checkpoint, where it stands, and the hash the next line must name."""

    number: int
    checkpoint: Checkpoint
    hash: str


class CheckpointKey:
    """The key that signs checkpoints and nothing else."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self._private = private

    @classmethod
    def create(cls, folder: Path) -> CheckpointKey:
        """A new key lies in `folder`: private 0600, public beside it; AuditError if one is there already."""
        key = cls(ec.generate_private_key(ec.SECP256R1()))
        _write_new(folder / PRIVATE_KEY, key._private_pem(), 0o600)
        _write_new(folder / PUBLIC_KEY, key.public_pem(), 0o644)
        return key

    @classmethod
    def load(cls, folder: Path) -> CheckpointKey:
        """The key in `folder`; AuditError if it is missing, readable by others, or not a P-256 key."""
        path = folder / PRIVATE_KEY
        try:
            if path.stat().st_mode & 0o077:
                raise AuditError(f"{path} must be readable by its owner only (mode 0600)")
            private = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise AuditError(f"{path}: no checkpoint key ({type(error).__name__})") from None
        if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
            raise AuditError(f"{path}: not a P-256 key")
        return cls(private)

    @property
    def public(self) -> ec.EllipticCurvePublicKey:
        """What a third party verifies with."""
        return self._private.public_key()

    def public_pem(self) -> bytes:
        """The public key as PEM (SubjectPublicKeyInfo)."""
        return self.public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def line(self, checkpoint: Checkpoint) -> bytes:
        """The signed line, with its line feed."""
        return self.signed(checkpoint.model_dump())

    def signed(self, tree: Mapping[str, str | int]) -> bytes:
        """The tree as RFC 8785 JSON, a tab, the signature over it in Base64, a line feed."""
        payload = rfc8785.dumps(dict(tree))
        return payload + b"\t" + base64.b64encode(self._private.sign(payload, _ALGORITHM)) + b"\n"

    def _private_pem(self) -> bytes:
        return self._private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def load_public(path: Path) -> ec.EllipticCurvePublicKey:
    """The public key in a PEM file; AuditError if it is none of P-256."""
    try:
        public = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise AuditError(f"{path}: no public key ({type(error).__name__})") from None
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise AuditError(f"{path}: not a P-256 key")
    return public


def read_line(number: int, raw: bytes, public: ec.EllipticCurvePublicKey) -> Line:
    """The checkpoint of one line; AuditError if it is malformed, not canonical or not signed with this key."""
    payload = signed_part(raw, public)
    try:
        checkpoint = Checkpoint.model_validate_json(payload or b"")
    except ValidationError:
        raise AuditError(f"anchor line {number}: not a checkpoint signed with this key") from None
    return Line(number, checkpoint, sha256(raw).hex())


def signed_part(raw: bytes, public: ec.EllipticCurvePublicKey) -> bytes | None:
    """What stands before the tab of a signed line; None if the signature behind it does not hold."""
    payload, _, signature = raw.removesuffix(b"\n").partition(b"\t")
    try:
        public.verify(base64.b64decode(signature, validate=True), payload, _ALGORITHM)
    except (InvalidSignature, binascii.Error, ValueError):
        return None
    return payload


class Anchor:
    """Appends checkpoints to one file; several processes may share it."""

    def __init__(self, path: Path, key: CheckpointKey, clock: Callable[[], datetime]) -> None:
        self.path = path
        self._key = key
        self._clock = clock

    def check(self, read_head: Callable[[], Head | None], hash_of: Callable[[int], bytes | None]) -> None:
        """The database continues the last checkpoint; AuditError if not, or if the file cannot be read."""
        try:
            with _exclusive(self.path) as file:
                _check_continues(self._last(file), read_head(), hash_of)
        except OSError as error:
            raise AuditError(f"the anchor file cannot be read ({type(error).__name__})") from None

    def last(self) -> Line | None:
        """The last whole line, read beside those who append; None without one. AuditError if it cannot be read."""
        try:
            with self.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                tail = os.pread(file.fileno(), 2 * _LONGEST_LINE, max(0, size - 2 * _LONGEST_LINE))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AuditError(f"the anchor file cannot be read ({type(error).__name__})") from None
        lines = tail[: tail.rfind(b"\n") + 1].splitlines(keepends=True)
        return read_line(0, lines[-1], self._key.public) if lines else None

    def restored_at(self) -> datetime | None:
        """When the database was last said to be restored; None if never. AuditError if that cannot be read."""
        found = None
        try:
            with self.path.open("rb") as file:
                for number, raw in enumerate(file, 1):
                    if b'"art":"wiederherstellung"' in raw and raw.endswith(b"\n"):
                        found = read_line(number, raw, self._key.public).checkpoint.zeitpunkt
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AuditError(f"the anchor file cannot be read ({type(error).__name__})") from None
        return None if found is None else datetime.fromisoformat(found)

    def require_continued(
        self, last: Line | None, read_head: Callable[[], Head | None], hash_of: Callable[[int], bytes | None]
    ) -> None:
        """AuditError unless the database continues the checkpoint `last`, or if there is none."""
        _check_continues(last, read_head(), hash_of)

    def append(
        self,
        read_head: Callable[[], Head | None],
        hash_of: Callable[[int], bytes | None],
        *,
        restored: bool = False,
    ) -> Checkpoint | None:
        """The chain's head is in the file, durably; the last checkpoint, None while there is no entry at all.

        AuditError if the database is not the continuation of the last checkpoint (its tail is gone, it was
        rolled back, or it is another chain), unless `restored` says that this is a legitimate restore; also if
        the file cannot be written or its last line is not ours.
        """
        try:
            with _exclusive(self.path) as file:
                last = self._last(file)
                head = read_head()  # after the lock: no other process may have anchored a later head
                if not restored:
                    _check_continues(last, head, hash_of)
                if head is None or _says_so(last, head, restored=restored):
                    return None if last is None else last.checkpoint
                checkpoint = self._checkpoint(head, last, restored=restored)
                _write_all(file, self._key.line(checkpoint))
                return checkpoint
        except OSError as error:
            raise AuditError(f"the anchor file cannot be written ({type(error).__name__})") from None

    def _checkpoint(self, head: Head, last: Line | None, *, restored: bool) -> Checkpoint:
        return Checkpoint(
            art="wiederherstellung" if restored else "prüfpunkt",
            kette=head.chain,
            block=head.number,
            gesamt=head.total,
            hash=head.hash.hex(),
            zeitpunkt=rfc3339(self._clock()),
            vorgaenger=NO_LINE if last is None else last.hash,
        )

    def _last(self, file: int) -> Line | None:
        """The last line; what a crash left unfinished behind it is cut off."""
        size = os.fstat(file).st_size
        start = max(0, size - 2 * _LONGEST_LINE)
        tail = os.pread(file, size - start, start)
        whole = tail.rfind(b"\n") + 1
        if whole < len(tail):
            os.ftruncate(file, start + whole)
        lines = tail[:whole].splitlines(keepends=True)
        return read_line(0, lines[-1], self._key.public) if lines else None


def _check_continues(last: Line | None, head: Head | None, hash_of: Callable[[int], bytes | None]) -> None:
    if last is None:
        return
    anchored = last.checkpoint
    continued = (
        head is not None and head.chain == anchored.kette and (hash_of(anchored.block) or b"").hex() == anchored.hash
    )
    if not continued:
        raise AuditError(
            f"the audit trail in the database does not continue its last checkpoint (batch {anchored.block}, "
            f"{anchored.gesamt} entries): entries were removed or the database was rolled back; after a "
            "legitimate restore write a restore checkpoint"
        )


def _says_so(last: Line | None, head: Head, *, restored: bool) -> bool:
    """True if the last line is already the checkpoint to be written: a restore that is repeated is still one."""
    if last is None or last.checkpoint.gesamt != head.total:
        return False
    same = (last.checkpoint.kette, last.checkpoint.hash) == (head.chain, head.hash.hex())
    return not restored or (same and last.checkpoint.art == "wiederherstellung")


@contextmanager
def _exclusive(path: Path) -> Iterator[int]:
    new = not path.exists()
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        if new:
            sync_folder(path.parent)
        yield file
    finally:
        os.close(file)


def _write_all(file: int, line: bytes) -> None:
    if os.write(file, line) != len(line):
        raise OSError("short write")
    os.fsync(file)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except OSError as error:
        raise AuditError(f"{path} cannot be created ({type(error).__name__})") from None
    try:
        _write_all(file, content)
    finally:
        os.close(file)
    sync_folder(path.parent)
