"""Deletion by time as the store sees it: what a rule takes today, how much went, and when a run was last complete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa

from gateway.agreements.agreement import Agreement
from gateway.store.audit import AuditTrail, Disclosure, Entry, Kind
from gateway.store.database import Database
from gateway.store.retention_tables import retention_run
from gateway.store.tenure import Tenure
from gateway.store.vault import Vault

OPERATION = "fristLoeschen"
"""The operation of the audit entries that tell of deletions by time."""
_RUN = "loeschlauf"


@dataclass(frozen=True, slots=True)
class Expiry:
    """One rule as of one moment: due is what began before `before`, or happened on `last` or earlier.

    `name` is the kind of data and `norm` the reason, as they are to stand in the audit trail.
    """

    name: str
    norm: str
    before: datetime
    last: date


@dataclass(slots=True)
class Tally:
    """What went, and what was due but held back, by kind of data; `escalated` are quarantine numbers with reasons."""

    gone: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    escalated: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Expiring:
    """Where deletion by time happens: the store's parts, the day, and the way to the poll lock.

    With `dry` nothing is written and no lock is taken; the same is counted. `agreements` go by stream. The wait for
    `lock` is the caller's; it is asked for anew for each step, so that no poll waits longer than for one.
    """

    database: Database
    vault: Vault
    trail: AuditTrail
    agreements: Mapping[str, Agreement]
    now: datetime
    stichtag: date
    dry: bool
    lock: Callable[[], AbstractContextManager[Tenure]]
    tally: Tally = field(default_factory=Tally)

    def tell(self, connection: sa.Connection, expiry: Expiry, count: int, persons: Sequence[str] = ()) -> None:
        """Stages the entry of one step; to be called last in its transaction."""
        entry = Entry(
            kind=Kind.LOESCHUNG,
            operation=OPERATION,
            outcome="geloescht",
            legal_basis=expiry.norm,
            counts={expiry.name: count},
            persons=tuple(Disclosure(person, 0) for person in persons),
        )
        self.trail.stage(connection, [entry])

    def finish(self) -> None:
        """Afterwards this run counts as complete, an entry says so, and no erased page stands in the log of SQLite."""
        if self.dry:
            return
        row = {"id": 1, "finished_at": self.now, "held": sum(self.tally.held.values())}
        counts = {name: number for name, number in self.tally.gone.items() if number}
        entry = Entry(kind=Kind.BETRIEB, operation=_RUN, outcome="vollstaendig", counts=counts)
        with self.database.write() as connection:
            connection.execute(sa.delete(retention_run))
            connection.execute(sa.insert(retention_run), [row])
            self.trail.stage(connection, [entry])
        self.database.scrub()


@dataclass(frozen=True, slots=True)
class LastRun:
    """When the rules were last applied completely, and how many persons were held back then."""

    finished_at: datetime
    held: int


def last_run(database: Database) -> LastRun | None:
    """The last complete run; None before the first."""
    with database.read() as connection:
        row = connection.execute(sa.select(retention_run)).one_or_none()
    return None if row is None else LastRun(row.finished_at, row.held)
