"""What one application is told of one person, written once and kept sealed beside the links of its projection.

A projection is a function of the person, its visible neighbours, the agreement and the day. Whoever takes it into the
store has it in hand, so what will be told is written there, under the person's own data key: reading is opening it.
A fragment says what it was made of: the rules (`basis`), the digest of what it tells, and the days on which nothing
can change by itself. If anything of it differs from what holds when it is read, it is as if it were not there, and the
person is opened, derived and projected as ever. It goes with the key of its person, and with each change of it.
"""

from __future__ import annotations

import hashlib
from binascii import hexlify
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, lru_cache
from struct import Struct
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from gateway.agreements import projection as rules
from gateway.agreements.agreement import Agreement, Grant
from gateway.errors import StoreError
from gateway.model.types import Fragment, Tree
from gateway.store import dossier as d
from gateway.store import feed, feed_told, packing
from gateway.store.basis import basis
from gateway.store.basis import rules as rules_now
from gateway.store.feed_told import Telling
from gateway.store.vault import HASH, WRAPPED, Vault

_EARLIER = "fragment"
"""Where it once stood in the sealed text of a projection row."""
STORED = ("stand", "datensatzversion")
"""Fields of the store itself, counted by the feed: they are added when the fragment is told."""

_EVER = "9999-12-31"
_FORM = b"2"
"""Of what is written here; another one, and all is written anew."""
_PARTS, _UNTIL = 9, 4
_SECOND = 19  # of a moment's text, up to the second
_LINE, _GAP = b"\n", b" "

Stored: TypeAlias = bytes
"""What is stored of a visible person and it takes to tell it by its fragment; nothing where none may be told.

Identity, digest, wrapped key and `stand` have a fixed length; then come the version, a gap, and the sealed text.
"""
_FIXED: Final = Struct(f"16s{HASH}s{WRAPPED}s27s")

Kept: TypeAlias = list[str]
"""What is kept of a person: what it was made of and for, who it is, what of it is told, and the fragment."""


class Writer(Protocol):
    """Writes a person of one contract; `form` changes with whatever decides how it is written.

    `ending` gives, for those of the fields `STORED` that are told, what stands behind all others: a pattern for `%`.
    """

    @property
    def form(self) -> bytes: ...

    @property
    def write(self) -> Callable[[Sequence[rules.Part]], str]: ...

    @property
    def ending(self) -> Callable[[frozenset[str]], bytes]: ...


class Disclosed(NamedTuple):
    """One person as it goes out: the audit trail's identifier, the application's, the tree, the bitmap of fields."""

    audit_id: str
    kennung: str
    tree: Tree | Fragment
    fields: int

    def __repr__(self) -> str:
        """Nothing by which a person could be known."""
        return f"Disclosed(audit_id={self.audit_id!r}, fields={self.fields})"


@dataclass(frozen=True, slots=True)
class Terms:
    """What must be true of a fragment today, which of the fields `STORED` are told, and how they are written."""

    basis: bytes
    generation: bytes
    today: bytes
    stored: slice
    ending: bytes

    def hold(self, parts: Sequence[bytes], vault: Vault, digest: bytes) -> bool:
        """True if what is kept, without the fragment, was made by these rules, for this digest and for this day."""
        if len(parts) != _PARTS - 1:
            return False
        basis, made_for, generation, begun, until, _, _, _ = parts
        if basis != self.basis or not begun <= self.today < until:
            return False
        if generation == self.generation:
            return made_for == hexlify(digest)
        return digest == _lifted(vault, bytes.fromhex(made_for.decode()), int(generation))

    def told(self, text: bytes, vault: Vault, digest: bytes, stand: bytes, version: int) -> Disclosed | None:
        """What is told by the opened text of a row; None if nothing is kept there, or what is does not hold."""
        head, line, fragment = text.partition(_LINE)[2].partition(_LINE)
        parts = head.split(_GAP)
        if not line or not self.hold(parts, vault, digest):
            return None
        rest = self.ending % (stand[:_SECOND] + b"Z", version)[self.stored]
        return Disclosed(parts[5].decode(), parts[6].decode(), Fragment(fragment, rest), _bits(parts[7]))


@dataclass(frozen=True, slots=True)
class Shelf:
    """The fragments of one agreement; without a writer there are none, and all is as ever."""

    agreement: Agreement
    writer: Writer | None = None
    basis: str = ""

    def made(self, telling: Telling, kennung: str, audit_id: str, *, stichtag: date, digest: bytes) -> Kept | None:
        """What is kept of this telling from `stichtag` on; None if there are no fragments here."""
        if self.writer is None:
            return None
        fields = feed_told.bulk_fields(self.agreement)
        parts = telling.parts(fields)
        bits, work = _stored_bits(fields), rules.bits
        for part in parts:
            bits |= part.works.get(work) or part.made(work)
        if "personenkennung" in fields:
            parts = [rules.Part("personenkennung", kennung), *parts]
        days = [stichtag.isoformat(), _until(telling, stichtag)]
        made_of = [self.basis, digest.hex(), str(telling.vault.in_use("digest")), *days]
        return [*made_of, audit_id, kennung, str(bits), self.writer.write(parts)]

    def outdated(self, kept: Kept | None, telling: Telling, *, stichtag: date, digest: bytes) -> bool:
        """True if what is kept, or that nothing is, is not what would be kept of this telling now."""
        if kept is None:
            return self.writer is not None
        terms = self._terms(telling.vault, stichtag)
        holds = terms is not None and terms.hold([part.encode() for part in kept[:-1]], telling.vault, digest)
        return not holds or kept[_UNTIL] > _until(telling, stichtag)

    def tells(self, grant: Grant) -> bool:
        """True if fragments may be told under the grant."""
        if self.writer is None or grant.agreement is not self.agreement:
            return False
        bulk = feed_told.bulk_fields(self.agreement)
        return grant.fields is bulk or grant.fields == bulk

    def terms(self, vault: Vault, grant: Grant) -> Terms | None:
        """On which terms a fragment is told under the grant; None if none is."""
        return self._terms(vault, grant.stichtag) if self.tells(grant) else None

    def _terms(self, vault: Vault, stichtag: date) -> Terms | None:
        if self.writer is None:
            return None
        generation = str(vault.in_use("digest")).encode()
        today = stichtag.isoformat().encode()
        fields = _stored_fields(feed_told.bulk_fields(self.agreement))
        stored = slice(0 if STORED[0] in fields else 1, 2 if STORED[1] in fields else 1)
        return Terms(self.basis.encode(), generation, today, stored, self.writer.ending(fields))

    def told(self, text: bytes, terms: Terms, vault: Vault, row: Mapping[Any, Any]) -> Disclosed | None:
        """What is told of a visible person, by the opened text; None if that must be found out from the person."""
        if row["told_fields"] is not None or row["state"] != "active":
            return None
        return terms.told(text, vault, row["digest"], row["stand"].encode(), row["told_version"])

    def page(
        self, vault: Vault, grant: Grant, stream: str, rows: deque[Stored], most: int, *, behind: int = 0
    ) -> list[Disclosed | None]:
        """The same of the first `most` of many visible persons, each opened here: VaultError if one cannot be.

        StoreError if the parts of one are not as long as they are always written.
        They are taken out of `rows`, so that sealed and opened texts need not all be in memory at once. Each begins
        `behind` so many other octets.
        """
        count, terms = min(most, len(rows)), self.terms(vault, grant)
        opening, least = vault.opening(d.KEY, f"{d.LINKS}/{stream}"), behind + _FIXED.size
        told: list[Disclosed | None] = []
        for _ in range(count):
            row = rows.popleft()
            if terms is None or len(row) < least:
                told.append(None)
                continue
            identity, digest, wrapped, stand = _FIXED.unpack_from(row, behind)
            version, _, sealed = row[least:].partition(_GAP)
            if not stand.endswith(b"Z") or not version.isdigit():
                raise StoreError("a projection is stored in another form")
            told.append(terms.told(opening.open(wrapped, sealed, identity), vault, digest, stand, int(version)))
        return told


@dataclass(frozen=True, slots=True)
class Fragments:
    """The writers by stream."""

    writers: Mapping[str, Writer] = field(default_factory=dict)
    _latest: dict[str, tuple[bytes, Shelf]] = field(default_factory=dict)

    def shelf(self, agreement: Agreement) -> Shelf:
        """The fragments of an agreement, under the rules of this moment; an application without a feed has none."""
        stream, rules = feed.stream(agreement), rules_now()
        known = self._latest.get(stream)
        if known is not None and known[0] == rules and known[1].agreement is agreement:
            return known[1]
        writer = self.writers.get(stream)
        if writer is None or not feed_told.has_feed(agreement):
            return Shelf(agreement)
        made = Shelf(agreement, writer, hashlib.sha256(_FORM + writer.form + basis(agreement)).hexdigest())
        self._latest[stream] = rules, made
        return made


NO_FRAGMENTS = Fragments()


@cache
def _stored_fields(fields: frozenset[str]) -> frozenset[str]:
    return fields.intersection(STORED)


@cache
def _stored_bits(fields: frozenset[str]) -> int:
    """The bits of what is no part of a projection: it is there whenever it is granted."""
    return rules.field_bits(dict.fromkeys(fields.intersection((*STORED, "personenkennung")), ""))


def with_kennung(fields: frozenset[str], kennung: str, tree: Tree) -> Tree:
    """The projected person under the identifier by which the application knows it, if that is granted."""
    return {"personenkennung": kennung, **tree} if "personenkennung" in fields else dict(tree)


def store_fields(fields: frozenset[str], row: Mapping[Any, Any]) -> Tree:
    """Those of the fields that the store itself counts."""
    found: Tree = {}
    if "stand" in fields:
        found["stand"] = _second(row["stand"])
    if "datensatzversion" in fields:
        found["datensatzversion"] = row["told_version"]
    return found


def packed(text: Tree, kept: Kept | None = None) -> bytes:
    """What is sealed in a projection row: {"kennung": ..., "links": {...}}, and below it what is kept."""
    first = d.packed(text) if text.keys() != _BARE or text["links"] else _alone(str(text["kennung"]))
    if kept is None:
        return first
    *head, fragment = kept
    # No part of the head has a gap in it, and JSON has no line end.
    return _LINE.join((first, " ".join(head).encode(), fragment.encode()))


_BARE = {"kennung", "links"}


def _alone(kennung: str) -> bytes:
    """The same of who has no links, as most have none: the encoder is made anew for each tree."""
    return packing.octets(packing.group((("kennung", packing.quoted(kennung)), ("links", "{}"))))


def unpacked(content: bytes) -> tuple[Tree, Kept | None]:
    """What was packed; nothing is kept in an earlier form of it."""
    first, line, kept = content.partition(_LINE)
    text = d.unpacked(first)
    text.pop(_EARLIER, None)
    if not line:
        return text, None
    head, _, fragment = kept.decode().partition("\n")
    return text, [*head.split(" "), fragment]


def _second(stand: str) -> str:
    """A moment as the store has it (`tables.Utc`), to the second."""
    return stand[:_SECOND] + "Z"


@lru_cache(1024)
def _bits(text: bytes) -> int:
    """Of the few combinations of fields there are: the numbers are long."""
    return int(text)


def _until(telling: Telling, stichtag: date) -> str:
    """The first day on which this projection may change by itself."""
    day = rules.next_day(telling.agreement, telling.ableitung, stichtag=stichtag)
    return _EVER if day is None else day.isoformat()


def _lifted(vault: Vault, digest: bytes, generation: int) -> bytes:
    """A digest of an earlier generation of its key as the one in use has it."""
    for further in range(generation + 1, vault.in_use("digest") + 1):
        digest = vault.further("digest", further, digest)
    return digest
