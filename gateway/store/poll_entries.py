"""What the audit trail is told of a piece of a poll: whose data came, changed, were combined or went, in which fields.

The bits are those of `audited`. What the source says beside the person counts under the field it becomes:
a block is `sperrvermerk`, a restriction `verarbeitungEingeschraenkt`, relations are `familienbeziehung`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from gateway.agreements import projection as rules
from gateway.model.audited import audited
from gateway.model.types import Tree, Value
from gateway.store import dossier as d
from gateway.store.audit import Disclosure, Entry, Kind, Personal
from gateway.store.dossier import Dossier
from gateway.store.vault import Vault

OK = "ok"
REFUSED = "quarantaene"
"""The outcome of a record that came and could not be taken."""

RECONCILED = "abgleich"
"""The purpose of what a reconciliation found to be otherwise at the source."""

_COUNTED = "datensaetze"


@dataclass(slots=True)
class Story:
    """What one transaction does with persons that have, or had, an audit id; `purpose` says why, if not by a poll."""

    vault: Vault
    purpose: str | None = None
    collected: list[Disclosure] = field(default_factory=list)
    changed: list[Disclosure] = field(default_factory=list)
    erased: list[Disclosure] = field(default_factory=list)
    combined: dict[bytes, tuple[Disclosure, ...]] = field(default_factory=dict)

    def collect(self, one: Dossier, document: Tree) -> None:
        """`one`, who has just got an audit id, is stored for the first time."""
        self.collected.append(Disclosure(self._audit_id(one), present(document)))

    def change(self, one: Dossier, document: Tree) -> None:
        """What is stored of `one` becomes `document`; to be told before it does."""
        self.changed.append(Disclosure(self._audit_id(one), differing(one.document or {}, document)))

    def erase(self, one: Dossier) -> None:
        """Everything about `one` goes; to be told before the key does. A tombstone has nothing that could go."""
        if one.key is not None:
            self.erased.append(Disclosure(self._audit_id(one), present(one.document or {})))

    def combine(self, one: Dossier, key: bytes, into: Dossier | None) -> None:
        """`one` continues under the person with that source key; who is gone in the meantime is not named.

        No field of either is touched.
        """
        if one.key is not None:
            first = (Disclosure(self._audit_id(into), 0),) if into is not None and into.key is not None else ()
            self.combined[key] = (*self.combined.get(key, first), Disclosure(self._audit_id(one), 0))

    def entries(self) -> list[Entry]:
        """One entry for each kind, and for each person that others were merged into: it comes first, if known."""
        told = [
            (Kind.LOESCHUNG, "loeschung", self.erased),
            (Kind.ERHEBUNG, "erhebung", self.collected),
            (Kind.VERAENDERUNG, "veraenderung", self.changed),
            *((Kind.KOMBINATION, "zusammenfuehrung", persons) for persons in self.combined.values()),
        ]
        return [_entry(kind, operation, persons, self.purpose) for kind, operation, persons in told if persons]

    def _audit_id(self, one: Dossier) -> str:
        return d.audit_id(one, self.vault)


def refused(persons: Sequence[Disclosure], records: int, purpose: str | None = None) -> Entry:
    """The entry of records that came and wait in quarantine; `persons` are those among them that are stored here."""
    return _entry(Kind.ERHEBUNG, "erhebung", persons, purpose, outcome=REFUSED, records=records)


def dropped(persons: Sequence[Disclosure], reason: str, clerk: str | None) -> Entry:
    """The entry of a record that somebody threw away unread from quarantine, for a reason of the closed list."""
    entry = _entry(Kind.LOESCHUNG, "quarantaeneVerwerfen", persons, outcome=REFUSED, records=1)
    return replace(entry, purpose=reason, personal=Personal(kennung=clerk) if clerk else None)


def vanished(records: int) -> Entry:
    """The entry of records that waited in quarantine, led to nobody stored here, and are at the source no more."""
    return _entry(Kind.LOESCHUNG, "loeschung", (), outcome=REFUSED, records=records)


def outdated(persons: Sequence[Disclosure], records: int) -> Entry:
    """The entry of records in quarantine that a reconciliation found no more; `persons` among them are stored here."""
    return _entry(Kind.LOESCHUNG, "loeschung", persons, RECONCILED, outcome=REFUSED, records=records)


def present(document: Tree) -> int:
    """Bit i is set if the Datensatz says something of the field of bit i."""
    return rules.field_bits(_as_person(document))


def differing(old: Tree, new: Tree) -> int:
    """Bit i is set if the two Datensätze say different things of the field of bit i."""
    before, after, paths = _as_person(old), _as_person(new), _paths()
    bits = 0
    for name in before.keys() | after.keys():
        one, other = before.get(name), after.get(name)
        if one == other:
            continue
        for bit, path in paths.get(name, ()):
            if not path or _at(one, path) != _at(other, path):
                bits |= bit
    return bits


def same(old: Tree, new: Tree) -> bool:
    """True if the source says of a person what it said before, only later."""
    return d.group(old, "person") == d.group(new, "person") and _lasting(old) == _lasting(new)


def _lasting(document: Tree) -> Tree:
    return {name: value for name, value in d.control(document).items() if name not in ("aenderungsnummer", "stand")}


def _entry(
    kind: Kind,
    operation: str,
    persons: Sequence[Disclosure],
    purpose: str | None = None,
    *,
    outcome: str = OK,
    records: int | None = None,
) -> Entry:
    counts = {_COUNTED: len(persons) if records is None else records}
    return Entry(
        kind=kind, operation=operation, outcome=outcome, purpose=purpose, persons=tuple(persons), counts=counts
    )


def _as_person(document: Tree) -> Tree:
    """The Datensatz under the names of Person."""
    control = d.control(document)
    told = {name: control[source] for name, source in _CONTROL.items() if source in control}
    if relations := [_relation(item) for item in d.items(control.get("familie"))]:
        told["familienbeziehung"] = relations
    return {**d.group(document, "person"), **told}


def _relation(item: Tree) -> Value:
    person: Tree = {name: value for name, value in item.items() if name != "art"}
    return {"art": item["art"], "person": person} if person else {"art": item["art"]}


_CONTROL = {
    "familienverbandskennung": "familienverband",
    "sperrvermerk": "auskunftssperre",
    "verarbeitungEingeschraenkt": "eingeschraenkt",
}


@cache
def _paths() -> dict[str, list[tuple[int, tuple[str, ...]]]]:
    """Top-level name -> bit and further path of every grantable item there."""
    found: dict[str, list[tuple[int, tuple[str, ...]]]] = {}
    for index, node in audited():
        name, *path = node.path.split(".")
        found.setdefault(name, []).append((1 << index, tuple(path)))
    return found


def _at(value: Value | None, path: tuple[str, ...]) -> object:
    """What stands at `path`, None if nothing; of a repeated group one value for each, up to the last that has one."""
    if isinstance(value, list):
        values = [_at(item, path) for item in value]
        while values and values[-1] is None:
            values.pop()
        return values or None
    if not path or value is None:
        return value
    return _at(value.get(path[0]), path[1:]) if isinstance(value, dict) else None
