"""What ends persons outside the poll: erasure on our own duty (DSGVO Art. 17), and restores.

A person is all its records: those merged into one another, and those that only hold alias particulars of it. With the
wrapped data key every version, the audit identifier and every sealed text becomes unreadable; indexes, relations,
reports and refused records go as rows. What is left is a tombstone without a name, and an application's own
identifier until the application has confirmed that the person is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from gateway.agreements.agreement import Agreement
from gateway.errors import StoreError
from gateway.model.types import Tree
from gateway.store import dossier as d
from gateway.store import feed_rows, poll_entries, projecting, subject_search
from gateway.store import quarantine as waiting
from gateway.store.audit import AuditTrail, Disclosure, Entry, Kind
from gateway.store.database import Database
from gateway.store.dossier import Dossier
from gateway.store.ledger import Ledger
from gateway.store.recording import bury, entomb, lock_feeds
from gateway.store.tables import epoch, feed_counter, person, person_version, quarantine
from gateway.store.tenure import Tenure
from gateway.store.vault import Vault

OPERATION = "personLoeschen"
"""The name under which erasures stand in the audit trail."""

RESTORE = "datenbankWiederherstellen"
"""The name under which the end of a restore stands there."""

_STEP = 200


@dataclass(frozen=True, slots=True)
class Eraser:
    """Erases, under a tenure."""

    database: Database
    vault: Vault
    ledger: Ledger
    trail: AuditTrail
    agreements: Mapping[str, Agreement]

    def erase(self, tenure: Tenure, source: str, personennummer: str, *, now: datetime, stichtag: date) -> bool:
        """Afterwards nothing of the person can be read and no poll brings it back; whether there was anything.

        The ledger comes first, the database second, its write-ahead log last: after a crash anywhere in between,
        repeating the call finishes the work. StoreError if the log cannot be emptied because somebody reads.
        """
        self._require_ledger()
        broken_off = self._behind()
        with self.database.read() as connection:
            keys = subject_search.keys_of_person(connection, self.vault, source, personennummer)
            found = d.load_source_keys(connection, self.vault, keys)
        self.ledger.add(source, *sorted({personennummer, *_numbers(found)}))
        refused = self._refused([d.source_key(self.vault, source, personennummer)])
        gone = self._entomb(tenure, found, refused, "ok", now, stichtag, complete=not broken_off)
        if broken_off:  # an erasure before this one, perhaps of somebody else
            self._apply_ledger(tenure, now, stichtag)
        self._scrub()
        return gone > 0

    def is_known(self, source: str, personennummer: str) -> bool:
        """True if this person number stands, or once stood, in the store, in quarantine or in the ledger."""
        key = d.source_key(self.vault, source, personennummer)
        queries = (
            sa.select(person.c.id).where(person.c.source_key == key),
            sa.select(quarantine.c.number).where(quarantine.c.source_key == key),
        )
        with self.database.read() as connection:
            stored = any(connection.execute(query).first() is not None for query in queries)
        return stored or self.ledger.holds(source, personennummer)

    def after_restore(self, tenure: Tenure, anchored: Callable[[], object], *, now: datetime, stichtag: date) -> int:
        """Afterwards the epoch is another (old tokens are refused) and the ledger is applied; how many were erased.

        `anchored` is called in between: the anchor must say from where the trail goes on before anything is added
        to it. Broken off anywhere, no other process is let in (`continuity`) before this has been repeated.
        """
        self._require_ledger()
        self.trail.begin_anew()
        with tenure.write(self.database) as connection:
            connection.execute(sa.update(epoch).values(value=self.vault.random(16).hex(), restoring=True))
            feed_rows.lock(connection, self.agreements)  # also those who came only after the backup
            connection.execute(sa.update(feed_counter).values(anew=True))
        anchored()
        gone = self._apply_ledger(tenure, now, stichtag)
        with tenure.write(self.database) as connection:
            connection.execute(sa.update(epoch).values(restoring=False))
            counts = {"datensaetze": gone}
            self.trail.stage(connection, [Entry(kind=Kind.BETRIEB, operation=RESTORE, outcome="ok", counts=counts)])
        return gone

    def finish(self, tenure: Tenure, *, now: datetime, stichtag: date) -> int:
        """Afterwards the ledger is applied, if an erasure broke off before it reached the database; how many went."""
        return self._apply_ledger(tenure, now, stichtag) if self._behind() else 0

    def require_finished(self) -> None:
        """StoreError if the ledger knows of erasures that the database does not: nobody may be served before."""
        self._require_ledger()
        if self._behind():
            raise StoreError("an erasure is not finished: poll once, or repeat the command", code="loeschung-offen")

    def _behind(self) -> bool:
        with self.database.read() as connection:
            done: int = connection.execute(sa.select(epoch.c.erasures)).scalar_one()
        return done < len(self.ledger)

    def _apply_ledger(self, tenure: Tenure, now: datetime, stichtag: date) -> int:
        gone, after = 0, b""
        while True:
            with self.database.read() as connection:
                query = sa.select(person.c.id).where(person.c.wrapped_key.is_not(None), person.c.id > after)
                ids = connection.execute(query.order_by(person.c.id).limit(_STEP)).scalars().all()
                found = d.load_ids(connection, self.vault, ids)
            if not ids:
                break
            if erased := [one for one in found if self._erased(one.source, one.document)]:
                gone += self._entomb(tenure, erased, [], "verzeichnis", now, stichtag, complete=False)
            after = ids[-1]
        self._entomb(tenure, [], self._refused(), "verzeichnis", now, stichtag, complete=True)
        self._scrub()
        return gone

    def _require_ledger(self) -> None:
        with self.database.read() as connection:
            self.ledger.require(connection.execute(sa.select(epoch.c.erasures)).scalar_one())

    def _erased(self, source: str, document: Tree | None) -> bool:
        return self.ledger.holds_any(source, named_by(document))

    def _refused(self, keys: Sequence[bytes] = ()) -> list[str]:
        """The refused records that are about somebody in the ledger, or have one of these source keys."""
        with self.database.read() as connection:
            lone = sa.select(quarantine.c.number).where(quarantine.c.source_key.in_(keys))
            found = list(connection.execute(lone).scalars())
            opened = list(waiting.opened(connection, self.vault))
        return found + [one.number for one in opened if self.ledger.holds_any(one.source, one.named)]

    def _entomb(
        self,
        tenure: Tenure,
        found: Sequence[Dossier],
        refused: Sequence[str],
        outcome: str,
        now: datetime,
        stichtag: date,
        *,
        complete: bool,
    ) -> int:
        """One transaction: keys, rows, feeds, the trail's word on it; if `complete`, that the ledger is applied."""
        with self.database.read() as connection:
            gone = self._with_merged(connection, found)
            told = tuple(self._disclosure(one) for one in gone)
            for one in gone:
                entomb(one, self.vault)
            world = projecting.survey(connection, self.vault, self.agreements, gone, stichtag=stichtag)
        result = projecting.project(world, stand={}, now=now)
        with tenure.write(self.database) as connection:
            counters = lock_feeds(connection, result)
            dropped = connection.execute(sa.delete(quarantine).where(quarantine.c.number.in_(refused))).rowcount
            bury(connection, gone, result, now, counters)
            if complete:
                connection.execute(sa.update(epoch).values(erasures=len(self.ledger)))
            if gone or dropped:
                counts = {"datensaetze": len(gone), "quarantaene": dropped}
                self.trail.stage(connection, [_entry(told, counts, outcome)])
        return len(gone) + dropped

    def _with_merged(self, connection: sa.Connection, found: Iterable[Dossier]) -> list[Dossier]:
        """Those of `found` that have a key, and all that was merged into them."""
        people = {one.id: one for one in found if one.key is not None}
        front = list(people.values())
        while front:
            merged = sa.and_(person.c.merged_into.in_([one.source_key for one in front]), person.c.state == "merged")
            front = [one for one in d.load(connection, self.vault, merged) if one.id not in people and one.key]
            people |= {one.id: one for one in front}
        return list(people.values())

    def _disclosure(self, one: Dossier) -> Disclosure:
        audit_id = d.audit_id(one, self.vault)
        return Disclosure(audit_id, poll_entries.present(one.document or {}))

    def _scrub(self) -> None:
        if not self.database.scrub():
            raise StoreError(
                "erased, but a reader keeps the write-ahead log: repeat the command", code="protokoll-nicht-leer"
            )


def named_by(document: Tree | None) -> list[str]:
    """The person numbers that a Datensatz is about: its own, and that of the person it is an alias of."""
    control = d.control(document or {})
    numbers = (control.get(name) for name in ("quellsystemPersonennummer", "hauptdatensatz"))
    return [number for number in numbers if isinstance(number, str)]


def forget_versions(tenure: Tenure, database: Database, before: datetime) -> int:
    """Afterwards no superseded version recorded before that moment is left; how many went. Current ones stay."""
    older = sa.exists().where(person.c.id == person_version.c.person_id, person.c.version > person_version.c.version)
    with tenure.write(database) as connection:
        gone = connection.execute(sa.delete(person_version).where(person_version.c.recorded_at < before, older))
    database.scrub()
    return gone.rowcount


def _numbers(found: Iterable[Dossier]) -> set[str]:
    """The own person numbers of these records."""
    numbers = (d.control(one.document or {}).get("quellsystemPersonennummer") for one in found)
    return {number for number in numbers if isinstance(number, str)}


def _entry(told: tuple[Disclosure, ...], counts: Mapping[str, int], outcome: str) -> Entry:
    return Entry(
        kind=Kind.LOESCHUNG,
        operation=OPERATION,
        outcome=outcome,
        legal_basis="DSGVO Art. 17 Abs. 1",
        persons=told,
        counts=dict(counts),
    )
