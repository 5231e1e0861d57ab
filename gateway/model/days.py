"""Calendar days out of partially known dates."""

from __future__ import annotations

from datetime import date, timedelta

from gateway.model.types import Value


def first_day(text: Value | None) -> date | None:
    """The first day that a (partially known) date can mean; None if unknown or not in the calendar."""
    if not isinstance(text, str):
        return None
    try:
        return date.fromisoformat(text if len(text) == 10 else (text + "-01-01")[:10])
    except ValueError:
        return None


def last_day(text: Value | None) -> date | None:
    """The last day that a (partially known) date can mean; None if unknown or not in the calendar."""
    day = first_day(text)
    if day is None or exact(text):
        return day
    month = 12 if isinstance(text, str) and len(text) == 4 else day.month
    return date(day.year, 12, 31) if month == 12 else date(day.year, month + 1, 1) - timedelta(days=1)


def exact(text: Value | None) -> bool:
    """True if the date names a day, not only a month or year."""
    return isinstance(text, str) and len(text) == 10


def next_day(day: date | None) -> date | None:
    """The day after; None after the last one there is (9999-12-31 means: unlimited) and for None."""
    return day + timedelta(days=1) if day is not None and day < date.max else None
