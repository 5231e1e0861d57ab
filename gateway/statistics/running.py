"""One run of a report: on the audit trail before the first person is read, counted, and found to be complete."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from gateway.agreements.city import City
from gateway.errors import StatisticError
from gateway.model.statistic import Counted, Period
from gateway.statistics.counting import Town, count, period_of
from gateway.statistics.definition import Definition
from gateway.store.audit import AuditTrail, Entry, Kind, Personal, Receipt
from gateway.store.persons import Store
from gateway.store.progress import Progress, silent
from gateway.store.standing import Life

OPERATION: Final = "statistikErstellen"
"""The name under which runs stand in the audit trail."""

_MOVED: Final = "bestand-bewegt"


@dataclass(frozen=True)
class Run:
    """A report that was counted. `known` is the moment as of which the stock was known, `number` the audit entry's."""

    definition: Definition
    counted: Counted = field(repr=False)
    known: datetime
    number: str


def run(
    definition: Definition,
    day: date,
    *,
    store: Store,
    audit: AuditTrail,
    city: City,
    now: datetime,
    known: datetime | None = None,
    clerk: str | None = None,
    progress: Progress = silent,
) -> Run:
    """The exact numbers for the period that `day` is in, as known at `known`, else now.

    StatisticError for a period that is not over, for a moment of knowledge before its end or to come, and if persons
    went while they were counted: then nothing is said, and repeating helps. AuditError before anything is read.
    """
    period, known = period_of(definition.span, day), known or now
    _require_past(period, known, city, now)
    receipt = audit.record(_entry(definition, period, clerk))
    counted = None
    try:
        counted = _counted(definition, period, store, city, known, progress)
    finally:
        if counted is None:
            audit.undelivered(receipt)
    return _run(definition, counted, known, receipt)


def _require_past(period: Period, known: datetime, city: City, now: datetime) -> None:
    if city.today(now) < period.last:
        raise StatisticError(f"the period ends on {period.last}, which is still to come")
    if known > now:
        raise StatisticError("nobody knows yet what will be known")
    if city.today(known) < period.last:
        raise StatisticError("what was known before the end of the period says nothing of it")


def _counted(
    definition: Definition, period: Period, store: Store, city: City, known: datetime, progress: Progress
) -> Counted:
    total = store.count_standing(known)

    def lives(what: str) -> Iterator[Life]:
        def told(_what: str, done: int, whole: int | None) -> None:
            progress(what, done, whole)

        return store.standing(known, total=total, progress=told)

    counted = count(definition, period, lives, Town(city.ags, city.timezone))
    if not counted.read == total == store.count_standing(known):
        raise StatisticError("persons came or went while they were counted: repeat", code=_MOVED)
    return counted


def _entry(definition: Definition, period: Period, clerk: str | None) -> Entry:
    days = {"von": period.first, "bis": period.last}
    return Entry(
        kind=Kind.ABFRAGE,
        operation=OPERATION,
        outcome="ok",
        purpose=definition.name,
        legal_basis="; ".join(definition.legal_bases)[:500],
        fassung=definition.version,
        request_digest=bytes.fromhex(definition.digest),
        counts={name: int(day.strftime("%Y%m%d")) for name, day in days.items()},
        personal=None if clerk is None else Personal(kennung=clerk),
    )


def _run(definition: Definition, counted: Counted, known: datetime, receipt: Receipt) -> Run:
    return Run(definition, counted, known, receipt.number)
