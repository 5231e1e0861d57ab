"""The budgets of an agreement, counted for all server processes of one machine together.

The counters stand in memory that the processes share (made before the fork), guarded by a record lock that the
kernel gives back when a process dies. What they do not know: several machines behind a balancer each count for
themselves, and a restart of the server begins to count anew.
"""

from __future__ import annotations

import fcntl
import math
import mmap
import os
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, time, timedelta

from gateway.agreements.agreement import Agreement
from gateway.agreements.city import City
from gateway.errors import LimitExceeded

WINDOW = 60.0
"""Seconds of the sliding window of `anfragen_je_minute`."""

_MOST_SECONDS = 86_400
_MOMENT = struct.Struct("=d")
_CURSOR = struct.Struct("=q")
_DAY_AND_COUNT = struct.Struct("=qq")


class RequestBudget:
    """At most `limit` requests in any 60 seconds: a ring of the moments of the last `limit` admitted requests.

    The moment `limit` places back tells everything: is it older than the window, one more is within the budget.
    Refused requests do not count. `monotonic` is a clock that all processes of the machine share
    (CLOCK_MONOTONIC). A smaller limit may hold for a time; the ring is as long as the largest.
    """

    def __init__(self, limit: int, monotonic: Callable[[], float]) -> None:
        self._limit = limit
        self._monotonic = monotonic
        self._shared = _Shared(_CURSOR.size + limit * _MOMENT.size)

    def admit(self, limit: int | None = None) -> None:
        """Count one request; LimitExceeded with the seconds to wait if the budget (`limit`, if given) is used up."""
        limit = self._limit if limit is None else min(limit, self._limit)
        with self._shared.alone() as ring:
            now = self._monotonic()
            (cursor,) = _CURSOR.unpack_from(ring, 0)
            (oldest,) = _MOMENT.unpack_from(ring, self._place(cursor - limit))
            if cursor >= limit and now - oldest < WINDOW:
                raise LimitExceeded("anfragen_je_minute is used up", retry_after=_seconds(WINDOW - (now - oldest)))
            _MOMENT.pack_into(ring, self._place(cursor), now)
            _CURSOR.pack_into(ring, 0, cursor + 1)

    def _place(self, number: int) -> int:
        return _CURSOR.size + (number % self._limit) * _MOMENT.size


class PersonBudget:
    """At most `limit` disclosed persons on one day of the city; a person told twice counts twice."""

    def __init__(self, limit: int, city: City) -> None:
        self._limit = limit
        self._city = city
        self._shared = _Shared(_DAY_AND_COUNT.size)

    def take(self, persons: int, *, now: datetime, limit: int | None = None) -> None:
        """Count these persons; LimitExceeded, and nothing is counted, if they are more than are left today."""
        limit = self._limit if limit is None else limit
        today = self._city.today(now)
        with self._shared.alone() as memory:
            day, used = _DAY_AND_COUNT.unpack_from(memory, 0)
            used = used if day == today.toordinal() else 0
            if persons and used + persons > limit:
                midnight = datetime.combine(today + timedelta(days=1), time.min, self._city.timezone)
                wait = (midnight.astimezone(now.tzinfo) - now).total_seconds()
                raise LimitExceeded("personen_je_tag is used up", retry_after=_seconds(wait))
            _DAY_AND_COUNT.pack_into(memory, 0, today.toordinal(), used + persons)


class Budgets:
    """The budgets of every application; one per application, whatever the contract major (the smaller holds).

    `agreements` are all versions; each day those in force on it decide.
    """

    def __init__(self, agreements: Iterable[Agreement], city: City, monotonic: Callable[[], float]) -> None:
        self._city = city
        self._versions: dict[str, list[Agreement]] = {}
        for agreement in agreements:
            self._versions.setdefault(agreement.application, []).append(agreement)
        self._requests = {
            name: RequestBudget(max(one.limits.requests_per_minute for one in told), monotonic)
            for name, told in self._versions.items()
        }
        self._persons = {
            name: PersonBudget(max(one.limits.persons_per_day for one in told), city)
            for name, told in self._versions.items()
        }

    def admit(self, agreement: Agreement, *, now: datetime) -> None:
        """Count one request of this application; LimitExceeded if none is left in this minute."""
        limit = min(one.limits.requests_per_minute for one in self._holding(agreement, now))
        self._requests[agreement.application].admit(limit)

    def disclose(self, agreement: Agreement, persons: int, *, now: datetime) -> None:
        """Count persons that are about to be disclosed; LimitExceeded if that many are not left today."""
        limit = min(one.limits.persons_per_day for one in self._holding(agreement, now))
        self._persons[agreement.application].take(persons, now=now, limit=limit)

    def _holding(self, agreement: Agreement, now: datetime) -> list[Agreement]:
        """The application's agreements in force, of each contract major one; `agreement` is one of them."""
        today = self._city.today(now)
        return [one for one in self._versions[agreement.application] if one.in_force(today)] or [agreement]


class _Shared:
    """Zeroed memory that survives a fork as one, and the lock on it."""

    def __init__(self, size: int) -> None:
        self._file = os.memfd_create("budget")
        os.ftruncate(self._file, size)
        self._memory = mmap.mmap(self._file, size)
        self._threads = threading.Lock()

    @contextmanager
    def alone(self) -> Iterator[mmap.mmap]:
        """The memory, and nobody else changes it meanwhile."""
        # Record locks exclude processes but not threads of one process, so both kinds are taken.
        with self._threads:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield self._memory
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)

    def __del__(self) -> None:
        self._memory.close()
        os.close(self._file)


def _seconds(wait: float) -> int:
    return max(1, min(_MOST_SECONDS, math.ceil(wait)))
