"""What is done with refused records: tried again, thrown away, told to the office, and forgotten when they vanish."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

import sqlalchemy as sa

from gateway.errors import NotFound, StoreError
from gateway.store import dossier as d
from gateway.store import poll_entries, quarantine
from gateway.store.audit import AuditTrail, Disclosure
from gateway.store.database import Database
from gateway.store.keyed import under_keys
from gateway.store.ledger import Ledger
from gateway.store.quarantine import QuarantineEntry
from gateway.store.tables import person, projection
from gateway.store.tables import quarantine as rows
from gateway.store.tenure import Tenure
from gateway.store.vault import Vault

_STEP = 500
HIDING = "person-verborgen"
"""Code of the StoreError for a record that cannot be dropped, because somebody is hidden for it."""


class DropReason(Enum):
    """Why nobody waits for a record any more; the closed list, on the audit trail for years."""

    TESTSATZ = "testsatz"
    DOPPELT = "doppelt"
    NICHT_ZUSTAENDIG = "nicht-zustaendig"
    IN_QUELLE_GELOESCHT = "in-quelle-geloescht"
    NICHT_BERICHTIGBAR = "nicht-berichtigbar"


class Outcome(Enum):
    """What became of a record that was fetched again."""

    TAKEN = "uebernommen"
    REFUSED = "weiter-abgewiesen"
    NEWER = "neuere-fassung-vorhanden"
    CHANGED = "in-quelle-geaendert"
    GONE = "in-quelle-nicht-mehr-vorhanden"
    WHOLE_LOAD = "nur-mit-vollabzug"


class Meanwhile(Enum):
    """What a refused record means as long as it waits."""

    HIDDEN = "verborgen"
    OLDER = "aeltere-fassung"
    UNTOLD = "niemandem-mitgeteilt"
    UNKNOWN = "nicht-bekannt"
    UNCLEAR = "unklar"


@dataclass(frozen=True, slots=True)
class Tried:
    """A refused record that can be fetched by its change number; `concerns` tells by a person number if it is this.

    `code` is that of its refusal.
    """

    number: str
    change_number: int
    code: str
    source_key: bytes = field(repr=False)
    concerns: Callable[[str], bool] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one refused record, with the reasons for which it is still refused."""

    number: str
    outcome: Outcome
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """One opened record that waits, and what that means for the person."""

    entry: QuarantineEntry = field(repr=False)
    meanwhile: Meanwhile


@under_keys
class Waiting:
    """The refused records of one store; what judges or forgets them takes a Tenure."""

    def __init__(
        self, database: Database, vault: Vault, ledger: Ledger, clock: Callable[[], datetime], trail: AuditTrail
    ) -> None:
        self._database = database
        self._vault = vault
        self._ledger = ledger
        self._clock = clock
        self._trail = trail

    def due(self, source: str, basis: bytes, limit: int) -> list[Tried]:
        """Records that were judged by other rules than `basis`, by change number, at most `limit`."""
        other = sa.or_(rows.c.basis.is_(None), rows.c.basis != basis)
        waits = sa.and_(rows.c.source == source, rows.c.dropped_at.is_(None), other)
        query = sa.select(rows).where(waits, rows.c.source_key.is_not(None), rows.c.change_number > 0)
        with self._database.read() as connection:
            found = connection.execute(query.order_by(rows.c.change_number).limit(limit)).mappings().all()
            opened = [quarantine.show(connection, self._vault, row["number"]) for row in found]
        return [self._tried(one) for one in opened if one is not None and self._may_be_read(one)]

    def chosen(self, source: str, numbers: Collection[str] | None) -> tuple[list[Tried], list[Fate]]:
        """The records with these numbers (None: all): those that can be fetched alone, and the fate of the others.

        NotFound if a number is none that waits: of an erased person nothing is read, and nothing is told.
        """
        with self._database.read() as connection:
            entries = [one for one in quarantine.opened(connection, self._vault) if one.source == source]
        found = {one.number: one for one in entries if self._may_be_read(one)}
        if numbers is not None:
            if not found.keys() >= set(numbers):
                raise NotFound("there is no such record in quarantine")
            found = {number: found[number] for number in numbers}
        alone = [one for one in found.values() if one.source_key is not None and (one.change_number or 0) > 0]
        single = {one.number for one in alone}
        return [self._tried(one) for one in alone], [
            Fate(one.number, Outcome.WHOLE_LOAD, one.reasons) for one in found.values() if one.number not in single
        ]

    def settle(
        self, tenure: Tenure, tried: Sequence[Tried], delivered: Collection[str], basis: bytes, *, complete: bool
    ) -> list[Fate]:
        """What became of records that were fetched again, of which those of number in `delivered` came and were judged.

        Afterwards none of them is due again by `basis`. `complete`: everything the source has, has been read. Whoever
        was erased meanwhile is not told of.
        """
        numbers = [one.number for one in tried]
        with tenure.write(self._database) as connection:
            connection.execute(sa.update(rows).where(rows.c.number.in_(numbers)).values(basis=basis))
            left = {one.number: one for one in map(_entry(connection, self._vault), numbers) if one is not None}
            stored = _stored(connection, [one.source_key for one in tried])
            newer = _waiting(connection, [one.source_key for one in tried])
        return list(_fates(tried, delivered, left, stored, newer, complete=complete))

    def forget_vanished(self, tenure: Tenure, source: str, before: datetime) -> int:
        """Afterwards no record waits that the source has not sent since `before`, if nobody is stored under its number.

        For the end of a whole load that began then. Who is stored and vanished is found by reconciliation.
        """
        kept = sa.select(person.c.source_key).where(person.c.state != "removed")
        unseen = sa.or_(rows.c.seen_at.is_(None), rows.c.seen_at < before)
        alone = sa.or_(rows.c.source_key.is_(None), rows.c.source_key.not_in(kept))
        gone = sa.and_(rows.c.source == source, rows.c.dropped_at.is_(None), unseen, alone)
        with tenure.write(self._database) as connection:
            count = connection.execute(sa.delete(rows).where(gone)).rowcount
            if count:
                self._trail.stage(connection, [poll_entries.vanished(count)])
        if count:
            self._database.scrub()
        return count

    def drop(self, number: str, reason: DropReason, clerk: str | None = None) -> None:
        """Afterwards nobody waits for the record, its content is gone, and the same bytes do not wait again.

        NotFound if no such record waits. StoreError (HIDING) if a stored person is hidden for what it says of a
        block, or may be: only a record that can be taken, or the end of the person, ends that.
        """
        with self._database.write() as connection:
            # Locked first: the poller may be about to replace it by a newer refused record of the person.
            query = sa.select(rows.c.basis).where(rows.c.number == number).with_for_update()
            judged = connection.execute(query).one_or_none()
            found = None if judged is None else quarantine.show(connection, self._vault, number)
            if judged is None or found is None or found.dropped_at is not None or not self._may_be_read(found):
                raise NotFound("there is no such record in quarantine")
            keys = [found.source_key] if found.source_key is not None else []
            if (found.hides or judged.basis is None) and _active(connection, keys):
                raise StoreError("somebody is hidden for this record, or may be: it cannot be dropped", code=HIDING)
            left = quarantine.without_content(connection, self._vault, number)
            noted = {"dropped_at": self._clock(), "dropped_for": reason.value}
            connection.execute(sa.update(rows).where(rows.c.number == number).values(**left, **noted))
            concerned = quarantine.audit_ids(connection, self._vault, keys)
            self._trail.stage(connection, [poll_entries.dropped(concerned, reason.value, clerk)])
        self._database.scrub()

    def standing(self) -> list[Standing]:
        """Every record that waits, opened, oldest first, with what that means; nobody who was erased."""
        with self._database.read() as connection:
            return [
                Standing(one.entry, one.meanwhile)
                for one in standing(connection, self._vault)
                if self._may_be_read(one.entry)
            ]

    def persons(self, told: Sequence[Standing]) -> tuple[Disclosure, ...]:
        """Those that are stored among the persons of these records, for the audit trail."""
        keys = [one.entry.source_key for one in told if one.entry.source_key is not None]
        with self._database.read() as connection:
            return quarantine.audit_ids(connection, self._vault, keys)

    def reported(self, numbers: Sequence[str]) -> None:
        """Afterwards it is noted that the office has been told of these records now."""
        now = self._clock()
        with self._database.write() as connection:
            for start in range(0, len(numbers), _STEP):
                these = rows.c.number.in_(numbers[start : start + _STEP])
                connection.execute(sa.update(rows).where(these).values(reported_at=now))

    def _may_be_read(self, one: QuarantineEntry) -> bool:
        return not self._ledger.holds_any(one.source, one.named)

    def _tried(self, one: QuarantineEntry) -> Tried:
        key, number, vault = one.source_key or b"", one.personennummer, self._vault

        def concerns(personennummer: str) -> bool:
            if number is not None:
                return personennummer == number
            return d.source_key(vault, one.source, personennummer) == key

        return Tried(one.number, one.change_number or 0, one.code, key, concerns)


def standing(connection: sa.Connection, vault: Vault) -> Iterator[Standing]:
    """Every record that waits, opened, oldest first, with what that means for the person."""
    entries = list(quarantine.opened(connection, vault))
    keys = [one.source_key for one in entries if one.source_key is not None]
    active, told = _active(connection, keys), _told(connection, keys)
    for one in entries:
        if one.source_key is None:
            meanwhile = Meanwhile.UNCLEAR
        elif one.source_key not in active:
            meanwhile = Meanwhile.UNKNOWN
        elif one.hides:
            meanwhile = Meanwhile.HIDDEN
        else:
            meanwhile = Meanwhile.OLDER if one.source_key in told else Meanwhile.UNTOLD
        yield Standing(one, meanwhile)


def _entry(connection: sa.Connection, vault: Vault) -> Callable[[str], QuarantineEntry | None]:
    return lambda number: quarantine.show(connection, vault, number)


def _fates(
    tried: Sequence[Tried],
    delivered: Collection[str],
    left: dict[str, QuarantineEntry],
    stored: dict[bytes, int],
    newer: Collection[bytes],
    *,
    complete: bool,
) -> Iterator[Fate]:
    for one in tried:
        known, still = stored.get(one.source_key, -1), left.get(one.number)
        if known > one.change_number or (still is None and one.source_key in newer):
            yield Fate(one.number, Outcome.NEWER)
        elif known == one.change_number:
            yield Fate(one.number, Outcome.TAKEN)
        elif still is not None and one.number in delivered:
            yield Fate(one.number, Outcome.REFUSED, still.reasons)
        elif still is not None:
            yield Fate(one.number, Outcome.GONE if complete else Outcome.CHANGED)


def _stored(connection: sa.Connection, keys: Sequence[bytes]) -> dict[bytes, int]:
    """The change numbers that the store has of these source keys, tombstones too."""
    found: dict[bytes, int] = {}
    for some in d.blocks(keys):
        query = sa.select(person.c.source_key, person.c.change_number).where(person.c.source_key.in_(some))
        found |= {row.source_key: row.change_number for row in connection.execute(query)}
    return found


def _waiting(connection: sa.Connection, keys: Sequence[bytes]) -> set[bytes]:
    return {
        key
        for some in d.blocks(keys)
        for key in connection.execute(sa.select(rows.c.source_key).where(rows.c.source_key.in_(some))).scalars()
    }


def _active(connection: sa.Connection, keys: Sequence[bytes]) -> set[bytes]:
    """Those of whom something is stored."""
    return {
        key
        for some in d.blocks(keys)
        for key in connection.execute(
            sa.select(person.c.source_key).where(person.c.source_key.in_(some), person.c.state == "active")
        ).scalars()
    }


def _told(connection: sa.Connection, keys: Sequence[bytes]) -> set[bytes]:
    """Those of whom some application is being told something."""
    query = sa.select(person.c.source_key).join(projection).where(projection.c.digest.is_not(None))
    return {
        key
        for some in d.blocks(keys)
        for key in connection.execute(query.where(person.c.source_key.in_(some))).scalars()
    }
