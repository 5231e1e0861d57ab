"""Which process takes the next connection: the one that has fewest, but nobody is kept out by one that does not."""

from __future__ import annotations

import mmap
import struct

ASIDE = 0.001
"""Seconds for which a process does not look who wants to come in, because another is to take him."""

PATIENCE = 0.05
"""Seconds for which a connection is left to a process that has fewer; it takes one at once unless it hangs."""

GLANCE = 0.005
"""Seconds instead, as long as that process has taken none since one had to be taken from it."""

_PLACES, _SLOT, _MOST = 256, struct.Struct("=HH"), 0xFFFE


class Shares:
    """Made before the fork and shared by all processes: how many connections each has, and has taken so far.

    Read without a lock: a number that is just being written is wrong for one look.
    """

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, _PLACES * _SLOT.size)

    def note(self, age: int, has: int, taken: int) -> None:
        """The process that was started as number `age` is there, and has so many."""
        _SLOT.pack_into(self._shared, (age % _PLACES) * _SLOT.size, min(has, _MOST) + 1, taken & 0xFFFF)

    def leave(self, age: int) -> None:
        """That process takes no connections any more."""
        _SLOT.pack_into(self._shared, (age % _PLACES) * _SLOT.size, 0, 0)

    def fewer(self, has: int) -> dict[int, int]:
        """The processes that are there and have less than that, each with how many it has taken so far."""
        slots = enumerate(_SLOT.iter_unpack(self._shared))
        return {place: taken for place, (more, taken) in slots if 0 < more <= has}


class Turn:
    """What one process knows of whether the next connection is its own.

    Whichever wakes first would take most of them: then one process has more to do than it can, and another nothing.
    Kept connections cannot be moved afterwards.
    """

    def __init__(self, shares: Shares, age: int) -> None:
        self._shares, self._age = shares, age
        self._taken = 0
        self._awaited: dict[int, int] = {}
        self._since = 0.0
        self._given_up: dict[int, int] = {}

    def note(self, has: int) -> None:
        """This process has so many connections."""
        self._shares.note(self._age, has, self._taken)

    def took(self, has: int) -> None:
        """It has taken one, and has so many now."""
        self._taken += 1
        self.note(has)

    def leave(self) -> None:
        """It is not waited for any more."""
        self._shares.leave(self._age)

    def has_come(self, has: int, now: float) -> bool:
        """Whether this process, which has so many, takes a connection that waits now (monotonic seconds).

        False if another has fewer, and for no longer than PATIENCE as long as none of those takes any; then they are
        stopped, or hang, or have died just now, and it is a GLANCE until one of them takes one again.
        """
        fewer = self._shares.fewer(has)
        if fewer != self._awaited:
            self._awaited, self._since = fewer, now
        patience = GLANCE if fewer.items() <= self._given_up.items() else PATIENCE
        if fewer and now < self._since + patience:
            return False
        self._given_up |= fewer
        self._awaited = {}
        return True
