"""What time it is by the database server, and what time it was when something was last recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa

from gateway.store import audit_tables
from gateway.store.database import Database


@dataclass(frozen=True, slots=True)
class Clocks:
    """`server` is None on SQLite, which has no clock of its own; `recorded` is None as long as nothing was."""

    server: datetime | None
    recorded: datetime | None


def clocks(database: Database) -> Clocks:
    """Both in UTC; the numbers of audit entries are UUIDv7 (RFC 9562, 5.7), which tell when. StoreError if not."""
    newest = sa.select(sa.func.max(audit_tables.entry.c.number))
    with database.read() as connection:
        server = None
        if database.dialect == "postgresql":
            server = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one().astimezone(UTC)
        number = connection.execute(newest).scalar_one()
    return Clocks(server, None if number is None else _moment(number))


def _moment(number: str) -> datetime:
    return datetime.fromtimestamp((UUID(number).int >> 80) / 1000, UTC)
