"""How the store stands, in numbers: for health, without anything of a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gateway.agreements.synthetic import is_stream
from gateway.store import audit_tables, turns
from gateway.store.database import Database
from gateway.store.tables import REAL, epoch, feed_counter, person, poll_run, projection, quarantine


@dataclass(frozen=True, slots=True)
class Overview:
    """`stand` is the oldest moment any source was completely read as of, None if one never was.

    `persons` leaves out the one that the gateway invented to probe itself. `pending` counts open changes by feed,
    `erasures` is how many lines of the erasure ledger this database has applied.
    """

    persons: int
    stand: datetime | None
    finished_at: datetime | None
    pending: Mapping[str, int]
    audited: int
    erasures: int
    quarantined: int


def overview(database: Database) -> Overview:
    """The numbers of one consistent moment; StoreError if they cannot be read."""
    pending = sa.select(projection.c.stream, sa.func.count()).where(projection.c.number.is_not(None))
    with database.read() as connection:
        stand = turns.oldest_stand(connection)
        waiting = connection.execute(pending.group_by(projection.c.stream)).all()
        finished = connection.execute(sa.select(sa.func.min(poll_run.c.finished_at))).scalar_one()
        return Overview(
            persons=_count(connection, sa.select(sa.func.count()).where(REAL, person.c.state == "active")),
            stand=stand,
            finished_at=finished,
            pending={name: count for name, count in waiting if not is_stream(name)},
            audited=_count(connection, sa.select(sa.func.count()).select_from(audit_tables.entry)),
            erasures=_count(connection, sa.select(epoch.c.erasures)),
            quarantined=_count(connection, sa.select(sa.func.count()).select_from(quarantine)),
        )


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in one application's feed: how many changes, since when none was acknowledged, how many came since.

    `since` None: changes wait from before this was noted. `begun`: it has acknowledged something once.
    """

    pending: int
    since: datetime | None
    come: int
    begun: bool


def waiting_feeds(database: Database) -> dict[str, Waiting]:
    """Every feed that has ever had a change, but the probe's; StoreError if they cannot be read."""
    pending = sa.select(projection.c.stream, sa.func.count()).where(projection.c.number.is_not(None))
    with database.read() as connection:
        counts = {row[0]: row[1] for row in connection.execute(pending.group_by(projection.c.stream))}
        rows = connection.execute(sa.select(feed_counter).order_by(feed_counter.c.stream)).all()
    return {
        row.stream: Waiting(
            counts[row.stream],
            row.waiting_since,
            row.last - row.waiting_from if row.waiting_since else 0,
            row.acked > 0,
        )
        if row.stream in counts
        else Waiting(0, None, 0, row.acked > 0)
        for row in rows
        if row.last and not is_stream(row.stream)
    }


def _count(connection: sa.Connection, query: sa.Select[Any]) -> int:
    found: int = connection.execute(query).scalar_one()
    return found
