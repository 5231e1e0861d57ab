"""What health says of the way in: the source, the circuit, its maintenance, and how old the data are."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.app import build
from gateway.errors import SourceError
from gateway.health import polling
from gateway.health.finding import Examination, Finding, State
from gateway.sources.advance import State as SourceState
from gateway.sources.okvisa import OkVisa
from gateway.store.batch import Turn
from tests.unit.place import NOW, Place
from tests.unit.store.store_kit import Holding

FAILING = Turn(9, NOW, 60.0, 3, NOW, 2, NOW - timedelta(hours=1), "quelle-zu-langsam")


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, NOW)


def says(monkeypatch: pytest.MonkeyPatch, at: datetime | None) -> None:
    def state(_self: OkVisa, *, once: bool) -> SourceState:
        assert once, "health does not repeat what fails"
        if at is None:
            raise SourceError("the source cannot be reached")
        return SourceState(1, at)

    monkeypatch.setattr(OkVisa, "state", state)


def remember(place: Place, turn: Turn, stand: datetime = NOW) -> None:
    with build(place.settings, clock=lambda: NOW) as app:
        holding = Holding(app.store, app.database)
        holding.keep_turn("okvisa", turn)
        holding.finish_poll("okvisa", stand, stand)


def found(place: Place, check: str = "source", *windows: str, now: datetime = NOW) -> Finding:
    source = place.settings.source.model_copy(update={"maintenance": windows})
    examination = Examination(place.settings.model_copy(update={"source": source}), now)
    (finding,) = getattr(polling, check)(examination)
    examination.database.close()
    return finding  # type: ignore[no-any-return]  # getattr


@pytest.mark.usefixtures("answering")
def test_a_source_that_answers_but_cannot_be_read_is_not_ok(place: Place) -> None:
    """Failures in a row warn, with since when, the last code and the next attempt; an open circuit is critical."""
    assert found(place).state is State.OK
    remember(place, FAILING)
    one = found(place)
    assert (one.state, one.value) == (State.WARNING, 2)
    assert "quelle-zu-langsam" in one.text
    assert "next about" in one.text
    assert "circuit open" not in one.text
    remember(place, replace(FAILING, failures=5, went_back=True))
    one = found(place)
    assert one.state is State.CRITICAL
    assert "circuit open" in one.text
    assert "--full" in one.remedy


def test_a_source_that_does_not_answer_is_critical(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, whatever the pollers remember."""
    says(monkeypatch, None)
    assert found(place).state is State.CRITICAL


@pytest.mark.parametrize("minutes", [1440, -1440])
def test_a_clock_that_is_off_is_told(place: Place, monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    """`stand` follows the older clock: the operators must learn why it looks old."""
    says(monkeypatch, NOW + timedelta(minutes=minutes))
    one = found(place)
    assert one.state is State.WARNING
    assert "1440 minutes" in one.text


def test_in_a_maintenance_window_the_source_is_not_asked(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says until when; a failure is not critical then. How old the data are is told as ever."""
    monkeypatch.setattr(OkVisa, "state", lambda _self, **_: pytest.fail("it was asked"))
    always = ("00:00-12:00", "12:00-23:59", "23:59-00:00")
    assert found(place, "source", *always).state is State.OK
    remember(place, replace(FAILING, failures=9), NOW - timedelta(days=1))
    one = found(place, "source", *always)
    assert one.state is State.WARNING
    assert "maintenance window until" in one.text
    old = found(place, "freshness", *always)
    assert old.state is State.CRITICAL
    assert "maintenance window" in old.remedy


def test_freshness_tells_a_poller_that_is_gone_from_one_that_fails(place: Place) -> None:
    """The remedy differs: start it, or look at the source."""
    remember(place, FAILING, NOW - timedelta(days=1))
    assert "is running" in found(place, "freshness").remedy
    assert found(place, "freshness", now=NOW + timedelta(hours=1)).remedy == "is `gateway poll` running?"
