"""The countings there are: who or what is counted in a period; a definition names one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from gateway.model.days import first_day
from gateway.model.statistic import Period
from gateway.statistics import derivations
from gateway.statistics.around import Around
from gateway.statistics.view import View
from gateway.store.standing import Life


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing that is counted: a person as of a day, `word` is what the counting itself has found out about it."""

    view: View
    around: Around
    word: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """What is counted by: the period, the city's time zone, and everybody's neighbours."""

    period: Period
    zone: ZoneInfo
    around: Around

    @property
    def eve(self) -> date:
        """The day before the period."""
        return self.period.first - timedelta(days=1)

    def view(self, life: Life, day: date) -> View:
        return View(life, day, self.zone)


@dataclass(frozen=True, slots=True)
class Counting:
    """What is counted (`measure`, German), by which spans, and how of one person; each yields one unit at most.

    `around`: neighbours must be known before.
    """

    measure: str
    spans: tuple[str, ...]
    units: Callable[[Life, Moment], Iterator[Unit]]
    around: bool = False


def _stock(life: Life, moment: Moment) -> Iterator[Unit]:
    """Everybody in the stock on the last day of the period."""
    view = moment.view(life, moment.period.last)
    if view.is_present:
        yield Unit(view, moment.around)


def _arrivals(life: Life, moment: Moment) -> Iterator[Unit]:
    """Who is in the stock at the end and was not on the eve, and who came and went in between.

    With `_departures` of the same period: stock on the eve + arrivals - departures = stock at the end.
    """
    last = moment.view(life, moment.period.last)
    if not moment.view(life, moment.eve).is_present:
        if last.is_present:
            yield Unit(last, moment.around, _came_by(last, moment.period))
        elif (stay := _passing(life, moment, last)) is not None:
            yield Unit(stay, moment.around, _came_by(stay, moment.period))


def _departures(life: Life, moment: Moment) -> Iterator[Unit]:
    """Who was in the stock on the eve and is not at the end, and who came and went in between."""
    last, eve = moment.view(life, moment.period.last), moment.view(life, moment.eve)
    if last.is_present:
        return
    if eve.is_present:
        yield Unit(eve, moment.around, _went_by(last))
    elif (stay := _passing(life, moment, last)) is not None:
        yield Unit(stay, moment.around, _went_by(last))


def _passing(life: Life, moment: Moment, last: View) -> View | None:
    """The person on the last day of a stay that began and ended within the period; None if there was none."""
    if last.left is None or not moment.period.first < last.left <= moment.period.last:
        return None
    stay = moment.view(life, last.left - timedelta(days=1))
    return stay if stay.is_present else None


def _came_by(view: View, period: Period) -> str:
    if view.birth is not None and period.first <= view.birth <= period.last:
        return "geburt"
    arrived = view.day_of("zuzugsdatum")
    return "zuzug" if arrived is not None and period.first <= arrived <= period.last else "sonstiges"


def _went_by(last: View) -> str:
    """The kind of Fortzug, as far as it says; a death is a death even where no Fortzug was written down."""
    kind = last.value("fortzugsart")
    died = first_day(last.value("sterbedatum"))
    if kind is None and died is not None and died <= last.day:
        return "verstorben"
    return str(kind) if kind is not None else "sonstiges"


def _flueag(life: Life, moment: Moment) -> Iterator[Unit]:
    """Everybody of FlüAG § 2 whose time under § 3 Abs. 3 is not over in the month that ends with the period."""
    view = moment.view(life, moment.period.last)
    if (number := moment.around.flueag_number(view)) is not None:
        yield Unit(view, moment.around, number)


def _found(derive: Callable[[View], str | None]) -> Callable[[Life, Moment], Iterator[Unit]]:
    """Everybody in the stock of whom `derive` says something."""

    def units(life: Life, moment: Moment) -> Iterator[Unit]:
        for unit in _stock(life, moment):
            if (word := derive(unit.view)) is not None:
                yield Unit(unit.view, moment.around, word)

    return units


_DAY, _SPANS = ("stichtag",), ("monat", "quartal", "jahr")

COUNTINGS: Final[Mapping[str, Counting]] = MappingProxyType(
    {
        "bestand": Counting("Personen", _DAY, _stock),
        "zugang": Counting("Zugänge", _SPANS, _arrivals),
        "abgang": Counting("Abgänge", _SPANS, _departures),
        "flueag": Counting("Personen", ("monat",), _flueag, around=True),
        "schulpflicht": Counting("Kinder und Jugendliche", _DAY, _found(derivations.school)),
        "auszug": Counting("Personen", _DAY, _found(derivations.moving_out)),
        "volljaehrigkeit": Counting("Personen", _DAY, _found(derivations.coming_of_age)),
        "wohnsitzpflicht": Counting("Personen", _DAY, _found(derivations.duty_ending)),
    }
)
"""Each counting by its name in definitions."""
