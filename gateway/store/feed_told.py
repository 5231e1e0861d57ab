"""What an application was told outside its feed, field by field, and what its projection is compared by.

The feed covers every field that may go out in bulk. A field for single queries only, and everything that an
application without a feed is told, is covered from the moment it was told: the projection row remembers it, with a
keyed hash of the value, so that a change, a restriction or an erasure of it is announced to exactly those who had it
(DSGVO Art. 19). It is remembered before the answer leaves, and forgotten once the application has confirmed that the
person is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

from gateway.agreements import projection as rules
from gateway.agreements.agreement import Agreement
from gateway.agreements.operation import Operation
from gateway.model.audited import audited
from gateway.model.derived import Ableitung
from gateway.model.types import Tree, Value
from gateway.store import dossier as d
from gateway.store import feed, packing
from gateway.store.vault import Vault

Told: TypeAlias = dict[int, bytes]
"""Bit of the field in the audit trail -> keyed hash of its value; GONE if it had one and has none."""

GONE = bytes(8)
_HASH = 8
_ENTRY = 2 + _HASH


def has_feed(agreement: Agreement) -> bool:
    """True if the application learns of changes by its feed; else somebody must write to it."""
    return Operation.AENDERUNGEN_ABRUFEN in agreement.operations


def bulk_fields(agreement: Agreement) -> frozenset[str]:
    """The fields a change of which is announced whether or not they were told: those that may go out in bulk."""
    return agreement.in_bulk


def tracked_fields(agreement: Agreement) -> frozenset[str]:
    """The fields of which it is remembered that they were told."""
    return agreement.single_only if has_feed(agreement) else agreement.granted


def bit(path: str) -> int:
    """The place of a field in the audit bitmap."""
    return _bits()[path]


def paths(bits: Iterable[int]) -> frozenset[str]:
    """The fields at these places."""
    return frozenset(_fields()[place] for place in bits)


def bitmap(bits: Iterable[int]) -> int:
    """The places as one number, as the audit trail writes it."""
    return sum(1 << place for place in set(bits))


def packed(told: Mapping[int, bytes]) -> bytes | None:
    """What stands in a projection row for `told`."""
    return b"".join(place.to_bytes(2, "big") + told[place] for place in sorted(told)) or None


def unpacked(content: bytes | None) -> Told:
    """What `packed` packed."""
    entries = (content[at : at + _ENTRY] for at in range(0, len(content), _ENTRY)) if content else ()
    return {int.from_bytes(entry[:2], "big"): entry[2:] for entry in entries}


def rehashed(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """What was packed, with every hash changed."""
    return packed({place: mark if mark == GONE else change(mark) for place, mark in unpacked(content).items()}) or b""


@dataclass(frozen=True, slots=True)
class Telling:
    """One person as one application may be told of it today: computed from what is needed, once."""

    vault: Vault = field(repr=False)
    agreement: Agreement
    person_id: bytes
    document: Tree = field(repr=False)
    ableitung: Ableitung = field(repr=False)
    links: rules.Links = field(repr=False)
    known: rules.Known = field(default_factory=rules.Known, repr=False)
    """Of this person, for whoever else may be told of it."""
    _parts: dict[frozenset[str], list[rules.Part]] = field(default_factory=dict, repr=False)
    _digests: dict[frozenset[str], bytes] = field(default_factory=dict, repr=False)

    def tree(self, fields: frozenset[str]) -> Tree:
        """These fields of the person, without those that the store adds."""
        return {part.name: part.value for part in self.parts(fields)}

    def parts(self, fields: frozenset[str]) -> list[rules.Part]:
        """The same in parts."""
        if fields not in self._parts:
            person = self.document, self.ableitung, self.links
            self._parts[fields] = rules.parts(self.agreement, fields, *person, self.known)
        return self._parts[fields]

    def digest(self, told: Collection[int]) -> bytes:
        """Changes exactly when something does that the feed announces to an application that was told `told`."""
        fields = bulk_fields(self.agreement)
        if told and (single := self.agreement.single_only & paths(told)):
            fields |= single
        if fields not in self._digests:
            self._digests[fields] = self._keyed(packing.joined(self.parts(fields)))
        return self._digests[fields]

    def marks(self, fields: frozenset[str]) -> Told:
        """Those of `fields` that are remembered and have a value, each with the hash of it."""
        wanted = fields & tracked_fields(self.agreement)
        tree = self.tree(wanted) if wanted else {}
        parts = ((path, _part(tree, path.split("."))) for path in wanted)
        return {bit(path): self._keyed(d.packed({path: part}), _HASH) for path, part in parts if part is not None}

    def withheld(self, told: Iterable[int]) -> set[int]:
        """Those of `told` that have no value today only because the source has restricted them (DSGVO Art. 18)."""
        fields = paths(told)
        tree = rules.project(self.agreement, fields, unrestricted(self.document), self.ableitung, self.links)
        now = self.tree(fields)
        split = {path: path.split(".") for path in fields}
        return {bit(path) for path, way in split.items() if _part(tree, way) is not None and _part(now, way) is None}

    def _keyed(self, content: bytes, size: int = 32) -> bytes:
        return self.vault.digest(f"{feed.stream(self.agreement)}/{self.person_id.hex()}", content, size)


def after_telling(before: Mapping[int, bytes], telling: Telling, fields: frozenset[str]) -> Told:
    """What was told once `fields` have been told, too: an answer also says which of them have no value any more."""
    gone = {place for place in before if not paths([place]).isdisjoint(fields)}
    return {**before, **dict.fromkeys(gone, GONE), **telling.marks(fields)}


def unrestricted(document: Tree) -> Tree:
    """The Datensatz as it would be if the source had restricted nothing."""
    control = {name: value for name, value in d.control(document).items() if name != "eingeschraenkt"}
    return document | {"steuerung": control}


@cache
def _fields() -> Mapping[int, str]:
    return {place: node.path for place, node in audited()}


@cache
def _bits() -> Mapping[str, int]:
    return {node.path: place for place, node in audited()}


def _part(value: Value, way: list[str]) -> Value | None:
    """What stands under one path, in all groups of a repeated one; None if nothing does."""
    if not way:
        return value
    if isinstance(value, list):
        parts = [part for item in value if (part := _part(item, way)) is not None]
        return parts or None
    if isinstance(value, dict) and way[0] in value:
        return _part(value[way[0]], way[1:])
    return None
