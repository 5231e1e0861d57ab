"""The feed's numbers as a reader sees them: no later one is visible before an earlier one (PostgreSQL)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import sqlalchemy as sa

from gateway.store import feed_rows
from gateway.store.database import Database
from gateway.store.tables import feed_shown, person

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


def locked_late(connection: sa.Connection) -> int:
    """Mutation: the counter is read first and locked when it is written."""
    figures = feed_rows.counter(connection, STREAM)
    threading.Event().wait(0.002)
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
            told.wait(10)
            _until_somebody_waits(database)
            assert not later.done()
            raise ZeroDivisionError
        assert later.result(10) == 1  # it was not used, so there is no hole


@pytest.mark.parametrize("numbering", [by_sequence, locked_late])
def test_the_watch_can_tell(database: Database, numbering: Numbering) -> None:
    """Numbers by a sequence, or under a lock that is taken late, are seen with gaps or given twice."""
    taken, go_on = threading.Event(), threading.Event()

    def standing(connection: sa.Connection) -> int:
        number = numbering(connection)
        taken.set()
        go_on.wait(10)
        return number

    if numbering is by_sequence:
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(write, database, standing)
            taken.wait(10)
            write(database, numbering)
            assert seen(database) == [2]
            go_on.set()
            first.result(10)
    else:
        assert gaps(database, numbering)


def _until_somebody_waits(database: Database) -> None:
    pause = threading.Event()
    for _ in range(2000):
        with database.tally() as connection:
            if connection.execute(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one():
                return
        pause.wait(0.005)
    raise AssertionError("nobody waits")
