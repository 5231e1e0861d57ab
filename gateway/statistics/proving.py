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
from gateway.statistics.solving import FAR, Numbers, Sparse, identity, least, sparse, stacked

Bounds = tuple[Numbers, Numbers]
Truths = npt.NDArray[np.bool_]

_ROUNDS = 2
_SMALL, _LARGE = 400, 2000
_TRIED = 300
"""In tables of not more cells the proof is by whole-numbered tables."""
_KEPT = 400
"""So many other tables are kept, for cells that come to be withheld later."""
_NOBODY = 0
_CLOSE = 1e-6
_FARTHEST = 10_000
_SECONDS = 5.0


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
        self._strict = int((~empty).sum()) <= _TRIED
        self._columns = self._matrix.tocsc()
        self._shape = lattice.shape
        self._place_of = np.array(np.unravel_index(np.flatnonzero(~empty), lattice.shape or (1,)))[: len(lattice.shape)]
        self._truth = truth[~empty]
        numbers = np.where(self._truth == 1, np.cumsum(self._truth == 1), 0)
        self._alone = np.where(self._rows == 1, np.asarray(self._matrix @ numbers).ravel(), 0)
        self._persons = int(self._alone.max(initial=0))
        self._protected: list[int] = []
        self._place: dict[int, int] = {}
        self._knowing: dict[int, Whole] = {}
        self._least = np.zeros((0, 1 + self._persons), dtype=np.float32)
        self._most = np.zeros((0, 1 + self._persons), dtype=np.float32)
        self._others: list[tuple[Numbers, Truths]] = []

    def protect(self, rows: Iterable[int]) -> None:
        """These rows are protected, too."""
        new = [row for row in dict.fromkeys(rows) if row not in self._place]
        if not new:
            return
        for row in new:
            self._place[row] = len(self._protected)
            self._protected.append(row)
        self._know_empty(new)
        more = np.zeros((len(new), 1 + self._persons), dtype=np.float32)
        self._least, self._most = np.vstack([self._least, more]), np.vstack([self._most, more])
        if self._others:
            rows = np.array([rows_[new] for rows_, _ in self._others]) - self._rows[new]
            ignorant = np.array([known for _, known in self._others])
            for at, row in enumerate(new):
                moved = np.where(ignorant, rows[:, at : at + 1].clip(-_FARTHEST, _FARTHEST), 0)
                self._least[self._place[row]] = moved.min(axis=0)
                self._most[self._place[row]] = moved.max(axis=0)

    def give_up(self, row: int) -> None:
        """This row is no longer asked for."""
        self._most[self._place[row]] = FAR

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
        for size in (_SMALL, _LARGE, len(self._truth)):
            block = self._block(row, size)
            given = self._sacrifice(row, persons, prices, block)
            if given is not None or len(block) == len(self._truth):
                return given
        return None

    def _sacrifice(self, row: int, persons: Whole, prices: Numbers, block: Whole) -> list[int] | None:
        part = self._columns[:, block].tocsr()
        touched = np.diff(part.indptr) > 0
        told = (self._low > self._hard_low) | (self._high < self._hard_high)
        offered = np.flatnonzero(touched & told & (prices > 0))
        low, high = self._held(persons)
        priced = (low[offered] - self._rows[offered], high[offered] - self._rows[offered])
        low[offered], high[offered] = self._hard_low[offered], self._hard_high[offered]
        low[row] = max(low[row], self._rows[row] + self._interval)
        hard = np.flatnonzero(touched & ((low > 0) | (high < FAR)))
        loose, nothing = identity(len(offered)), np.full(len(offered), FAR)
        matrix = stacked([[part[hard], None], [part[offered], -loose], [part[offered], loose]])
        bounds = (
            np.concatenate([low[hard] - self._rows[hard], -nothing, priced[0]]),
            np.concatenate([high[hard] - self._rows[hard], priced[1], nothing]),
        )
        count, truth = len(block), self._truth[block]
        box = (
            np.concatenate([-np.minimum(truth, self._box), np.zeros(len(offered))]),
            np.concatenate([np.full(count, self._box), nothing]),
        )
        costs = np.concatenate([np.zeros(count), prices[offered]])
        found = _whole(costs, matrix, bounds, box, size=count, patient=self._strict)
        if found is None:
            return None
        moved = np.asarray(part[offered] @ found[:count]).ravel()
        given = offered[(moved > priced[1] + _CLOSE) | (moved < priced[0] - _CLOSE)]
        for one in given:
            self.withhold(int(one))
        other = self._truth.astype(np.float64)
        other[block] += found[:count]
        self._take(other)
        return [int(one) for one in given]

    def touching(self, row: int, prices: Numbers) -> list[int]:
        """The cheapest row that has a price and holds a cell of this row, if there is one."""
        cells = self._matrix[[row]].indices
        held = np.flatnonzero((np.asarray(self._columns[:, cells].sum(axis=1)).ravel() > 0) & (prices > 0))
        return [int(held[np.argmin(prices[held])])] if len(held) else []

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
            self._try(sign * costs, self._held(persons), block, patient=self._strict)
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
        self._try(costs, self._held(staying), block, patient=self._strict)

    def _shift(self, row: int, sign: int, persons: Whole, block: Whole) -> None:
        """A table in which this row differs by the interval and as few others as possible do."""
        low, high = self._held(persons)
        wanted = self._rows[row] + sign * self._interval
        if wanted < low[row] or wanted > high[row]:
            return
        low[row], high[row] = wanted, wanted
        self._try(None, (low, high), block, patient=self._strict)

    def _block(self, row: int, size: int) -> Whole:
        """About so many cells around the row, drawn by lot: all with categories that were drawn for each dimension."""
        count = len(self._truth)
        if count <= size * 1.5:
            return np.arange(count)
        inside = self._matrix[[row]].indices
        start = self._place_of[:, inside[int(self._lots.integers(len(inside)))]]
        ranks = []
        for most, at in zip(self._shape, start, strict=True):
            drawn = self._lots.permutation(most)
            drawn[at] = -1  # the row's own category comes first
            ranks.append(np.argsort(np.argsort(drawn)))
        share = np.max([rank[places] / len(rank) for rank, places in zip(ranks, self._place_of, strict=True)], axis=0)
        return np.sort(np.argsort(share, kind="stable")[:size])

    def _against(self, row: int) -> Whole:
        """The insiders for whom this row is not proved."""
        return np.flatnonzero(self._missing([self._place[row]])[0])

    def _missing(self, places: Sequence[int] | None = None) -> Truths:
        """For each protected row and each insider whether the proof is missing."""
        chosen = list(range(len(self._protected))) if places is None else list(places)
        wide = self._most[chosen] - self._least[chosen]
        missing: Truths = wide < self._interval - _CLOSE
        alone = self._alone[[self._protected[place] for place in chosen]] if chosen else np.zeros(0, dtype=np.int64)
        missing[np.flatnonzero(alone), alone[alone > 0]] = False  # who is alone in a cell knows it
        for at, place in enumerate(chosen):
            missing[at, self._knowing.get(self._protected[place], [])] = False
        return missing

    def _know_empty(self, rows: Sequence[int]) -> None:
        """Who is alone in a cell knows that whatever else is below it is empty."""
        empty = [row for row in rows if not self._rows[row] and row not in self._knowing]
        if empty and self._persons:
            places = np.flatnonzero(self._alone)
            cells = sparse(self._alone[places], places, (1 + self._persons, len(self._rows))) @ self._matrix
            inside = (self._matrix[empty] @ (cells > 0).astype(np.int64).T).toarray()
            sizes = np.diff(self._matrix.indptr)[empty]
            for at, row in enumerate(empty):
                self._knowing[row] = 1 + np.flatnonzero(inside[at, 1:] == sizes[at])

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
            other = self._truth.astype(np.float64)
            other[block] += moves
            self._take(other)

    def _take(self, other: Numbers) -> None:
        """This table is one more that may be true, if it fits everything that is told."""
        near = np.rint(other)
        if np.all(np.abs(other - near) < _CLOSE):
            other = near
        elif self._strict:
            return
        rows = np.asarray(self._matrix @ other).ravel()
        if other.min(initial=0) < -_CLOSE or np.any(rows < self._low - _CLOSE) or np.any(rows > self._high + _CLOSE):
            return
        ignorant = np.ones(1 + self._persons, dtype=bool)
        ignorant[self._alone[(np.abs(rows - 1) > _CLOSE) & (self._alone > 0)]] = False
        if len(self._others) < _KEPT:
            self._others.append((rows, ignorant))
        moved = (rows[self._protected] - self._rows[self._protected]).clip(-_FARTHEST, _FARTHEST)
        some = np.flatnonzero(moved)
        cut = np.ix_(some, np.flatnonzero(ignorant))
        self._least[cut] = np.minimum(self._least[cut], moved[some, None])
        self._most[cut] = np.maximum(self._most[cut], moved[some, None])


def _whole(costs: Numbers, matrix: Sparse, bounds: Bounds, box: Bounds, *, size: int, patient: bool) -> Numbers | None:
    """The cheapest vector, None if there is none; if `patient`, with whole numbers in its first `size` places where
    such a vector is found soon.
    """
    found = least(costs, matrix, bounds, box)
    if found is None or not patient or np.all(np.abs(found[:size] - np.rint(found[:size])) < _CLOSE):
        return found
    counting = np.concatenate([np.ones(size), np.zeros(len(costs) - size)])
    whole = least(costs, matrix, bounds, box, whole=counting, seconds=_SECONDS, gap=0.5)
    return found if whole is None else whole
