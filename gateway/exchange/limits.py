"""The budgets of an agreement, counted for all server processes of one machine together.

The counters stand in memory that the processes share (made before the fork), guarded by a record lock that the
kernel gives back when a process dies. Several machines each count for themselves: behind a balancer the agreed
number holds per machine.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from gateway.agreements.agreement import Agreement
from gateway.errors import LimitExceeded

WINDOW = 60.0
"""Seconds of the sliding window of `anfragen_je_minute`."""

_SLOT = struct.Struct("=d")
_CURSOR = struct.Struct("=q")


class RequestBudget:
    """At most `limit` requests in any 60 seconds: a ring of the moments of the last `limit` admitted requests.

    The oldest moment of the ring tells everything: is it older than the window, one more is within the budget.
    Refused requests do not count. `monotonic` is a clock that all processes of the machine share
    (CLOCK_MONOTONIC).
    """

    def __init__(self, limit: int, monotonic: Callable[[], float]) -> None:
        self._limit = limit
        self._monotonic = monotonic
        size = _CURSOR.size + limit * _SLOT.size
        self._file = os.memfd_create("request-budget")
        os.ftruncate(self._file, size)
        self._ring = mmap.mmap(self._file, size)
        self._threads = threading.Lock()

    def admit(self) -> None:
        """Count one request; LimitExceeded with the seconds to wait if the budget is used up."""
        with self._alone():
            now = self._monotonic()
            (cursor,) = _CURSOR.unpack_from(self._ring, 0)
            place = _CURSOR.size + (cursor % self._limit) * _SLOT.size
            (oldest,) = _SLOT.unpack_from(self._ring, place)
            if cursor >= self._limit and now - oldest < WINDOW:
                wait = max(1, min(int(WINDOW), int(WINDOW - (now - oldest)) + 1))
                raise LimitExceeded("anfragen_je_minute is used up", retry_after=wait)
            _SLOT.pack_into(self._ring, place, now)
            _CURSOR.pack_into(self._ring, 0, cursor + 1)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        # Record locks exclude processes but not threads of one process, so both kinds are taken.
        with self._threads:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)


class Budgets:
    """The request budget of every application; one budget per application, whatever the contract major."""

    def __init__(self, agreements: Iterable[Agreement], monotonic: Callable[[], float]) -> None:
        smallest: dict[str, int] = {}
        for agreement in agreements:
            limit = agreement.limits.requests_per_minute
            smallest[agreement.application] = min(limit, smallest.get(agreement.application, limit))
        self._budgets = {name: RequestBudget(limit, monotonic) for name, limit in smallest.items()}

    def admit(self, agreement: Agreement) -> None:
        """Count one request of this application; LimitExceeded if none is left in this minute."""
        self._budgets[agreement.application].admit()
