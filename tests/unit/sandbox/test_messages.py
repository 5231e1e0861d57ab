"""What vendors sent is kept for a while, bounded, each for its owner."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.sandbox import messages
from gateway.sandbox.messages import Message, Messages

NOW = datetime(2026, 11, 30, 10, 0, 0, tzinfo=UTC)


def message(owner: str = "a", *, request: bytes = b"<x/>", answer: bytes = b"<y/>") -> Message:
    return Message(owner, NOW, "/soap/a/1", 200, "ok", 1.5, request=request, answer=answer)


def keep_many(path: Path) -> None:
    for _ in range(30):
        Messages(path).keep(message())


def test_what_was_kept_is_found_by_its_owner_alone(tmp_path: Path) -> None:
    """A message comes back as it was; another owner finds nothing under its number."""
    kept = Messages(tmp_path / "m")
    kept.keep(message("a"))
    (listed,) = kept.last("a")
    found = kept.find("a", listed.number)
    assert found is not None
    assert (found.request, found.answer, found.at, found.request_bytes) == (b"<x/>", b"<y/>", NOW, 4)
    assert (listed.request, listed.answer, listed.request_bytes) == (b"", b"", 4)
    assert kept.last("b") == []
    assert kept.find("b", found.number) is None


def test_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each owner so many are kept, and never so many bytes; another's do not count."""
    monkeypatch.setattr(messages, "LAST", 5)
    monkeypatch.setattr(messages, "MOST_BYTES", 100)
    kept = Messages(tmp_path / "m")
    kept.keep(message("b", request=b"x" * 90))
    for size in range(8):
        kept.keep(message(request=b"x" * size))
    assert [one.request_bytes for one in kept.last("a")] == [7, 6, 5, 4, 3]
    kept.keep(message(request=b"x" * 90))
    assert [one.request_bytes for one in kept.last("a")] == [90]
    assert len(kept.last("b")) == 1


def test_a_long_one_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one message no more is kept than agreed, and it says how long it was."""
    monkeypatch.setattr(messages, "MOST_OF_ONE", 10)
    kept = Messages(tmp_path / "m")
    kept.keep(message(request=b"x" * 50, answer=b"y" * 60))
    (listed,) = kept.last("a")
    found = kept.find("a", listed.number)
    assert found is not None
    assert (len(found.request), found.request_bytes, len(found.answer), found.answer_bytes) == (10, 50, 10, 60)


def test_later_ones(tmp_path: Path) -> None:
    """Who follows the messages gets each of them once."""
    kept = Messages(tmp_path / "m")
    for _ in range(3):
        kept.keep(message())
    numbers = [one.number for one in kept.last("a")]
    assert numbers == sorted(numbers, reverse=True)
    assert [one.number for one in kept.last("a", after=numbers[1])] == numbers[:1]


def test_all_processes_write(tmp_path: Path) -> None:
    """Nothing is lost when several processes write at once."""
    with ProcessPoolExecutor(3) as pool:
        list(pool.map(keep_many, [tmp_path / "m"] * 3))
    assert len(Messages(tmp_path / "m").last("a")) == 90


def test_for_its_owner_only(tmp_path: Path) -> None:
    """Nobody else on the machine reads the file; nothing of a message is in an error or a log by mistake."""
    kept = Messages(tmp_path / "m")
    kept.keep(message())
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}
    assert "<x/>" not in repr(message())


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """What cannot be kept raises: who calls decides."""
    kept = Messages(tmp_path / "m")
    with sqlite3.connect(tmp_path / "m") as database:
        database.execute("DROP TABLE message")
    database.close()
    with pytest.raises(sqlite3.Error):
        kept.keep(message())
