"""What the planning reports count: school, moving out, coming of age, residence duties that end; all as of one day.

A word is one of the categories of the feature that bears the same name in `features`; None: not counted.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import Final

from gateway.model.days import first_day, last_day
from gateway.model.derived import school_duty
from gateway.statistics.view import View

SHARED: Final = frozenset({"gemeinschaftsunterkunft", "aufnahmeeinrichtung"})
"""Kinds of address that count as shared accommodation."""
DUTIES: Final = frozenset({"W12A1", "W12A2", "W12A3"})
"""Duties to live in a place under AufenthG § 12a; W12A4 only forbids one."""

_TITLES: Final = frozenset({"2", "3", "6", "7"})
_PROTECTED: Final = frozenset({"AS09", "AS10", "AS11", "AS12"})
_QUARTERS: Final = 4
_OF_AGE: Final = 18


def school(view: View) -> str | None:
    """In which school year (from 1 August) school duty begins: it has begun, the present, next, or a later one."""
    duty = school_duty(view.birth, first_day(view.group("zuweisung").get("datum")), view.day)
    if duty is None:
        return None
    start, _ = duty
    if start <= view.day:
        return "begonnen"
    ahead = _school_year(start) - _school_year(view.day)
    return ("laufend", "naechstes", "uebernaechstes")[ahead] if ahead < 3 else "spaeter"


def moving_out(view: View) -> str | None:
    """Who lives in shared accommodation and need not (AsylG § 53 Abs. 2), or soon will not.

    `titel`: has a title of one's own. `anerkannt`: protection is final, the title is still to come; `entschieden`:
    protection was decided, but not finally.
    """
    if view.group("anschrift").get("art") not in SHARED:
        return None
    if any(one.group in _TITLES for one in view.statuses):
        return "titel"
    granted = [one for one in view.items("asylverfahren") if one.get("status") in _PROTECTED]
    decided = [one for one in granted if _by(view.day, one.get("entscheidungsdatum"), one.get("bestandskraftdatum"))]
    if not decided:
        return None
    return "anerkannt" if any(_by(view.day, one.get("bestandskraftdatum")) for one in decided) else "entschieden"


def coming_of_age(view: View) -> str | None:
    """In which quarter of a year from the day an unaccompanied minor will be 18: 1 to 4; None if not within a year."""
    if view.value("unbegleiteterMinderjaehriger") is not True or view.birth is None:
        return None
    if view.birth.year > date.max.year - _OF_AGE - 1:
        return None
    of_age = _birthday(view.birth, _OF_AGE)
    if of_age <= view.day:
        return None
    for quarter in range(1, _QUARTERS + 1):
        if of_age <= _months_after(view.day, 3 * quarter):
            return str(quarter)
    return None


def duty_ending(view: View) -> str | None:
    """In which quarter of the calendar the last duty of § 12a ends: 0 (the present one) to 4, later, or without end."""
    ends = [last_day(one.get("befristetBis")) for one in view.items("wohnsitzauflage") if one.get("art") in DUTIES]
    in_force = [end for end in ends if end is None or end >= view.day]
    if not in_force:
        return None
    known = [end for end in in_force if end is not None]
    if len(known) < len(in_force):
        return "unbefristet"
    ahead = _quarter(max(known)) - _quarter(view.day)
    return str(ahead) if ahead <= _QUARTERS else "spaeter"


def _by(day: date, *texts: object) -> bool:
    """True if one of these days is known and has come."""
    return any(isinstance(text, str) and text <= day.isoformat() for text in texts)


def _school_year(day: date) -> int:
    return day.year if day.month >= 8 else day.year - 1


def _quarter(day: date) -> int:
    return day.year * 4 + (day.month - 1) // 3


def _birthday(birth: date, age: int) -> date:
    """BGB § 188 Abs. 2: who was born on 29 February is of an age on 1 March of a common year."""
    if (birth.month, birth.day) == (2, 29):
        return date(birth.year + age, 2, 28) + timedelta(days=1)
    return birth.replace(year=birth.year + age)


def _months_after(day: date, months: int) -> date:
    """The day of the same number so many months later, or the last of that month (BGB § 188 Abs. 3)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
