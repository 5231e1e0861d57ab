"""Health tells when the stock was last compared, what differed until that is proved over, and what an operator owes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.health.finding import State
from gateway.health.reconciling import finding
from gateway.store.reconciled import Outcome, Reconciled

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def state(*done: tuple[Outcome, int, dict[str, int]]) -> tuple[State, str]:
    """What health says of these, the last one first, so many days ago."""
    told = [Reconciled(outcome, NOW - timedelta(days=days), 1, found) for outcome, days, found in done]
    found = finding("reconciliation okvisa", told, timedelta(days=7), NOW)
    return found.state, found.text


CLEAN, MENDED = (Outcome.CLEAN, 3, {}), (Outcome.MENDED, 3, {"vanished": 2})


@pytest.mark.parametrize(
    ("done", "expected"),
    [
        ([CLEAN], State.OK),
        ([(Outcome.BEGUN, 6, {})], State.OK),
        ([(Outcome.CLEAN, 10, {})], State.WARNING),
        ([(Outcome.CLEAN, 24, {})], State.CRITICAL),
        ([(Outcome.BEGUN, 24, {})], State.CRITICAL),
        ([MENDED], State.WARNING),
        ([CLEAN, MENDED], State.OK),
        ([(Outcome.CLEAN, 0, {"titles": 2})], State.WARNING),
        ([(Outcome.BRAKED, 0, {"held": 40}), CLEAN], State.CRITICAL),
        ([(Outcome.CONTRADICTION, 0, {}), CLEAN], State.CRITICAL),
        ([(Outcome.UNSETTLED, 0, {}), CLEAN], State.WARNING),
        ([(Outcome.FAILED, 0, {}), CLEAN], State.WARNING),
        ([(Outcome.FAILED, 0, {}), (Outcome.CLEAN, 24, {})], State.CRITICAL),
        ([(Outcome.CLEAN, -400, {})], State.WARNING),
    ],
)
def test_the_state_follows_from_age_and_outcome(done: list[Any], expected: State) -> None:
    """Drift warns until the next clean one; a brake or a contradiction is critical, however fresh."""
    assert state(*done)[0] is expected


def test_the_figures_are_told() -> None:
    """Counts by kind stand in the text, of what was mended and of what is held."""
    assert "2 vanished" in state(MENDED)[1]
    assert "40 held" in state((Outcome.BRAKED, 0, {"held": 40}), CLEAN)[1]


def test_days_count_from_the_settings() -> None:
    """A house that compares every day is late after three."""
    told = [Reconciled(Outcome.CLEAN, NOW - timedelta(days=4), 1, {})]
    assert finding("x", told, timedelta(days=1), NOW).state is State.WARNING
