"""What health says of clocks, and of how requests ended."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from gateway.app import build
from gateway.health import CHECKS, Finding, State
from gateway.health.finding import Examination
from gateway.store.audit import Entry, Kind
from tests.unit.exchange.house import message
from tests.unit.place import NOW, Place


def looked(place: Place, check: str, at: datetime = NOW, **health: int) -> list[Finding]:
    told = place.settings
    examination = Examination(told.model_copy(update={"health": told.health.model_copy(update=health)}), at)
    try:
        return list(CHECKS[check](examination))
    finally:
        examination.database.close()


@pytest.mark.parametrize(("minutes", "state"), [(0, State.OK), (5, State.OK), (6, State.CRITICAL)])
def test_an_entry_of_the_future_is_critical(place: Place, minutes: int, state: State) -> None:
    """The trail cannot be younger than now: then our clock, or that of another machine, is wrong."""
    with build(place.settings, clock=lambda: NOW + timedelta(minutes=minutes)) as app:
        place.ask(app, "wohnung2000", message())
    (found,) = looked(place, "clock")
    assert found.state is state
    assert found.value == minutes * 60


def test_an_older_entry_says_nothing(place: Place) -> None:
    """That nobody asked for a day is no matter of clocks; nor is a house in which nothing has happened yet."""
    assert looked(place, "clock")[0].state is State.OK
    with build(place.settings, clock=lambda: NOW) as app:
        place.ask(app, "wohnung2000", message())
    assert looked(place, "clock", NOW + timedelta(days=1))[0].state is State.OK


@pytest.mark.parametrize(("wrong", "least", "state"), [(1, 4, State.WARNING), (1, 5, State.OK), (0, 4, State.OK)])
def test_refusals_of_the_last_hour_warn(place: Place, wrong: int, least: int, state: State) -> None:
    """Above the level, if there were enough; neither those before the hour count nor persons not found."""
    bad = message().replace(b"personenkennung", b"kennung")
    with build(place.settings, clock=lambda: NOW) as app:
        for _ in range(5):
            place.ask(app, "wohnung2000", bad)
    later = NOW + timedelta(hours=2)
    with build(place.settings, clock=lambda: later) as app:
        for body in [message()] * (4 - wrong) + [bad] * wrong:
            place.ask(app, "wohnung2000", body)
    (found,) = looked(place, "answers", later, refused_least=least)
    assert (found.check, found.state, found.value) == ("answers wohnung2000", state, 25.0 * wrong)
    assert found.text.startswith("4 requests in the last hour")


def test_an_answer_that_did_not_leave_is_critical(place: Place) -> None:
    """Its second entry says so, and health does."""
    told = Entry(kind=Kind.BETRIEB, operation="dienstauskunft", outcome="ok", application="wohnung2000")
    with build(place.settings, clock=lambda: NOW) as app:
        app.audit.undelivered(app.audit.record(told))
    (found,) = looked(place, "answers")
    assert found.state is State.CRITICAL
    assert "not delivered" in found.text


def test_nobody_asked(place: Place) -> None:
    """A quiet hour is OK and says so."""
    (found,) = looked(place, "answers")
    assert (found.state, found.value) == (State.OK, 0)
