"""The vault: the key ring outside the database, and everything that is sealed, blinded or authenticated with it."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import VaultError

Randomness: TypeAlias = Callable[[int], bytes]

_KEY = 32  # bytes: AES-256 and HMAC-SHA-256
_NONCE = 12  # bytes: NIST SP 800-38D, 8.2.2, random
_PURPOSES = ("index", "digest", "token", "ledger", "feed")
_GENERATION = re.compile(r"vault-([1-9][0-9]*)\.key")


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of one installation: generations of the wrapping key, and one key per other purpose."""

    generations: Mapping[int, bytes] = field(repr=False)
    keys: Mapping[str, bytes] = field(repr=False)

    @property
    def current(self) -> int:
        """The generation that new data keys are wrapped with."""
        return max(self.generations)

    @classmethod
    def create(cls, folder: Path, randomness: Randomness = os.urandom) -> KeyRing:
        """A new ring in `folder` (made with mode 0700; files 0600); VaultError if there already is one."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise VaultError(f"the key folder cannot be made: {error.strerror}") from error
        _require_private(folder, "the key folder")
        if any(folder.glob("*.key")):
            raise VaultError("the key folder already holds keys")
        for name in (*_PURPOSES, "vault-1"):
            _write_key(folder / f"{name}.key", randomness(_KEY))
        _flush_folder(folder)
        return cls.load(folder)

    @classmethod
    def load(cls, folder: Path) -> KeyRing:
        """The ring in `folder`; VaultError if a key is missing, malformed, or others may read it."""
        if not folder.is_dir():
            raise VaultError("the key folder is missing (gateway init makes it)")
        _require_private(folder, "the key folder")
        keys = {name: _read_key(folder / f"{name}.key") for name in _PURPOSES}
        found = {path: _GENERATION.fullmatch(path.name) for path in sorted(folder.glob("vault-*.key"))}
        if stray := [path.name for path, match in found.items() if match is None]:
            raise VaultError(f"the key folder holds files with unexpected names: {', '.join(stray)}")
        generations = {int(match[1]): _read_key(path) for path, match in found.items() if match}
        if not generations:
            raise VaultError("the key folder holds no vault-<n>.key")
        material = [*keys.values(), *generations.values()]
        if len(set(material)) != len(material):
            raise VaultError("two keys of the ring are the same")
        return cls(generations, keys)

    @classmethod
    def rotate(cls, folder: Path, randomness: Randomness = os.urandom) -> KeyRing:
        """The ring with one more generation, now current; older ones stay until everything is wrapped anew."""
        ring = cls.load(folder)
        _write_key(folder / f"vault-{ring.current + 1}.key", randomness(_KEY))
        _flush_folder(folder)
        return cls.load(folder)


class Vault:
    """Seals and opens, blinds and authenticates; no error of it quotes what it was given.

    Every sealed text is bound (AAD) to its purpose, its subject (a person's id, an entry's number) and a version:
    it cannot be opened in another place of the database.
    """

    def __init__(self, ring: KeyRing, randomness: Randomness = os.urandom) -> None:
        self._ring = ring
        self._random = randomness

    @property
    def generation(self) -> int:
        """The generation that `wrap` uses now."""
        return self._ring.current

    def random(self, size: int) -> bytes:
        return self._random(size)

    def new_key(self) -> bytes:
        """A fresh data key; it is only ever stored wrapped."""
        return self._random(_KEY)

    def wrap(self, key: bytes, purpose: str = "segment", subject: bytes = b"") -> bytes:
        """`key` under the current generation (4 bytes generation, nonce, ciphertext), bound to purpose and subject."""
        generation = self._ring.current
        head = generation.to_bytes(4, "big")
        return head + self._encrypt(
            self._ring.generations[generation], key, _bound("wrap", purpose, subject, generation)
        )

    def unwrap(self, wrapped: bytes, purpose: str = "segment", subject: bytes = b"") -> bytes:
        """The key in `wrapped`; VaultError if its generation is gone or it was made for something else."""
        generation = int.from_bytes(wrapped[:4], "big")
        wrapping = self._ring.generations.get(generation)
        if wrapping is None:
            raise VaultError(f"generation {generation} of the vault key is not in the ring")
        return _decrypt(wrapping, wrapped[4:], _bound("wrap", purpose, subject, generation))

    def seal(self, key: bytes, plain: bytes, purpose: str, subject: bytes = b"", version: int = 0) -> bytes:
        """`plain` under `key` (nonce, ciphertext), AES-256-GCM, bound to purpose, subject and version."""
        return self._encrypt(key, plain, _bound("seal", purpose, subject, version))

    def open(self, key: bytes, sealed: bytes, purpose: str, subject: bytes = b"", version: int = 0) -> bytes:
        """What was sealed; VaultError if key, purpose, subject or version differ, or a bit was changed."""
        return _decrypt(key, sealed, _bound("seal", purpose, subject, version))

    def seal_box(self, plain: bytes, purpose: str, subject: bytes = b"") -> bytes:
        """`plain` under a key of its own, wrapped in front: for texts that belong to no stored person."""
        key = self.new_key()
        wrapped = self.wrap(key, purpose, subject)
        return len(wrapped).to_bytes(2, "big") + wrapped + self.seal(key, plain, purpose, subject)

    def open_box(self, box: bytes, purpose: str, subject: bytes = b"") -> bytes:
        """What `seal_box` sealed; VaultError otherwise."""
        end = 2 + int.from_bytes(box[:2], "big")
        return self.open(self.unwrap(box[2:end], purpose, subject), box[end:], purpose, subject)

    def seal_feed(self, plain: bytes, application: str, subject: bytes) -> bytes:
        """`plain` under the feed key: for identifiers that must outlive a person's key until acknowledged."""
        return self.seal(self._ring.keys["feed"], plain, f"feed:{application}", subject)

    def open_feed(self, sealed: bytes, application: str, subject: bytes) -> bytes:
        """What `seal_feed` sealed; VaultError otherwise."""
        return self.open(self._ring.keys["feed"], sealed, f"feed:{application}", subject)

    def blind(self, purpose: str, text: str) -> bytes:
        """32 bytes that stand for `text` in an index; without the key they say nothing."""
        return self._keyed("index", purpose, text.encode())

    def digest(self, purpose: str, content: bytes) -> bytes:
        """32 bytes that change exactly when `content` does."""
        return self._keyed("digest", purpose, content)

    def ledger_line(self, text: str) -> str:
        """The hexadecimal line that stands for `text` in the erasure ledger."""
        return self._keyed("ledger", "erased", text.encode()).hex()

    def mac(self, purpose: str, content: bytes) -> bytes:
        """32 bytes that only this installation can make for `content`."""
        return self._keyed("token", purpose, content)

    def verify(self, purpose: str, content: bytes, mac: bytes) -> bool:
        """True if `mac` was made here for exactly this; in constant time."""
        return hmac.compare_digest(self.mac(purpose, content), mac)

    def _keyed(self, key: str, purpose: str, content: bytes) -> bytes:
        return hmac.digest(self._ring.keys[key], _prefixed(purpose.encode()) + content, "sha256")

    def _encrypt(self, key: bytes, plain: bytes, bound: bytes) -> bytes:
        nonce = self._random(_NONCE)
        return nonce + AESGCM(key).encrypt(nonce, plain, bound)


def fingerprint(content: bytes) -> bytes:
    """SHA-256 of `content`; for things that are no secret."""
    return hashlib.sha256(content).digest()


def _decrypt(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
    except (InvalidTag, ValueError):
        raise VaultError("a sealed text cannot be opened: other key, other place, or changed bytes") from None


def _bound(kind: str, purpose: str, subject: bytes, version: int) -> bytes:
    return _prefixed(kind.encode()) + _prefixed(purpose.encode()) + _prefixed(subject) + version.to_bytes(8, "big")


def _prefixed(part: bytes) -> bytes:
    return len(part).to_bytes(2, "big") + part


def _require_private(path: Path, what: str) -> None:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise VaultError(f"{what} may be read by others: it must belong to the gateway alone (0700, files 0600)")


def _read_key(path: Path) -> bytes:
    try:
        _require_private(path, f"the key file {path.name}")
        text = path.read_text("ascii").strip()
    except FileNotFoundError:
        raise VaultError(f"the key file {path.name} is missing") from None
    except (OSError, UnicodeDecodeError):
        raise VaultError(f"the key file {path.name} cannot be read") from None
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise VaultError(f"the key file {path.name} does not hold 64 hexadecimal digits")
    return bytes.fromhex(text)


def _write_key(path: Path, key: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise VaultError(f"the key file {path.name} cannot be made: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
