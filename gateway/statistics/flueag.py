"""Who counts under which number of FlüAG NRW § 2, and how long (§ 3 Abs. 3): the monthly Bestandsmeldung.

    Nr. 1, 1a  until the month, included, in which the duty to leave becomes enforceable
    Nr. 2      three years from the (first) entry
    Nr. 3      three years from when the title was granted first
    Nr. 4      two years from the first assignment

The law counts a stock, so the report of a month goes by its last day; only the end of Nr. 1 and 1a goes by the month.
What the law leaves open is decided in docs/statistik.md, paragraph by paragraph; the names in brackets below are its
headings.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from gateway.model.days import first_day
from gateway.model.types import Tree, Value
from gateway.statistics.view import Status, View, after_years

APPLICANTS: Final = ("1", "1a")
"""The numbers whose spouses and minor children belong to them."""
NUMBERS: Final = ("1", "1a", "2", "3", "4")
UNCLEAR: Final = "ungeklaert"
"""Belongs to a number, but from when its time runs is not known."""
OF_AGE: Final = 18

_TITLES: Final = frozenset({"2", "3", "6", "7"})
"""Groups of the code list aufenthaltsstatus that are a right to stay of one's own."""
_DUE: Final = frozenset({"4", "5"})
"""Duldung, and due to leave without one: who has one of these is due to leave, enforceably (AufenthG §§ 58, 60a)."""
_REFUSED: Final = frozenset({"AS06", "AS07", "AS08"})
"""Asylum procedures that ended without protection."""
_ABROAD_FROM: Final = date(2005, 1, 1)
"""§ 2 Nr. 3: admitted from abroad since that day."""


def own_number(view: View, ags: str) -> str | None:
    """The number under which this person counts by itself on the view's day, the last of a month; None if under none.

    Of several the first of the law. UNCLEAR if it belongs to Nr. 2, 3 or 4 and the beginning of its time is unknown.
    """
    if not _is_here(view, ags):
        return None
    found = [number for number in NUMBERS if _counts(view, number)]
    if found:
        return found[0]
    return UNCLEAR if any(_begin(view, number) is None for number in _timed(view)) else None


def may_follow(view: View, ags: str) -> bool:
    """True if the person may count as the spouse or child of an applicant [Angehörige].

    That is who is here, has no right to stay of its own, and is not already due to leave.
    """
    if not _is_here(view, ags) or any(one.group in _TITLES for one in view.statuses):
        return False
    due = _due_since(view, None)
    return due is None or _month(due) >= _month(view.day)


def _is_here(view: View, ags: str) -> bool:
    """[Ort] In the stock, not in a reception centre of the Land, and not known to live in another town."""
    address = view.group("anschrift")
    return (
        view.is_present
        and address.get("art") != "aufnahmeeinrichtung"
        and address.get("gemeindeschluessel", ags) == ags
    )


def _counts(view: View, number: str) -> bool:
    if number in APPLICANTS:
        return _is_applicant(view, number)
    begin = _begin(view, number)
    return number in _timed(view) and begin is not None and view.day <= after_years(begin, _YEARS[number])


def _is_applicant(view: View, number: str) -> bool:
    """[Ende der Nummern 1 und 1a]"""
    asked = [one for one in view.history if _number(one) == number and (one.first is None or one.first <= view.day)]
    if not asked or any(one.group in _TITLES and not _number(one) for one in view.statuses):
        return False
    last = max(asked, key=lambda one: one.first or date.min)
    if any(_number(one) in APPLICANTS and (one.first or date.min) > (last.first or date.min) for one in _begun(view)):
        return False  # a later application is another number
    due = _due_since(view, last)
    if due is not None:
        return _month(due) >= _month(view.day)
    return last.holds_on(view.day) or not view.statuses


def _due_since(view: View, asked: Status | None) -> date | None:
    """From when the duty to leave is enforceable, after the application `asked`; None if it is not, or not yet.

    What the record says goes first, then the first status that presupposes it, then the end of the procedure.
    """
    since = (asked.first if asked is not None else None) or date.min
    stated = view.day_of("vollziehbarAusreisepflichtigSeit")
    if stated is not None and since <= stated <= view.day:
        return stated
    begun = [one.first for one in _begun(view) if one.group in _DUE and one.first is not None and one.first >= since]
    if begun:
        return min(begun)
    if asked is None or asked.holds_on(view.day):
        return None
    final = [day for day in _finally_refused(view) if since <= day <= view.day]
    return max(final, default=None)


def _finally_refused(view: View) -> Iterator[date]:
    for procedure in view.items("asylverfahren"):
        day = first_day(procedure.get("bestandskraftdatum"))
        if procedure.get("status") in _REFUSED and day is not None:
            yield day


def _timed(view: View) -> list[str]:
    """The numbers with a time of years to which a status in force belongs."""
    found = {_number(one) for one in view.statuses}
    if "3" in found and (entered := view.day_of("ersteinreisedatum")) is not None and entered < _ABROAD_FROM:
        found.discard("3")
    return [number for number in _YEARS if number in found]


def _begin(view: View, number: str) -> date | None:
    """The event from which the years of Nr. 2, 3 or 4 run [Fristbeginn]; None if it is not known."""
    if number == "2":
        return view.day_of("ersteinreisedatum")
    if number == "3":
        begun = [one.first for one in view.history if _number(one) == number]
        known = [day for day in begun if day is not None]
        return min(known) if known and len(known) == len(begun) else None
    days = [first_day(_assigned(person)) for person in (view.now, *view.earlier())]
    return min((day for day in days if day is not None), default=None)


def _assigned(person: Tree) -> Value | None:
    assigned = person.get("zuweisung")
    return assigned.get("datum") if isinstance(assigned, dict) else None


def _begun(view: View) -> list[Status]:
    return [one for one in view.history if one.first is None or one.first <= view.day]


def _number(one: Status) -> str:
    """The number of § 2 in the code list's words: "2 Nr. 1a" is 1a, "2 Nr. 2 (zu prüfen)" is 2."""
    words = one.number.split()
    return words[2] if len(words) > 2 else ""


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month


_YEARS: Final = {"2": 3, "3": 3, "4": 2}
"""§ 3 Abs. 3 Nr. 2 to 4."""
