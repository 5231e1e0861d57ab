"""Periods of deletion and the days on which they end, as the Civil Code counts them (BGB §§ 187, 188)."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

_TEXT = re.compile(r"([1-9][0-9]{0,3}) (?:(Tage?)|(Monate?)|(Jahre?))")
_AT_ONCE = "sofort"


class Start(StrEnum):
    """From when a period counts: from what happened itself, or from the end of its month, quarter or year."""

    EREIGNIS = "ereignis"
    MONATSENDE = "monatsende"
    QUARTALSENDE = "quartalsende"
    JAHRESENDE = "jahresende"


@dataclass(frozen=True, slots=True)
class Period:
    """So many months, or so many days; neither: at once."""

    months: int = 0
    days: int = 0

    @classmethod
    def parse(cls, text: str) -> Period:
        """`sofort`, `30 Tage`, `6 Monate`, `1 Jahr`; ValueError for anything else, a number without a unit too."""
        if text == _AT_ONCE:
            return cls()
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError("keine Frist wie „30 Tage“, „6 Monate“, „1 Jahr“ oder „sofort“")
        number = int(match[1])
        if match[2]:
            return cls(days=number)
        return cls(months=number if match[3] else number * 12)


def due(start: Start, period: Period, day: date) -> date:
    """The first day on which what happened on `day` must be gone; the last day of the calendar if never.

    A period from what happened does not count that day itself and ends with the last of its days (BGB § 187 Abs. 1,
    § 188; a day that the last month has not is its last one, Abs. 3). One from the end of a month, quarter or year
    counts the day after it as its first (§ 187 Abs. 2).
    """
    try:
        if start is Start.EREIGNIS:
            ended = _later(day, period)
            return ended if period == Period() else ended + timedelta(days=1)
        return _later(_first_after(start, day), period)
    except (OverflowError, ValueError):
        return date.max


def last_due(start: Start, period: Period, today: date) -> date:
    """The last day of which everything must be gone today; the first day of the calendar if there is none."""
    low, high = date.min.toordinal(), today.toordinal()
    while low < high:
        middle = (low + high + 1) // 2
        if due(start, period, date.fromordinal(middle)) <= today:
            low = middle
        else:
            high = middle - 1
    return date.fromordinal(low)


def _later(day: date, period: Period) -> date:
    month = day.year * 12 + day.month - 1 + period.months
    year, index = divmod(month, 12)
    moved = date(year, index + 1, min(day.day, monthrange(year, index + 1)[1]))
    return moved + timedelta(days=period.days)


def _first_after(start: Start, day: date) -> date:
    """The day after the month, quarter or year of `day`."""
    length = {Start.MONATSENDE: 1, Start.QUARTALSENDE: 3, Start.JAHRESENDE: 12}[start]
    month = (day.month - 1) // length * length + length
    return date(day.year + month // 12, month % 12 + 1, 1)
