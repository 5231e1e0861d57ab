"""When the clock is doubted: only the source knows another one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.upkeep.clock import doubt

NOW = datetime(2026, 11, 23, 3, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("stand", "finished", "word"),
    [
        (NOW - 25 * HOUR, NOW - HOUR, "ahead of the source"),
        (NOW - 13 * HOUR, NOW - 13 * HOUR, "clock is ahead, or nobody polls"),
        (NOW + HOUR, NOW + HOUR, "clock is behind"),
    ],
)
def test_a_clock_that_disagrees_with_the_source_is_doubted(stand: datetime, finished: datetime, word: str) -> None:
    """A day ahead of the source, no poll for half a day, a poll that ended in the future: something is wrong."""
    assert word in (doubt(stand, finished, NOW) or "")


def test_a_clock_that_nothing_speaks_against_is_believed() -> None:
    """Just polled, an hour ago, or never."""
    assert doubt(NOW, NOW, NOW) is None
    assert doubt(NOW - HOUR, NOW - HOUR, NOW) is None
    assert doubt(NOW + 2 * timedelta(minutes=1), NOW + 2 * timedelta(minutes=1), NOW) is None
    assert doubt(None, None, NOW) is None
