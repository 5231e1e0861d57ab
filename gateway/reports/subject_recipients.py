"""Who was told what of a person, when and why: the audit trail in words, readable for the person concerned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateway.agreements.agreement import Agreement
from gateway.agreements.operation import Kind as OperationKind
from gateway.agreements.operation import Operation
from gateway.model.audited import audited
from gateway.model.structure import Node
from gateway.store.audit_entry import Kind
from gateway.store.audit_index import IndexedEntry

DISCLOSING = frozenset({Kind.OFFENLEGUNG, Kind.KOMBINATION})
"""Kinds of audit entry with which data of a person went to somebody."""

REPORTED = "auskunftErteilen"
"""The operation under which a report like this one is on the trail."""

WORDS = {
    Operation.PERSON_ABRUFEN: "Einzelabruf zu Ihrer Person",
    Operation.PERSON_SUCHEN: "Suche nach Ihrer Person",
    Operation.BESTAND_ABRUFEN: "Abruf des gesamten Bestands der Anwendung",
    Operation.AENDERUNGEN_ABRUFEN: "Mitteilung einer Änderung",
}


@dataclass(frozen=True, slots=True)
class Ground:
    """On which legal ground: the agreement's reference and version, its norms and purpose where they are known."""

    reference: str
    fassung: int | None
    norms: tuple[str, ...]
    purpose: str | None


@dataclass(frozen=True, slots=True)
class Disclosed:
    """One single query, or all deliveries in bulk of the same fields under the same terms, with first and last."""

    how: str
    first: datetime
    last: datetime
    count: int
    why: str
    ground: Ground
    field_set: int
    delivered: bool


@dataclass(frozen=True, slots=True)
class Recipient:
    """One application that was told something, or that has an identifier for the person (`kennungen`)."""

    application: str
    office: str | None
    kennungen: tuple[str, ...] = field(repr=False)
    field_sets: tuple[tuple[Node, ...], ...]
    disclosed: tuple[Disclosed, ...]

    @property
    def grounds(self) -> tuple[Ground, ...]:
        """Every ground on which this application was told something, once."""
        return tuple(dict.fromkeys(one.ground for one in self.disclosed))


def recipients(
    entries: Sequence[IndexedEntry], agreements: Sequence[Agreement], kennungen: Sequence[tuple[str, str]]
) -> tuple[Recipient, ...]:
    """Every application with what it was told, in the order of their names; `entries` oldest first.

    `agreements` are all versions there are: an entry made under one that is gone keeps its reference.
    """
    told = [entry for entry in entries if entry.kind in DISCLOSING and entry.fields]
    names = {entry.application or "" for entry in told} | {application for application, _ in kennungen}
    return tuple(_recipient(name, told, agreements, kennungen) for name in sorted(names))


def earlier_reports(entries: Sequence[IndexedEntry]) -> tuple[datetime, ...]:
    """When the person was told before what is held."""
    return tuple(one.time for one in entries if one.operation == REPORTED and one.delivered and one.outcome == "ok")


def nodes_of(bits: int) -> tuple[Node, ...]:
    """The fields behind an audit bitmap."""
    return tuple(node for index, node in audited() if bits >> index & 1)


def _recipient(
    name: str, told: Sequence[IndexedEntry], agreements: Sequence[Agreement], kennungen: Sequence[tuple[str, str]]
) -> Recipient:
    own = [entry for entry in told if (entry.application or "") == name]
    versions = [one for one in agreements if one.application == name]
    sets = {bits: number for number, bits in enumerate(dict.fromkeys(entry.fields for entry in own))}
    return Recipient(
        application=name,
        office=versions[-1].office if versions else None,
        kennungen=tuple(kennung for application, kennung in kennungen if application == name),
        field_sets=tuple(nodes_of(bits) for bits in sets),
        disclosed=tuple(_lines(own, versions, sets)),
    )


def _lines(
    entries: Sequence[IndexedEntry], versions: Sequence[Agreement], sets: Mapping[int, int]
) -> Iterator[Disclosed]:
    """Single queries one by one, bulk deliveries under the same terms as one line, in the order of their beginning."""
    groups: dict[object, list[IndexedEntry]] = {}
    for entry in entries:
        terms = (entry.operation, entry.purpose, entry.legal_basis, entry.fassung, entry.fields, entry.delivered)
        groups.setdefault(terms if _is_bulk(entry.operation) else entry.number, []).append(entry)
    for group in groups.values():
        one, version = group[0], _version(group[0], versions)
        yield Disclosed(
            how=_words(one.operation),
            first=group[0].time,
            last=group[-1].time,
            count=len(group),
            why=_why(one, version),
            ground=_ground(one, version),
            field_set=sets[one.fields] + 1,
            delivered=one.delivered,
        )


def _is_bulk(operation: str) -> bool:
    return any(one.value == operation and one.kind is OperationKind.BULK for one in Operation)


def _words(operation: str) -> str:
    return next((text for one, text in WORDS.items() if one.value == operation), operation)


def _version(entry: IndexedEntry, versions: Sequence[Agreement]) -> Agreement | None:
    fitting = (one for one in versions if (one.reference, one.version) == (entry.legal_basis, entry.fassung))
    return next(fitting, None)


def _why(entry: IndexedEntry, version: Agreement | None) -> str:
    if entry.purpose is None:
        return "nicht angegeben"
    if version is None or entry.purpose not in version.purposes:
        return f"Verwendungszweck {entry.purpose}"
    return f"{version.purposes[entry.purpose]} ({version.purpose})"


def _ground(entry: IndexedEntry, version: Agreement | None) -> Ground:
    if version is None:
        return Ground(entry.legal_basis or "nicht angegeben", entry.fassung, (), None)
    return Ground(version.reference, version.version, version.legal_bases, version.purpose)
