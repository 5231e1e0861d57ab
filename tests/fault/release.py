"""Releases a table with every step watched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from uuid import UUID

from gateway import shipped
from gateway.app import build
from gateway.errors import StatisticError
from gateway.model.statistic import Counted, Period, Published, Subject
from gateway.settings import load
from gateway.statistics import releasing
from gateway.statistics.definition import Audience, Rule, load_definitions
from gateway.statistics.running import Run
from gateway.store.audit import Personal
from tests.fault.crash import COMMIT, Step, Trap

RELEASE = (
    Step("release-draft", "gateway.statistics.releasing:draft"),
    Step("release-keep", "gateway.store.released_draft:keep"),
    Step("release-read", "gateway.store.released:read"),
    Step("release-find", "gateway.statistics.releasing:find"),
    Step("release-tell", "gateway.store.audit:AuditTrail.stage"),
    Step("release-append", "gateway.store.released:_append"),
    Step("release", "gateway.store.released:release"),
    Step("release-drop", "gateway.store.released_draft:drop"),
    Step("release-anchor", "gateway.store.audit:AuditTrail.checkpoint"),
)
"""The steps of a release in their order; those that enclose others come where they end."""


def release(settings: Path, day: date, trap: Trap) -> None:
    """The table of that day is released, or was before."""
    report = load_definitions(shipped.schemas())["bestand"]
    subject = Subject(report.population, Period(day, day))
    with build(load(settings)) as app:
        trap.install((*RELEASE, *COMMIT))
        run = Run(report, Counted(subject, report.dimensions, {}, 0), app.rules.clock(), str(UUID(int=0)))
        house = {"database": app.database, "audit": app.audit, "safety": _SAFETY, "now": app.rules.clock}
        try:
            one = releasing.draft(run, Audience.RAT, clerk=Personal(kennung="sb1"), **house)
            releasing.release(
                one.digest,
                definitions={report.name: report},
                approvals=lambda _: (),
                clerk=Personal(kennung="sb2"),
                **house,
            )
        except StatisticError as error:
            if "withdraw it first" not in str(error):
                raise
        app.audit.checkpoint()


def _total(counted: Counted, _rule: Rule, _audience: Audience, _earlier: Sequence[releasing.Earlier]) -> Published:
    return Published(counted.subject, counted.dimensions, {(): {(): 0}})


_SAFETY = releasing.Safety(_total, lambda *_: None)
