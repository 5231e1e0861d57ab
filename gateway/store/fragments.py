"""What one application is told of one person, written once and kept sealed beside the links of its projection.

A projection is a function of the person, its visible neighbours, the agreement and the day. Whoever takes it into the
store has it in hand, so what will be told is written there, under the person's own data key: reading is opening it.
A fragment says what it was made of: the rules (`basis`), the digest of what it tells, and the days on which nothing
can change by itself. If anything of it differs from what holds when it is read, it is as if it were not there, and the
person is opened, derived and projected as ever. It goes with the key of its person, and with each change of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from gateway.agreements import projection as rules
from gateway.agreements.agreement import Agreement, Grant
from gateway.model.types import Fragment, Tree, Value
from gateway.store import feed, feed_told
from gateway.store.basis import basis
from gateway.store.feed_told import Telling
from gateway.store.vault import Vault

FRAGMENT = "fragment"
"""Where it stands in the sealed text of a projection row."""
STORED = ("stand", "datensatzversion")
"""Fields of the store itself, counted by the feed: they are added when the fragment is told."""

_EVER = "9999-12-31"
_PARTS, _UNTIL = 8, 4


class Writer(Protocol):
    """Writes a person of one contract; `form` changes with whatever decides how it is written."""

    @property
    def form(self) -> bytes: ...

    @property
    def write(self) -> Callable[[Tree], str]: ...


@dataclass(frozen=True, slots=True)
class Disclosed:
    """One person as it goes out: the audit trail's identifier, the application's, the tree, the bitmap of fields."""

    audit_id: str
    kennung: str = field(repr=False)
    tree: Tree = field(repr=False)
    fields: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """The fragments of one agreement; without a writer there are none, and all is as ever."""

    agreement: Agreement
    writer: Writer | None = None
    basis: str = ""

    def made(
        self, telling: Telling, kennung: str, audit_id: str, *, stichtag: date, digest: bytes
    ) -> list[Value] | None:
        """What is kept of this telling from `stichtag` on; None if there are no fragments here."""
        if self.writer is None:
            return None
        fields = feed_told.bulk_fields(self.agreement)
        tree = with_kennung(fields, kennung, telling.tree(fields))
        bits = rules.field_bits({**tree, **{name: "" for name in STORED if name in fields}})
        days: list[Value] = [stichtag.isoformat(), _until(telling, stichtag)]
        made_of: list[Value] = [self.basis, digest.hex(), telling.vault.in_use("digest"), *days]
        return [*made_of, audit_id, bits, self.writer.write(tree)]

    def outdated(self, kept: Value | None, telling: Telling, *, stichtag: date, digest: bytes) -> bool:
        """True if what is kept, or that nothing is, is not what would be kept of this telling now."""
        if not isinstance(kept, list):
            return self.writer is not None
        return not self._holds(kept, telling.vault, stichtag, digest) or str(kept[_UNTIL]) > _until(telling, stichtag)

    def told(
        self, kept: Value | None, vault: Vault, grant: Grant, row: Mapping[Any, Any], kennung: str
    ) -> Disclosed | None:
        """What is told of a visible person under the grant; None if that must be found out from the person itself."""
        if row["told_fields"] is not None or row["state"] != "active" or grant.agreement is not self.agreement:
            return None
        if not isinstance(kept, list) or grant.fields != feed_told.bulk_fields(self.agreement):
            return None
        if not self._holds(kept, vault, grant.stichtag, row["digest"]):
            return None
        *_, audit_id, bits, text = kept
        return Disclosed(str(audit_id), kennung, Fragment(str(text), store_fields(grant.fields, row)), int(str(bits)))

    def _holds(self, kept: list[Value], vault: Vault, stichtag: date, digest: bytes) -> bool:
        if self.writer is None or len(kept) != _PARTS:
            return False
        made_by, made_for, generation, since, until, *_ = kept
        return (
            made_by == self.basis
            and str(since) <= stichtag.isoformat() < str(until)
            and _lifted(vault, bytes.fromhex(str(made_for)), generation) == digest
        )


@dataclass(frozen=True, slots=True)
class Fragments:
    """The writers by stream."""

    writers: Mapping[str, Writer] = field(default_factory=dict)

    def shelf(self, agreement: Agreement) -> Shelf:
        """The fragments of an agreement, under the rules of this moment; an application without a feed has none."""
        writer = self.writers.get(feed.stream(agreement))
        if writer is None or not feed_told.has_feed(agreement):
            return Shelf(agreement)
        return Shelf(agreement, writer, hashlib.sha256(writer.form + basis(agreement)).hexdigest())


NO_FRAGMENTS = Fragments()


def with_kennung(fields: frozenset[str], kennung: str, tree: Tree) -> Tree:
    """The projected person under the identifier by which the application knows it, if that is granted."""
    return {"personenkennung": kennung, **tree} if "personenkennung" in fields else dict(tree)


def store_fields(fields: frozenset[str], row: Mapping[Any, Any]) -> Tree:
    """Those of the fields that the store itself counts."""
    found: Tree = {}
    if "stand" in fields:
        found["stand"] = row["stand"].isoformat()[:19] + "Z"
    if "datensatzversion" in fields:
        found["datensatzversion"] = row["told_version"]
    return found


def _until(telling: Telling, stichtag: date) -> str:
    """The first day on which this projection may change by itself."""
    day = rules.next_day(telling.agreement, telling.ableitung, stichtag=stichtag)
    return _EVER if day is None else day.isoformat()


def _lifted(vault: Vault, digest: bytes, generation: Value) -> bytes:
    """A digest of an earlier generation of its key as the one in use has it."""
    if generation == vault.in_use("digest"):
        return digest
    for further in range(int(str(generation)) + 1, vault.in_use("digest") + 1):
        digest = vault.further("digest", further, digest)
    return digest
