"""Checks of contract majors that have a successor: who still calls the old one while its end comes near."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from gateway.agreements.versions import successions
from gateway.health.finding import ANNOUNCED, Examination, Finding, State
from gateway.store.calls import calls

_WINDOW = timedelta(days=7)


def majors(e: Examination) -> Iterator[Finding]:
    """A superseded major that is still called is announced like any end; one that nobody calls may end."""
    ends, today = successions(e.versions), e.city.today(e.now)
    if not ends:
        yield Finding("majors", State.OK, "no contract major has a successor")
        return
    found = calls(e.database, e.now - _WINDOW, e.city.timezone)
    for key, end in ends.items():
        major, left = int(key.rpartition("/")[2]), (end.until - today).days
        used = found.get((end.application, major))
        count = used.number if used is not None else 0
        told = f"{count} calls in 7 days" + (f", last on {used.last}" if used is not None else "")
        text = f"major {end.major} succeeds from {end.since} on; served until {end.until} ({left} days); {told}"
        state = State.OK
        if used is not None and today >= end.since:
            state = ANNOUNCED.judge(left) if left >= 0 else State.WARNING
        remedy = "gateway contract usage; move the application to the successor, or prolong the old agreement"
        yield Finding(f"major {key}", state, text, remedy if state else "", count, "calls")
