"""The database: durable or refused, never made by accident, written in transactions that hold their lock."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from gateway.errors import AuditError, StoreError
from gateway.store import audit_tables
from gateway.store.audit import AuditTrail, Entry, Kind
from gateway.store.database import Database, is_current, upgrade
from gateway.store.tables import epoch, position
from tests.unit.store.store_kit import House

ROW = {"source": "okvisa", "change_number": 1, "page_token": None, "full_load": False}


def test_a_database_is_never_made_by_accident(tmp_path: Path) -> None:
    """Opening a file that is not there refuses and leaves nothing behind, also when it vanishes later."""
    path = tmp_path / "gateway.sqlite"
    with pytest.raises(StoreError, match="missing"):
        Database.open(f"sqlite:///{path}")
    assert not path.exists()
    database = Database.open(f"sqlite:///{path}", create=True)
    path.unlink()
    with pytest.raises(StoreError), database.read():
        pass
    assert not path.exists()


def test_a_new_database_belongs_to_the_gateway_alone(tmp_path: Path) -> None:
    """The file, its log and its lock are made with mode 0600."""
    database = Database.open(f"sqlite:///{tmp_path / 'gateway.sqlite'}", create=True)
    database.upgrade()
    with database.poll_lock(), database.read():
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert {"gateway.sqlite", "gateway.sqlite-wal", "gateway.sqlite.poll"} <= set(modes)
    assert set(modes.values()) == {0o600}
    database.close()


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:////tmp/x?mode=memory", "mysql://x/y", "nonsense", ""]
)
def test_what_cannot_be_durable_is_refused(url: str) -> None:
    """Only a SQLite file or PostgreSQL is opened."""
    with pytest.raises(StoreError):
        Database.open(url)


def test_sqlite_is_durable(tmp_path: Path) -> None:
    """Every connection runs with a write-ahead log, full synchronisation, foreign keys and secure deletion."""
    database = Database.open(f"sqlite:///{tmp_path / 'gateway.sqlite'}", create=True)
    with database.read() as connection:
        names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]
    database.close()
    assert found == ["wal", 2, 1, 1]


def test_sqlite_without_its_log_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be switched to the write-ahead log (another process holds it) does not open."""
    path = tmp_path / "gateway.sqlite"
    Database.open(f"sqlite:///{path}", create=True).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr("gateway.store.sqlite._BUSY_SECONDS", 0.1)
    with pytest.raises(StoreError):
        Database.open(f"sqlite:///{path}")
    other.close()


def test_postgresql_that_forgets_is_refused(postgresql: sa.URL) -> None:
    """A server that confirms before it has written is not opened."""
    for value in ("off", "local"):
        url = postgresql.update_query_dict({"options": f"-csynchronous_commit={value}"})
        with pytest.raises(StoreError, match="synchronous_commit"):
            Database.open(url.render_as_string(hide_password=False))


def test_a_reader_cannot_write(database: Database) -> None:
    """Inside `read` every statement that changes something fails."""
    with pytest.raises(StoreError), database.read() as connection:
        connection.execute(sa.insert(position), [ROW])


def test_a_reader_sees_one_moment(database: Database) -> None:
    """What is committed after the first statement of a `read` is not seen in it."""
    count = sa.select(sa.func.count()).select_from(position)
    with database.read() as reader:
        before = reader.execute(count).scalar_one()
        with database.write() as writer:
            writer.execute(sa.insert(position), [ROW])
        assert reader.execute(count).scalar_one() == before == 0
    with database.read() as reader:
        assert reader.execute(count).scalar_one() == 1


def test_a_broken_write_leaves_nothing(database: Database) -> None:
    """An error in the block undoes everything in it."""
    with suppress(ZeroDivisionError), database.write() as connection:
        connection.execute(sa.insert(position), [ROW])
        raise ZeroDivisionError
    with database.read() as connection:
        assert connection.execute(sa.select(position)).all() == []


def test_two_writers_wait_for_each_other(tmp_path: Path, sqlite_template: Path) -> None:
    """On SQLite a second writer waits instead of failing, also when both read before they write."""
    path = tmp_path / "gateway.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database.open(f"sqlite:///{path}")

    def count_up() -> None:
        for _ in range(10):
            with database.write() as connection:
                last = connection.execute(sa.select(epoch.c.erasures)).scalar_one()
                connection.execute(sa.update(epoch).values(erasures=last + 1))

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as connection:
        assert connection.execute(sa.select(epoch.c.erasures)).scalar_one() == 40
    database.close()


def test_errors_quote_no_values(database: Database) -> None:
    """A refused statement names the class of the error; neither values nor the driver's text come along."""
    row = ROW | {"page_token": "Mustermann"}
    with pytest.raises(StoreError) as caught, database.write() as connection:
        connection.execute(sa.insert(position), [row, row])
    assert "Mustermann" not in str(caught.value)
    assert "okvisa" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_connections_do_not_survive_a_fork(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child process opens its own connections; those of its parent stay untouched."""
    with database.read() as connection:
        parent = connection.engine
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with database.read() as connection:
        assert connection.engine is not parent
    database.close()
    assert parent.pool.checkedin() == 1  # type: ignore[attr-defined]  # a QueuePool counts them
    parent.dispose()


def test_migrations_make_exactly_the_tables(database: Database) -> None:
    """After all migrations the database is what the metadata says, audit trail included."""
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        differences = compare_metadata(context, audit_tables.metadata)
    assert differences == []


def test_upgrade_can_be_repeated(database_url: str) -> None:
    """A second upgrade changes nothing, not even the epoch."""
    database = Database.open(database_url)
    with database.read() as connection:
        before = connection.execute(sa.select(epoch)).all()
    upgrade(database_url)
    with database.read() as connection:
        assert connection.execute(sa.select(epoch)).all() == before
    assert is_current(database_url)
    database.close()


def test_a_database_without_tables_is_not_current(tmp_path: Path) -> None:
    """A fresh file is not current before its upgrade and is afterwards."""
    url = f"sqlite:///{tmp_path / 'gateway.sqlite'}"
    Database.open(url, create=True).close()
    assert not is_current(url)
    upgrade(url)
    assert is_current(url)


def test_who_waits_too_long_is_told_so_and_can_try_again(light_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that the lock is not free for in time gets a StoreError; the audit trail's writer lives on."""
    monkeypatch.setattr("gateway.store.sqlite._BUSY_SECONDS", 0.01)
    holder = Database.open(f"sqlite:///{light_house.database.path}")
    trail = AuditTrail.open(light_house.database, light_house.vault, lambda: light_house.now, os.urandom)
    entry = Entry(kind=Kind.BETRIEB, operation="probe", outcome="ok")
    with holder.write():
        with pytest.raises(StoreError, match="OperationalError"), light_house.database.write():
            pass
        with pytest.raises(AuditError, match="cannot be written"):
            trail.record(entry)
    assert trail.record(entry).number
    trail.close()
    holder.close()
