"""The budgets of an agreement, counted for all server processes of one machine together, or of all machines.

The counters stand in memory that the processes share (made before the fork), guarded by a record lock that the
kernel gives back when a process dies. On PostgreSQL `shared` counts in the database for all machines; how many
requests are at work at one time each machine counts for itself. At its start a server takes over from the audit trail
how many persons were disclosed today.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import struct
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial
from pathlib import Path
from types import TracebackType

from gateway.agreements.agreement import Agreement, Limits
from gateway.agreements.city import City
from gateway.errors import LimitExceeded
from gateway.exchange.limits_shared import SharedDayBudget, SharedRequestBudget
from gateway.exchange.waiting import WINDOW, seconds, until_midnight
from gateway.store.budgets import SharedCounters

_MOMENT = struct.Struct("=d")
_CURSOR = struct.Struct("=q")
_DAY_AND_COUNT = struct.Struct("=qq")
_PROCESS = struct.Struct("=qqq")
"""A process, when it was started, and how many requests it has at work."""
_MOST_PROCESSES = 256
_STARTTIME = 19
"""Its place in /proc/<pid>/stat, counted from behind the name, which may hold blanks."""
_DAY = 24 * 60


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
        with self._shared as ring:
            now = self._monotonic()
            (cursor,) = _CURSOR.unpack_from(ring, 0)
            (oldest,) = _MOMENT.unpack_from(ring, self._place(cursor - limit))
            if cursor >= limit and now - oldest < WINDOW:
                raise LimitExceeded("anfragen_je_minute is used up", retry_after=seconds(WINDOW - (now - oldest)))
            _MOMENT.pack_into(ring, self._place(cursor), now)
            _CURSOR.pack_into(ring, 0, cursor + 1)

    def _place(self, number: int) -> int:
        return _CURSOR.size + (number % self._limit) * _MOMENT.size


class DayBudget:
    """At most `limit` of something on one day of the city: persons (one told twice counts twice), bytes."""

    def __init__(self, limit: int, city: City, name: str) -> None:
        self._limit = limit
        self._city = city
        self._name = name
        self._shared = _Shared(_DAY_AND_COUNT.size)

    def take(self, amount: int, *, now: datetime, limit: int | None = None) -> None:
        """Count that much; LimitExceeded, and nothing is counted, if it is more than is left today."""
        limit = self._limit if limit is None else limit
        with self._shared as memory:
            day, used = self._counted(memory, now)
            if amount and used + amount > limit:
                raise LimitExceeded(f"{self._name} is used up", retry_after=until_midnight(self._city, now))
            _DAY_AND_COUNT.pack_into(memory, 0, day, used + amount)

    def resume(self, amount: int, *, now: datetime) -> None:
        """That much was taken today before this server was started."""
        with self._shared as memory:
            day, used = self._counted(memory, now)
            _DAY_AND_COUNT.pack_into(memory, 0, day, used + amount)

    def _counted(self, memory: mmap.mmap, now: datetime) -> tuple[int, int]:
        """The day that is counted, and what was taken on it."""
        day, used = _DAY_AND_COUNT.unpack_from(memory, 0)
        today = self._city.today(now).toordinal()
        # Who came before midnight may end when others have begun the next day: that day goes on, and not anew.
        return (day, used) if day in (today, today + 1) else (today, 0)


class ParallelBudget:
    """At most `limit` requests at one time in all processes; what a process held that died is given back."""

    def __init__(self) -> None:
        self._shared = _Shared(_MOST_PROCESSES * _PROCESS.size)

    def one(self, limit: int, admit: Callable[[], None] | None = None) -> AbstractContextManager[None]:
        """Inside, one more request is at work; LimitExceeded if there are as many as there may be.

        `admit` is asked when this one is counted; if it raises, this one is not at work.
        """
        return _AtWork(self, limit, admit)

    def begin(self, limit: int) -> None:
        """One more request is at work; LimitExceeded as in `one`."""
        self._change(+1, limit)

    def end(self) -> None:
        """One less."""
        self._change(-1, 0)

    def _change(self, by: int, limit: int) -> None:
        me = os.getpid(), _own_beginning(os.getpid())
        own, others = 0, 0
        mine: int | None = None
        free: int | None = None
        with self._shared as memory:
            for place, (pid, began, count) in enumerate(_PROCESS.iter_unpack(memory)):
                if (pid, began) == me:
                    own, mine = count, place
                elif count == 0 or not _alive(pid, began):
                    free = place if free is None else free
                    if pid == 0:
                        break  # the lowest free place is always taken: behind one that never was there is nobody
                else:
                    others += count
            chosen = free if mine is None else mine
            if chosen is None or (by > 0 and own + others >= limit):
                raise LimitExceeded("gleichzeitige_anfragen is used up", retry_after=1)
            _PROCESS.pack_into(memory, chosen * _PROCESS.size, *me, own + by)


class _AtWork(AbstractContextManager[None]):
    """A request at work. Not made of a generator, which costs as much as the counting."""

    __slots__ = ("_admit", "_limit", "_parallel")

    def __init__(self, parallel: ParallelBudget, limit: int, admit: Callable[[], None] | None) -> None:
        self._parallel = parallel
        self._limit = limit
        self._admit = admit

    def __enter__(self) -> None:
        self._parallel.begin(self._limit)
        admitted = False
        try:
            if self._admit is not None:
                self._admit()
            admitted = True
        finally:
            if not admitted:
                self._parallel.end()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parallel.end()


class Budgets:
    """The budgets of every application; one per application, whatever the contract major (the smaller holds).

    `agreements` are all versions; each day those in force on it decide.
    """

    def __init__(self, agreements: Iterable[Agreement], city: City, monotonic: Callable[[], float]) -> None:
        self._city = city
        self._versions: dict[str, list[Agreement]] = {}
        for agreement in agreements:
            self._versions.setdefault(agreement.application, []).append(agreement)
        self._requests: Mapping[str, RequestBudget | SharedRequestBudget] = {
            name: RequestBudget(max(one.limits.requests_per_minute for one in told), monotonic)
            for name, told in self._versions.items()
        }
        self._parallel = {name: ParallelBudget() for name in self._versions}
        self._persons: Mapping[str, DayBudget | SharedDayBudget] = {
            name: DayBudget(max(one.limits.persons_per_day for one in told), city, "personen_je_tag")
            for name, told in self._versions.items()
        }
        self._bytes: Mapping[str, DayBudget | SharedDayBudget] = {
            name: DayBudget(max(one.limits.bytes_per_day for one in told), city, "megabyte_je_tag")
            for name, told in self._versions.items()
        }
        self._held: dict[str, tuple[date, _Holding]] = {}

    def shared(self, counters: SharedCounters) -> Budgets:
        """The same budgets, counted for all machines; but for requests at one time, which stay this machine's."""
        made = copy(self)
        made._requests = {name: SharedRequestBudget(counters, name) for name in self._versions}
        made._persons = {
            name: SharedDayBudget(counters, name, "persons", self._city, "personen_je_tag") for name in self._versions
        }
        made._bytes = {
            name: SharedDayBudget(counters, name, "bytes", self._city, "megabyte_je_tag") for name in self._versions
        }
        return made

    def admitted(self, agreement: Agreement, *, now: datetime) -> AbstractContextManager[None]:
        """Inside, one request of this application is at work, counted in this minute; LimitExceeded if it may not.

        Refused for the time of day (code `ausserhalb-der-uhrzeiten`), too many at one time, too many a minute.
        """
        local = now.astimezone(self._city.timezone)
        hold = self._holding(agreement, local.date())
        for hours in hold.hours:
            _within_hours(hours, local)
        admit = partial(self._requests[agreement.application].admit, hold.requests_per_minute)
        return self._parallel[agreement.application].one(hold.parallel_requests, admit)

    def disclose(self, agreement: Agreement, persons: int, *, now: datetime) -> None:
        """Count persons that are about to be disclosed; LimitExceeded if that many are not left today."""
        limit = self._holding(agreement, self._city.today(now)).persons_per_day
        self._persons[agreement.application].take(persons, now=now, limit=limit)

    def send(self, agreement: Agreement, octets: int, *, now: datetime) -> None:
        """Count the bytes of an answer's payload; LimitExceeded if that many are not left today."""
        limit = self._holding(agreement, self._city.today(now)).bytes_per_day
        self._bytes[agreement.application].take(octets, now=now, limit=limit)

    def resume(self, persons: Mapping[str, int], *, now: datetime) -> None:
        """So many persons were disclosed to each application today before this server was started."""
        for application, count in persons.items():
            if application in self._persons:
                self._persons[application].resume(count, now=now)

    def _holding(self, agreement: Agreement, today: date) -> _Holding:
        """What the application's agreements in force allow together, of each contract major one: `agreement` is one.

        Worked out once for each day: the agreements of these budgets never change.
        """
        held = self._held.get(agreement.application)
        if held is None or held[0] != today:
            told = [one.limits for one in self._versions[agreement.application] if one.in_force(today)]
            held = today, _Holding.together(told or [agreement.limits])
            if told:
                self._held[agreement.application] = held
        return held[1]


@dataclass(frozen=True, slots=True)
class _Holding:
    """The smallest budgets of several agreements, and all their times of day."""

    requests_per_minute: int
    parallel_requests: int
    persons_per_day: int
    bytes_per_day: int
    hours: tuple[Sequence[tuple[int, int]], ...]

    @classmethod
    def together(cls, limits: Sequence[Limits]) -> _Holding:
        return cls(
            min(one.requests_per_minute for one in limits),
            min(one.parallel_requests for one in limits),
            min(one.persons_per_day for one in limits),
            min(one.bytes_per_day for one in limits),
            tuple(one.hours for one in limits),
        )


def _within_hours(hours: Sequence[tuple[int, int]], now: datetime) -> None:
    minute = now.hour * 60 + now.minute
    if any(start <= minute < end for start, end in hours):
        return
    wait = min((start - minute) % _DAY for start, _ in hours) * 60 - now.second
    raise LimitExceeded("outside of uhrzeiten", code="ausserhalb-der-uhrzeiten", retry_after=seconds(wait))


def _alive(pid: int, began: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is there, and another user's
    return _began(pid) == began


def _began(pid: int) -> int:
    """When the process was started, in ticks (proc(5), `starttime`): its number may be another's later, both not.

    0 if the machine does not tell.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    return int(stat.rpartition(b")")[2].split()[_STARTTIME])


@cache
def _own_beginning(pid: int) -> int:
    """Of this process, which asks twice for each request: it does not change; after a fork the number does."""
    return _began(pid)


class _Shared:
    """Zeroed memory that survives a fork as one, and the lock on it."""

    def __init__(self, size: int) -> None:
        self._file = os.memfd_create("budget")
        os.ftruncate(self._file, size)
        self._memory = mmap.mmap(self._file, size)
        self._threads = threading.Lock()

    def __enter__(self) -> mmap.mmap:
        """The memory, and nobody else changes it meanwhile."""
        # Record locks exclude processes but not threads of one process, so both kinds are taken.
        self._threads.acquire()
        locked = False
        try:
            self._lock()
            locked = True
        finally:
            if not locked:
                self._threads.release()
        return self._memory

    def __exit__(self, *_error: object) -> None:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_UN)
        finally:
            self._threads.release()

    def _lock(self) -> None:
        while True:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX)
            except OSError as error:
                # Two processes of which each holds one budget and wait, in other threads, for the other's: the kernel
                # takes that for a deadlock (fcntl(2)). No thread ever holds two, so there is none: ask again.
                if error.errno == errno.EDEADLK:
                    continue
                raise
            return

    def __del__(self) -> None:
        self._memory.close()
        os.close(self._file)
