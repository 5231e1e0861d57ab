"""One person on one day, as far as it is known: what every counting and every feature goes by.

Two versions speak of a past day. *Dated* facts (birth, stay, statuses, asylum procedures, assignment, duties) are taken
from the newest version known, for a later one corrects an earlier. What has no date of its own (sex, nationality,
dwelling, family) is taken from the version that held at the end of the day; who was first recorded later is taken as
first recorded. Where the newest version speaks of a later stay, the newest one that does not is asked, and where it
names no status of the day, the version of the day is. The rules stand in docs/statistik.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

from gateway.model import codelists, release
from gateway.model.days import first_day, last_day
from gateway.model.derived import HIDING_BLOCKS
from gateway.model.types import Tree, Value
from gateway.store.standing import Life

DATED: Final = frozenset(
    {
        *("geburt", "sterbedatum", "ersteinreisedatum", "zuzugsdatum", "fortzugsdatum", "fortzugsart"),
        *("aufenthaltsstatus", "vollziehbarAusreisepflichtigSeit", "asylverfahren", "zuweisung", "wohnsitzauflage"),
    }
)
"""The fields of which the newest version known is asked."""

ENDED: Final = "9"
"""The group of the code list aufenthaltsstatus for who is no longer here."""


@dataclass(frozen=True, slots=True)
class Status:
    """An Aufenthaltsstatus with its code, its group and FlüAG number, and its first and last possible day."""

    code: str
    group: str
    number: str
    first: date | None
    last: date | None

    def holds_on(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


class View:
    """What is known of one person about `day`.

    What is contested today (DSGVO Art. 18) is left out, whichever version says it.
    """

    def __init__(self, life: Life, day: date, zone: ZoneInfo) -> None:
        self.day = day
        self.source = life.source
        self.key = life.key
        self._life = life
        self._then = life.at(end_of(day, zone))
        newest = _group(life.document(-1), "steuerung")
        self._contested = tuple(str(path) for path in _list(newest, "eingeschraenkt"))
        self._blocks = tuple(_items(newest, "auskunftssperre"))

    # What the record says.

    @cached_property
    def then(self) -> Tree:
        """The person as the version of the day says it."""
        return self._person(self._then)

    @cached_property
    def now(self) -> Tree:
        """The person as the newest version says it that does not speak of a stay that began later."""
        return self._person(self._now)

    @cached_property
    def _now(self) -> int:
        for index in range(self._life.known - 1, self._then, -1):
            arrived = first_day(self._person(index).get("zuzugsdatum"))
            if arrived is None or arrived <= self.day:
                return index
        return self._then

    def earlier(self) -> Iterator[Tree]:
        """The person as each version says it before that of `now`, the newest first."""
        return (self._person(index) for index in range(self._now - 1, -1, -1))

    @cached_property
    def control(self) -> Tree:
        """The Steuerdaten of the version of the day."""
        return _group(self._life.document(self._then), "steuerung")

    def value(self, name: str) -> Value | None:
        """The field of the person, from the version that is asked for it."""
        return (self.now if name in DATED else self.then).get(name)

    def day_of(self, name: str) -> date | None:
        """The first day that the dated field can mean."""
        return first_day(self.now.get(name))

    def group(self, name: str) -> Tree:
        """The group of the person, empty if it is not there."""
        value = self.value(name)
        return value if isinstance(value, dict) else {}

    def items(self, name: str) -> Iterator[Tree]:
        """The items of a repeated group."""
        return (item for item in _list(self.now if name in DATED else self.then, name) if isinstance(item, dict))

    # What follows from it.

    @property
    def is_alias(self) -> bool:
        """True for a record that only holds other particulars of a person with a record of its own."""
        newest = _group(self._life.document(self._life.known - 1), "steuerung")
        return "hauptdatensatz" in newest or "hauptdatensatz" in self.control

    @property
    def is_hidden(self) -> bool:
        """True if nobody may learn today where this person lives: a block that hides it, or a place of safety."""
        ends = [first_day(block.get("bis")) for block in self._blocks if block.get("art") in HIDING_BLOCKS]
        if any(end is None or end >= self.day for end in ends):
            return True
        return self.group("anschrift").get("art") in release.PROTECTED_PLACES

    @cached_property
    def history(self) -> tuple[Status, ...]:
        """Every status there was: what the newest version names, and what earlier ones do that it no longer tells.

        Those are of another code, or ended before all of theirs begin; the others have been corrected.
        """
        found = list(_statuses(self.now))
        for person in self.earlier():
            for one in _statuses(person):
                alike = [other.first for other in found if other.code == one.code]
                if all(first is not None and one.last is not None and one.last < first for first in alike):
                    found.append(one)
        return tuple(found)

    @cached_property
    def statuses(self) -> tuple[Status, ...]:
        """The statuses in force on the day."""
        found = tuple(one for one in _statuses(self.now) if one.holds_on(self.day))
        return found or tuple(one for one in _statuses(self.then) if one.holds_on(self.day))

    @cached_property
    def birth(self) -> date | None:
        """The first day on which the person can have been born."""
        return first_day(self.group("geburt").get("datum"))

    @property
    def age(self) -> int | None:
        """Completed years of life on the day (BGB § 187 Abs. 2 S. 2); None if unknown."""
        return None if self.birth is None else years(self.birth, self.day)

    @cached_property
    def is_present(self) -> bool:
        """True if the person belongs to the stock on the day: born, arrived, and neither gone, dead nor naturalised."""
        arrived = self.day_of("zuzugsdatum")
        if self.is_alias or (self.birth or self.day) > self.day or (arrived or self.day) > self.day:
            return False
        ends = (self.day_of("sterbedatum"), self.day_of("fortzugsdatum"))
        if any(end is not None and end <= self.day for end in ends):
            return False
        if "fortzugsart" in self.then and "fortzugsdatum" not in self.then:
            return False  # gone, nobody wrote down when
        return all(one.group != ENDED for one in self.statuses)

    @cached_property
    def left(self) -> date | None:
        """The day from which the person is gone, as far as a day is known: death or Fortzug, the earlier one."""
        ends = (self.day_of("sterbedatum"), self.day_of("fortzugsdatum"))
        return min((end for end in ends if end is not None), default=None)

    def _person(self, index: int) -> Tree:
        person = _group(self._life.document(index), "person")
        for path in self._contested:
            person = release.without(person, path)
        return person


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The last moment of the day in the city."""
    return datetime.combine(day + timedelta(days=1), time(), zone) - timedelta(microseconds=1)


def years(since: date, day: date) -> int:
    """Completed years from `since` until `day`; who was born on 29 February completes one on 1 March otherwise."""
    return day.year - since.year - ((day.month, day.day) < (since.month, since.day))


def after_years(since: date, count: int) -> date:
    """The last day of `count` years that begin with an event on `since` (BGB § 187 Abs. 1, § 188 Abs. 2, 3).

    It is the day of the same number; if its month has none, the month's last: 29 February + 3 years = 28 February.
    """
    try:
        return since.replace(year=since.year + count)
    except ValueError:
        return date(since.year + count, 2, 28)


def _statuses(person: Tree) -> Iterator[Status]:
    codes = codelists.load("aufenthaltsstatus").codes
    for item in _items(person, "aufenthaltsstatus"):
        code = str(item.get("art"))
        entry = codes.get(code)
        group, number = ("", "") if entry is None else (entry.columns["gruppe"], entry.columns["flueag_nrw"])
        yield Status(code, group, number, first_day(item.get("beginn")), last_day(item.get("ende")))


def _group(tree: Tree, name: str) -> Tree:
    value = tree.get(name)
    return value if isinstance(value, dict) else {}


def _list(tree: Tree, name: str) -> list[Value]:
    value = tree.get(name)
    return value if isinstance(value, list) else []


def _items(tree: Tree, name: str) -> Iterator[Tree]:
    return (item for item in _list(tree, name) if isinstance(item, dict))
