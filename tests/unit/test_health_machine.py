"""What the machine runs out of beside octets."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.health import State, examine, machine
from tests.unit.place import NOW, Place


def test_no_room_for_more_files_is_critical(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk with free octets and without free inodes takes no new file; where they are not counted nothing is said."""
    real = os.statvfs(place.folder)
    octets = {name: getattr(real, name) for name in ("f_frsize", "f_bavail", "f_blocks", "f_bfree")}
    for total, free, state in ((10**6, 1000, State.CRITICAL), (10**6, 10_000, State.WARNING), (0, 0, None)):
        found = SimpleNamespace(**{**octets, "f_files": total, "f_favail": free})
        monkeypatch.setattr(os, "statvfs", lambda _folder, found=found: found)
        told = {one.state for one in examine(place.settings, NOW, only=["disk"]) if one.check.startswith("files")}
        assert told == ({state} if state else set())
    assert real.f_favail > 10_000


def test_a_log_that_is_never_shortened_is_told(tmp_path: Path) -> None:
    """A reader that stays keeps SQLite from shortening its WAL until the disk is full."""
    database, wal = tmp_path / "gateway.sqlite", tmp_path / "gateway.sqlite-wal"
    assert not list(machine._log_of_the_database(database))
    wal.touch()
    for size, expected in ((1024**3, []), (1024**3 + 1, [State.WARNING])):
        os.truncate(wal, size)  # of holes: it takes no room
        assert [one.state for one in machine._log_of_the_database(database)] == expected
    assert not list(machine._log_of_the_database(None))
