"""How reconciliations with a source ended: when, at which of its change numbers, and how many were found by kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from gateway.store.tables import reconciliation

_KEPT = 100
"""Rows for each source: years of weeks."""


class Outcome(StrEnum):
    """How a reconciliation ended."""

    BEGUN = "begun"
    """None was done yet: the days are counted from here."""
    CLEAN = "clean"
    """Complete, and nothing differed."""
    MENDED = "mended"
    """Complete; what differed is as the source says now."""
    BRAKED = "braked"
    """More would be removed than may be without an operator: nothing was removed, everything else is mended."""
    CONTRADICTION = "contradiction"
    """The stock that was read is not the one the source counts: nothing was concluded from absence."""
    UNSETTLED = "unsettled"
    """The source changed too fast for its count to fit what was read: nothing was concluded from absence."""
    FAILED = "failed"
    """The source could not be read to the end."""

    @property
    def complete(self) -> bool:
        """Whether everything that had to be done was done."""
        return self in (Outcome.CLEAN, Outcome.MENDED)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One reconciliation; `found` counts by kind of drift, and what a brake has held back (`held`)."""

    outcome: Outcome
    finished_at: datetime
    change_number: int | None
    found: Mapping[str, int]


def note(connection: sa.Connection, source: str, one: Reconciled) -> None:
    """Afterwards this one is the last of its source; the oldest are forgotten.

    So are any of a moment still to come: a clock was wrong then, or is now. Left, it would stay the last one for as
    long, and whatever is noted meanwhile would count for nothing.
    """
    later = sa.and_(reconciliation.c.source == source, reconciliation.c.finished_at >= one.finished_at)
    connection.execute(sa.delete(reconciliation).where(later))
    row = {
        "source": source,
        "finished_at": one.finished_at,
        "change_number": one.change_number,
        "outcome": one.outcome.value,
        "found": json.dumps(dict(one.found), sort_keys=True),
    }
    connection.execute(sa.insert(reconciliation), [row])
    of_source = sa.select(reconciliation.c.finished_at).where(reconciliation.c.source == source)
    oldest = of_source.order_by(reconciliation.c.finished_at.desc()).offset(_KEPT).limit(1)
    if (last := connection.execute(oldest).scalar()) is not None:
        gone = sa.and_(reconciliation.c.source == source, reconciliation.c.finished_at <= last)
        connection.execute(sa.delete(reconciliation).where(gone))


def history(connection: sa.Connection) -> dict[str, list[Reconciled]]:
    """The reconciliations of every source, the last one first."""
    found: dict[str, list[Reconciled]] = {}
    query = sa.select(reconciliation).order_by(reconciliation.c.source, reconciliation.c.finished_at.desc())
    for row in connection.execute(query):
        one = Reconciled(Outcome(row.outcome), row.finished_at, row.change_number, json.loads(row.found))
        found.setdefault(row.source, []).append(one)
    return found
