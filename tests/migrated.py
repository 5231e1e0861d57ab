"""New databases with all tables: migrated once in each test process, copied from then on."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from gateway.store.database import Database, upgrade


def migrated(path: Path) -> str:
    """The URL of a database of SQLite that lies there, as the migrations have left it."""
    path.write_bytes(_empty())
    return f"sqlite:///{path}"


@cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.sqlite"
        Database.open(f"sqlite:///{path}", create=True).close()
        upgrade(f"sqlite:///{path}")
        return path.read_bytes()
