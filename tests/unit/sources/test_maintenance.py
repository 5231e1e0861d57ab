"""The hours in which a source must not be asked."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from gateway.settings import SourceSettings
from gateway.sources.maintenance import Windows

CITY = ZoneInfo("Europe/Berlin")


def city(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CITY, fold=fold)


def until(moment: datetime, *windows: str) -> str | None:
    end = Windows(windows, CITY).until(moment.astimezone(UTC))
    return None if end is None else end.astimezone(CITY).strftime("%d. %H:%M")


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        ("2026-11-29 01:59", None),  # a Sunday
        ("2026-11-29 02:00", "29. 04:30"),
        ("2026-11-29 04:29", "29. 04:30"),
        ("2026-11-29 04:30", None),
        ("2026-11-30 03:00", None),
    ],
)
def test_a_weekly_window_is_on_its_day_only(moment: str, end: str | None) -> None:
    """From its first minute to the one before its last, and on no other day."""
    assert until(city(moment), "So 02:00-04:30") == end


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        ("2026-11-29 23:29", None),
        ("2026-11-29 23:30", "30. 00:15"),
        ("2026-11-30 00:14", "30. 00:15"),
        ("2026-11-30 00:15", None),
    ],
)
def test_a_window_crosses_midnight(moment: str, end: str | None) -> None:
    """It ends on the next day; a weekday is that of its beginning."""
    assert until(city(moment), "23:30-00:15") == end
    assert until(city(moment), "So 23:30-00:15") == end
    assert until(city(moment), "Mo 23:30-00:15") is None


def test_windows_that_follow_each_other_are_one() -> None:
    """The end that is told is that of the last."""
    assert until(city("2026-11-29 22:10"), "22:00-23:00", "22:50-00:15", "00:15-01:00") == "30. 01:00"
    assert until(city("2026-11-29 22:10"), "00:00-12:00", "12:00-00:00") is not None


def test_the_clock_is_put_forward() -> None:
    """In the night of March in which 2 o'clock is 3 o'clock a window of the missing hour holds all the same."""
    assert until(city("2026-03-29 03:20"), "02:15-02:45") == "29. 03:45"
    assert until(city("2026-03-29 03:50"), "02:15-02:45") is None


def test_the_clock_is_put_back() -> None:
    """In the night of October in which 2 o'clock comes twice a window holds both times, and in between."""
    for fold in (0, 1):
        assert until(city("2026-10-25 02:20", fold), "02:15-02:45") == "25. 02:45"
    assert until(city("2026-10-25 02:50", 0), "02:15-02:45") is not None
    assert until(city("2026-10-25 02:50", 1), "02:15-02:45") is None


@pytest.mark.parametrize(
    ("windows", "accepted"),
    [
        ([], True),
        (["00:00-23:00"], True),
        (["00:00-23:01"], False),
        (["12:00-11:30"], False),
        (["00:30-23:30"], True),  # open across midnight
        ([f"{day} 00:00-23:59" for day in ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So")], False),
        ([f"{day} 12:00-11:59" for day in ("Mo", "Di", "Mi", "Do", "Fr", "Sa")], True),  # open on Sunday from noon on
        (["01:00-12:00", "12:30-00:30"], False),
    ],
)
def test_an_hour_of_the_week_is_left_to_ask(windows: list[str], *, accepted: bool) -> None:
    """Windows that together leave no hour of the week are refused: data would grow old for good."""
    given = {"url": "http://127.0.0.1/okvisa", "maintenance": windows}
    if accepted:
        assert SourceSettings.model_validate(given).maintenance == tuple(windows)
        return
    with pytest.raises(ValidationError, match="no hour of the week"):
        SourceSettings.model_validate(given)
