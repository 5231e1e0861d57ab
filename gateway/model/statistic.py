"""Tables of counts: what was counted of persons, which is as confidential as they are, and what of it may be said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

Cell = tuple[str, ...]
"""One code for each dimension of a margin, in its order; the cell of the margin `()`, the total, is `()`."""

Margin = tuple[str, ...]
"""Names of dimensions, in the order of the table: counts summed over all others. `()` is the total."""


@dataclass(frozen=True, slots=True)
class Category:
    """One value of a dimension: its code in tables, and its German label."""

    code: str
    label: str


@dataclass(frozen=True, slots=True)
class Dimension:
    """A feature by which is counted. Each person (or event) is in exactly one category, unknown values in one of
    their own; categories are in the order in which they are shown.
    """

    name: str
    label: str
    categories: tuple[Category, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """The days it speaks of, both included; a Stichtag is a period of one day."""

    first: date
    last: date

    @property
    def is_day(self) -> bool:
        return self.first == self.last


@dataclass(frozen=True, slots=True)
class Subject:
    """What is counted. Tables of equal subject, of the same period, count the same persons or events: their common
    margins are equal.

    `population` names the counting with its filters, for example "bestand" or "flueag".
    """

    population: str
    period: Period


@dataclass(frozen=True)
class Counted:
    """Exact counts of all cells of all dimensions together; never stored, never logged, never told as they are.

    `counts`: cells that are not named hold nobody. `keys`: for cell-key noise, the sum of the record keys of a cell
    modulo 2**32; empty where no noise is asked for. `read` is how many persons were read to count.
    """

    subject: Subject
    dimensions: tuple[Dimension, ...]
    counts: Mapping[Cell, int] = field(repr=False)
    read: int
    keys: Mapping[Cell, int] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Published:
    """What may be said: for each margin that is published, all its cells, None where a number is withheld.

    `base`: numbers are rounded to its multiples, 1 if they are not. `noise`: the most by which the cell-key method
    has moved a number before that, 0 if it was not used.
    """

    subject: Subject
    dimensions: tuple[Dimension, ...]
    margins: Mapping[Margin, Mapping[Cell, int | None]]
    base: int = 1
    noise: int = 0
