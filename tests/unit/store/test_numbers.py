"""The feed's numbers as a reader sees them: no later one is visible before an earlier one (PostgreSQL)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import pytest
import sqlalchemy as sa

from gateway.store import feed_rows
from gateway.store.database import Database
from gateway.store.tables import feed_shown, person
from tests.patience import PATIENCE, attempts

STREAM = "wohnung/1"
WRITERS, READERS, EACH = 6, 2, 25
SOMEBODY = b"1" * 16
Numbering = Callable[[sa.Connection], int]


@pytest.fixture
def database(postgresql_url: str) -> Iterator[Database]:
    """A fresh database with one person, of whom numbers may tell."""
    opened = Database.open(postgresql_url)
    row = {"id": SOMEBODY, "source": "okvisa", "source_key": b"2" * 32, "version": 1, "change_number": 1}
    with opened.write() as connection:
        connection.execute(sa.insert(person), [row | {"state": "active"}])
        connection.execute(sa.text("CREATE SEQUENCE mutation"))
        feed_rows.lock(connection, [STREAM])
    yield opened
    with opened.write() as connection:
        connection.execute(sa.text("DROP SEQUENCE mutation"))
    opened.close()


def ours(connection: sa.Connection) -> int:
    """What the store does: the counter's row is locked until the commit."""
    counters = feed_rows.lock(connection, [STREAM])
    number = counters[STREAM].next()
    feed_rows.save(connection, counters)
    return number


def by_sequence(connection: sa.Connection) -> int:
    """Mutation: a sequence gives numbers in the order of asking, not of commits."""
    number: int = connection.execute(sa.text("SELECT nextval('mutation')")).scalar_one()
    return number


def locked_late(connection: sa.Connection, meeting: threading.Barrier) -> int:
    """Mutation: the counter is read first, here by two at once, and locked when it is written."""
    figures = feed_rows.counter(connection, STREAM)
    meeting.wait(PATIENCE)
    number = figures.next()
    feed_rows.save(connection, {STREAM: figures})
    return number


def write(database: Database, numbering: Numbering) -> None:
    with database.write() as connection:
        number = numbering(connection)
        connection.execute(sa.insert(feed_shown), [{"stream": STREAM, "number": number, "person_id": SOMEBODY}])


def seen(database: Database) -> list[int]:
    with database.read() as connection:
        query = sa.select(feed_shown.c.number).order_by(feed_shown.c.number)
        return list(connection.execute(query).scalars())


def gaps(database: Database, numbering: Numbering) -> int:
    """How often a reader saw a number of which an earlier one was missing, or a writer was given one again."""
    found, busy, guard = 0, WRITERS, threading.Lock()

    def writing(_: int) -> None:
        nonlocal found, busy
        try:
            for _ in range(EACH):
                write(database, numbering)
        except Exception:  # noqa: BLE001  # a number given twice is refused by the primary key: counted like a gap
            with guard:
                found += 1
        finally:
            with guard:
                busy -= 1

    def reading(_: int) -> None:
        nonlocal found
        while busy:
            numbers = seen(database)
            if numbers != list(range(1, len(numbers) + 1)):
                with guard:
                    found += 1

    with ThreadPoolExecutor(WRITERS + READERS) as pool:
        list(pool.map(lambda work: work(0), [writing] * WRITERS + [reading] * READERS))
    return found


def test_no_reader_sees_a_gap(database: Database) -> None:
    """Many writers and readers at once: whatever is visible is 1, 2, 3, ... without a hole, in the end all of it."""
    assert gaps(database, ours) == 0
    assert seen(database) == list(range(1, WRITERS * EACH + 1))
    with database.read() as connection:
        assert feed_rows.counter(connection, STREAM).last == WRITERS * EACH


def test_a_number_waits_for_the_one_before_it(database: Database) -> None:
    """Who has a number keeps others from the next until his commit; who read a number can read all before it."""
    told = threading.Event()

    def second() -> int:
        told.set()
        with database.write() as connection:
            return ours(connection)

    with ThreadPoolExecutor(1) as pool:
        with suppress(ZeroDivisionError), database.write() as connection:
            assert ours(connection) == 1
            later = pool.submit(second)
            assert told.wait(PATIENCE)
            _until_somebody_waits(database)
            assert not later.done()
            raise ZeroDivisionError
        assert later.result(PATIENCE) == 1  # it was not used, so there is no hole


def test_a_sequence_is_seen_with_gaps(database: Database) -> None:
    """The watch can tell: of numbers by a sequence a reader sees the second without the first."""
    taken, go_on = threading.Event(), threading.Event()

    def standing(connection: sa.Connection) -> int:
        number = by_sequence(connection)
        taken.set()
        assert go_on.wait(PATIENCE)
        return number

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(write, database, standing)
        assert taken.wait(PATIENCE)
        write(database, by_sequence)
        assert seen(database) == [2]
        go_on.set()
        first.result(PATIENCE)


def test_a_lock_that_is_taken_late_gives_a_number_twice(database: Database) -> None:
    """The watch can tell: of two who read the same counter one is refused."""
    meeting = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(write, database, partial(locked_late, meeting=meeting)) for _ in range(2)]
        errors = [one.exception(PATIENCE) for one in both]
    assert sorted(error is None for error in errors) == [False, True]


def _until_somebody_waits(database: Database) -> None:
    for _ in attempts("somebody who waits for a lock", every=0.005):
        with database.tally() as connection:
            if connection.execute(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one():
                return
