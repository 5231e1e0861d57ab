"""The key ring: files outside the database, one per purpose and generation; what each is for, and which may go."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from gateway.errors import VaultError
from gateway.store.durable import sync_folder

Randomness: TypeAlias = Callable[[int], bytes]

KEY = 32  # bytes: AES-256 and HMAC-SHA-256
VAULT = "vault"
CHAINED = ("index", "digest")
"""Each generation hashes what the one before has made: none of them can ever go."""
REPLACED = (VAULT, "feed", "token")
"""Generations that stand for themselves: an older one can go once nothing needs it."""
PURPOSES = ("index", "digest", "token", "ledger", "feed")
OLD_DAYS = 365
"""So old may a key become that can be changed (docs/schluessel.md)."""
ROTATABLE = (*CHAINED, *REPLACED)

_NAME = re.compile(rf"({'|'.join((*PURPOSES, VAULT))})(?:-([1-9][0-9]*))?\.key")


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of one installation: generations of the wrapping key, and those of every other purpose.

    `keys` are the first generations, `later` the further ones. `folder` is where it was loaded from, with the names
    it then held; a ring without folder never learns anything new.
    """

    generations: Mapping[int, bytes] = field(repr=False)
    keys: Mapping[str, bytes] = field(repr=False)
    later: Mapping[str, Mapping[int, bytes]] = field(default_factory=dict, repr=False)
    folder: Path | None = field(default=None, repr=False, compare=False)
    names: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @property
    def current(self) -> int:
        """The generation that new data keys are wrapped with."""
        return max(self.generations)

    def of(self, purpose: str) -> dict[int, bytes]:
        """The keys of a purpose by generation."""
        if purpose == VAULT:
            return dict(self.generations)
        first = {1: self.keys[purpose]} if purpose in self.keys else {}
        return first | dict(self.later.get(purpose, {}))

    def newest(self, purpose: str) -> int:
        """The highest generation of a purpose; 1 if this ring has none of it."""
        return max(self.of(purpose), default=1)

    def ages(self, now: datetime) -> dict[str, int]:
        """How many days ago the newest generation of each key that can be changed was made; none without a folder."""
        if self.folder is None:
            return {}
        newest = {purpose: self.folder / file_name(purpose, self.newest(purpose)) for purpose in ROTATABLE}
        made = {name: datetime.fromtimestamp(path.stat().st_mtime, UTC) for name, path in newest.items()}
        return {name: max(0, (now - moment).days) for name, moment in made.items()}

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
        for purpose in (*PURPOSES, VAULT):
            _write_key(folder / file_name(purpose, 1), randomness(KEY))
        sync_folder(folder)
        return cls.load(folder)

    @classmethod
    def load(cls, folder: Path) -> KeyRing:
        """The ring in `folder`; VaultError if a key is missing, malformed, or others may read it."""
        names = _listed(folder)
        _require_private(folder, "the key folder")
        found: dict[str, dict[int, bytes]] = {purpose: {} for purpose in (*PURPOSES, VAULT)}
        for name in names:
            if (known := _recognised(name)) is not None:
                found[known[0]][known[1]] = _read_key(folder / name)
        _require_complete(found)
        material = [key for generations in found.values() for key in generations.values()]
        if len(set(material)) != len(material):
            raise VaultError("two keys of the ring are the same")
        keys = {purpose: found[purpose][1] for purpose in PURPOSES if 1 in found[purpose]}
        later = {
            purpose: more
            for purpose in PURPOSES
            if (more := {generation: key for generation, key in found[purpose].items() if generation > 1})
        }
        return cls(found[VAULT], keys, later, folder, names)

    @classmethod
    def rotate(cls, folder: Path, randomness: Randomness = os.urandom, *, purpose: str = VAULT) -> KeyRing:
        """The ring with one more generation of `purpose`; older ones stay. VaultError for one that cannot change."""
        if purpose not in ROTATABLE:
            raise VaultError(f"the {purpose} key cannot be changed")
        ring = cls.load(folder)
        _write_key(folder / file_name(purpose, ring.newest(purpose) + 1), randomness(KEY))
        sync_folder(folder)
        return cls.load(folder)

    def refreshed(self) -> KeyRing:
        """This ring, or the one its folder holds now if files came or went.

        VaultError if the folder cannot be read, or holds another key under a name this ring knows.
        """
        if self.folder is None or _listed(self.folder) == self.names:
            return self
        found = KeyRing.load(self.folder)
        for purpose in (*PURPOSES, VAULT):
            mine, theirs = self.of(purpose), found.of(purpose)
            if any(theirs.get(generation, key) != key for generation, key in mine.items()):
                raise VaultError(f"the key folder holds another {purpose} key than when this process began")
        return found


def file_name(purpose: str, generation: int) -> str:
    """The file of one key: `vault-1.key`, `index.key`, `index-2.key`."""
    first = generation == 1 and purpose != VAULT
    return f"{purpose}.key" if first else f"{purpose}-{generation}.key"


def require_retirable(folder: Path, purpose: str, generation: int) -> None:
    """VaultError for the newest generation, for one that others build on, or if there is no such key."""
    ring = KeyRing.load(folder)
    if purpose not in REPLACED:
        raise VaultError(f"no generation of the {purpose} key can go: later ones build on it")
    if generation not in ring.of(purpose):
        raise VaultError(f"there is no generation {generation} of the {purpose} key")
    if generation == ring.newest(purpose):
        raise VaultError(f"generation {generation} of the {purpose} key is the one in use")


def destroy(folder: Path, purpose: str, generation: int) -> None:
    """Afterwards the key file is overwritten and gone; the file system or a backup may still hold older copies.

    VaultError if it may not go.
    """
    require_retirable(folder, purpose, generation)
    path = folder / file_name(purpose, generation)
    with path.open("r+b") as file:
        file.write(b"0" * (2 * KEY) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_folder(folder)


def _recognised(name: str) -> tuple[str, int] | None:
    """Purpose and generation of a file name; None if it is no key of the ring. VaultError for a near miss."""
    match = _NAME.fullmatch(name)
    generation = int(match[2]) if match and match[2] else 1
    if match is not None and name == file_name(match[1], generation):
        return match[1], generation
    if name.endswith(".key") and re.match(rf"({'|'.join((*PURPOSES, VAULT))})\b", name):
        raise VaultError(f"the key folder holds files with unexpected names: {name}")
    return None


def _require_complete(found: Mapping[str, Mapping[int, bytes]]) -> None:
    if not found[VAULT]:
        raise VaultError("the key folder holds no vault-<n>.key")
    for purpose in PURPOSES:
        there = found[purpose]
        needed = range(1, max(there, default=1) + 1) if purpose not in REPLACED else [max(there, default=1)]
        for generation in needed:
            if generation not in there:
                raise VaultError(f"the key file {file_name(purpose, generation)} is missing")
    if len(found["ledger"]) > 1:
        raise VaultError("the ledger key has one generation only")


def _listed(folder: Path) -> tuple[str, ...]:
    try:
        return tuple(sorted(name for name in os.listdir(folder) if name.endswith(".key")))
    except FileNotFoundError:
        raise VaultError("the key folder is missing (gateway init makes it)") from None
    except OSError as error:
        raise VaultError(f"the key folder cannot be read: {error.strerror}") from error


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
    """The file appears whole or not at all: running processes may look into the folder at any moment."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        for left in path.parent.glob(".*.key.new"):
            left.unlink()  # by a run that was killed
        descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)  # unlike a renaming this never replaces a key
        fresh.unlink()
    except OSError as error:
        raise VaultError(f"the key file {path.name} cannot be made: {error.strerror}") from error
