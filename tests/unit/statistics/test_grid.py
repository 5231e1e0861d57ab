"""Tables as they are shown: every published number once at least, none that was not published."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from gateway.model.statistic import Margin, Period, Published
from gateway.statistics.grid import Gap, grids, shown, tidy
from gateway.statistics.paper import Paper, spoken
from tests.unit.statistics import sheets
from tests.unit.statistics.sheets import AGE, DISTRICT, KIND, SEX, published

DAY = Period(date(2026, 11, 30), date(2026, 11, 30))

MARGINS: tuple[tuple[Margin, ...], ...] = (
    ((),),
    ((), ("stadtbezirk",)),
    (("stadtbezirk", "unterkunft"),),
    ((), ("stadtbezirk", "unterkunft")),
    ((), ("unterkunft",), ("stadtbezirk", "unterkunft")),
    ((), ("stadtbezirk",), ("stadtbezirk", "unterkunft")),
    ((), ("stadtbezirk",), ("unterkunft",), ("stadtbezirk", "unterkunft")),
    (("geschlecht",), ("stadtbezirk", "unterkunft", "geschlecht")),
    ((), ("stadtbezirk",), ("stadtbezirk", "geschlecht"), ("stadtbezirk", "unterkunft", "geschlecht")),
)


def made(margins: tuple[Margin, ...]) -> Paper:
    """A paper whose numbers are all different, one of them withheld."""
    table = published((DISTRICT, KIND, SEX), margins, period=DAY)
    numbers: dict[Margin, dict[tuple[str, ...], int | None]] = {}
    number = 1000
    for margin, told in table.margins.items():
        numbers[margin] = {}
        for cell in told:
            number += 1
            numbers[margin][cell] = number
    first = next(iter(numbers[margins[-1]]))
    numbers[margins[-1]][first] = None
    return sheets.paper(replace(table, margins=numbers))


@pytest.mark.parametrize("margins", MARGINS)
def test_every_number_is_shown_and_no_other(margins: tuple[Margin, ...]) -> None:
    """The numbers of all tables are the published ones, and what is withheld is in none of them."""
    paper = made(margins)
    values = [value for grid in grids(paper) for row in grid.rows for value in row.values]
    told = {number for numbers in paper.published.margins.values() for number in numbers.values()}
    assert {value for value in values if isinstance(value, int)} == told - {None}
    assert Gap.WITHHELD in values
    flat = [value for _, value in tidy(paper)]
    assert flat.count(Gap.WITHHELD) == 1
    assert sorted(value for value in flat if isinstance(value, int)) == sorted(told - {None})  # type: ignore[type-var]  # no None left


def test_what_was_not_published_is_not_called_withheld() -> None:
    """A sum that the definition does not have is `x`; it is never computed from its parts."""
    paper = made(((), ("stadtbezirk",), ("stadtbezirk", "unterkunft")))
    (grid,) = grids(paper)
    assert [shown(one, exact=True) for one in grid.rows[-1].values][:-1] == ["x", "x", "x"]
    assert isinstance(grid.rows[-1].values[-1], int)


def test_sums_stand_where_they_are_sums() -> None:
    """The last column and the last line are the published margins, cell by cell."""
    paper = made(((), ("stadtbezirk",), ("unterkunft",), ("stadtbezirk", "unterkunft")))
    (grid,) = grids(paper)
    margins = paper.published.margins
    assert grid.columns == ("Gemeinschaftsunterkunft", "Wohnung", "unbekannt", "Insgesamt")
    assert [row.values[-1] for row in grid.rows[:-1]] == list(margins[("stadtbezirk",)].values())
    assert list(grid.rows[-1].values) == [*margins[("unterkunft",)].values(), margins[()][()]]
    assert [row.is_sum for row in grid.rows] == [False] * 10 + [True]


def test_a_row_without_anybody_is_left_out_of_long_tables_only_if_that_is_told() -> None:
    """Of three dimensions, rows with nothing but 0 are counted rather than shown; a withheld number keeps its row."""
    margin = ("stadtbezirk", "altersgruppe", "geschlecht")
    table = published((DISTRICT, AGE, SEX), (margin,), period=DAY)
    empty = dict.fromkeys(table.margins[margin], 0)
    cells = list(empty)
    numbers: dict[tuple[str, ...], int | None] = {**empty, cells[0]: None, cells[3]: 7}
    (grid,) = grids(sheets.paper(replace(table, margins={margin: numbers})))
    assert [row.labels for row in grid.rows] == [("Innenstadt", "0–2"), ("Innenstadt", "3–5")]
    assert grid.left_out == 10 * 10 - 2


def test_a_long_dimension_goes_down_the_page() -> None:
    """More categories than fit across are rows, whichever dimension is named last."""
    many = sheets.dimension("nation", "Staatsangehörigkeit", **{f"n{one}": f"Land {one}" for one in range(30)})
    paper = sheets.paper(published((SEX, many), (("geschlecht", "nation"),), period=DAY))
    (grid,) = grids(paper)
    assert (grid.stub, grid.across) == (("Staatsangehörigkeit",), "Geschlecht")


@pytest.mark.parametrize(
    ("value", "exact", "text"),
    [
        (Gap.WITHHELD, True, "."),
        (Gap.UNPUBLISHED, True, "x"),
        (0, True, "–"),
        (0, False, "0"),
        (7, True, "7"),
        (1234567, False, "1.234.567"),
    ],
)
def test_signs(value: int | Gap, exact: bool, text: str) -> None:
    """The signs of DIN 55301; a 0 that may have been rounded does not say that nothing is there."""
    assert shown(value, exact=exact) == text


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ((2026, 11, 30), (2026, 11, 30), "Stichtag 30.11.2026"),
        ((2024, 2, 1), (2024, 2, 29), "Februar 2024"),
        ((2024, 2, 1), (2024, 2, 28), "01.02.2024 bis 28.02.2024"),
        ((2026, 10, 1), (2026, 12, 31), "4. Quartal 2026"),
        ((2026, 2, 1), (2026, 4, 30), "01.02.2026 bis 30.04.2026"),
        ((2026, 1, 1), (2026, 12, 31), "Jahr 2026"),
    ],
)
def test_periods_are_said_as_germans_say_them(
    first: tuple[int, int, int], last: tuple[int, int, int], words: str
) -> None:
    """A day is a Stichtag; whole months, quarters and years have their names."""
    assert spoken(Period(date(*first), date(*last))) == words


def test_a_table_without_its_dimension_is_refused() -> None:
    """A margin over a dimension that the table does not have is a mistake, not an empty table."""
    table = Published(published((SEX,), ((),), period=DAY).subject, (SEX,), {("alter",): {}})
    with pytest.raises(KeyError):
        grids(sheets.paper(table))
