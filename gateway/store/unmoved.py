"""A SQLite file moved away or replaced under a running process: its connections would go on with a file nobody has."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gateway.errors import StoreError

_FILE = "file"

Creator = Callable[[Any], Any]
"""Makes a connection for a record of the pool."""


def opening(path: Path, connect: Callable[[], Any]) -> Creator:
    """Connects, and remembers with the connection which file it is; StoreError if it was replaced meanwhile."""

    def create(record: Any) -> Any:
        before = _identity(path)
        raw = connect()
        if before is None or before != _identity(path):
            raw.close()
            raise StoreError("the database file was moved or replaced while it was opened")
        record.info[_FILE] = before
        return raw

    return create


def watch(engine: sa.Engine, path: Path) -> None:
    """From now on no connection of the engine is used whose file is not the one at `path`.

    An answer would be recorded in a file that nobody keeps. Such a connection is closed and another one opened;
    StoreError if there is no file.
    """

    def used(_raw: object, record: Any, _proxy: object) -> None:
        if not same(path, record.info):
            raise sa.exc.DisconnectionError("the database file was moved away or replaced")

    sa.event.listen(engine, "checkout", used)


def same(path: Path, known: Mapping[Any, Any]) -> bool:
    """Whether the file of a connection, of which the pool knows this, is still the one at `path`."""
    return bool(known[_FILE] == _identity(path))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
