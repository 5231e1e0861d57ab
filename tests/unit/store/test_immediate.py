"""A writer on SQLite waits as long as its connection does, and goes on as soon as the lock is free."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gateway.store import immediate


@contextmanager
def connected(path: Path, timeout: float) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, timeout=timeout, isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode = wal")
        yield raw


def patience(raw: sqlite3.Connection) -> int:
    found: int = raw.execute("PRAGMA busy_timeout").fetchone()[0]
    return found


def test_it_begins_with_the_first_look_at_a_free_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the lock was taken before: it is looked at again each time, and never slept over by SQLite."""
    with connected(tmp_path / "a", 30) as holder, connected(tmp_path / "a", 30) as writer:
        immediate.begin(holder)
        looks: list[float] = []

        def wait(seconds: float) -> None:
            looks.append(seconds)
            assert patience(writer) == 0
            if len(looks) == 200:
                holder.execute("COMMIT")

        monkeypatch.setattr("gateway.store.immediate.time.sleep", wait)
        immediate.begin(writer)
        assert writer.in_transaction
        assert (len(looks), max(looks)) == (200, 0.001)
        assert patience(writer) == 30_000


@pytest.mark.parametrize("broken", [lambda raw: raw.close(), lambda raw: raw.execute("BEGIN")])
def test_another_error_is_not_waited_for(tmp_path: Path, broken: Callable[[sqlite3.Connection], object]) -> None:
    """A connection that is closed, or in a transaction already, says so at once."""
    with connected(tmp_path / "a", 30) as raw:
        broken(raw)
        with pytest.raises(sqlite3.Error):
            immediate.begin(raw)


def test_it_gives_up_in_time(tmp_path: Path) -> None:
    """Who waits for longer than its connection may is told that the database is locked, and waits as long next time."""
    with connected(tmp_path / "a", 0.05) as holder, connected(tmp_path / "a", 0.05) as writer:
        immediate.begin(holder)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            immediate.begin(writer)
        assert not writer.in_transaction
        assert patience(writer) == 50
