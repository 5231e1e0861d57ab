"""Periods end on the days that the Civil Code says, over month ends, leap days, quarters and years."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.upkeep.retention_periods import Period, Start, due, last_due

DAYS = st.dates(date(1990, 1, 1), date(2150, 12, 31))
PERIODS = st.one_of(
    st.builds(Period, months=st.integers(0, 240)), st.builds(Period, days=st.integers(0, 4000)), st.just(Period())
)
STARTS = st.sampled_from(Start)


@pytest.mark.parametrize(
    ("start", "text", "day", "expected"),
    [
        (Start.EREIGNIS, "1 Monat", date(2025, 1, 31), date(2025, 3, 1)),
        (Start.EREIGNIS, "1 Monat", date(2024, 1, 30), date(2024, 3, 1)),
        (Start.EREIGNIS, "1 Monat", date(2025, 2, 28), date(2025, 3, 29)),
        (Start.EREIGNIS, "1 Jahr", date(2024, 2, 29), date(2025, 3, 1)),
        (Start.EREIGNIS, "6 Monate", date(2025, 8, 31), date(2026, 3, 1)),
        (Start.EREIGNIS, "30 Tage", date(2024, 2, 1), date(2024, 3, 3)),
        (Start.EREIGNIS, "sofort", date(2024, 2, 29), date(2024, 2, 29)),
        (Start.MONATSENDE, "1 Monat", date(2024, 2, 29), date(2024, 4, 1)),
        (Start.QUARTALSENDE, "12 Monate", date(2025, 1, 1), date(2026, 4, 1)),
        (Start.QUARTALSENDE, "12 Monate", date(2025, 3, 31), date(2026, 4, 1)),
        (Start.QUARTALSENDE, "12 Monate", date(2025, 12, 31), date(2027, 1, 1)),
        (Start.QUARTALSENDE, "1 Monat", date(2025, 6, 30), date(2025, 8, 1)),
        (Start.JAHRESENDE, "1 Jahr", date(2025, 1, 1), date(2027, 1, 1)),
        (Start.JAHRESENDE, "1 Jahr", date(2024, 12, 31), date(2026, 1, 1)),
    ],
)
def test_known_days(start: Start, text: str, day: date, expected: date) -> None:
    """BGB § 187, § 188: worked out by hand."""
    assert due(start, Period.parse(text), day) == expected


@settings(max_examples=200, derandomize=True)
@given(DAYS, st.integers(1, 60))
def test_a_month_later_is_the_day_of_the_same_number_or_the_months_last(day: date, months: int) -> None:
    """BGB § 188 Abs. 2 and 3: the period is over after that day, and not before."""
    last = due(Start.EREIGNIS, Period(months=months), day) - timedelta(days=1)
    assert (last.year * 12 + last.month) - (day.year * 12 + day.month) == months
    assert last.day == day.day or (last.day < day.day and (last + timedelta(days=1)).day == 1)


@settings(max_examples=200, derandomize=True)
@given(DAYS, STARTS, PERIODS)
def test_the_end_of_a_span_is_one_day_for_all_its_days(day: date, start: Start, period: Period) -> None:
    """All days of a month, quarter or year end together; never before the span itself is over."""
    length = {Start.EREIGNIS: 0, Start.MONATSENDE: 1, Start.QUARTALSENDE: 3, Start.JAHRESENDE: 12}[start]
    if not length:
        return
    first = date(day.year, (day.month - 1) // length * length + 1, 1)
    assert due(start, period, first) == due(start, period, day)
    after = due(start, Period(), day)
    assert after > day
    assert after.day == 1
    assert (after.month - 1) % length == 0


@settings(max_examples=300, derandomize=True)
@given(DAYS, STARTS, PERIODS)
def test_the_last_day_due_is_the_last(today: date, start: Start, period: Period) -> None:
    """What happened on that day is due today, what happened a day later is not."""
    last = last_due(start, period, today)
    assert due(start, period, last) <= today
    assert due(start, period, last + timedelta(days=1)) > today


@settings(max_examples=200, derandomize=True)
@given(DAYS, DAYS, STARTS, PERIODS)
def test_a_clock_set_back_takes_nothing_more(one: date, other: date, start: Start, period: Period) -> None:
    """The earlier the clock says it is, the less is due."""
    assert last_due(start, period, min(one, other)) <= last_due(start, period, max(one, other))


@pytest.mark.parametrize("text", ["6", "Monate", "6 Wochen", "0 Tage", "-1 Tag", " 1 Jahr", "1  Jahr", "1,5 Jahre", ""])
def test_a_period_without_a_unit_is_none(text: str) -> None:
    """What is not a whole number with its unit is refused, not guessed."""
    with pytest.raises(ValueError, match="Frist"):
        Period.parse(text)


def test_the_end_of_the_calendar_is_never() -> None:
    """A period that no calendar reaches does not end."""
    assert due(Start.JAHRESENDE, Period(months=12 * 9999), date(2026, 1, 1)) == date.max
