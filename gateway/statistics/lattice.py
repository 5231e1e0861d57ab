"""All cells of a table and of all its margins, published or not, as rows of one matrix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, combinations, product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.model.statistic import Cell, Dimension, Margin
from gateway.statistics.solving import Sparse, sparse

Whole = npt.NDArray[np.int64]


class Lattice:
    """Rows are the cells of all margins, one margin after the other; columns the cells of all dimensions together.

    A row's number is its margin's offset and its place in the product of the categories, the last dimension fastest.
    """

    def __init__(self, dimensions: tuple[Dimension, ...]) -> None:
        self.dimensions = dimensions
        self.names = tuple(one.name for one in dimensions)
        self.codes = {one.name: [category.code for category in one.categories] for one in dimensions}
        self.shape = tuple(len(one.categories) for one in dimensions)
        self.size = prod(self.shape)
        self.margins = tuple(chain.from_iterable(combinations(self.names, n) for n in range(len(self.names) + 1)))
        self._places = {name: dict(zip(codes, range(len(codes)), strict=True)) for name, codes in self.codes.items()}
        self._offsets: dict[Margin, int] = {}
        self._of_column: list[Whole] = []
        columns = np.unravel_index(np.arange(self.size), self.shape) if self.shape else ()
        offset = 0
        for margin in self.margins:
            self._offsets[margin] = offset
            chosen = [self.names.index(name) for name in margin]
            shape = [self.shape[n] for n in chosen]
            place: Any = np.ravel_multi_index([columns[n] for n in chosen], shape) if chosen else 0
            self._of_column.append(np.full(self.size, offset, dtype=np.int64) + place)
            offset += prod(shape)
        self.count = offset
        self.matrix: Sparse = sparse(
            np.concatenate(self._of_column), np.tile(np.arange(self.size), len(self.margins)), (self.count, self.size)
        )

    def cells(self, margin: Margin) -> Iterable[tuple[int, Cell]]:
        """(row, cell) of each cell of the margin, in the order in which it is shown."""
        ordered = self.ordered(margin)
        offset = self._offsets[ordered]
        for place, cell in enumerate(product(*(self.codes[name] for name in ordered))):
            yield offset + place, cell

    def row(self, margin: Margin, cell: Cell) -> int:
        """The row of this cell of this margin; KeyError if there is none."""
        place = 0
        for name, code in sorted(zip(margin, cell, strict=True), key=lambda one: self.names.index(one[0])):
            place = place * len(self.codes[name]) + self._places[name][code]
        return self._offsets[self.ordered(margin)] + place

    def ordered(self, margin: Iterable[str]) -> Margin:
        """The margin in the order of the table."""
        return tuple(sorted(margin, key=self.names.index))

    def columns(self, values: Mapping[Cell, int]) -> Whole:
        """The numbers of all cells of all dimensions together; what is not named is 0."""
        found = np.zeros(self.size, dtype=np.int64)
        offset = self._offsets[self.names]
        for cell, value in values.items():
            found[self.row(self.names, cell) - offset] = value
        return found

    def sums(self, columns: Whole) -> Whole:
        """The numbers of all rows."""
        found = np.zeros(self.count, dtype=np.int64)
        for rows in self._of_column:
            np.add.at(found, rows, columns)
        return found

    def holds(self, dimensions: Iterable[Dimension]) -> bool:
        """Whether a table of these dimensions is a margin of this one: the same codes under the same names."""
        return all(
            one.name in self.codes and self.codes[one.name] == [category.code for category in one.categories]
            for one in dimensions
        )
