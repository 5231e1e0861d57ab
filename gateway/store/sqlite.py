"""What SQLite needs beside SQL: settings that are read back, transactions that begin as they should, one file."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gateway.errors import StoreError
from gateway.store import immediate, unmoved
from gateway.store.statements import Lines, Manner, View, Writing

_SQLITE = {"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "secure_delete": "1"}
_BUSY_SECONDS = 30
_MOST_KEPT = 100
"""Connections that stay open in one process: one for each of its threads at most. Opening one costs as much as an
answer, so none is closed because others are waiting for work at the moment."""


def engine(url: sa.URL) -> sa.Engine:
    """Connections that are durable, or refused."""
    # mode=rw: SQLite itself never creates a file that somebody has moved away.
    location = f"file:{_quoted(url.database or '')}?mode=rw"
    connect = {"timeout": _BUSY_SECONDS, "check_same_thread": False, "isolation_level": None, "uri": True}
    path = Path(url.database or "")
    creator = unmoved.opening(path, partial(sqlite3.connect, location, **connect))
    pool = {"poolclass": sa.QueuePool, "pool_size": _MOST_KEPT, "max_overflow": 0, "pool_use_lifo": True}
    made = sa.create_engine("sqlite+pysqlite://", creator=creator, hide_parameters=True, **pool)
    sa.event.listen(made, "connect", _require_durable_sqlite)
    sa.event.listen(made, "begin", _begin_sqlite)
    unmoved.watch(made, path)
    return made


def lines(engine: sa.Engine, path: Path) -> tuple[Lines, Lines]:
    """The connections for what every answer reads, and for what it writes."""
    reading = Manner(View, partial(_only_read, 1), lambda raw: raw.execute("BEGIN"), lambda _: None)
    writing = Manner(Writing, _only_write, partial(immediate.begin_within, _BUSY_SECONDS), engine.dialect.do_commit)
    current = partial(unmoved.same, path)
    return Lines(engine, reading, current), Lines(engine, writing, current)


def _only_read(only: int, raw: Any) -> None:
    # In any case: the pool may have had the connection before.
    raw.execute(f"PRAGMA query_only = {only}")


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _only_write(raw: Any) -> None:
    _only_read(0, raw)
    immediate.waits_for_nothing(raw)


def _begin_sqlite(connection: sa.Connection) -> None:
    # The driver's own BEGIN is off (isolation_level None): read-then-write would fail at once instead of waiting.
    writing = connection.get_execution_options().get("gateway_write", False)
    raw = connection.connection.driver_connection
    try:
        raw.execute(f"PRAGMA query_only = {0 if writing else 1}")  # type: ignore[union-attr]  # an open connection has one
        if writing:
            immediate.begin(raw)
        else:
            raw.execute("BEGIN")  # type: ignore[union-attr]  # see above
    except sqlite3.Error as error:
        # SQLAlchemy translates what it executes itself; this is another writer that takes too long.
        raise StoreError(f"the database refused a statement ({type(error).__name__})") from None


def _require_durable_sqlite(raw: Any, _record: object) -> None:
    """A connection that is refused is closed: the pool has not seen it yet."""
    try:
        _set_durable(raw)
    except BaseException:
        raw.close()
        raise


def _set_durable(raw: Any) -> None:
    cursor = raw.cursor()
    for name, wanted in _SQLITE.items():
        cursor.execute(f"PRAGMA {name} = {wanted}")
        cursor.execute(f"PRAGMA {name}")
        if str(cursor.fetchone()[0]) != wanted:
            raise StoreError(f"SQLite does not keep {name} = {wanted}")
    cursor.close()
