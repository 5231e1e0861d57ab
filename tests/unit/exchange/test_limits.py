"""The budget of requests."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from gateway.agreements.agreement import Limits
from gateway.agreements.load import load_agreement
from gateway.errors import LimitExceeded
from gateway.exchange.limits import Budgets, PersonBudget, RequestBudget
from gateway.shipped import schemas
from tests.unit.exchange.house import city


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
    now = replace(one, valid_to=today, limits=Limits(5, 50))
    second = replace(one, major=2, valid_to=today, limits=Limits(9, 3))
    then = replace(one, version=4, valid_from=after, limits=Limits(2, 10))
    for agreement, moment, requests, persons in (
        (now, datetime(2026, 11, 23, 9, tzinfo=UTC), 5, 3),
        (then, datetime(2026, 11, 24, 9, tzinfo=UTC), 2, 10),
    ):
        budgets = Budgets([now, second, then], city(), Clock())
        for _ in range(requests):
            budgets.admit(agreement, now=moment)
        with pytest.raises(LimitExceeded):
            budgets.admit(agreement, now=moment)
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
    budget, now = PersonBudget(10, city()), datetime(2026, 11, 23, 10, tzinfo=UTC)
    budget.take(7, now=now)
    with pytest.raises(LimitExceeded):
        budget.take(4, now=now)
    budget.take(3, now=now)
    budget.take(0, now=now)
    with pytest.raises(LimitExceeded):
        budget.take(1, now=now)


def test_the_day_is_the_citys() -> None:
    """The budget of persons begins anew at midnight in Cologne, and the wait says when that is."""
    budget = PersonBudget(1, city())
    budget.take(1, now=datetime(2026, 6, 30, 21, 59, tzinfo=UTC))
    with pytest.raises(LimitExceeded) as refusal:
        budget.take(1, now=datetime(2026, 6, 30, 21, 59, tzinfo=UTC))
    assert refusal.value.retry_after == 60
    budget.take(1, now=datetime(2026, 6, 30, 22, 0, tzinfo=UTC))
