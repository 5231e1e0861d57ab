"""Counts what a definition says, over everybody who is stored: exact numbers, which must not leave as they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from gateway.errors import StatisticError
from gateway.model.statistic import Category, Cell, Counted, Period, Subject
from gateway.statistics.around import Around
from gateway.statistics.countings import COUNTINGS, Moment, Unit
from gateway.statistics.definition import Definition, Span
from gateway.statistics.features import FEATURES, Choice
from gateway.statistics.view import View
from gateway.store.standing import Life

Lives = Callable[[str], Iterator[Life]]
"""Everybody who is stored, each time it is called; the argument says what for."""

_KEYS = 2**32


@dataclass(frozen=True, slots=True)
class Town:
    """The city whose stock it is: which day it is there, and who lives there."""

    ags: str
    zone: ZoneInfo


def period_of(span: Span, day: date) -> Period:
    """The period of that span which `day` is in: the day itself, or its whole month, quarter or year."""
    if span is Span.STICHTAG:
        return Period(day, day)
    months = {Span.MONAT: 1, Span.QUARTAL: 3, Span.JAHR: 12}[span]
    first = date(day.year, (day.month - 1) // months * months + 1, 1)
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return Period(first, date(year, month + 1, 1) - timedelta(days=1))


def count(definition: Definition, period: Period, lives: Lives, town: Town) -> Counted:
    """The exact numbers of the definition for that period, each person read once, or twice if neighbours matter.

    `lives` is called for each reading. StatisticError if the period is none of the definition's, or if two readings
    did not see the same number of persons.
    """
    if period_of(definition.span, period.last) != period:
        raise StatisticError(f"{definition.name}: counts by {definition.span.value}, and this is none")
    around = Around(town.ags)
    moment = Moment(period, town.zone, around)
    seen = _surveyed(lives, moment) if _asks_around(definition) else None
    tally = _Tally(definition)
    read = 0
    for life in lives("counting"):
        read += 1
        for unit in COUNTINGS[definition.counting].units(life, moment):
            tally.add(unit)
    if seen is not None and seen != read:
        raise StatisticError("the stock has changed while it was counted: repeat", code="bestand-bewegt")
    subject = Subject(definition.population, period)
    return Counted(subject, definition.dimensions, dict(tally.counts), read, dict(tally.keys))


def _asks_around(definition: Definition) -> bool:
    names = [name for name, _ in definition.features] + list(definition.filters)
    return COUNTINGS[definition.counting].around or any(FEATURES[name].around for name in names)


def _surveyed(lives: Lives, moment: Moment) -> int:
    """Afterwards the neighbours of everybody are known; how many persons were read."""
    read = 0
    for life in lives("neighbours"):
        read += 1
        moment.around.add(View(life, moment.period.last, moment.zone))
    return read


class _Tally:
    """The sums so far. A code that is no category of its feature is an error of ours and ends the counting."""

    def __init__(self, definition: Definition) -> None:
        self.counts: defaultdict[Cell, int] = defaultdict(int)
        self.keys: defaultdict[Cell, int] = defaultdict(int)
        self._keyed = definition.needs_keys
        self._features = [(FEATURES[name].code, choice) for name, choice in definition.features]
        self._known = [_codes(one.categories) for one in definition.dimensions]
        self._filters = [(FEATURES[name].code, frozenset(codes)) for name, codes in definition.filters.items()]

    def add(self, unit: Unit) -> None:
        if any(code(unit, _NOTHING) not in codes for code, codes in self._filters):
            return
        cell = tuple(code(unit, choice) for code, choice in self._features)
        if any(code not in known for code, known in zip(cell, self._known, strict=True)):
            raise StatisticError("a person is in no category of a feature")
        self.counts[cell] += 1
        if self._keyed:
            self.keys[cell] = (self.keys[cell] + unit.view.key) % _KEYS


_NOTHING = Choice()


def _codes(categories: tuple[Category, ...]) -> frozenset[str]:
    return frozenset(category.code for category in categories)
