"""A release killed at any step: the table is in the register and the trail tells of it, or neither is so."""

from __future__ import annotations

import signal
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.store import audit_tables, released
from gateway.store.audit_check import RELEASED, tree_of
from gateway.store.audit_verify import verify
from gateway.store.database import Database
from tests.fault import forked
from tests.fault.crash import COMMIT, Trap, points
from tests.fault.release import RELEASE, release
from tests.unit.place import Place, make

COMMITS = 3
"""The draft, the release, the checkpoint: each of them may be the last that happens."""
POINTS = [(point, 1) for point in points(RELEASE)]
POINTS += [(point, calls) for point in points(COMMIT) for calls in range(1, COMMITS + 1)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """An installation without persons."""
    return make(tmp_path_factory.mktemp("release"))


def run(place: Place, day: date, trap: Trap) -> int:
    ended = forked.run(release, place.installation.settings, day, trap)
    print(ended.complained)
    return ended.status


def counts(place: Place) -> tuple[int, int]:
    """How many tables the register holds, and of how many the trail tells; both are sound."""
    database = Database.open(place.settings.database.url)
    try:
        assert verify(database).findings == ()
        with database.read() as connection:
            tables = released.read(connection).tables
            for one in tables:
                released.load(connection, one)
            entries = connection.execute(sa.select(audit_tables.entry.c.content)).scalars()
            told = sum((tree_of(content) or {}).get("operation") == RELEASED for content in entries)
            return len(tables), told
    finally:
        database.close()


def test_a_release_killed_at_any_step_is_whole_or_not_there(place: Place, tmp_path: Path) -> None:
    """Before the commit nothing, after it both; asked again, exactly one table of each day is released in the end."""
    seen = set()
    for number, (point, calls) in enumerate(POINTS):
        day, trap = date(2020, 1, 1) + timedelta(days=number), Trap(tmp_path / "trap")
        trap.arm(point, calls)
        ended = run(place, day, trap)
        assert trap.fired() == (ended == -signal.SIGKILL), (point, calls)
        assert trap.fired() or point.startswith("commit"), f"{point} is no step of a release any more"
        trap.path.unlink(missing_ok=True)
        tables, told = counts(place)
        assert tables == told, (point, calls)
        seen.add(tables - number)
        assert run(place, day, trap) == 0, (point, calls)
        assert counts(place) == (number + 1, number + 1), (point, calls)
    assert seen == {0, 1}
