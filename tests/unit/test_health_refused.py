"""Health tells new refused records from old ones, ours from the source's, and what they mean for persons."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from gateway.app import App, build
from gateway.health import Finding, State, refused
from gateway.health.finding import Examination
from gateway.store.batch import Batch, Quarantined, Withholding
from gateway.store.waiting import DropReason
from tests.unit.place import NOW, Place
from tests.unit.store.store_kit import upsert

ASYLUM = {"aufenthaltsstatus": [{"art": "AG01", "beginn": "2026-01-01"}]}
OURS = "datensatz: interner Fehler KeyError"


@pytest.fixture
def app(place: Place) -> Iterator[App]:
    with build(place.settings, clock=lambda: NOW) as opened:
        yield opened


def refuse(app: App, person: str, change: int, reason: str = "familienname: fehlt", *, hides: bool = False) -> None:
    digest = hashlib.sha256(f"{person} {change}".encode()).digest()
    bad = Quarantined(person, change, (reason,), None, digest, hides, None, "x", b"b" * 32)
    hidden = (Withholding(person, change),) if hides else ()
    with app.store.poll_lock() as tenure:
        app.store.ingest(tenure, Batch("okvisa", hidden, (bad,)), app.rules.agreements, now=NOW, stichtag=NOW.date())


def found(place: Place, now: datetime = NOW) -> dict[str, Finding]:
    return {one.check: one for one in refused.quarantine(Examination(place.settings, now))}


def test_nothing_waits(place: Place) -> None:
    """Four findings, all OK and all with their number, so that monitoring can draw them."""
    assert {(one.state, one.value) for one in found(place).values()} == {(State.OK, 0)}


def test_new_ones_are_told_from_old_ones(place: Place, app: App) -> None:
    """A day to report it, a week to correct it, an alarm before the content goes; reported and young is no alarm."""
    refuse(app, "4711", 1)
    states = {hours: found(place, NOW + timedelta(hours=hours))["quarantine"].state for hours in (0, 24, 25)}
    assert states == {0: State.OK, 24: State.OK, 25: State.WARNING}
    (entry,) = app.store.quarantine_entries()
    app.store.waiting.reported([entry.number])
    states = {days: found(place, NOW + timedelta(days=days))["quarantine"].state for days in (6, 7, 20, 21)}
    assert states == {6: State.OK, 7: State.WARNING, 20: State.WARNING, 21: State.CRITICAL}
    refuse(app, "4712", 2)
    told = found(place, NOW + timedelta(days=2))["quarantine"]
    assert (told.state, told.value) == (State.WARNING, 2)
    assert told.text == "2 records, 1 of them not yet reported to the office, the oldest for 2 days"
    for one in app.store.quarantine_entries():
        app.store.waiting.drop(one.number, DropReason.TESTSATZ)
    assert found(place, NOW + timedelta(days=40))["quarantine"].state is State.OK


def test_one_that_waits_since_a_day_to_come_is_not_young(place: Place, app: App) -> None:
    """A clock was ahead when it came: else it would be OK for as long, reported or not."""
    refuse(app, "4711", 1)
    assert found(place, NOW - timedelta(days=400))["quarantine"].state is State.WARNING
    assert found(place, NOW - timedelta(hours=23))["quarantine"].state is State.OK


def test_a_mistake_of_ours_is_critical_at_once(place: Place, app: App) -> None:
    """It is not the office's to mend, and not counted among what is; the kind of error is named."""
    refuse(app, "4711", 1, OURS)
    told = found(place)
    assert (told["quarantine own mistakes"].state, told["quarantine"].value) == (State.CRITICAL, 0)
    assert "interner Fehler KeyError" in told["quarantine own mistakes"].text


def test_persons_who_are_hidden_or_told_as_they_were(place: Place, app: App) -> None:
    """Who is hidden is a warning at once; of whom an older version is told, when the correction is overdue."""
    with app.store.poll_lock() as tenure:
        people = tuple(upsert(number, 1, person=ASYLUM) for number in ("1", "2"))
        app.store.ingest(tenure, Batch("okvisa", people), app.rules.agreements, now=NOW, stichtag=NOW.date())
    refuse(app, "1", 2, hides=True)
    refuse(app, "2", 2)
    refuse(app, "3", 2)
    told = found(place)
    hidden, older = told["quarantine hidden"], told["quarantine older version"]
    assert (hidden.state, hidden.value) == (State.WARNING, 1)
    assert (older.state, older.value) == (State.OK, 1)
    late = found(place, NOW + timedelta(days=22))
    assert late["quarantine hidden"].state is late["quarantine older version"].state is State.CRITICAL
