"""A table that is to be told, and what each audience knows of it already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gateway.errors import ReleaseRefused
from gateway.model.statistic import Cell, Counted, Margin, Published
from gateway.statistics.asked import AUDIENCES, Asked, Told, frozen, strictest
from gateway.statistics.lattice import Lattice
from gateway.statistics.perturbing import number, possible
from gateway.statistics.proving import Bounds, Proof
from gateway.statistics.solving import FAR, Numbers

_MOST_CELLS = 2_000_000
_LARGE = 300
"""In a table of more cells, cells that are finer than all that is published are not looked at."""
_COARSER = 3.0
"""A cell of a margin with one feature less is worth so many times as much."""


@dataclass
class View:
    """What one audience knows, with the rows it must not be able to tell.

    `must`: if they cannot be protected the table is refused; otherwise they are known from before. `mine`: it is the
    audience of the table, for which every withheld row is protected but those in `known`.
    """

    proof: Proof
    asked: Asked
    must: bool
    mine: bool
    known: frozenset[int]


class Sheet:
    """The rows of a table that are published, what is told of them, and which are withheld so far.

    `prices`: what it costs to withhold a row; 0 where it cannot be withheld, or is already.
    """

    def __init__(self, counted: Counted, margins: Sequence[Margin], asked: Asked, earlier: Sequence[Told]) -> None:
        self._counted, self._asked = counted, asked
        self._lattice = lattice = Lattice(counted.dimensions)
        if lattice.count > _MOST_CELLS:
            raise ReleaseRefused("the table has more cells than can be proved safe")
        if asked.noise and not counted.counts.keys() <= counted.keys.keys():
            raise ReleaseRefused("noise is asked for, and nothing was counted for it")
        self._truth = lattice.columns(counted.counts)
        self._rows = lattice.sums(self._truth)
        keys = lattice.sums(lattice.columns(counted.keys))
        self._cells = {margin: list(lattice.cells(margin)) for margin in map(lattice.ordered, margins)}
        self._told = {row: number(int(self._rows[row]), int(keys[row]), asked) for _, row, _ in self._published()}
        held = [shared for one in earlier if (shared := _shared(one, lattice))]
        self._same = [one for one in held if one.table.subject == counted.subject]
        self._older = [one for one in held if frozen(one.table.subject, counted.subject)]
        self._sticky = self._withheld_before()
        small = {row for row in self._told if asked.small(int(self._rows[row]))}
        self.withheld = small | (self._sticky & self._told.keys())
        self.prices: Numbers = np.zeros(lattice.count)
        for margin, row, _ in self._published():
            if row not in self.withheld and self._rows[row]:
                coarser = _COARSER ** (len(lattice.names) - len(margin))
                self.prices[row] = (1 + np.log2(1 + self._rows[row])) * coarser

    def withhold(self, row: int) -> None:
        """This row is not told."""
        self.withheld.add(row)
        self.prices[row] = 0

    def views(self) -> list[View]:
        """What every audience knows that sees this table: its own, and each that sees more and was told something."""
        return [view for audience in AUDIENCES for view in self._views_of(audience)]

    def published(self) -> Published:
        """The table as it may be told."""
        margins = {
            margin: {cell: None if row in self.withheld else self._told[row] for row, cell in cells}
            for margin, cells in self._cells.items()
        }
        counted, asked = self._counted, self._asked
        return Published(counted.subject, counted.dimensions, margins, asked.base, asked.noise)

    def _published(self) -> Iterator[tuple[Margin, int, Cell]]:
        for margin, cells in self._cells.items():
            for row, cell in cells:
                yield margin, row, cell

    def _withheld_before(self) -> set[int]:
        """Rows that were withheld from whoever sees this table, or from somebody who sees less than it tells."""
        seen = [one for one in self._same + self._older if one.asked.sees(self._asked)]
        return {row for one in seen for row, told in self._told_in(one) if told is None}

    def _told_in(self, one: Told) -> Iterator[tuple[int, int | None]]:
        for margin, cells in one.table.margins.items():
            for cell, told in cells.items():
                yield self._lattice.row(margin, cell), told

    def _views_of(self, audience: str) -> Iterator[View]:
        same = [one for one in self._same if _visible(one, audience)]
        older = [one for one in self._older if _visible(one, audience)]
        mine = audience == self._asked.audience
        if not mine:
            own = [one.asked for one in same + older if one.asked.audience == audience]
            if not own or not own[0].sees(self._asked):
                return
        asked = self._asked if mine else strictest(own)
        hard = self._hard(same)
        wide = {int(row) for row in np.flatnonzero(hard[1] - hard[0] >= asked.interval)}
        small = {row for row in self._looked_at() if 0 < self._rows[row] < asked.threshold}
        if not asked.zeros:
            small |= {row for row in self._told if not self._rows[row]}
        protected = (small | self.withheld if mine else small) & wide
        yield self._view(hard, asked, protected, must=True, mine=mine)
        known = self._frozen(older)
        protected = {row for row, shown in known.items() if shown is None and row in self.withheld} & wide
        if protected:
            low, high = hard[0].copy(), hard[1].copy()
            for row, shown in known.items():
                if shown is not None and not asked.small(int(self._rows[row])):
                    low[row], high[row] = max(low[row], shown[0]), min(high[row], shown[1])
            yield self._view((low, high), asked, protected, must=False, mine=False)

    def _looked_at(self) -> set[int]:
        """The rows that are protected if they are small: those of every margin if the table is not large, else those of
        published margins and of what follows from one by adding up.
        """
        every = self._lattice.size <= _LARGE
        margins = [
            margin
            for margin in self._lattice.margins
            if every or any(set(margin) <= set(published) for published in self._cells)
        ]
        return {row for margin in margins for row, _ in self._lattice.cells(margin)}

    def _view(self, hard: Bounds, asked: Asked, protected: set[int], *, must: bool, mine: bool) -> View:
        low, high = hard[0].copy(), hard[1].copy()
        for row, told in self._told.items():
            if row not in self.withheld:
                least, most = possible(told, self._asked)
                low[row], high[row] = max(low[row], least), min(high[row], most)
        proof = Proof(self._lattice, self._truth, (low, high), hard, asked.interval)
        proof.protect(sorted(protected))
        narrow = frozenset(int(row) for row in np.flatnonzero(hard[1] - hard[0] < asked.interval))
        return View(proof, asked, must, mine, narrow)

    def _hard(self, same: Sequence[Told]) -> Bounds:
        """What is known of each row though all of this table were withheld."""
        low, high = np.zeros(self._lattice.count), np.full(self._lattice.count, FAR)
        for one in same:
            for row, told in self._told_in(one):
                least, most = _bounds(told, one.asked, int(self._rows[row]))
                low[row], high[row] = max(low[row], least), min(high[row], most)
        if np.any(self._rows < low) or np.any(self._rows > high):
            raise ReleaseRefused("other numbers of the same persons on the same days were told before")
        if self._asked.zeros:  # an empty cell would have been told, unless it was withheld before
            for row in self._told:
                if self._rows[row] and row not in self._sticky:
                    low[row] = max(low[row], 1)
        return low, high

    def _frozen(self, older: Sequence[Told]) -> dict[int, tuple[int, int] | None]:
        """What is known of rows for whoever knows which of them are as they were: None where it was never told."""
        known: dict[int, tuple[int, int] | None] = {}
        for one in older:
            for row, told in self._told_in(one):
                known.setdefault(row, None)
                if told is None:
                    continue
                least, most = possible(told, one.asked)
                if least <= self._rows[row] <= most:
                    before = known[row] or (0, most)
                    known[row] = max(before[0], least), min(before[1], most)
        return known


def _shared(one: Told, lattice: Lattice) -> Told | None:
    """What an earlier table tells of margins that this one has, too; None if it has none."""
    dimensions = tuple(each for each in one.table.dimensions if lattice.holds([each]))
    names = {each.name for each in dimensions}
    margins = {margin: cells for margin, cells in one.table.margins.items() if names.issuperset(margin)}
    return replace(one, table=replace(one.table, dimensions=dimensions, margins=margins)) if margins else None


def _bounds(told: int | None, asked: Asked, truth: int) -> tuple[float, float]:
    if told is not None:
        return possible(told, asked)
    return (1 if asked.zeros and truth else 0), FAR


def _visible(one: Told, audience: str) -> bool:
    return AUDIENCES.index(one.asked.audience) <= AUDIENCES.index(audience)
