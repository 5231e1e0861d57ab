"""Holds what a source says at one moment against what is stored: who differs, who is missing there, what is left over.

A person number is remembered as its keyed hash, nothing else of a record is kept: a sweep over a whole stock needs
some hundred bytes a person. What a sweep finds is written by the ordinary intake, as a mending batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from gateway.agreements.agreement import Agreement
from gateway.errors import StoreError
from gateway.store import dossier as d
from gateway.store import feed, poll_entries
from gateway.store import quarantine as waiting
from gateway.store.audit import AuditTrail
from gateway.store.batch import Batch, Change, Quarantined, Upsert, Withholding
from gateway.store.database import Database
from gateway.store.dossier import Dossier
from gateway.store.ingest import numbers_of, storable
from gateway.store.keyed import under_keys
from gateway.store.ledger import Ledger
from gateway.store.tables import person, quarantine
from gateway.store.tenure import Tenure
from gateway.store.vault import Vault

KEYS_MOVED = "schluessel-gewechselt"
_STEP = 5000


class Drift(StrEnum):
    """In which way the store and the source differed."""

    VANISHED = "vanished"
    """Stored here, no longer there, and no tombstone was ever delivered."""
    ENDED = "ended"
    """Stored here, removed or merged there; the record that says so was never delivered."""
    REVIVED = "revived"
    """Removed or merged here, living there."""
    MISSED = "missed"
    """A person or a change there that was never delivered."""
    CHANGED = "changed"
    """Another content there under the same change number, or under an older one."""
    REFUSED = "refused"
    """A record there that cannot be taken and was not in quarantine."""
    OUTDATED = "outdated"
    """A record in quarantine that is no longer there."""


@dataclass(frozen=True, slots=True)
class Absent:
    """A stored person of whom the sweep saw nothing; `change_number` is what is stored."""

    personennummer: str = field(repr=False)
    change_number: int


@under_keys
class Comparison:
    """One sweep over the stock of `source` at its change number `at`; the caller holds the poll lock throughout.

    `known` is the number up to which all changes had been read when the sweep began: what is newer is no drift.
    `found` counts what was found. StoreError (`schluessel-gewechselt`) if the index key changes in the middle.
    """

    def __init__(
        self, database: Database, vault: Vault, ledger: Ledger, trail: AuditTrail, *, source: str, at: int, known: int
    ) -> None:
        self.found = Counter[Drift]()
        self._database = database
        self._vault = vault
        self._ledger = ledger
        self._trail = trail
        self._source = source
        self._at = at
        self._known = known
        self._generation: int | None = None
        self._seen: set[bytes] = set()
        self._refused: set[bytes] = set()
        self._refused_forms: set[bytes] = set()

    def differing(self, batch: Batch, agreements: Mapping[str, Agreement], *, now: datetime) -> Batch:
        """Of a judged page of the sweep what the store must still be told, as a mending batch; perhaps nothing."""
        streams = feed.streams(agreements.values())
        upserts = [change for change in batch.changes if isinstance(change, Upsert)]
        numbers = {one.personennummer for one in upserts}
        numbers |= {one.personennummer for one in batch.quarantined if one.personennummer is not None}
        with self._database.read() as connection:
            self._require_same_keys()
            keys = {number: d.source_key(self._vault, self._source, number) for number in numbers}
            known = {one.source_key: one for one in d.load_source_keys(connection, self._vault, keys.values())}
        self._seen.update(keys.values())
        changes: list[Change] = []
        for change in upserts:
            drift = self._drift(known.get(keys[change.personennummer]), change, streams, now)
            if drift is not None and not self._ledger.holds_any(self._source, numbers_of(change)):
                self.found[drift] += 1
                changes.append(change)
        refused = [one for one in batch.quarantined if self._concerns(one, known, keys)]
        hidden = {one.personennummer for one in refused}
        changes += [one for one in batch.changes if isinstance(one, Withholding) and one.personennummer in hidden]
        for one in batch.quarantined:
            self._refused_forms.add(one.sha256)
            if one.personennummer is not None:
                self._refused.add(keys[one.personennummer])
        return Batch(self._source, tuple(changes), tuple(refused), None, mending=True)

    def absent(self) -> list[Absent]:
        """Stored persons, told by then, whom no page of the sweep named; to be asked once the sweep is complete."""
        found, after = [], b""
        query = sa.select(person.c.id, person.c.source_key).where(
            person.c.source == self._source, person.c.state == "active", person.c.change_number <= self._at
        )
        while True:
            with self._database.read() as connection:
                self._require_same_keys()
                here = query.where(person.c.id > after).order_by(person.c.id).limit(_STEP)
                rows = connection.execute(here).all()
                missing = [row.id for row in rows if row.source_key not in self._seen]
                found += [_absent(one) for one in d.load_ids(connection, self._vault, missing)]
            if not rows:
                return found
            after = rows[-1].id

    def unmoved(self, absent: Sequence[Absent]) -> list[Absent]:
        """Those of `absent` of whom nothing has been stored since."""
        keys = {d.source_key(self._vault, self._source, one.personennummer): one for one in absent}
        found = []
        with self._database.read() as connection:
            self._require_same_keys()
            for some in d.blocks(keys):
                query = sa.select(person.c.source_key, person.c.change_number)
                here = query.where(person.c.source_key.in_(some), person.c.state == "active")
                rows = connection.execute(here).all()
                found += [
                    keys[row.source_key] for row in rows if row.change_number == keys[row.source_key].change_number
                ]
        return found

    def keep(self, spoken_of: Iterable[Absent]) -> None:
        """The changes still speak of these: what waits of them in quarantine is not outdated."""
        with self._database.read():
            self._require_same_keys()
            numbers = [one.personennummer for one in spoken_of]
            self._refused.update(d.source_key(self._vault, self._source, number) for number in numbers)

    def outdated(self) -> list[str]:
        """Numbers of refused records, told by then, that the source no longer has in a form that cannot be taken."""
        older = sa.or_(quarantine.c.change_number.is_(None), quarantine.c.change_number <= self._at)
        columns = (quarantine.c.number, quarantine.c.source_key, quarantine.c.sha256)
        with self._database.read() as connection:
            self._require_same_keys()
            rows = connection.execute(sa.select(*columns).where(self._waits(), older)).all()
        return [row.number for row in rows if not self._still_refused(row.source_key, row.sha256)]

    def drop(self, tenure: Tenure, numbers: Sequence[str]) -> None:
        """Afterwards these refused records no longer wait, and the trail says so."""
        for start in range(0, len(numbers), _STEP):
            some = quarantine.c.number.in_(numbers[start : start + _STEP])
            with tenure.write(self._database) as connection:
                gone = sa.delete(quarantine).where(some).returning(quarantine.c.source_key)
                keys = connection.execute(gone).scalars().all()
                concerned = waiting.audit_ids(connection, self._vault, [key for key in keys if key is not None])
                self._trail.stage(connection, [poll_entries.outdated(concerned, len(keys))])
            self.found[Drift.OUTDATED] += len(keys)
        if numbers:
            self._database.scrub()

    def stock(self) -> int:
        """How many persons and refused records of the source are stored."""
        active = sa.select(sa.func.count()).where(person.c.source == self._source, person.c.state == "active")
        refused = sa.select(sa.func.count()).where(self._waits())
        with self._database.read() as connection:
            return sum(int(connection.execute(query).scalar_one()) for query in (active, refused))

    def _drift(
        self, one: Dossier | None, change: Upsert, streams: Mapping[str, Agreement], now: datetime
    ) -> Drift | None:
        """In which way what is stored differs from this record of the sweep; None if it does not, or may."""
        number = change.aenderungsnummer
        if number > self._known or (one is not None and one.change_number > self._at):
            return None
        if one is None:
            return Drift.MISSED
        if one.state == "merged":
            return Drift.REVIVED
        if not one.active:
            # Under its own number a tombstone is one of ours: deleted by time, not by the source.
            return None if one.change_number == number else Drift.REVIVED
        if number > one.change_number:
            return Drift.MISSED
        told, stored = (storable(streams, document, now) for document in (change.tree, one.document or {}))
        alike = number == one.change_number and poll_entries.same(stored, told)
        return None if alike else Drift.CHANGED

    def _concerns(self, one: Quarantined, known: Mapping[bytes, Dossier], keys: Mapping[str, bytes]) -> bool:
        """Whether a refused record of the sweep may be news: not if it, or what is stored, is newer than the sweep."""
        if one.personennummer is None:
            return True
        stored = known.get(keys[one.personennummer])
        if stored is not None and stored.change_number > self._at:
            return False
        return one.aenderungsnummer is None or one.aenderungsnummer <= self._known

    def _waits(self) -> sa.ColumnElement[bool]:
        return sa.and_(quarantine.c.source == self._source, quarantine.c.dropped_at.is_(None))

    def _still_refused(self, key: bytes | None, form: bytes) -> bool:
        return form in self._refused_forms if key is None else key in self._refused

    def _require_same_keys(self) -> None:
        generation = self._vault.in_use("index")
        if self._generation is None:
            self._generation = generation
        if self._generation != generation:
            raise StoreError("the index key has changed during a reconciliation: repeat it", code=KEYS_MOVED)


def _absent(one: Dossier) -> Absent:
    number = d.control(one.document or {}).get("quellsystemPersonennummer")
    if not isinstance(number, str):
        raise StoreError("a stored record names no person")
    return Absent(number, one.change_number)
