"""The attacker: from everything that was told, what every withheld cell must lie between, by linear programming."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from gateway.errors import ReleaseRefused
from gateway.model.statistic import Cell, Margin, Subject
from gateway.statistics.asked import Told
from gateway.statistics.lattice import Lattice
from gateway.statistics.perturbing import possible
from gateway.statistics.solving import FAR, Numbers, Sparse, least, on_top, stacked_rows

_CLOSE = 1e-6
_MOST_COLUMNS = 400_000
_ROUNDS = 12


@dataclass(frozen=True)
class Link:
    """What is known of several subjects together: in each cell of this margin the sum of each subject's number times
    its factor is 0.
    """

    terms: tuple[tuple[Subject, int], ...]
    margin: Margin


@dataclass(frozen=True)
class Target:
    """A withheld cell: of which table, in which margin."""

    told: Told
    margin: Margin
    cell: Cell


class Attacker:
    """Knows every table in `told` with its rule, and the `links`; which persons there are it does not know.

    `filled`: takes a withheld cell to be none that is empty, where empty cells are told.

    Tables of one subject are tables of the same persons: their common margins are equal. For two tables, or several
    whose features overlap without a ring, nobody can compute more than this does; ReleaseRefused for a ring, for
    one feature in two groupings, and for more cells than can be looked at.
    """

    def __init__(self, told: Sequence[Told], links: Sequence[Link] = (), *, filled: bool = True) -> None:
        self._told = told
        self._blocks: dict[Subject, list[tuple[Lattice, int]]] = {}
        self._columns = 0
        for one in sorted(told, key=lambda one: -len(one.table.dimensions)):
            self._settle(one)
        if self._columns > _MOST_COLUMNS:
            raise ReleaseRefused("what was told before has more cells than can be looked at")
        parts: list[list[Sparse]] = []
        bounds: list[tuple[float, float]] = []
        for one in told:
            before = _withheld_elsewhere(one, told)
            for margin, cells in one.table.margins.items():
                for cell, number in cells.items():
                    parts.append([(self._places(one.table.subject, margin, cell), 1)])
                    bounds.append(_bounds(one, number, certain=filled and (margin, cell) not in before))
        self._matrix, low, high = stacked_rows(parts, self._columns), *_both(bounds)
        more = [*self._shared(), *self._linked(links)]
        if more:
            self._matrix = on_top(self._matrix, stacked_rows(more, self._columns))
            low, high = np.append(low, np.zeros(len(more))), np.append(high, np.zeros(len(more)))
        self._bounds = (low, high)
        shown = [bound[1] for bound in bounds if bound[1] < FAR]
        empty = np.zeros(self._columns, dtype=bool)
        for row in np.flatnonzero(high[: len(bounds)] == 0):
            empty[self._matrix[[row]].indices] = True
        self._box = (np.zeros(self._columns), np.where(empty, 0.0, 2 * max(shown, default=0) + 1000))

    def possible(self) -> bool:
        """Whether there is any population for which all this is true."""
        return least(np.zeros(self._columns), self._matrix, self._bounds, self._box) is not None

    def interval(self, subject: Subject, margin: Margin, cell: Cell) -> tuple[float, float]:
        """The least and the most this cell can be; ReleaseRefused if what was told contradicts itself."""
        costs = np.zeros(self._columns)
        costs[self._places(subject, margin, cell)] = 1
        found = [self._least(sign * costs) for sign in (1, -1)]
        return float(costs @ found[0]), float(costs @ found[1])

    def narrow(self, targets: Sequence[Target]) -> list[Target]:
        """Those of the targets whose interval is narrower than their table's audience asks."""
        if not targets:
            return []
        matrix = stacked_rows(
            [[(self._places(one.told.table.subject, one.margin, one.cell), 1)] for one in targets], self._columns
        )
        asked = np.array([one.told.asked.interval for one in targets])
        low, high = np.full(len(targets), FAR), np.full(len(targets), -FAR)
        lots = np.random.default_rng(0)
        for _ in range(_ROUNDS):
            still = high - low < asked - _CLOSE
            if not still.any():
                return []
            signs = np.where(still, lots.choice([-1.0, 1.0], size=len(targets)), 0)
            seen = np.asarray(matrix @ self._least(np.asarray(matrix.T @ signs).ravel())).ravel()
            low, high = np.minimum(low, seen), np.maximum(high, seen)
        found = []
        for at in np.flatnonzero(high - low < asked - _CLOSE):
            one = targets[int(at)]
            least_, most = self.interval(one.told.table.subject, one.margin, one.cell)
            if most - least_ < asked[at] - _CLOSE:
                found.append(one)
        return found

    def _least(self, costs: Numbers) -> Numbers:
        found = least(costs, self._matrix, self._bounds, self._box)
        if found is None:
            raise ReleaseRefused("what was told of the same persons contradicts itself")
        return found

    def _settle(self, one: Told) -> None:
        """There is a block of columns for this table."""
        blocks = self._blocks.setdefault(one.table.subject, [])
        for lattice, _ in blocks:
            if lattice.holds(one.table.dimensions):
                return
            if any(d.name in lattice.codes and not lattice.holds([d]) for d in one.table.dimensions):
                raise ReleaseRefused("one feature of the same persons was told in two groupings")
        lattice = Lattice(one.table.dimensions)
        blocks.append((lattice, self._columns))
        self._columns += lattice.size
        if _has_ring([set(lattice.names) for lattice, _ in blocks]):
            raise ReleaseRefused("tables of the same persons overlap in a ring: what follows cannot be computed")

    def _places(self, subject: Subject, margin: Margin, cell: Cell) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        for lattice, offset in self._blocks[subject]:
            if set(margin) <= set(lattice.names):
                return np.asarray(lattice.matrix[[lattice.row(margin, cell)]].indices, dtype=np.int64) + offset
        raise KeyError(margin)

    def _shared(self) -> list[list[Sparse]]:
        """Common margins of the blocks of one subject are equal."""
        rows: list[list[Sparse]] = []
        for blocks in self._blocks.values():
            for at, (lattice, offset) in enumerate(blocks):
                for other, place in blocks[:at]:
                    shared = tuple(name for name in lattice.names if name in other.names)
                    for row, cell in lattice.cells(shared):
                        one = lattice.matrix[[row]].indices + offset
                        two = other.matrix[[other.row(shared, cell)]].indices + place
                        rows.append([(one, 1), (two, -1)])
        return rows

    def _linked(self, links: Sequence[Link]) -> list[list[Sparse]]:
        rows: list[list[Sparse]] = []
        for link in links:
            lattice = next(each for each, _ in self._blocks[link.terms[0][0]] if set(link.margin) <= set(each.names))
            for _, cell in lattice.cells(link.margin):
                margin = lattice.ordered(link.margin)
                rows.append([(self._places(subject, margin, cell), factor) for subject, factor in link.terms])
        return rows


def flows(told: Sequence[Told]) -> list[Link]:
    """Who was there at the end is who was there before, and who came, and not who went: `bestand` on two days with
    `zugang` and `abgang` of spans that together are exactly the days between, in all and for each feature that all
    of them have alike.
    """
    subjects = dict.fromkeys(one.table.subject for one in told)
    named = {(one.population, one.period.first, one.period.last): one for one in subjects}
    links = []
    for terms in _ways(subjects, named):
        known = [_features(told, subject) for subject, _ in terms]
        alike = [name for name, codes in known[0].items() if all(each.get(name) == codes for each in known)]
        links += [Link(terms, margin) for margin in [(), *((name,) for name in alike)]]
    return links


def _ways(
    subjects: Iterable[Subject], named: Mapping[tuple[str, date, date], Subject]
) -> Iterator[tuple[tuple[Subject, int], ...]]:
    """From each stock over spans that follow each other to the next stock: every subject with its factor."""
    spans = defaultdict[date, list[Subject]](list)
    for one in subjects:
        if one.population == "zugang":
            spans[one.period.first].append(one)
    begun: list[tuple[tuple[Subject, int], ...]] = [((one, 1),) for one in subjects if one.population == "bestand"]
    while begun:
        way = begun.pop()
        day = way[-1][0].period.last
        for into in spans[day + timedelta(days=1)]:
            first, last = into.period.first, into.period.last
            out, end = named.get(("abgang", first, last)), named.get(("bestand", last, last))
            if out is not None:
                longer = (*way, (out, -1), (into, 1))
                if end is not None:
                    yield (*longer, (end, -1))
                else:
                    begun.append(longer)


def _features(told: Sequence[Told], subject: Subject) -> dict[str, tuple[str, ...]]:
    tables = [one.table for one in told if one.table.subject == subject]
    return {d.name: tuple(category.code for category in d.categories) for one in tables for d in one.dimensions}


def _bounds(one: Told, number: int | None, *, certain: bool) -> tuple[float, float]:
    if number is not None:
        return possible(number, one.asked)
    return (1 if one.asked.zeros and certain else 0), FAR


def _both(bounds: Sequence[tuple[float, float]]) -> tuple[Numbers, Numbers]:
    return np.array([one[0] for one in bounds]), np.array([one[1] for one in bounds])


def _withheld_elsewhere(one: Told, told: Sequence[Told]) -> set[tuple[Margin, Cell]]:
    """Cells that another table of these persons withheld: withheld here they may be empty."""
    others = [
        each for each in told if each is not one and each.table.subject.population == one.table.subject.population
    ]
    return {
        (margin, cell)
        for each in others
        for margin, cells in each.table.margins.items()
        for cell, number in cells.items()
        if number is None
    }


def _has_ring(sets: list[set[str]]) -> bool:
    """Graham's reduction: without a ring, taking away what stands alone leaves nothing."""
    left = [set(one) for one in sets]
    changed = True
    while changed:
        changed = False
        for at, one in enumerate(left):
            alone = {name for name in one if sum(name in other for other in left) == 1}
            if alone:
                left[at] = one - alone
                changed = True
            if any(left[at] <= other for n, other in enumerate(left) if n != at):
                del left[at]
                changed = True
                break
    return len(left) > 1
