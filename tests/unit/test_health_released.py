"""Health of released statistics: what was changed or taken away is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.app import build
from gateway.health import CHECKS, Finding, State, examine
from gateway.store import released as register
from gateway.store.audit import Personal
from gateway.store.released_draft import EMPTY
from tests.unit.place import NOW, Place
from tests.unit.store.released_kit import REPORT, a_draft, a_table

Told = Callable[[], dict[str, Finding]]


@pytest.fixture
def told(place: Place, monkeypatch: pytest.MonkeyPatch) -> Told:
    """What the checks of statistics and of the trail say; the others are not run."""
    for other in CHECKS.keys() - {"statistics", "audit"}:
        monkeypatch.delitem(CHECKS, other)
    return lambda: {one.check: one for one in examine(place.settings, NOW)}


def test_a_changed_statistic_is_critical(place: Place, told: Told) -> None:
    """A number of a released table that is another now, and a row that is gone at the end of the register."""
    assert told()["statistics"].value == 0
    with build(place.settings, clock=lambda: NOW) as app, app.database.write() as connection:
        clerk = Personal(kennung="sb1")
        register.release(connection, app.audit, a_draft(REPORT, a_table()), after=EMPTY, now=NOW, clerk=clerk)
    assert told()["statistics"].state is State.OK
    place.execute("UPDATE released SET content = replace(content, ',20]', ',21]')")
    assert told()["statistics"].state is State.CRITICAL
    place.execute("DELETE FROM released")
    found = told()
    assert (found["statistics"].state, found["audit"].state) == (State.OK, State.CRITICAL)
