"""How a writer on SQLite gets the one write lock: within a millisecond of its being free.

SQLite itself sleeps longer and longer between two looks, up to 100 ms, and whoever comes later with a shorter sleep is
first: while somebody writes one short transaction after another (a poll), an answer waited for several of them.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

_LOOK = 0.001
"""Seconds between two looks: a hundredth of a core for each that waits."""


def begin(raw: Any) -> None:
    """A write transaction has begun; sqlite3.OperationalError if others took longer than this connection waits."""
    patience = raw.execute("PRAGMA busy_timeout").fetchone()[0]
    raw.execute("PRAGMA busy_timeout = 0")
    try:
        _begin(raw, time.monotonic() + patience / 1000)
    finally:
        # For what waits inside SQLite only seldom: a reader while the write-ahead log is recovered.
        raw.execute(f"PRAGMA busy_timeout = {patience}")


def _begin(raw: Any, until: float) -> None:
    while True:
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
        else:
            return
        time.sleep(_LOOK)
