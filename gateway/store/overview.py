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
from gateway.store.tables import REAL, epoch, person, poll_run, projection, quarantine


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


def _count(connection: sa.Connection, query: sa.Select[Any]) -> int:
    found: int = connection.execute(query).scalar_one()
    return found
