"""The poll lock and what it is worth once it has been lost without anybody noticing."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.errors import StoreError
from gateway.store import rekeying, tables
from gateway.store.batch import Batch, Turn
from gateway.store.database import Database
from gateway.store.keyed import KeyedDatabase
from gateway.store.persons import Store
from gateway.store.tenure import SUPERSEDED, Tenure, begin
from tests.unit.store.retention_kit import everything
from tests.unit.store.store_kit import SOURCE, Chance, House, upsert

WRITERS = frozenset(
    name
    for name, member in inspect.getmembers(Store, inspect.isfunction)
    if "tenure" in inspect.signature(member).parameters
)


@contextmanager
def cut_off(database: Database) -> Iterator[Tenure]:
    """Somebody holds the poll lock, loses it without noticing, and another takes it."""
    with database.poll_lock() as tenure:
        if database.dialect == "postgresql":
            with database.write() as connection:
                connection.execute(sa.text(_CUT))
        other: AbstractContextManager[Any] = database.poll_lock() if database.path is None else taken(database)
        with other:
            yield tenure


@contextmanager
def taken(database: Database) -> Iterator[Tenure]:
    """SQLite: no lock of a file is lost so; a term is begun all the same, as after a restore on another machine."""
    yield begin(database, Chance())


_CUT = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND objid = 0x464C444D AND granted AND pid <> pg_backend_pid()
"""


def test_one_poller_at_a_time(database: Database, database_url: str) -> None:
    """The lock is refused at once while another process holds it, and free again afterwards."""
    other = Database.open(database_url)
    with database.poll_lock():
        with pytest.raises(StoreError) as caught, other.poll_lock():
            pass
        assert caught.value.code == "abruf-laeuft"
    with other.poll_lock():
        pass
    other.close()


def test_a_lock_file_that_cannot_be_opened_is_an_error_of_the_house(folder: Path) -> None:
    """A poller survives it: a disk that can only be read, or no descriptor left, are no reason to end."""
    path = folder / "gateway.sqlite"
    database = Database.open(f"sqlite:///{path}", create=True)
    (folder / "gateway.sqlite.poll").mkdir()
    with pytest.raises(StoreError, match="poll lock"), database.poll_lock():
        pass
    path.rename(folder / "away")
    with pytest.raises(StoreError, match="write-ahead log"):
        database.scrub()
    database.close()


def test_terms_are_counted_and_unique(database: Database) -> None:
    """Each taking of the lock is the next term, and its mark is another even if the number came again."""
    with database.poll_lock() as first:
        pass
    with database.poll_lock() as second:
        pass
    assert (first.term, second.term) == (1, 2)
    assert first.mark != second.mark
    assert second.mark not in repr(second)


def test_a_cut_holder_writes_nothing(house: House) -> None:
    """Cut the lock's connection: another takes over, the first one's next write is refused, nothing of it is stored."""
    with house.store.poll_lock() as first:
        house.store.ingest(
            first, Batch(SOURCE, (upsert("1", 1),)), house.agreements, now=house.now, stichtag=house.today
        )
    with cut_off(house.database) as former:
        before = everything(house)
        with pytest.raises(StoreError) as refused:
            house.store.ingest(
                former,
                Batch(SOURCE, (upsert("1", 2), upsert("2", 3))),
                house.agreements,
                now=house.now,
                stichtag=house.today,
            )
        assert refused.value.code == SUPERSEDED
        assert everything(house) == before


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_every_writer_is_fenced(light_house: House, name: str) -> None:
    """Whatever the store does for the holder of the lock, it does not for a former one."""
    house = light_house
    house.take(upsert("1", 1), upsert("2", 2))
    former = begin(house.database, Chance())
    begin(house.database, Chance())
    arguments: dict[str, Any] = {
        "batch": Batch(SOURCE, (upsert("1", 7),)),
        "agreements": {},
        "now": house.now,
        "stichtag": house.today,
        "source": SOURCE,
        "stand": house.now,
        "personennummer": "1",
        "before": house.now,
        "turn": Turn(1, house.now, 60.0),
        "at": 0,
    }
    method = getattr(house.store, name)
    wanted = inspect.signature(getattr(Store, name)).parameters
    before = everything(house)
    with pytest.raises(StoreError) as refused:
        method(former, **{one: value for one, value in arguments.items() if one in wanted})
    assert refused.value.code == SUPERSEDED
    assert everything(house) == before


def test_a_change_of_hash_keys_is_fenced(light_house: House) -> None:
    """Tokens, the switch itself and the destruction of a key are refused to a former holder; no key is destroyed."""
    house, destroyed = light_house, []
    keyed = KeyedDatabase(house.database, house.vault)
    house.take(upsert("1", 1))
    former = begin(house.database, Chance())
    begin(house.database, Chance())
    entry: Any = None
    attempts = (
        lambda: rekeying.prepare_tokens(former, keyed, house.vault, 2),
        lambda: rekeying.switch(former, keyed, house.vault, house.trail, "digest", 1, lambda _count: entry),
        lambda: rekeying.drop_tokens(former, keyed, 2),
        lambda: rekeying.retire(
            former, keyed, house.vault, house.trail, "token", entry, 1, lambda: destroyed.append(True)
        ),
    )
    for attempt in attempts:
        with pytest.raises(StoreError) as refused:
            attempt()
        assert refused.value.code == SUPERSEDED
    assert not destroyed


def test_a_new_term_waits_for_the_last_transaction(database: Database, database_url: str) -> None:
    """A transaction that has proved its term ends before another begins: then either all of it counts, or nothing."""
    former, order = begin(database, Chance()), []
    entered, other = threading.Event(), Database.open(database_url)

    def take_over() -> None:
        entered.set()
        begin(other, Chance())
        order.append("other")

    thread = threading.Thread(target=take_over)
    with former.write(database) as connection:
        thread.start()
        entered.wait()
        _wait_until_blocked(database)
        connection.execute(sa.insert(tables.position), [_ROW])
        order.append("former")
    thread.join()
    other.close()
    assert order == ["former", "other"]
    with pytest.raises(StoreError), former.write(database):
        pass


_ROW = {"source": "okvisa", "change_number": 1, "page_token": None, "full_load": False}


def _wait_until_blocked(database: Database) -> None:
    """Until somebody waits for the row of the term (PostgreSQL); SQLite lets nobody begin to write meanwhile."""
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    while database.dialect == "postgresql":
        with database.read() as connection:
            if connection.execute(waiting).scalar_one():
                return


def test_the_server_watches_the_connections_it_has(postgresql: sa.URL) -> None:
    """PostgreSQL is told to give up a connection whose other end has vanished within seconds."""
    database = Database.open(postgresql.render_as_string(hide_password=False))
    with database.read() as connection:
        found = connection.execute(sa.text("SHOW client_connection_check_interval")).scalar_one()
    database.close()
    assert found == "2s"
