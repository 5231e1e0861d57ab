"""Tables that must not stand beside each other: what follows from both is no sum that could be computed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.errors import ReleaseRefused
from gateway.model.statistic import Period, Published, Subject
from gateway.statistics.asked import WINDOW, Told


def require_apart(new: Told, earlier: Sequence[Told]) -> None:
    """The difference of the new table and an earlier one counts no few persons whom no table names.

    ReleaseRefused beside a table of the same counting on days that overlap or of stocks within `WINDOW`: with other
    filters (the whole less all but one group is that group), over another span (a quarter less two months is a month),
    or with a feature in another grouping (persons below 18 less those below 17 are those of 17).
    """
    reasons = [f"{problem} ({one.name})" for one in earlier for problem in _problems(new.table, one.table)]
    if reasons:
        raise ReleaseRefused(reasons=reasons)


def _problems(new: Published, old: Published) -> Iterator[str]:
    if _counting(new.subject) != _counting(old.subject) or not _near(new.subject.period, old.subject.period):
        return
    if new.subject.population != old.subject.population:
        yield "persons of the same counting were told with other filters"
    if new.subject.period != old.subject.period and not (new.subject.period.is_day and old.subject.period.is_day):
        yield "the same days were told within another span"
    codes = {one.name: [category.code for category in one.categories] for one in old.dimensions}
    for one in new.dimensions:
        if codes.get(one.name, grouped := [category.code for category in one.categories]) != grouped:
            yield f"{one.name} was told in another grouping"


def _counting(subject: Subject) -> str:
    return subject.population.partition("[")[0]


def _near(one: Period, other: Period) -> bool:
    if one.is_day and other.is_day:
        return abs(one.first - other.first) <= WINDOW
    return one.first <= other.last and other.first <= one.last
