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
    waits_for_nothing(raw)
    try:
        begin_within(patience / 1000, raw)
    finally:
        # For what waits inside SQLite only seldom: a reader while the write-ahead log is recovered.
        raw.execute(f"PRAGMA busy_timeout = {patience}")


def waits_for_nothing(raw: Any) -> None:
    """From now on SQLite itself says at once that something is locked; `begin_within` does the waiting."""
    raw.execute("PRAGMA busy_timeout = 0")


def begin_within(seconds: float, raw: Any) -> None:
    """As `begin`, of a connection that `waits_for_nothing` and does nothing but write: SQLite is asked only once."""
    until = time.monotonic() + seconds
    while True:
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
        else:
            return
        time.sleep(_LOOK)
