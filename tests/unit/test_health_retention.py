"""Health sees whether the deletion rules are applied."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.app import build
from gateway.health import CHECKS, Finding, State, examine
from gateway.store.batch import Batch, Quarantined
from gateway.upkeep.retention import Retention
from gateway.upkeep.retention_rules import load
from tests.unit.place import NOW, Place


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only this check is asked."""
    for name in set(CHECKS) - {"retention"}:
        monkeypatch.delitem(CHECKS, name)


def refused(place: Place) -> None:
    """A record was refused today: its content is due on the thirty-first day."""
    with build(place.settings, clock=lambda: NOW) as app, app.store.poll_lock() as tenure:
        bad = Quarantined(None, 1, ("datensatz: ungültig",), None, bytes(32))
        app.store.ingest(tenure, Batch("okvisa", (), (bad,)), app.rules.agreements, now=NOW, stichtag=NOW.date())


def run(place: Place, days: int) -> None:
    when = NOW + timedelta(days=days)
    with build(place.settings, clock=lambda: when) as app:
        work = Retention(app.store, app.rules.agreements, load(), app.rules.city.timezone, pause=lambda _: None)
        work.run(when)


def found(place: Place, days: int) -> Finding:
    return next(iter(examine(place.settings, NOW + timedelta(days=days))))


def test_nothing_due_is_ok_without_a_run(place: Place) -> None:
    """A young installation has nothing to delete yet."""
    refused(place)
    assert found(place, 30).state is State.OK


@pytest.mark.parametrize(("days", "state"), [(31, State.OK), (33, State.WARNING), (38, State.CRITICAL)])
def test_what_is_left_behind_is_noticed(place: Place, days: int, state: State) -> None:
    """Two days overdue warns, seven days overdue is critical."""
    refused(place)
    finding = found(place, days)
    assert (finding.state, finding.value) == (state, 1)


@pytest.mark.parametrize(("days", "state"), [(1, State.OK), (3, State.WARNING), (8, State.WARNING)])
def test_a_run_that_does_not_come_warns(place: Place, days: int, state: State) -> None:
    """Two days without a run warn, even if nothing is due."""
    run(place, 0)
    assert found(place, days).state is state


def test_a_week_without_a_run_is_critical_if_anything_is_due(place: Place) -> None:
    """Due since yesterday, no run for eight days: critical; after the run all is well."""
    refused(place)
    run(place, 24)
    assert found(place, 32).state is State.CRITICAL
    run(place, 32)
    assert found(place, 33).state is State.OK


def test_wrong_rules_are_critical(place: Place) -> None:
    """Rules that do not load delete nothing, and health says what is wrong with them."""
    (place.folder / "regeln.toml").write_text("", "utf-8")
    place.edit("settings.toml", "[log]", '[retention]\nrules = "regeln.toml"\n[log]')
    finding = found(place, 0)
    assert finding.state is State.CRITICAL
    assert "person-ausserhalb: fehlt" in finding.text
