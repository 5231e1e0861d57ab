"""Budgets that several machines count together in one PostgreSQL: never more than agreed, whoever asks at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from gateway.agreements.agreement import Limits
from gateway.errors import LimitExceeded
from gateway.exchange.limits import Budgets
from gateway.store.budgets import SharedCounters
from gateway.store.database import Database
from gateway.store.tables import budget
from tests.unit.exchange.house import city
from tests.unit.store.store_kit import NOW, agreement

ONE = agreement(limits=Limits(50, 100, 100, 10_000, ((0, 1440),)))
MACHINES = 2
THREADS = 6


@pytest.fixture
def machines(postgresql_url: str) -> Iterator[list[Budgets]]:
    """The budgets of gateways on several machines, each with connections and memory of its own."""
    databases = [Database.open(postgresql_url) for _ in range(MACHINES)]
    yield [Budgets([ONE], city(), lambda: 0.0).shared(SharedCounters(database)) for database in databases]
    for database in databases:
        database.close()


def admitted(budgets: Budgets, times: int) -> int:
    count = 0
    for _ in range(times):
        with suppress(LimitExceeded), budgets.admitted(ONE, now=NOW):
            count += 1
    return count


def disclosed(budgets: Budgets, times: int, now: datetime = NOW) -> int:
    count = 0
    for _ in range(times):
        with suppress(LimitExceeded):
            budgets.disclose(ONE, 3, now=now)
            count += 3
    return count


def test_machines_share_the_requests_of_a_minute(machines: list[Budgets]) -> None:
    """Exactly as many requests as agreed come through two machines at once; who is refused is told how long."""
    with ThreadPoolExecutor(MACHINES * THREADS) as pool:
        assert sum(pool.map(lambda one: admitted(one, 10), machines * THREADS)) == 50
    with pytest.raises(LimitExceeded) as refusal, machines[0].admitted(ONE, now=NOW):
        pass
    assert 1 <= refusal.value.retry_after <= 61


def aged(url: str, seconds: int, first: int) -> None:
    """The `first` requests of those that were admitted in this minute were `seconds` ago."""
    database = Database.open(url)
    with database.write() as connection:
        moments = connection.execute(sa.select(budget.c.moments)).scalar_one()
        now = max(moments) // _SECOND
        total = sum(moment % _SECOND for moment in moments)
        older = [(now - seconds) * _SECOND + first, now * _SECOND + total - first]
        connection.execute(sa.update(budget).values(moments=older))
    database.close()


_SECOND = 1_000_000


def test_a_request_leaves_the_window_after_a_minute(machines: list[Budgets], postgresql_url: str) -> None:
    """As many as are older than sixty seconds by the server's clock are admitted anew, and no more."""
    assert admitted(machines[0], 60) == 50
    aged(postgresql_url, 70, 20)
    assert sum(admitted(one, 30) for one in machines) == 20


def test_a_clock_that_was_set_back_refuses_nobody_for_long(machines: list[Budgets], postgresql_url: str) -> None:
    """What was counted in a future that was none is forgotten; a difference of some seconds between servers is not."""
    assert admitted(machines[0], 60) == 50
    aged(postgresql_url, -86_400, 50)
    assert sum(admitted(one, 60) for one in machines) == 50
    aged(postgresql_url, -30, 50)
    assert sum(admitted(one, 60) for one in machines) == 0


def test_what_may_lie_within_the_window_counts(machines: list[Budgets], postgresql_url: str) -> None:
    """Requests of less than sixty seconds ago count, and the wait tells when the oldest of them no longer do."""
    assert admitted(machines[0], 60) == 50
    aged(postgresql_url, 40, 20)
    assert sum(admitted(one, 30) for one in machines) == 0
    with pytest.raises(LimitExceeded) as refusal, machines[0].admitted(ONE, now=NOW):
        pass
    assert 12 <= refusal.value.retry_after <= 21


def test_many_requests_take_no_more_room_than_few(machines: list[Budgets], postgresql_url: str) -> None:
    """What is stored of a minute is one number for each second of it, however many requests are agreed."""
    assert admitted(machines[0], 60) == 50
    database = Database.open(postgresql_url)
    with database.read() as connection:
        moments = connection.execute(sa.select(budget.c.moments)).scalar_one()
    database.close()
    assert sum(moment % _SECOND for moment in moments) == 50
    assert len({moment // _SECOND for moment in moments}) == len(moments) < 30


def test_machines_share_the_persons_and_bytes_of_a_day(machines: list[Budgets]) -> None:
    """Never more than agreed, with whatever is asked at one time; what does not fit counts nothing."""
    with ThreadPoolExecutor(MACHINES * THREADS) as pool:
        assert sum(pool.map(lambda one: disclosed(one, 10), machines * THREADS)) == 99
    for one in machines:
        one.disclose(ONE, 0, now=NOW)
    machines[1].disclose(ONE, 1, now=NOW)
    machines[0].send(ONE, 10_000, now=NOW)
    with pytest.raises(LimitExceeded):
        machines[1].send(ONE, 1, now=NOW)
    with pytest.raises(LimitExceeded):
        machines[1].disclose(ONE, 1, now=NOW)


def test_the_day_of_all_machines_is_the_citys(machines: list[Budgets]) -> None:
    """At midnight in Cologne both counts begin anew, and not once more for who came before it."""
    before, after = datetime(2026, 6, 30, 21, 59, tzinfo=UTC), datetime(2026, 6, 30, 22, 1, tzinfo=UTC)
    machines[0].send(ONE, 10_000, now=before)
    assert disclosed(machines[0], 50, before) == 99
    assert disclosed(machines[1], 30, after) == 90
    assert disclosed(machines[0], 30, before) == 9
    machines[0].send(ONE, 10_000, now=before)
    with pytest.raises(LimitExceeded):
        machines[1].send(ONE, 1, now=after)
    assert disclosed(machines[1], 50, after + timedelta(days=1)) == 99


def test_a_start_takes_over_what_the_trail_says_once(machines: list[Budgets]) -> None:
    """Every server that starts says what was disclosed today; that they say it several times adds nothing."""
    assert disclosed(machines[0], 4) == 12
    for _ in range(3):
        for one in machines:
            one.resume({"wohnung": 90, "somebody else": 7}, now=NOW)
    assert disclosed(machines[1], 30) == 9
    machines[0].resume({"wohnung": 12}, now=NOW)
    assert disclosed(machines[1], 30) == 0


def test_a_smaller_limit_counts_what_was_admitted_before(machines: list[Budgets], postgresql_url: str) -> None:
    """Limits of another version, or of a server that was started with another, compare with the same count."""
    database = Database.open(postgresql_url)
    less = replace(ONE, limits=replace(ONE.limits, requests_per_minute=30, persons_per_day=40))
    other = Budgets([less], city(), lambda: 0.0).shared(SharedCounters(database))
    assert admitted(machines[0], 25) == 25
    with other.admitted(less, now=NOW):
        pass
    assert sum(admitted(one, 30) for one in machines) == 24
    with pytest.raises(LimitExceeded) as refusal, other.admitted(less, now=NOW):
        pass
    assert refusal.value.retry_after > 30
    database.close()


def test_a_count_waits_for_no_disk(postgresql_url: str) -> None:
    """The one statement's transaction is not flushed by itself; the connection's next one is."""
    database = Database.open(postgresql_url)
    SharedCounters(database).take("wohnung", "persons", 1, day=1, limit=9)
    with database.tally() as connection:
        took = "SET persons = persons + 0 FROM (SELECT set_config('synchronous_commit', 'off', true)) AS quick"
        told = sa.text(f"UPDATE budget {took} RETURNING current_setting('synchronous_commit')")
        assert connection.execute(told).scalar_one() == "off"
        assert connection.execute(sa.text("SHOW synchronous_commit")).scalar_one() == "on"
    database.close()
