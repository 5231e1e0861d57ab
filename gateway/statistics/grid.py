"""Tables as they are shown: each published margin as rows and columns, with sums where sums were published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from gateway.model.statistic import Category, Cell, Dimension, Margin, Published
from gateway.statistics.paper import Paper, cells, dimensions

TOTAL = "Insgesamt"
NOTHING = "–"
MOST_COLUMNS = 12
"""A dimension of more categories goes down the page rather than across it, if another can go across."""


class Gap(Enum):
    """Why there is no number: it must not be said, or the definition has no such margin."""

    WITHHELD = "."
    UNPUBLISHED = "x"


Value = int | Gap


@dataclass(frozen=True)
class Row:
    """One line: a label for each dimension of the stub, and a value for each column. `is_sum`: of a whole margin."""

    labels: tuple[str, ...]
    values: tuple[Value, ...]
    is_sum: bool


@dataclass(frozen=True)
class Grid:
    """One table. `across` is the label of the dimension whose categories are the columns, "" if there is one column
    only; the last of `columns` is a sum if `has_sum`. `left_out` counts rows that hold nothing but 0 and are not shown.
    """

    key: str
    margin: Margin
    title: str
    stub: tuple[str, ...]
    across: str
    columns: tuple[str, ...]
    has_sum: bool
    rows: tuple[Row, ...]
    left_out: int = 0


def grids(paper: Paper) -> tuple[Grid, ...]:
    """Every published margin in one table or another, none twice; a total alone is a table of one line.

    A margin of which another, with two dimensions at most, already shows all numbers as sums has no table of its own.
    """
    margins = tuple(paper.published.margins)
    shown = [one for one in margins if not any(_is_sum_in(paper, one, other) for other in margins)]
    return tuple(_grid(paper, margin, number) for number, margin in enumerate(shown, 1))


def shown(number: Value, *, exact: bool) -> str:
    """The number in German writing, or its sign (DIN 55301): `.` withheld, `x` never published, `–` nothing there.

    Where numbers were rounded or moved, a 0 does not say that nothing is there, and stays 0.
    """
    if isinstance(number, Gap):
        return number.value
    if number == 0 and exact:
        return NOTHING
    return f"{number:,}".replace(",", ".")


def named(titles: tuple[str, ...]) -> str:
    """`Geschlecht`, `Alter und Geschlecht`, `Status, Alter und Geschlecht`."""
    return " und ".join((", ".join(titles[:-1]), titles[-1])) if len(titles) > 1 else "".join(titles)


def _is_sum_in(paper: Paper, margin: Margin, other: Margin) -> bool:
    """Whether the table of `other` shows every number of `margin`, and is shown itself."""
    if not set(margin) < set(other) or len(other) > 2:
        return False
    if len(other) == 2:  # the total stands below the sums of the rows, if they are there
        parts = paper.dimensions(other)
        stub = tuple(one for one in parts if one is not _across(parts))
        return bool(margin) or _is_published(paper.published, stub)
    return not any(set(other) < set(wider) and len(wider) == 2 for wider in paper.published.margins)


def _grid(paper: Paper, margin: Margin, number: int) -> Grid:
    published, parts = paper.published, dimensions(paper.published, margin)
    column = _across(parts)
    stub = tuple(one for one in parts if one is not column)
    titles = tuple(one.label for one in parts)
    categories: list[Category | None] = list(column.categories) if column else []
    has_sum = _is_published(published, stub)
    if has_sum or column is None:
        categories.append(None)
    rows = tuple(_rows(published, stub, column, categories))
    kept = tuple(row for row in rows if len(parts) < 3 or row.is_sum or any(one != 0 for one in row.values))
    return Grid(
        key=f"tabelle-{number}",
        margin=margin,
        title=f"{paper.measure} nach {named(titles)}" if titles else f"{paper.measure} insgesamt",
        stub=tuple(one.label for one in stub) or ("Gliederung",),
        across=column.label if column else "",
        columns=tuple(one.label if one else TOTAL if column else paper.measure for one in categories),
        has_sum=has_sum and column is not None,
        rows=kept,
        left_out=len(rows) - len(kept),
    )


def _across(parts: tuple[Dimension, ...]) -> Dimension | None:
    """The dimension whose categories become columns: the last that is short enough, else the shortest."""
    if len(parts) < 2:
        return None
    short = [one for one in parts if len(one.categories) <= MOST_COLUMNS]
    return short[-1] if short else min(parts, key=lambda one: len(one.categories))


def _rows(
    published: Published, stub: tuple[Dimension, ...], column: Dimension | None, categories: list[Category | None]
) -> list[Row]:
    """The sum over all rows last, where it was published; sums over later dimensions of the stub after their parts."""
    rows: list[Row] = []
    edge = _is_published(published, stub)
    for depth, chosen in _walk(stub):
        told = stub[:depth]
        across = told if column is None else (*told, column)
        if depth < len(stub) and not _is_published(published, across) and not (edge and _is_published(published, told)):
            continue
        values = tuple(_value(published, told, chosen, column, category) for category in categories)
        labels = (*(one.label for one in chosen), *(TOTAL for _ in stub[depth:])) or (TOTAL,)
        rows.append(Row(labels, values, is_sum=depth < len(stub)))
    return rows


def _walk(stub: tuple[Dimension, ...]) -> list[tuple[int, tuple[Category, ...]]]:
    """(how many dimensions are told, their categories) of every possible row, each sum after what it sums."""
    if not stub:
        return [(0, ())]
    found: list[tuple[int, tuple[Category, ...]]] = []
    for first in stub[0].categories:
        found += [(depth + 1, (first, *rest)) for depth, rest in _walk(stub[1:])]
    return [*found, (0, ())]


def _value(
    published: Published,
    told: tuple[Dimension, ...],
    chosen: tuple[Category, ...],
    column: Dimension | None,
    category: Category | None,
) -> Value:
    codes = {one.name: category.code for one, category in zip(told, chosen, strict=True)}
    if column and category:
        codes[column.name] = category.code
    found = _find(published, set(codes))
    if found is None:
        return Gap.UNPUBLISHED
    margin, numbers = found
    number = numbers[tuple(codes[name] for name in margin)]
    return Gap.WITHHELD if number is None else number


def _is_published(published: Published, parts: tuple[Dimension, ...]) -> bool:
    return _find(published, {one.name for one in parts}) is not None


def _find(published: Published, names: set[str]) -> tuple[Margin, Mapping[Cell, int | None]] | None:
    """The published margin over exactly these dimensions, in whatever order."""
    return next(((margin, told) for margin, told in published.margins.items() if set(margin) == names), None)


def tidy(paper: Paper) -> list[tuple[tuple[str, ...], Value]]:
    """Every number once, with a label for each dimension of the report, `Insgesamt` where it is summed over."""
    every = paper.published.dimensions
    lines: list[tuple[tuple[str, ...], Value]] = []
    for margin, numbers in paper.published.margins.items():
        for chosen in cells(paper.dimensions(margin)):
            labels = dict(zip(margin, (one.label for one in chosen), strict=True))
            codes = tuple(one.code for one in chosen)
            number = numbers[codes]
            told = Gap.WITHHELD if number is None else number
            lines.append((tuple(labels.get(one.name, TOTAL) for one in every), told))
    return lines
