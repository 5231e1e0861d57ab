"""What ends persons outside the poll: erasure on our own duty, and restores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from gateway.agreements.agreement import Agreement
from gateway.store import dossier as d
from gateway.store import projecting
from gateway.store.audit import AuditTrail
from gateway.store.database import Database
from gateway.store.dossier import Dossier
from gateway.store.ledger import Ledger
from gateway.store.recording import drop_lone_families, entomb, erase_rows, lock_feeds, write_outcome, write_people
from gateway.store.tables import epoch, person, person_version
from gateway.store.vault import Vault

_STEP = 200


@dataclass(frozen=True, slots=True)
class Eraser:
    """Erases; the caller holds the poll lock."""

    database: Database
    vault: Vault
    ledger: Ledger
    trail: AuditTrail
    agreements: Mapping[str, Agreement]

    def erase(self, source: str, personennummer: str, *, now: datetime, stichtag: date) -> bool:
        """Afterwards nothing of the person can be read and no poll brings it back; whether there was one.

        The ledger comes first: after a crash in between, repeating the call finishes the work.
        """
        self._require_ledger()
        self.ledger.add(source, personennummer)
        key = d.source_key(self.vault, source, personennummer)
        with self.database.read() as connection:
            found = d.load_source_keys(connection, self.vault, [key])
        gone = self._entomb(found, now, stichtag) if found else 0
        with self.database.write() as connection:
            connection.execute(sa.update(epoch).values(erasures=len(self.ledger)))
        self.database.scrub()
        return gone > 0

    def after_restore(self, *, now: datetime, stichtag: date) -> int:
        """Afterwards the epoch is another (old tokens are refused) and the ledger is applied; how many were erased."""
        self._require_ledger()
        with self.database.write() as connection:
            connection.execute(sa.update(epoch).values(value=self.vault.random(16).hex(), erasures=len(self.ledger)))
        gone, after = 0, b""
        while True:
            with self.database.read() as connection:
                query = sa.select(person.c.id).where(person.c.wrapped_key.is_not(None), person.c.id > after)
                ids = connection.execute(query.order_by(person.c.id).limit(_STEP)).scalars().all()
                found = d.load_ids(connection, self.vault, ids)
            if not ids:
                break
            gone += self._entomb([one for one in found if self._erased(one)], now, stichtag)
            after = ids[-1]
        self.database.scrub()
        return gone

    def _require_ledger(self) -> None:
        with self.database.read() as connection:
            self.ledger.require(connection.execute(sa.select(epoch.c.erasures)).scalar_one())

    def _erased(self, one: Dossier) -> bool:
        number = d.control(one.document or {}).get("quellsystemPersonennummer")
        return isinstance(number, str) and self.ledger.holds(one.source, number)

    def _entomb(self, found: list[Dossier], now: datetime, stichtag: date) -> int:
        with self.database.read() as connection:
            people = {one.id: one for one in found if one.key is not None}
            front = list(people.values())
            while front:
                keys = [one.source_key for one in front]
                merged = sa.and_(person.c.merged_into.in_(keys), person.c.state == "merged")
                front = [one for one in d.load(connection, self.vault, merged) if one.id not in people]
                people |= {one.id: one for one in front}
            for one in people.values():
                entomb(one, self.vault)
            gone = list(people.values())
            world = projecting.survey(connection, self.vault, self.agreements, gone, stichtag=stichtag)
        outcome = projecting.project(world, stand={}, now=now)
        with self.database.write() as connection:
            lock_feeds(connection, outcome)
            erase_rows(connection, gone)
            write_people(connection, self.vault, gone, set())
            write_outcome(connection, outcome, now)
            drop_lone_families(connection)
        return len(gone)


def forget_versions(database: Database, before: datetime) -> int:
    """Afterwards no superseded version recorded before that moment is left; how many went. Current ones stay."""
    older = sa.exists().where(person.c.id == person_version.c.person_id, person.c.version > person_version.c.version)
    with database.write() as connection:
        gone = connection.execute(sa.delete(person_version).where(person_version.c.recorded_at < before, older))
    database.scrub()
    return gone.rowcount
