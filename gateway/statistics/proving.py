"""Proof that nobody can say what is withheld: other whole-numbered tables that fit everything that was told.

A linear program (or, where its vertex is no whole-numbered table, an integer program) finds the other tables. Two
tables that differ by the asked interval in a cell, and both fit everything that was told, are a proof for that cell
that holds against whoever computes, by linear programs or by trying all tables. Where no program finds them the cell is
open: more must be withheld.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from gateway.statistics.lattice import Lattice, Whole
from gateway.statistics.solving import FAR, Numbers, Sparse, identity, least, stacked

Bounds = tuple[Numbers, Numbers]
Truths = npt.NDArray[np.bool_]

_ROUNDS = 2
_SMALL, _LARGE = 200, 1500
_KEPT = 400
"""So many other tables are kept, for cells that come to be withheld later."""
_NOBODY = 0
_CLOSE = 1e-6
_FARTHEST = 10_000
_SECONDS = 10.0


class Proof:
    """What one audience knows of a table, and which rows nobody in it may be able to tell.

    `told`: what bounds each row of the lattice as things are; `hard`: what bounds it whatever is withheld now. `truth`
    lies within both. `interval` is asked for every protected row: for whoever is in none of the cells (0), and for each
    person who is alone in a cell and knows all cells that hold nobody else (1, 2, ...).
    """

    def __init__(self, lattice: Lattice, truth: Whole, told: Bounds, hard: Bounds, interval: int) -> None:
        self._low, self._high = told
        self._hard_low, self._hard_high = hard
        self._interval = interval
        self._box = 2 * interval
        # What is drawn by lot changes which tables are found first, not what is proved; equal lots, equal releases.
        self._lots = np.random.default_rng(0)
        self._rows = lattice.sums(truth)
        # A cell below a row that is told to be empty is empty.
        empty = np.asarray(lattice.matrix.T @ (self._high == 0)).ravel() > 0
        self._matrix = lattice.matrix[:, np.flatnonzero(~empty)].tocsr()
        self._columns = self._matrix.tocsc()
        self._shape = lattice.shape
        self._place_of = np.array(np.unravel_index(np.flatnonzero(~empty), lattice.shape or (1,)))[: len(lattice.shape)]
        self._truth = truth[~empty]
        numbers = np.where(self._truth == 1, np.cumsum(self._truth == 1), 0)
        self._alone = np.where(self._rows == 1, np.asarray(self._matrix @ numbers).ravel(), 0)
        self._persons = int(self._alone.max(initial=0))
        self._protected: list[int] = []
        self._place: dict[int, int] = {}
        self._least = np.zeros((0, 1 + self._persons), dtype=np.int16)
        self._most = np.zeros((0, 1 + self._persons), dtype=np.int16)
        self._others: list[Whole] = []

    def protect(self, rows: Iterable[int]) -> None:
        """These rows are protected, too."""
        new = [row for row in dict.fromkeys(rows) if row not in self._place]
        if not new:
            return
        for row in new:
            self._place[row] = len(self._protected)
            self._protected.append(row)
        more = np.zeros((len(new), 1 + self._persons), dtype=np.int16)
        self._least, self._most = np.vstack([self._least, more]), np.vstack([self._most, more])
        for other in self._others:
            self._learn(np.asarray(self._matrix @ other).ravel(), new)

    def give_up(self, row: int) -> None:
        """This row is no longer asked for."""
        self._most[self._place[row]] = np.iinfo(np.int16).max

    def withhold(self, row: int) -> None:
        """This row is not told."""
        self._low[row], self._high[row] = self._hard_low[row], self._hard_high[row]

    def open(self) -> list[int]:
        """The protected rows that are not proved yet."""
        return [self._protected[place] for place in np.flatnonzero(self._missing().any(axis=1))]

    def gather(self) -> None:
        """Many rows are proved at once: in a block around each open row, tables far from the truth in directions drawn
        by lot."""
        tried: set[int] = set()
        while rows := [row for row in self.open() if row not in tried]:
            row = rows[int(self._lots.integers(len(rows)))]
            tried.add(row)
            for _ in range(_ROUNDS):
                self._scatter(self._block(row, _SMALL))

    def settle(self, row: int) -> Whole | None:
        """None if this row can be proved from what is told now, else some insiders against whom it cannot."""
        persons = self._against(row)
        if len(persons) and persons[0] == _NOBODY and not self._reach(row, persons[:1]):
            return persons[:1]
        return self._settle(row, self._against(row))

    def sacrifice(self, row: int, persons: Whole, prices: Numbers) -> list[int] | None:
        """Rows that must be withheld for this row to be proved against these persons, cheap ones; None if no choice
        of rows would do. Of `prices` only rows count that are told and have one; all others stay.
        """
        offered = np.flatnonzero((prices > 0) & ((self._low > self._hard_low) | (self._high < self._hard_high)))
        low, high = self._held(persons)
        priced_low, priced_high = low[offered].copy(), high[offered].copy()
        low[offered], high[offered] = self._hard_low[offered], self._hard_high[offered]
        low[row] = max(low[row], self._rows[row] + self._interval)
        hard = np.flatnonzero((low > 0) | (high < FAR))
        matrix, loose = self._matrix, identity(len(offered))
        whole = stacked([[matrix[hard], None], [matrix[offered], -loose], [matrix[offered], loose]])
        nothing = np.full(len(offered), FAR)
        bounds = (
            np.concatenate([low[hard], -nothing, priced_low]),
            np.concatenate([high[hard], priced_high, nothing]),
        )
        box = (
            np.concatenate([np.maximum(0, self._truth - self._box), np.zeros(len(offered))]),
            np.concatenate([self._truth + self._box, nothing]),
        )
        size = len(self._truth)
        costs = np.concatenate([np.zeros(size), prices[offered]])
        found = _whole(costs, whole, bounds, box, size=size, patient=True)
        if found is None:
            return None
        moved = np.asarray(matrix[offered] @ found[:size]).ravel()
        given = offered[(moved > priced_high + _CLOSE) | (moved < priced_low - _CLOSE)]
        for one in given:
            self.withhold(int(one))
        self._take(np.rint(found[:size]).astype(np.int64))
        return [int(one) for one in given]

    def touching(self, row: int, prices: Numbers) -> list[int]:
        """All rows that have a price and hold a cell of this row."""
        cells = self._matrix[row].indices
        held = np.asarray(self._matrix[:, cells].sum(axis=1)).ravel() > 0
        return [int(one) for one in np.flatnonzero(held & (prices > 0))]

    def _settle(self, row: int, persons: Whole) -> Whole | None:
        if not len(persons) or self._reach(row, persons):
            return None
        if len(persons) == 1:
            return persons
        # What holds though all of them know holds for each; what does not is looked at by halves.
        half = len(persons) // 2
        for some in (persons[:half], persons[half:]):
            left = self._settle(row, np.intersect1d(some, self._against(row)))
            if left is not None:
                return left
        return None

    def _reach(self, row: int, persons: Whole) -> bool:
        """Whether the row is proved against these persons, once tables were looked for, near by and everywhere."""
        for size in (_SMALL, _LARGE, len(self._truth)):
            block = self._block(row, size)
            for sign in (1, -1):
                self._shift(row, sign, persons, block)
                if not len(np.intersect1d(persons, self._against(row))):
                    return True
            if len(block) == len(self._truth):
                break
        return self._stretch(row, persons)

    def _stretch(self, row: int, persons: Whole) -> bool:
        """The same with a table that is less and one that is more: both together may be far enough from each other."""
        block = np.arange(len(self._truth))
        costs = np.asarray(self._matrix[[row]].todense(), dtype=np.float64).ravel()
        for sign in (1, -1):
            self._try(sign * costs, self._held(persons), block, patient=True)
        return not len(np.intersect1d(persons, self._against(row)))

    def _scatter(self, block: Whole) -> None:
        part = self._columns[:, block]
        rows = np.intersect1d(np.unique(part.indices), self.open())
        if not len(rows):
            return
        signs = self._lots.choice([-1.0, 1.0], size=len(rows))
        costs = np.asarray(part.tocsr()[rows].T @ signs, dtype=np.float64).ravel()
        # Half of the persons who are alone stay where they are: each may be the one who knows.
        staying = 1 + np.flatnonzero(self._lots.random(self._persons) < 0.5)
        self._try(costs, self._held(staying), block, patient=False)

    def _shift(self, row: int, sign: int, persons: Whole, block: Whole) -> None:
        """A table in which this row differs by the interval and as few others as possible do."""
        low, high = self._held(persons)
        wanted = self._rows[row] + sign * self._interval
        if wanted < low[row] or wanted > high[row]:
            return
        low[row], high[row] = wanted, wanted
        self._try(None, (low, high), block, patient=len(block) == len(self._truth))

    def _block(self, row: int, size: int) -> Whole:
        """About so many cells around the row, drawn by lot: all with categories that were drawn for each dimension."""
        count = len(self._truth)
        if count <= size * 1.5:
            return np.arange(count)
        inside = self._matrix[[row]].indices
        start = self._place_of[:, inside[int(self._lots.integers(len(inside)))]]
        drawn = [self._lots.permutation(most) for most in self._shape]
        ranks = [np.argsort(np.argsort(np.where(order == at, -1, order))) for order, at in zip(drawn, start, strict=True)]
        share = np.max([rank[places] / len(rank) for rank, places in zip(ranks, self._place_of, strict=True)], axis=0)
        return np.sort(np.argsort(share, kind="stable")[:size])

    def _against(self, row: int) -> Whole:
        """The insiders for whom this row is not proved."""
        return np.flatnonzero(self._missing([self._place[row]])[0])

    def _missing(self, places: Sequence[int] | None = None) -> Truths:
        """For each protected row and each insider whether the proof is missing."""
        chosen = list(range(len(self._protected))) if places is None else list(places)
        wide = self._most[chosen].astype(np.int32) - self._least[chosen]
        missing: Truths = wide < self._interval
        alone = self._alone[[self._protected[place] for place in chosen]] if chosen else np.zeros(0, dtype=np.int64)
        missing[np.flatnonzero(alone), alone[alone > 0]] = False  # who is alone in a cell knows it
        return missing

    def _held(self, persons: Whole) -> Bounds:
        """What is known of each row when these persons tell each other where they are alone."""
        low, high = self._low.copy(), self._high.copy()
        held = (self._alone > 0) & np.isin(self._alone, persons)
        low[held], high[held] = 1, 1
        return low, high

    def _try(self, costs: Numbers | None, told: Bounds, block: Whole, *, patient: bool) -> None:
        """One more table that fits what is told and differs only in the cells of the block: the one that costs the
        least, or that differs the least.
        """
        truth = self._truth[block]
        part = self._columns[:, block].tocsr()
        touched = np.flatnonzero((np.diff(part.indptr) > 0) & ((told[0] > 0) | (told[1] < FAR)))
        part = part[touched]
        outside = self._rows[touched] - part @ truth
        bounds = (told[0][touched] - outside, told[1][touched] - outside)
        low, high = np.minimum(truth, self._box).astype(np.float64), np.full(len(block), float(self._box))
        bounds = (bounds[0] - part @ truth, bounds[1] - part @ truth)
        if costs is None:
            count = len(block)
            far = (np.zeros(2 * count), np.concatenate([high, low]))
            found = _whole(np.ones(2 * count), stacked([[part, -part]]), bounds, far, size=2 * count, patient=patient)
            moves = None if found is None else found[:count] - found[count:]
        else:
            moves = _whole(costs, part, bounds, (-low, high), size=len(costs), patient=patient)
        if moves is not None:
            other = self._truth.copy()
            other[block] += np.rint(moves).astype(np.int64)
            self._take(other)

    def _take(self, other: Whole) -> None:
        """This table is one more that may be true, if it fits everything that is told."""
        rows = np.asarray(self._matrix @ other).ravel()
        if other.min(initial=0) < 0 or np.any(rows < self._low) or np.any(rows > self._high):
            return
        if len(self._others) < _KEPT:
            self._others.append(other)
        self._learn(rows, self._protected)

    def _learn(self, other: Whole, rows: Sequence[int]) -> None:
        """The proofs that a table with these rows gives."""
        ignorant = np.ones(1 + self._persons, dtype=bool)
        ignorant[self._alone[(other != 1) & (self._alone > 0)]] = False
        moved = (other[list(rows)] - self._rows[list(rows)]).clip(-_FARTHEST, _FARTHEST).astype(np.int16)[:, None]
        cut = np.ix_([self._place[row] for row in rows], np.flatnonzero(ignorant))
        self._least[cut] = np.minimum(self._least[cut], moved)
        self._most[cut] = np.maximum(self._most[cut], moved)


def _whole(
    costs: Numbers, matrix: Sparse, bounds: Bounds, box: Bounds, *, size: int, patient: bool
) -> Numbers | None:
    """The cheapest vector, its first `size` numbers whole if such a vector is found soon; None if there is none."""
    found = least(costs, matrix, bounds, box)
    if found is None:
        return None
    parts = np.zeros(len(costs))
    parts[:size] = np.abs(found[:size] - np.rint(found[:size])) > _CLOSE
    if not parts.any():
        return found
    # Mostly it is enough to move those that are no whole numbers.
    near = (np.where(parts[:size], box[0][:size], np.rint(found[:size])), np.where(parts[:size], box[1][:size], np.rint(found[:size])))
    near = (np.concatenate([near[0], box[0][size:]]), np.concatenate([near[1], box[1][size:]]))
    counting = np.concatenate([np.ones(size), np.zeros(len(costs) - size)])
    whole = least(costs, matrix, bounds, near, whole=counting, seconds=1.0, gap=0.5)
    if whole is not None or not patient:
        return whole
    return least(costs, matrix, bounds, box, whole=counting, seconds=_SECONDS, gap=0.5)
