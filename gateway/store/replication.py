"""Whether what is confirmed as durable would survive the loss of the machine: who waits for which standbys."""

from __future__ import annotations

import re
from dataclasses import dataclass

import sqlalchemy as sa

from gateway.errors import StoreError
from gateway.store.database import Database

_COPYING = frozenset({"pg_basebackup", "pg_receivewal"})
"""Programs of PostgreSQL that read the log and can never take over."""


@dataclass(frozen=True, slots=True)
class Standby:
    """One connected standby; `sync` as PostgreSQL has it: async, potential, sync or quorum."""

    name: str
    state: str
    sync: str
    behind_bytes: int
    behind_seconds: float

    @property
    def counts(self) -> bool:
        """Whether commits may wait for this one."""
        return self.state == "streaming" and self.sync != "async"


@dataclass(frozen=True, slots=True)
class Replication:
    """A server as it says of itself: `connected` standbys and copying programs, whom the role may see in detail or not.

    `read_only`: it is itself a standby. `needed`: so many standbys must have a commit before it is confirmed.
    """

    read_only: bool
    needed: int
    connected: int
    standbys: tuple[Standby, ...] | None


def replication(database: Database) -> Replication | None:
    """How the server behind `database` is replicated now; None on SQLite."""
    if database.dialect != "postgresql":
        return None
    with database.read() as connection:
        read_only, names = connection.execute(_SELF).one()
        if read_only:
            return Replication(True, 0, 0, None)
        rows = connection.execute(_STANDBYS).all()
    seen = all(row.state is not None for row in rows)
    others = [row for row in rows if not seen or row.name not in _COPYING]
    standbys = tuple(
        Standby(row.name, row.state, row.sync, int(row.behind or 0), float(row.seconds or 0)) for row in others if seen
    )
    return Replication(False, needed(names), len(others), standbys if seen else None)


def require_replicated(database: Database, standbys: int) -> None:
    """StoreError if the server is a standby itself, or if standbys are agreed and it waits for none of them.

    How many are connected is not asked: they come and go, and without enough of them no commit is confirmed.
    """
    found = replication(database)
    if found is None:
        return
    if found.read_only:
        raise StoreError("this server is a standby: it can only be read")
    if standbys and not found.needed:
        raise StoreError(
            "synchronous_standby_names is empty although there are standbys: audit entries of answers already sent "
            "would be lost with the primary"
        )


def needed(names: str) -> int:
    """How many standbys `synchronous_standby_names` waits for: `ANY 1 (a, b)`, `FIRST 2 (a, b)`, `2 (a, b)`, `a, b`."""
    if not names.strip():
        return 0
    counted = re.match(r"\s*(?:(?:ANY|FIRST)\s+)?([0-9]+)\s*\(", names, re.IGNORECASE)
    return int(counted[1]) if counted else 1


_SELF = sa.text("SELECT pg_is_in_recovery(), current_setting('synchronous_standby_names')")
# Who is neither superuser nor member of pg_monitor sees a row for each, and NULL in it.
_STANDBYS = sa.text("""
    SELECT application_name AS name, state, sync_state AS sync,
        pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn) AS behind, extract(epoch FROM flush_lag) AS seconds
    FROM pg_stat_replication ORDER BY application_name
""")
