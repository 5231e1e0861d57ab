"""What health says of the counters for Prometheus; that nobody gives them out is tried in tests/fault."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.health import State, counted, examine
from tests.unit.place import NOW, Place

SECTION = '[metrics]\nfolder = "counted"\n\n[pins]'


@pytest.fixture
def counting(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Counters are wanted, and given out."""
    place.edit("settings.toml", "[pins]", SECTION)
    monkeypatch.setattr(counted, "_asked", lambda _told: "")
    return place


def test_without_the_section_nothing_is_said(place: Place) -> None:
    """Off unless configured."""
    assert examine(place.settings, NOW, only=["metrics"]) == []


def test_little_room_is_told(counting: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before there is none: from 4 MiB on a warning, and never worse: applications are answered all the same."""
    (counting.folder / "counted").mkdir()
    for free, state in (((4 << 20) + 1, State.OK), (4 << 20, State.WARNING), (0, State.WARNING)):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: SimpleNamespace(free=free))
        room, _listener = examine(counting.settings, NOW, only=["metrics"])
        assert (room.check, room.state, room.value) == ("metrics room", state, free)


def test_a_folder_that_is_gone_is_told(counting: Place) -> None:
    """By its kind of error, with what to do."""
    room, listener = examine(counting.settings, NOW, only=["metrics"])
    assert (room.state, listener.state) == (State.WARNING, State.OK)
    assert "FileNotFoundError" in room.text
    assert not Path(counting.folder / "counted").exists()
