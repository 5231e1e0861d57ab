"""The server's processes by what their parent leaves: nothing is OK that is not known."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from gateway.exchange import standing
from gateway.exchange.standing import EVERY, REMEMBERED, Board, Notes
from gateway.health import Finding, State, examine
from gateway.upkeep import in_force
from tests.unit.place import NOW, Place

BEGAN = NOW.timestamp()


def found(place: Place) -> dict[str, Finding]:
    return {one.check: one for one in examine(place.settings, NOW, only=["workers"])}


def notes(place: Place, *, expected: int = 2) -> tuple[Notes, Board]:
    board = Board()
    made = Notes(place.folder / standing.FILE, board, expected=expected, threads=8)
    for age in range(1, expected + 1):
        made.started(age, BEGAN - 60)
    return made, board


@pytest.fixture
def gone() -> int:
    """The number of a process that has ended."""
    child = subprocess.Popen(["true"])
    child.wait(timeout=30)
    return child.pid


def test_a_server_that_left_nothing_is_not_known(place: Place) -> None:
    """UNKNOWN, whether it never ran, ended in good order or left half a file."""
    assert found(place)["workers"].state is State.UNKNOWN
    made, _ = notes(place)
    made.write({os.getpid(): 1}, BEGAN)
    made.end()
    assert found(place)["workers"].state is State.UNKNOWN
    for text in ("{", "[]", '{"busy": 1}', json.dumps({"busy": {"x": 1}})):
        (place.folder / standing.FILE).write_text(text, "utf-8")
        assert found(place)["workers"].state is State.UNKNOWN


def test_all_there_is_ok(place: Place) -> None:
    """With the numbers of processes, of replacements and of threads at work."""
    made, board = notes(place)
    board.note(1, 3)
    board.note(2, 5)
    made.write({os.getpid(): 1, os.getppid(): 2}, BEGAN)
    told = found(place)
    assert {one.state for one in told.values()} == {State.OK}
    assert [told[name].value for name in ("workers", "workers replaced", "workers busy")] == [2, 0, 62]


def test_one_missing_warns_and_none_is_critical(place: Place, gone: int) -> None:
    """Counted are those that are there, not those that are written."""
    made, _ = notes(place)
    made.write({os.getpid(): 1, gone: 2}, BEGAN)
    assert found(place)["workers"].state is State.WARNING
    made.write({gone: 2}, BEGAN)
    assert found(place)["workers"].state is State.CRITICAL


@pytest.mark.parametrize("ahead", [-1, 1])
def test_a_silent_parent_is_told_also_after_the_clock_was_put_back(place: Place, ahead: int) -> None:
    """What was written long ago, or is dated long after now, says nothing of the server as it is."""
    made, _ = notes(place)
    made.write({os.getpid(): 1, os.getppid(): 2}, BEGAN + ahead * 3600)
    assert found(place)["workers"].state is State.CRITICAL


def test_replaced_processes_are_told_for_an_hour(place: Place) -> None:
    """The first ones are none; above the settings' number it warns, and forgets."""
    made, _ = notes(place)
    made.started(3, BEGAN - REMEMBERED + 60)
    made.write({os.getpid(): 1, os.getppid(): 3}, BEGAN)
    assert (found(place)["workers replaced"].state, found(place)["workers replaced"].value) == (State.WARNING, 1)
    made.write({os.getpid(): 1, os.getppid(): 3}, BEGAN + 61)
    (place.folder / standing.FILE).write_text(
        (place.folder / standing.FILE).read_text("utf-8").replace(str(BEGAN + 61), str(BEGAN)), "utf-8"
    )
    assert found(place)["workers replaced"].state is State.OK


def test_all_threads_at_work_warn(place: Place) -> None:
    """Of one process: requests that came to it wait."""
    made, board = notes(place)
    board.note(2, 9)
    made.write({os.getpid(): 1, os.getppid(): 2}, BEGAN)
    assert (found(place)["workers busy"].state, found(place)["workers busy"].value) == (State.WARNING, 112)


def test_a_silent_or_dead_parent_is_critical(place: Place, gone: int) -> None:
    """However many processes are still there."""
    made, _ = notes(place)
    made.write({os.getpid(): 1, os.getppid(): 2}, BEGAN - 4 * EVERY - 1)
    assert found(place)["workers"].state is State.CRITICAL
    made.write({os.getpid(): 1, os.getppid(): 2}, BEGAN)
    file = place.folder / standing.FILE
    file.write_text(file.read_text("utf-8").replace(f'"parent": {os.getpid()}', f'"parent": {gone}'), "utf-8")
    assert found(place)["workers"].state is State.CRITICAL


def test_it_is_written_when_something_changes(tmp_path: Path) -> None:
    """Else every few seconds; and a folder that is gone stops nobody."""
    path = tmp_path / standing.FILE
    made = Notes(path, Board(), expected=1, threads=1)
    made.started(1, 100.0)
    made.write({7: 1}, 100.0)
    made.write({7: 1}, 101.0)
    assert (standing.read(path) or pytest.fail("nothing")).written == 100.0
    made.write({8: 2}, 102.0)
    assert dict((standing.read(path) or pytest.fail("nothing")).busy) == {8: 0}
    made.write({8: 2}, 102.0 + EVERY)
    assert (standing.read(path) or pytest.fail("nothing")).written == 102.0 + EVERY
    assert path.stat().st_mode & 0o777 == 0o600
    away = Notes(tmp_path / "no" / standing.FILE, Board(), expected=1, threads=1)
    away.write({7: 1}, 100.0)
    away.end()
    Notes(None, Board(), expected=1, threads=1).write({7: 1}, 100.0)


def test_who_ends_takes_away_what_is_his(tmp_path: Path) -> None:
    """A second server that found its place taken leaves what the first says of itself."""
    path = tmp_path / standing.FILE
    first, second = (Notes(path, Board(), expected=1, threads=1) for _ in range(2))
    first.write({7: 1}, 100.0)
    others = path.read_text("utf-8").replace(f'"parent": {os.getpid()}', '"parent": 1')
    path.write_text(others, "utf-8")
    second.end()
    assert path.read_text("utf-8") == others
    second.write({8: 1}, 101.0)
    second.end()
    assert not path.exists()


def test_a_change_that_the_server_has_not_read_is_told(place: Place) -> None:
    """A pin or an agreement that was changed since: until a restart the old one holds, whatever the files say."""
    made, _ = notes(place)
    made.write({os.getpid(): 1}, BEGAN)
    assert "workers rules" not in found(place)  # of a server that did not say
    in_force.note(place.settings, in_force.digest(place.settings))
    assert found(place)["workers rules"].state is State.OK
    place.edit("settings.toml", "sozialamt = [", "# sozialamt = [")
    assert found(place)["workers rules"].state is State.WARNING
    place.edit("settings.toml", "# sozialamt = [", "sozialamt = [")
    assert found(place)["workers rules"].state is State.OK
    agreement = place.folder / "schemas" / "sozialamt" / "agreement.toml"
    agreement.write_text(agreement.read_text("utf-8") + "\n", "utf-8")
    assert found(place)["workers rules"].state is State.WARNING
