"""The vault: everything that is sealed, blinded or authenticated with the key ring, whichever generations it has.

Keys change while processes run. What is *sealed* says by itself which generation opens it, or tells when it is tried;
a generation that is not known here is looked for in the key folder, once, before it is refused. Whoever seals looks
there first, so that nothing new is made with an older key. What is *hashed* (blind indexes, digests) must be hashed
alike by everyone at one moment: the database says which generations are in use, and each transaction of the store
begins by comparing (`keyed`).

A later generation of a hash does not replace the earlier one but is put around it:

    value(1) = HMAC(key 1, purpose, text)         value(n) = HMAC(key n, value(n - 1))

So a stored value is brought under a new key from itself alone, exactly, also where the text is known to nobody any
more (tombstones, acknowledged states), and equal stays equal. Without the newest key no value can be made or tried.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import KeysMoved, VaultError
from gateway.store.audit_number import uuid4
from gateway.store.keyring import CHAINED, KEY, KeyRing, Randomness

__all__ = ["KeyRing", "Randomness", "Vault", "fingerprint"]

HASH = 32  # bytes: HMAC-SHA-256
_NONCE = 12  # bytes: NIST SP 800-38D, 8.2.2, random
_GENERATION = 4  # bytes before the nonce of a wrapped key
_SEALED_KEY = _GENERATION + _NONCE
_TAG = 16  # bytes: of AES-GCM
WRAPPED = _SEALED_KEY + KEY + _TAG  # bytes of a wrapped key
_UNVERSIONED = bytes(8)
_NOT_OPENED = "a sealed text cannot be opened: other key, other place, or changed bytes"
_PROOF = "pruefwert"
_RECORD = "statistik"
_FURTHER = b""
"""The purpose of putting a further generation around a value; no other hash has an empty one."""


class Vault:
    """Seals and opens, blinds and authenticates; no error of it quotes what it was given.

    Every sealed text is bound (AAD) to its purpose, its subject (a person's id, an entry's number) and a version:
    it cannot be opened in another place of the database.
    """

    def __init__(self, ring: KeyRing, randomness: Randomness = os.urandom) -> None:
        self._ring = ring
        self._random = randomness
        self._use = {purpose: ring.newest(purpose) for purpose in CHAINED}
        self._proved: set[tuple[str, int, bytes]] = set()
        self._thread = threading.local()
        self._begun: dict[bytes, hmac.HMAC] = {}

    @property
    def generation(self) -> int:
        """The generation that `wrap` uses now."""
        return self._ring.current

    def random(self, size: int) -> bytes:
        return self._random(size)

    def new_uuid(self) -> str:
        """A random UUID (RFC 9562, version 4)."""
        return uuid4(self._random(16))

    def new_key(self) -> bytes:
        """A fresh data key; it is only ever stored wrapped."""
        return self._random(KEY)

    def wrap(self, key: bytes, purpose: str = "segment", subject: bytes = b"") -> bytes:
        """`key` under the newest generation (4 bytes generation, nonce, ciphertext), bound to purpose and subject."""
        return self.wrapping(purpose)(key, subject)

    def wrapping(self, purpose: str) -> Callable[[bytes, bytes], bytes]:
        """`wrap` of (key, subject), for many of one kind: the folder is looked at once. To be used up at once."""
        ring = self._refreshed()
        generation = ring.current
        newest, prefix = ring.generations[generation], generation.to_bytes(_GENERATION, "big")

        def wrapped(key: bytes, subject: bytes) -> bytes:
            return prefix + self._encrypt(newest, key, _bound("wrap", purpose, subject, generation))

        return wrapped

    def unwrap(self, wrapped: bytes, purpose: str = "segment", subject: bytes = b"") -> bytes:
        """The key in `wrapped`; VaultError if its generation is gone or it was made for something else."""
        generation = int.from_bytes(wrapped[:4], "big")
        return _decrypt(self._wrapping(generation), wrapped[4:], _bound("wrap", purpose, subject, generation))

    def _wrapping(self, generation: int) -> bytes:
        wrapping = self._ring.generations.get(generation) or self._refreshed().generations.get(generation)
        if wrapping is None:
            raise VaultError(f"generation {generation} of the vault key is not in the ring")
        return wrapping

    def rewrapped(self, wrapped: bytes, purpose: str, subject: bytes) -> bytes:
        """The same key under the newest generation."""
        return self.wrap(self.unwrap(wrapped, purpose, subject), purpose, subject)

    def seal(self, key: bytes, plain: bytes, purpose: str, subject: bytes = b"", version: int = 0) -> bytes:
        """`plain` under `key` (nonce, ciphertext), AES-256-GCM, bound to purpose, subject and version."""
        return self._encrypt(key, plain, _bound("seal", purpose, subject, version))

    def open(self, key: bytes, sealed: bytes, purpose: str, subject: bytes = b"", version: int = 0) -> bytes:
        """What was sealed; VaultError if key, purpose, subject or version differ, or a bit was changed."""
        return _decrypt(key, sealed, _bound("seal", purpose, subject, version))

    def opening(self, key_purpose: str, purpose: str) -> Opening:
        """Opens many texts of one kind under their keys, which were wrapped for `key_purpose`."""
        return Opening(self._wrapping, _bound_to("wrap", key_purpose), _bound_to("seal", purpose))

    def seal_box(self, plain: bytes, purpose: str, subject: bytes = b"") -> bytes:
        """`plain` under a key of its own, wrapped in front: for texts that belong to no stored person."""
        key = self.new_key()
        wrapped = self.wrap(key, purpose, subject)
        return len(wrapped).to_bytes(2, "big") + wrapped + self.seal(key, plain, purpose, subject)

    def open_box(self, box: bytes, purpose: str, subject: bytes = b"") -> bytes:
        """What `seal_box` sealed; VaultError otherwise."""
        end = 2 + int.from_bytes(box[:2], "big")
        return self.open(self.unwrap(box[2:end], purpose, subject), box[end:], purpose, subject)

    def rewrapped_box(self, box: bytes, purpose: str, subject: bytes) -> bytes:
        """The same box with its key under the newest generation."""
        end = 2 + int.from_bytes(box[:2], "big")
        wrapped = self.rewrapped(box[2:end], purpose, subject)
        return len(wrapped).to_bytes(2, "big") + wrapped + box[end:]

    def seal_feed(self, plain: bytes, application: str, subject: bytes) -> bytes:
        """`plain` under the newest feed key: for identifiers that must outlive a person's key until acknowledged."""
        return self.seal(self._newest("feed"), plain, f"feed:{application}", subject)

    def open_feed(self, sealed: bytes, application: str, subject: bytes) -> bytes:
        """What `seal_feed` sealed, under whichever generation; VaultError otherwise."""
        return self.open_feed_under(sealed, application, subject)[1]

    def open_feed_under(self, sealed: bytes, application: str, subject: bytes) -> tuple[int, bytes]:
        """The generation under which a feed text was sealed, and the text; VaultError if none opens it."""
        for ring in self._rings():
            for generation, key in sorted(ring.of("feed").items(), reverse=True):
                try:
                    return generation, self.open(key, sealed, f"feed:{application}", subject)
                except VaultError:
                    continue
        raise VaultError(_NOT_OPENED)

    def blind(self, purpose: str, text: str) -> bytes:
        """32 bytes that stand for `text` in an index; without the keys they say nothing."""
        return self._chained("index", self.in_use("index"), purpose, text.encode())

    def digest(self, purpose: str, content: bytes, size: int = HASH) -> bytes:
        """32 bytes, or the `size` wanted, that change exactly when `content` does."""
        return self._chained("digest", self.in_use("digest"), purpose, content, size)

    def further(self, key: str, generation: int, value: bytes) -> bytes:
        """The `value` of generation n - 1 as generation n of the key ("index" or "digest") has it, of equal length."""
        return hmac.digest(self._ring.of(key)[generation], _prefixed(_FURTHER) + value, "sha256")[: len(value)]

    def proof(self, key: str, generation: int) -> bytes:
        """32 bytes that only the keys of a hash up to this generation give; they say nothing of the keys."""
        return self._chained(key, generation, _PROOF, b"")

    def record_key(self, identity: bytes) -> int:
        """32 bits that stand for a person in every table, for ever: by the first digest key, which no change ends."""
        return int.from_bytes(self._keyed(self._ring.of("digest")[1], _RECORD, identity)[:4], "big")

    def ledger_line(self, text: str) -> str:
        """The hexadecimal line that stands for `text` in the erasure ledger."""
        return self._keyed(self._ring.keys["ledger"], "erased", text.encode()).hex()

    def mac(self, purpose: str, content: bytes) -> bytes:
        """32 bytes that only this installation can make for `content`."""
        return self._keyed(self._newest("token"), purpose, content)

    def verify(self, purpose: str, content: bytes, mac: bytes) -> bool:
        """True if `mac` was made here for exactly this, under whichever generation; in constant time for each."""
        return any(
            hmac.compare_digest(self._keyed(key, purpose, content), mac)
            for ring in self._rings()
            for key in ring.of("token").values()
        )

    # Which generation of the hashes is in use.

    def newest(self, purpose: str) -> int:
        """The highest generation of a purpose that is there now."""
        return self._refreshed().newest(purpose)

    def in_use(self, key: str) -> int:
        """The generation that this thread hashes with."""
        use: Mapping[str, int] = getattr(self._thread, "use", None) or self._use
        return use[key]

    @property
    def steadied(self) -> bool:
        """True within `steady` on this thread."""
        return getattr(self._thread, "use", None) is not None

    def steady(self) -> AbstractContextManager[None]:
        """This thread hashes with the same generations throughout, whatever other threads learn meanwhile."""
        return _Steady(self._thread, self._use)

    def require(self, found: Mapping[str, tuple[int, bytes]]) -> None:
        """KeysMoved unless this thread hashes with the generations that the database says; VaultError for other keys.

        `found` is generation and proof by key; one that is missing there is in its first generation.
        """
        generations = {key: found[key][0] if key in found else 1 for key in CHAINED}
        if generations != (getattr(self._thread, "use", None) or self._use):
            raise KeysMoved(generations)
        for key, (generation, proof) in found.items():
            if (key, generation, proof) not in self._proved:
                if not hmac.compare_digest(self.proof(key, generation), proof):
                    raise VaultError(f"the {key} key is not the one this database was written with")
                self._proved.add((key, generation, proof))

    def adopt(self, generations: Mapping[str, int]) -> None:
        """Afterwards every thread hashes with these generations; VaultError if one is not in the key folder."""
        ring = self._ring
        if any(generation > ring.newest(key) for key, generation in generations.items()):
            ring = self._refreshed()
        for key, generation in generations.items():
            if generation not in ring.of(key):
                raise VaultError(f"generation {generation} of the {key} key is in use, but not in the ring")
        self._use = dict(generations)

    def _chained(self, key: str, generation: int, purpose: str, content: bytes, size: int = HASH) -> bytes:
        value = self._keyed(self._ring.keys[key], purpose, content)[:size]
        for further in range(2, generation + 1):
            value = self.further(key, further, value)
        return value

    def _keyed(self, key: bytes, purpose: str, content: bytes) -> bytes:
        begun = self._begun.get(key)
        if begun is None:
            # Taking the key in is most of the work of a short text; each goes on from a copy.
            begun = self._begun[key] = hmac.new(key, digestmod="sha256")
        made = begun.copy()
        made.update(_prefixed(purpose.encode()) + content)
        return made.digest()

    def _newest(self, purpose: str) -> bytes:
        ring = self._refreshed()
        return ring.of(purpose)[ring.newest(purpose)]

    def _refreshed(self) -> KeyRing:
        found = self._ring.refreshed()
        if found is not self._ring:
            self._ring, self._begun = found, {}
        return found

    def _rings(self) -> Iterator[KeyRing]:
        """The ring as it is known, and once more if the folder has changed."""
        known = self._ring
        yield known
        if (found := self._refreshed()) is not known:
            yield found

    def _encrypt(self, key: bytes, plain: bytes, bound: bytes) -> bytes:
        nonce = self._random(_NONCE)
        return nonce + _cipher(key).encrypt(nonce, plain, bound)


class Opening:
    """What is alike for many sealed texts is made once. To be used up at once, for it keeps what the ring has now."""

    __slots__ = ("_ciphers", "_sealed_for", "_wrapped_for", "_wrapping")

    def __init__(self, wrapping: Callable[[int], bytes], wrapped_for: bytes, sealed_for: bytes) -> None:
        self._wrapping = wrapping
        self._wrapped_for = wrapped_for
        self._sealed_for = sealed_for
        self._ciphers: dict[bytes, tuple[AESGCM, bytes]] = {}

    def open(self, wrapped: bytes, sealed: bytes, subject: bytes) -> bytes:
        """As `Vault.open` under the key that `Vault.unwrap` gives."""
        generation, named = wrapped[:_GENERATION], len(subject).to_bytes(2, "big") + subject
        cipher, version = self._ciphers.get(generation) or self._first(generation)
        try:
            bound = self._wrapped_for + named + version
            key = cipher.decrypt(wrapped[_GENERATION:_SEALED_KEY], wrapped[_SEALED_KEY:], bound)
            return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], self._sealed_for + named + _UNVERSIONED)
        except (InvalidTag, ValueError):
            raise VaultError(_NOT_OPENED) from None

    def _first(self, generation: bytes) -> tuple[AESGCM, bytes]:
        cipher = _cipher(self._wrapping(int.from_bytes(generation, "big")))
        made = self._ciphers[generation] = cipher, _UNVERSIONED[_GENERATION:] + generation
        return made


class _Steady(AbstractContextManager[None]):
    """Not made of a generator, which costs as much as a look-up."""

    __slots__ = ("_thread", "_use")

    def __init__(self, thread: threading.local, use: Mapping[str, int]) -> None:
        self._thread = thread
        self._use = use

    def __enter__(self) -> None:
        self._thread.use = self._use

    def __exit__(self, *_error: object) -> None:
        self._thread.use = None


def fingerprint(content: bytes) -> bytes:
    """SHA-256 of `content`; for things that are no secret."""
    return hashlib.sha256(content).digest()


@lru_cache(maxsize=8)
def _cipher(key: bytes) -> AESGCM:
    """Taking a key in costs more than sealing a short text, and what is sealed first of a person comes together."""
    return AESGCM(key)


def _decrypt(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    try:
        return _cipher(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
    except (InvalidTag, ValueError):
        raise VaultError(_NOT_OPENED) from None


def _bound(kind: str, purpose: str, subject: bytes, version: int) -> bytes:
    return b"%b%b%b%b" % (
        _bound_to(kind, purpose),
        len(subject).to_bytes(2, "big"),
        subject,
        version.to_bytes(8, "big"),
    )


@lru_cache(maxsize=1024)
def _bound_to(kind: str, purpose: str) -> bytes:
    """Of the few purposes there are; those with a number of their own in them pass through."""
    return _prefixed(kind.encode()) + _prefixed(purpose.encode())


def _prefixed(part: bytes) -> bytes:
    return len(part).to_bytes(2, "big") + part
