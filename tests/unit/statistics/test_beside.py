"""What follows from two tables that are each safe: the second is refused, or withholds what the first did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest

from gateway.errors import ReleaseRefused
from gateway.model.statistic import Category, Cell, Counted, Dimension, Margin, Period, Subject
from gateway.statistics.asked import Asked, Told
from gateway.statistics.differencing import require_safe
from gateway.statistics.protecting import protect

JANUARY, FEBRUARY, MARCH = (Period(date(2026, n, 1), date(2026, n, last)) for n, last in ((1, 31), (2, 28), (3, 31)))


def stock(year: int, month: int, day: int) -> Period:
    return Period(date(year, month, day), date(year, month, day))


def dimension(name: str, *codes: str) -> Dimension:
    return Dimension(name, name, tuple(Category(code, code) for code in codes))


A = dimension("a", "a0", "a1", "a2")


def tell(
    told: list[Told],
    population: str,
    period: Period,
    counts: Mapping[Cell, int],
    margins: tuple[Margin, ...] = (("a",),),
    dimensions: tuple[Dimension, ...] = (A,),
    audience: str = "oeffentlich",
) -> Told:
    """One more table is told, if the house thinks it safe."""
    counted = Counted(Subject(population, period), dimensions, counts, sum(counts.values()))
    asked = Asked(audience, 3, 3, zeros=True)
    one = Told(f"release {len(told)}", asked, protect(counted, margins, asked, told))
    require_safe(one, told)
    told.append(one)
    return one


def of(*counts: int) -> dict[Cell, int]:
    return {(f"a{place}",): count for place, count in enumerate(counts)}


@pytest.mark.parametrize("day", [stock(2026, 1, 31), stock(2026, 2, 1)])
@pytest.mark.parametrize("audience", ["oeffentlich", "intern"])
def test_the_whole_less_a_part_is_not_told(day: Period, audience: str) -> None:
    """91 persons, and 90 of them with all groups but one, would say that one person is in that group."""
    told: list[Told] = []
    tell(told, "bestand", stock(2026, 1, 31), of(50, 40, 1), ((),))
    with pytest.raises(ReleaseRefused, match="other filters"):
        tell(told, "bestand[a=a0|a1]", day, of(50, 40), ((),), audience=audience)


def test_a_quarter_less_two_months_is_not_told() -> None:
    """21 in a quarter, of whom 10 came in each of two months, would say that one came in the third."""
    told: list[Told] = []
    tell(told, "zugang", JANUARY, of(50, 40, 10))
    tell(told, "zugang", FEBRUARY, of(50, 40, 10))
    assert tell(told, "zugang", MARCH, of(50, 40, 1)).table.margins["a",]["a2",] is None
    with pytest.raises(ReleaseRefused, match="another span"):
        tell(told, "zugang", Period(JANUARY.first, MARCH.last), of(150, 120, 21))


def test_the_next_day_is_not_told_in_other_groups() -> None:
    """20 below 18 today and 19 below 17 tomorrow would say that one is 17."""
    told: list[Told] = []
    ages = [dimension("alter", *codes) for codes in (("0-17", "18-"), ("0-16", "17-"))]
    first = {("0-17",): 20, ("18-",): 80}
    tell(told, "bestand", stock(2026, 1, 31), first, (("alter",),), (ages[0],))
    second = {("0-16",): 19, ("17-",): 81}
    with pytest.raises(ReleaseRefused, match="alter was told in another grouping"):
        tell(told, "bestand", stock(2026, 2, 1), second, (("alter",),), (ages[1],))


def test_stocks_that_are_months_apart_do_not_give_a_flow_away() -> None:
    """Two stocks with all flows between them, but the stock in the middle was never told."""
    told: list[Told] = []
    tell(told, "bestand", stock(2025, 12, 31), of(500, 400, 100))
    tell(told, "zugang", JANUARY, of(50, 40, 10))
    tell(told, "abgang", JANUARY, of(50, 40, 10))
    tell(told, "zugang", FEBRUARY, of(50, 40, 1))
    tell(told, "abgang", FEBRUARY, of(50, 40, 10))
    with pytest.raises(ReleaseRefused, match="release 3 would follow"):
        tell(told, "bestand", stock(2026, 2, 28), of(500, 400, 91))


def test_another_report_of_the_next_day_withholds_what_the_first_did() -> None:
    """Else who knows that a group did not move takes it from one table and subtracts it in the other."""
    told: list[Told] = []
    groups, one, two = dimension("a", *(f"a{n}" for n in range(5))), dimension("b", "b0"), dimension("c", "c0")
    margins: tuple[Margin, ...] = ((), ("a",))
    before = {(code, "b0"): count for (code,), count in of(20, 21, 60, 61, 1).items()}
    after = {(code, "c0"): count for (code,), count in of(70, 71, 20, 21, 1).items()}
    tell(told, "bestand", stock(2026, 1, 31), before, margins, (groups, one))
    tell(told, "bestand", stock(2026, 2, 1), after, margins, (groups, two))
    withheld = [{cell for cell, number in each.table.margins["a",].items() if number is None} for each in told]
    assert 1 < len(withheld[0]) < 5
    assert withheld[0] <= withheld[1]


def test_a_margin_of_the_next_day_is_not_told_if_nobody_moved() -> None:
    """The second report shows how many are in a group; the first withheld parts of it, and showed the others."""
    told: list[Told] = []
    one, two = dimension("b", "b0", "b1", "b2"), dimension("c", "c0")
    numbers = {"a0": (6, 4, 1), "a1": (2, 0, 1), "a2": (4, 1, 1)}
    before = {(code, f"b{n}"): count for code, counts in numbers.items() for n, count in enumerate(counts)}
    after = {(code, "c0"): sum(counts) for code, counts in numbers.items()}
    tell(told, "bestand", stock(2026, 1, 31), before, ((), ("b",), ("a", "b")), (A, one))
    with pytest.raises(ReleaseRefused, match="release 0 would follow"):
        tell(told, "bestand", stock(2026, 2, 1), after, (("a",),), (A, two))
