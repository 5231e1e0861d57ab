"""How a moment stands in the store: the same for the same moment, another for another."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.dialects import sqlite

from gateway.store.tables import Utc

BERLIN = ZoneInfo("Europe/Berlin")


def written(moment: datetime) -> str | None:
    return Utc().process_bind_param(moment, sqlite.dialect())


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    """Python calls two moments equal that differ by their fold alone: none is written for the other."""
    first, second = (datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=BERLIN) for fold in (0, 1))
    for _ in range(2):
        assert [written(first), written(second)] == ["2026-10-25T00:30:00.000000Z", "2026-10-25T01:30:00.000000Z"]
    assert written(first.astimezone(UTC)) == written(first)


def test_a_moment_without_a_zone_is_none() -> None:
    """Also if one that has a zone was written before it."""
    written(datetime(2026, 10, 25, 2, 30, tzinfo=UTC))
    with pytest.raises(ValueError, match="without time zone"):
        written(datetime(2026, 10, 25, 2, 30))
