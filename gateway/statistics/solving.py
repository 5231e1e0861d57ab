"""Linear programs, solved by HiGHS; the one place that knows scipy, loaded by whoever protects or attacks a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_array, csr_array, eye_array

from gateway.errors import ReleaseRefused

Numbers = npt.NDArray[np.float64]
Sparse = Any
"""A sparse matrix of scipy, which carries no types."""

FAR = float("inf")
_INFEASIBLE = 2
_LIMIT = 1


def sparse(rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], shape: tuple[int, int]) -> Sparse:
    """A matrix of ones at these places, zeros elsewhere."""
    return csr_array((np.ones(len(rows), dtype=np.int64), (rows, columns)), shape=shape)


def identity(size: int) -> Sparse:
    """The unit matrix."""
    return eye_array(size, format="csr")


def stacked(blocks: list[list[Sparse | None]]) -> Sparse:
    """One matrix of several; None is a block of zeros."""
    return block_array(blocks, format="csr")


def least(
    costs: npt.ArrayLike,
    matrix: Sparse,
    bounds: tuple[npt.ArrayLike, npt.ArrayLike],
    box: tuple[npt.ArrayLike, npt.ArrayLike],
    *,
    whole: npt.ArrayLike = 0,
    seconds: float = 60.0,
    gap: float = 0.0,
) -> Numbers | None:
    """A vector within `box` whose image lies within `bounds` and that costs the least, or None if there is no vector.

    `whole`: 1 where it must be a whole number; then it may cost more than the least by the share `gap`, or by more
    if time ran out. ReleaseRefused if nothing was found out in `seconds`: nothing is told on a guess.
    """
    if not np.size(costs):  # HiGHS takes no program of nothing
        fits = bool(np.all(np.asarray(bounds[0]) <= 0) and np.all(np.asarray(bounds[1]) >= 0))
        return np.zeros(0) if fits else None
    answer = milp(
        costs,
        integrality=whole,
        bounds=Bounds(*box),
        constraints=LinearConstraint(matrix, *bounds) if matrix.shape[0] else None,
        options={"time_limit": seconds, "mip_rel_gap": gap},
    )
    if answer.x is not None:
        return np.asarray(answer.x, dtype=np.float64)
    if answer.status == _INFEASIBLE:
        return None
    if answer.status == _LIMIT and np.any(whole):
        return None
    raise ReleaseRefused(f"the solver could not say whether the table is safe (status {answer.status})")


def stacked_rows(rows: Sequence[Sequence[tuple[npt.NDArray[np.int64], int]]], columns: int) -> Sparse:
    """A matrix with these rows: each a list of places and the factor that stands there."""
    counts = [sum(len(places) for places, _ in row) for row in rows]
    places = [places for row in rows for places, _ in row]
    factors = [np.full(len(places), factor) for row in rows for places, factor in row]
    nothing = np.zeros(0, dtype=np.int64)
    indices = np.concatenate([nothing, *places])
    pointers = np.concatenate([[0], np.cumsum(np.array(counts, dtype=np.int64))])
    return csr_array((np.concatenate([nothing, *factors]), indices, pointers), shape=(len(rows), columns))


def on_top(upper: Sparse, lower: Sparse) -> Sparse:
    """One matrix above the other."""
    return block_array([[upper], [lower]], format="csr")
