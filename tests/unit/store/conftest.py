"""Databases for the tests of the store: SQLite and PostgreSQL, migrated once, copied for each test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from gateway.store.database import Database, upgrade
from gateway.store.tables import epoch, metadata
from tests.postgresql import postgresql_database
from tests.unit.store.store_kit import House

_ROOM = 2**30


@pytest.fixture(scope="session")
def memory() -> Iterator[Path]:
    """A folder in main memory where there is one: every write is flushed, and on a disk most of the time is waiting."""
    folder = _in_memory()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def folder(memory: Path) -> Iterator[Path]:
    """A folder of the test's own in `memory`."""
    made = Path(tempfile.mkdtemp(dir=memory))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def tmp_path(memory: Path) -> Iterator[Path]:
    """In `memory` as well, for the same reason."""
    made = Path(tempfile.mkdtemp(dir=memory))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(memory: Path) -> Path:
    """An empty database with all tables."""
    path = memory / "template.sqlite"
    url = f"sqlite:///{path}"
    Database.open(url, create=True).close()
    upgrade(url)
    return path


@pytest.fixture(scope="session")
def postgresql() -> Iterator[sa.URL]:
    """The URL of a migrated database of this test process on PostgreSQL."""
    folder = _in_memory()  # not below `memory`: the server runs as a user of its own and must reach it
    with postgresql_database(folder) as url:
        upgrade(_text(url))
        yield url
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """The URL of a fresh migrated database of each kind."""
    if request.param == "sqlite":
        path = folder / "gateway.sqlite"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    yield request.getfixturevalue("postgresql_url")


@pytest.fixture
def postgresql_url(postgresql: sa.URL) -> str:
    """The URL of a fresh migrated database on PostgreSQL, for laws that only it must keep."""
    _empty(postgresql)
    return _text(postgresql)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh migrated database of each kind, opened."""
    opened = Database.open(database_url)
    yield opened
    opened.close()


@pytest.fixture
def house(database: Database, folder: Path) -> House:
    """A store with one application on a fresh database of each kind."""
    return House(database, folder)


@pytest.fixture
def light_house(sqlite_template: Path, folder: Path) -> Iterator[House]:
    """A store with one application on SQLite only, for laws in which the database plays no part."""
    path = folder / "gateway.sqlite"
    shutil.copyfile(sqlite_template, path)
    database = Database.open(f"sqlite:///{path}")
    yield House(database, folder)
    database.close()


def _in_memory() -> Path:
    """A new folder with a short path (a server's socket lies in it), in main memory where there is room."""
    shared = Path("/dev/shm")
    roomy = shared.is_dir() and shutil.disk_usage(shared).free > _ROOM
    return Path(tempfile.mkdtemp(prefix="fldm", dir=shared if roomy else None))


def _empty(url: sa.URL) -> None:
    """Afterwards no table holds a row but `epoch` its one: much faster than a new database, or than an engine."""
    with psycopg.connect(_text(url.set(drivername="postgresql"))) as connection:
        connection.execute(_EMPTY)


_FULL = [table.name for table in reversed(metadata.sorted_tables) if table is not epoch]
_EMPTY = "; ".join(
    [
        *(f"DELETE FROM {name}" for name in _FULL),
        f"UPDATE {epoch.name} SET value = '{'0' * 32}', erasures = 0, reprojected = NULL",
    ]
).encode()


def _text(url: sa.URL) -> str:
    return url.render_as_string(hide_password=False)
