"""What goes by its row's own moment: quarantine, reports, settled notices, and remains that should not be there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from gateway.store import audit_tables
from gateway.store import quarantine as waiting
from gateway.store.database import Database
from gateway.store.ending import End
from gateway.store.expiring import Expiring, Expiry
from gateway.store.expiring_persons import PersonPass
from gateway.store.retention_tables import person_end
from gateway.store.tables import discrepancy, notice, person, person_version, quarantine

_STEP = 500


def quarantine_contents(place: Expiring, expiry: Expiry, persons: PersonPass) -> None:
    """Afterwards nothing but the note is left of records refused so long ago; each is named in the tally."""
    query = sa.select(quarantine.c.number, quarantine.c.reasons, quarantine.c.source_key).where(_waiting(expiry))
    rows = [row for row in _rows(place, query) if row.source_key not in persons.gone_keys]
    for some in _blocks(rows):
        if not place.dry:
            with place.database.write() as connection:
                # Locked: what the poller notes of them meanwhile would be overwritten by what is read now.
                these = sa.select(quarantine.c.number).where(quarantine.c.number.in_([row.number for row in some]))
                connection.execute(these.order_by(quarantine.c.number).with_for_update())
                left = [
                    {"key": row.number, **waiting.without_content(connection, place.vault, row.number)} for row in some
                ]
                connection.execute(sa.update(quarantine).where(quarantine.c.number == sa.bindparam("key")), left)
                place.tell(connection, expiry, len(some))
        place.tally.gone[expiry.name] += len(some)
        place.tally.escalated += [(row.number, tuple(json.loads(row.reasons))) for row in some]


def quarantine_notes(place: Expiring, expiry: Expiry, contents: Expiry, persons: PersonPass) -> None:
    """Afterwards not even the note is left of records refused so long ago."""
    old = sa.and_(quarantine.c.recorded_at < expiry.before, quarantine.c.recorded_at < contents.before)
    query = sa.select(quarantine.c.number, quarantine.c.source_key).where(old)
    rows = [row for row in _rows(place, query) if row.source_key not in persons.gone_keys]
    _delete(place, expiry, quarantine.c.number, [row.number for row in rows])


def discrepancies(place: Expiring, expiry: Expiry, persons: PersonPass) -> None:
    """Afterwards no report of an application received so long ago is left."""
    query = sa.select(discrepancy.c.number, discrepancy.c.person_id).where(discrepancy.c.recorded_at < expiry.before)
    rows = [row for row in _rows(place, query) if row.person_id not in persons.gone]
    _delete(place, expiry, discrepancy.c.number, [row.number for row in rows])


def deliveries(place: Expiring, expiry: Expiry) -> None:
    """Afterwards no notice settled so long ago is left; of what the feed delivered nothing outlives its quittung."""
    query = sa.select(notice.c.number).where(notice.c.settled_at < expiry.before)
    _delete(place, expiry, notice.c.number, [row.number for row in _rows(place, query)])


def remains(place: Expiring, expiry: Expiry) -> None:
    """Afterwards nobody whom the source removed has a key, and no version stands without one: a check, not a task."""
    with place.database.read() as connection:
        keyed = sa.and_(person.c.state == "removed", person.c.wrapped_key.is_not(None))
        found = set(connection.execute(sa.select(person.c.id).where(keyed)).scalars())
        lost = sa.select(person_version.c.person_id).join(person).where(person.c.wrapped_key.is_(None))
        found |= set(connection.execute(lost).scalars())
    for some in _blocks(sorted(found)):
        if not place.dry:
            with place.lock() as tenure, tenure.write(place.database) as connection:
                gone = sa.update(person).where(person.c.id.in_(some), person.c.state == "removed")
                connection.execute(gone.values(wrapped_key=None, ring_key_id=None, audit_cipher=None))
                connection.execute(sa.delete(person_version).where(person_version.c.person_id.in_(some)))
                place.tell(connection, expiry, len(some))
        place.tally.gone[expiry.name] += len(some)


@dataclass(frozen=True, slots=True)
class Overdue:
    """What is still there of what should be gone, as far as it can be told without opening anyone."""

    persons: int
    others: int


def overdue(
    database: Database, *, ends: Mapping[End, Sequence[Expiry]], quarantined: Expiry, reported: Expiry, texts: Expiry
) -> Overdue:
    """How much is older than its rule allows; of several rules for one kind of end that which takes last counts."""
    old = [_waiting(quarantined), discrepancy.c.recorded_at < reported.before, _readable(texts)]
    with database.read() as connection:
        persons = 0
        for end, rules in ends.items():
            before = min(rule.before for rule in rules)
            persons += _count(connection, sa.and_(person_end.c.kind == end.value, person_end.c.since < before))
        return Overdue(persons, sum(_count(connection, where) for where in old))


def _waiting(expiry: Expiry) -> sa.ColumnElement[bool]:
    return sa.and_(quarantine.c.recorded_at < expiry.before, quarantine.c.emptied.is_(False))


def _readable(expiry: Expiry) -> sa.ColumnElement[bool]:
    """Months of personal texts that are over on the last day due, and have their key still."""
    following = date.fromordinal(expiry.last.toordinal() + 1).strftime("%Y-%m")
    return sa.and_(audit_tables.segment.c.month < following, audit_tables.segment.c.wrapped.is_not(None))


def _count(connection: sa.Connection, where: sa.ColumnElement[bool]) -> int:
    found: int = connection.execute(sa.select(sa.func.count()).where(where)).scalar_one()
    return found


def _rows(place: Expiring, query: sa.Select[Any]) -> list[Any]:
    with place.database.read() as connection:
        return list(connection.execute(query).all())


def _delete(place: Expiring, expiry: Expiry, column: sa.Column[Any], numbers: list[str]) -> None:
    for some in _blocks(numbers):
        if not place.dry:
            with place.database.write() as connection:
                connection.execute(sa.delete(column.table).where(column.in_(some)))
                place.tell(connection, expiry, len(some))
        place.tally.gone[expiry.name] += len(some)


def _blocks(items: list[Any]) -> Iterator[list[Any]]:
    return (items[start : start + _STEP] for start in range(0, len(items), _STEP))
