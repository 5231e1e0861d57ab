"""Whether anybody else is at work on a database: a restore must find nobody."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from gateway.errors import StoreError
from gateway.store.database import Database

IN_USE = "in-betrieb"
_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510
"""SQLite, os_unix.c: whoever has opened a database in WAL mode holds a read lock within these bytes."""


@contextmanager
def sole_use(path: Path) -> Iterator[None]:
    """Nobody else has the SQLite file open, nor can open it before the end; StoreError (code "in-betrieb") if so.

    No connection of this process may be open to it: the system takes back all locks of a process with the first file
    that it closes. A file that is not there is nobody's.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    except OSError as error:
        raise StoreError(f"the database file cannot be opened: {error.strerror}") from error
    try:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
        except OSError:
            raise _in_use() from None
        yield
    finally:
        os.close(descriptor)


def require_alone(database: Database) -> None:
    """StoreError (code "in-betrieb") if another process is connected; the database must be closed in this one."""
    if database.path is not None:
        with sole_use(database.path):
            return
    with database.read() as connection:
        others: int = connection.execute(sa.text(_OTHERS)).scalar_one()
    database.close()
    if others:
        raise _in_use()


def _in_use() -> StoreError:
    return StoreError("the database is in use: stop server and poller first", code=IN_USE)


_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user"
    " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
