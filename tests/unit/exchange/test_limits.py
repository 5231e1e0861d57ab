"""The budget of requests."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from gateway.agreements.load import load_agreement
from gateway.errors import LimitExceeded
from gateway.exchange.limits import Budgets, DayBudget, ParallelBudget, RequestBudget
from gateway.shipped import schemas
from tests.unit.exchange.house import GENEROUS, city


class Clock:
    """Seconds that stand still until told otherwise."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def admitted(budget: RequestBudget, times: int) -> int:
    count = 0
    for _ in range(times):
        try:
            budget.admit()
        except LimitExceeded:
            continue
        count += 1
    return count


def test_the_limit_is_exact() -> None:
    """Exactly `limit` requests are admitted at one moment, the next is refused."""
    assert admitted(RequestBudget(5, Clock()), 20) == 5


def test_every_window_of_sixty_seconds_holds() -> None:
    """In no window of 60 seconds, wherever it starts, more than `limit` requests are admitted."""
    clock, moments = Clock(), list[float]()
    budget = RequestBudget(7, clock)
    for step in range(600):
        clock.now = 1000.0 + step * 0.9
        if admitted(budget, 1):
            moments.append(clock.now)
    assert all(sum(start <= moment < start + 60 for moment in moments) <= 7 for start in moments)
    assert len(moments) >= 7 * 8


def test_another_limit_holds_from_one_moment_to_the_next() -> None:
    """A smaller limit of another version counts what was admitted before; a larger one adds to it."""
    budget = RequestBudget(7, Clock())
    for limit, admitted_now in ((3, 3), (5, 2), (3, 0), (7, 2)):
        count = 0
        for _ in range(9):
            with suppress(LimitExceeded):
                budget.admit(limit)
                count += 1
        assert count == admitted_now, limit


def test_the_versions_in_force_set_the_budget() -> None:
    """Of all versions only those of today count, of two contract majors the smaller."""
    one = load_agreement(schemas() / "wohnung2000" / "agreement.toml")
    today, after = date(2026, 11, 23), date(2026, 11, 24)
    now = replace(one, valid_to=today, limits=replace(GENEROUS, requests_per_minute=5, persons_per_day=50))
    second = replace(one, major=2, valid_to=today, limits=replace(GENEROUS, requests_per_minute=9, persons_per_day=3))
    then = replace(
        one, version=4, valid_from=after, limits=replace(GENEROUS, requests_per_minute=2, persons_per_day=10)
    )
    clock = Clock()
    budgets = Budgets([now, second, then], city(), clock)
    for agreement, moment, requests, persons in (
        (now, datetime(2026, 11, 23, 9, tzinfo=UTC), 5, 3),
        (then, datetime(2026, 11, 24, 9, tzinfo=UTC), 2, 10),
    ):
        clock.now += 61
        for _ in range(requests):
            with budgets.admitted(agreement, now=moment):
                pass
        with pytest.raises(LimitExceeded), budgets.admitted(agreement, now=moment):
            pass
        budgets.disclose(agreement, persons, now=moment)
        with pytest.raises(LimitExceeded):
            budgets.disclose(agreement, 1, now=moment)


def test_it_frees_up_again() -> None:
    """After the announced seconds a request is admitted again."""
    clock = Clock()
    budget = RequestBudget(1, clock)
    budget.admit()
    clock.now += 20.5
    with pytest.raises(LimitExceeded) as refusal:
        budget.admit()
    assert refusal.value.retry_after == 40
    clock.now += refusal.value.retry_after
    budget.admit()


def test_refused_requests_do_not_count() -> None:
    """A caller that hammers is served again after one minute, not never."""
    clock = Clock()
    budget = RequestBudget(2, clock)
    for _ in range(60):
        admitted(budget, 3)
        clock.now += 1
    assert admitted(budget, 5) == 2


def test_threads_share_one_budget() -> None:
    """However many threads ask, the limit is exact."""
    budget = RequestBudget(50, Clock())
    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(lambda _: admitted(budget, 10), range(16))) == 50


def test_processes_share_one_budget() -> None:
    """What a forked process uses up is gone for its parent and its siblings."""
    budget = RequestBudget(30, Clock())
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            os._exit(admitted(budget, 20))
        children.append(child)
    used = sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
    assert used == 30
    assert admitted(budget, 1) == 0


def test_a_page_too_large_for_the_rest_of_the_day_counts_nothing() -> None:
    """Persons that do not go out do not use up the budget; exactly the limit does go out."""
    budget, now = DayBudget(10, city(), "personen_je_tag"), datetime(2026, 11, 23, 10, tzinfo=UTC)
    budget.take(7, now=now)
    with pytest.raises(LimitExceeded):
        budget.take(4, now=now)
    budget.take(3, now=now)
    budget.take(0, now=now)
    with pytest.raises(LimitExceeded):
        budget.take(1, now=now)


def test_the_day_is_the_citys() -> None:
    """The budget of persons begins anew at midnight in Cologne, and the wait says when that is."""
    budget = DayBudget(1, city(), "personen_je_tag")
    budget.take(1, now=datetime(2026, 6, 30, 21, 59, tzinfo=UTC))
    with pytest.raises(LimitExceeded) as refusal:
        budget.take(1, now=datetime(2026, 6, 30, 21, 59, tzinfo=UTC))
    assert refusal.value.retry_after == 60
    budget.take(1, now=datetime(2026, 6, 30, 22, 0, tzinfo=UTC))


def test_who_ends_after_midnight_does_not_begin_the_day_anew() -> None:
    """A request that came before midnight counts on the day that others have begun meanwhile."""
    budget = DayBudget(10, city(), "personen_je_tag")
    before, after = datetime(2026, 6, 30, 21, 59, tzinfo=UTC), datetime(2026, 6, 30, 22, 1, tzinfo=UTC)
    budget.take(9, now=before)
    budget.take(8, now=after)
    budget.take(1, now=before)
    budget.take(1, now=after)
    with pytest.raises(LimitExceeded):
        budget.take(1, now=after)


def test_no_more_at_one_time_than_agreed() -> None:
    """As many requests as agreed are at work at one moment, in all threads together, and the next after one ended."""
    budget = ParallelBudget()
    with budget.one(2):
        with budget.one(2), pytest.raises(LimitExceeded) as refusal, budget.one(2):
            pass
        assert refusal.value.retry_after == 1
        with budget.one(2):
            pass


def test_who_is_refused_for_the_minute_is_not_at_work() -> None:
    """What the budget of the minute refuses takes no place among those at one time."""
    budget, minute = ParallelBudget(), RequestBudget(1, Clock())
    with budget.one(1, minute.admit):
        pass
    for _ in range(3):
        with pytest.raises(LimitExceeded, match="je_minute"), budget.one(1, minute.admit):
            pass


def test_what_a_killed_process_held_is_given_back() -> None:
    """Requests at work count for all processes; those of a process that was killed count no longer."""
    budget = ParallelBudget()
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        held = budget.one(2)
        held.__enter__()
        os.write(told, b"x")
        signal.pause()
    os.read(ready, 1)
    with budget.one(2), pytest.raises(LimitExceeded), budget.one(2):
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with budget.one(2), budget.one(2):
        pass
    os.close(ready)
    os.close(told)


def test_another_process_of_the_same_number_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel gives a killed process's number away again: to a stranger, or to the server's next process."""
    budget = ParallelBudget()
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        held = budget.one(1)
        held.__enter__()
        os.write(told, b"x")
        signal.pause()
    os.read(ready, 1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with monkeypatch.context() as stranger:
        stranger.setattr(os, "kill", lambda _pid, _signal: None)
        with budget.one(1):
            pass
    monkeypatch.setattr(os, "getpid", lambda: child)
    with budget.one(1), pytest.raises(LimitExceeded), budget.one(1):
        pass
    os.close(ready)
    os.close(told)


def test_what_the_kernel_takes_for_a_deadlock_is_none() -> None:
    """Two processes hold one budget each while other threads of them wait for the other's: nobody is turned away."""
    first, second = RequestBudget(9, Clock()), RequestBudget(9, Clock())
    from_child, to_parent = os.pipe()
    from_parent, to_child = os.pipe()
    child = os.fork()
    if child == 0:
        os._exit(_crossing(first, second, from_parent, to_parent))
    with first._shared:
        os.read(from_child, 1)  # it holds the second
        waiting = threading.Thread(target=second.admit)
        waiting.start()
        while not _waits(os.getpid()):
            os.sched_yield()
        os.write(to_child, b"x")
        select.select([from_child], [], [], 5)  # the kernel has refused it the first
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    waiting.join()
    assert (admitted(first, 20), admitted(second, 20)) == (8, 8)
    for end in (from_child, to_parent, from_parent, to_child):
        os.close(end)


def _crossing(first: RequestBudget, second: RequestBudget, wait: int, tell: int) -> int:
    """Holds the second budget, asks for the first in another thread, and tells when the kernel refuses that."""
    lock, results = fcntl.lockf, list[bool]()

    def telling(file: int, command: int) -> None:
        try:
            lock(file, command)
        except OSError:
            os.write(tell, b"x")
            raise

    def ask() -> None:
        first.admit()
        results.append(True)

    fcntl.lockf = telling
    threading.excepthook = lambda _told: None
    with second._shared:
        os.write(tell, b"x")
        os.read(wait, 1)
        asking = threading.Thread(target=ask)
        asking.start()
        asking.join()
    return 0 if results else 1


def _waits(pid: int) -> bool:
    """Whether a thread of the process waits for a record lock (proc(5), locks)."""
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and f" {pid} " in line for line in lines)


OFFICE = ((7 * 60, 12 * 60), (13 * 60, 24 * 60))


@pytest.mark.parametrize(
    ("hour", "minute", "wait"),
    [
        (6, 59, 60),
        (7, 0, None),
        (11, 59, None),
        (12, 0, 3600),
        (12, 59, 60),
        (13, 0, None),
        (23, 59, None),
        (0, 0, 25200),
    ],
)
def test_only_the_agreed_times_of_day(hour: int, minute: int, wait: int | None) -> None:
    """Outside of the city's agreed hours a request is refused, and told when the next begin."""
    one = load_agreement(schemas() / "wohnung2000" / "agreement.toml")
    agreement = replace(one, limits=replace(GENEROUS, hours=OFFICE))
    budgets = Budgets([agreement], city(), Clock())
    now = datetime(2026, 6, 30, hour, minute, tzinfo=city().timezone).astimezone(UTC)
    if wait is None:
        with budgets.admitted(agreement, now=now):
            return
    with pytest.raises(LimitExceeded) as refusal, budgets.admitted(agreement, now=now):
        pass
    assert (refusal.value.code, refusal.value.retry_after) == ("ausserhalb-der-uhrzeiten", wait)


def test_a_day_has_its_bytes_and_a_restart_gives_no_second_day() -> None:
    """Bytes of answers are counted by day, and what was disclosed before a restart is counted on."""
    one = load_agreement(schemas() / "wohnung2000" / "agreement.toml")
    agreement = replace(one, limits=replace(GENEROUS, persons_per_day=10, bytes_per_day=1_000))
    budgets, now = Budgets([agreement], city(), Clock()), datetime(2026, 11, 23, 9, tzinfo=UTC)
    budgets.send(agreement, 1_000, now=now)
    with pytest.raises(LimitExceeded):
        budgets.send(agreement, 1, now=now)
    budgets.resume({"wohnung2000": 8, "somebody else": 5}, now=now)
    budgets.disclose(agreement, 2, now=now)
    with pytest.raises(LimitExceeded):
        budgets.disclose(agreement, 1, now=now)
