"""Numbers moved and rounded, the same cell always alike, and what counts a number may stand for."""

from __future__ import annotations

from functools import cache

from gateway.statistics.asked import Asked

_KEYS = 2**32


def number(count: int, key: int, asked: Asked) -> int:
    """The number that is told of a count. Nobody stays nobody; equal persons have an equal key and so an equal number.

    Cell-key method (as for the Zensus 2022): `key` is the sum of the record keys modulo 2**32, which is uniform, and
    picks the move from a fixed distribution that is symmetric and within `noise`.
    """
    if count == 0:
        return 0
    moved = count
    if asked.noise:
        moved = max(1, count + _move(key % _KEYS, asked.noise))
    return (moved + asked.base // 2) // asked.base * asked.base


def possible(told: int, asked: Asked) -> tuple[int, int]:
    """The least and the most a count can be that is told as `told`, for whoever knows the rule: a count below the
    threshold would not have been told.
    """
    least = max(asked.threshold, told - asked.base // 2 - asked.noise)
    most = told + asked.base - 1 - asked.base // 2 + asked.noise
    if told == 0:
        return 0, (most if most >= asked.threshold else 0)
    return least, most


def _move(key: int, noise: int) -> int:
    for most, move in _ladder(noise):
        if key < most:
            return move
    raise AssertionError("the ladder ends at the last key")


@cache
def _ladder(noise: int) -> tuple[tuple[int, int], ...]:
    """(below this key, this move); each step further from 0 is half as likely."""
    weights = {move: 2 ** (noise - abs(move)) for move in range(-noise, noise + 1)}
    whole, below, steps = sum(weights.values()), 0, []
    for move, weight in weights.items():
        below += weight
        steps.append((_KEYS * below // whole, move))
    return tuple(steps)
