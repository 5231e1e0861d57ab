"""The simulated case system remembers what happened in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.simulator.history import History
from gateway.simulator.journal import Written
from gateway.simulator.population import Population
from gateway.simulator.record import Satz

NOW = datetime(2026, 11, 30, 10, 0, 0, tzinfo=UTC)


def ticking(start: datetime) -> Callable[[], datetime]:
    """A clock that is a day further at every look."""
    looks = iter(range(10_000))
    return lambda: start + timedelta(days=next(looks))


def states(history: History) -> list[Satz]:
    return history.changes(0, history.number, 10_000)[0]


def lived(path: Path) -> History:
    """A history in which something of every kind has happened, and something that could not."""
    history = Written(Population(7, 240), ticking(NOW), path)
    for event in ("geburt", None, "zusammenfuehrung", None, "sperre-setzen", "stilles-verschwinden", "tod-ruecknahme"):
        history.step(event)
    with pytest.raises(LookupError):
        history.step("umzug", person="KV-9999999")
    history.step("namensaenderung")
    return history


def test_everything_happens_again(tmp_path: Path) -> None:
    """After a new start on another day every record has the state, number and time that it had before."""
    before = lived(tmp_path / "journal")
    after = Written(Population(7, 240), ticking(NOW + timedelta(days=900)), tmp_path / "journal")
    assert states(after) == states(before)
    assert after.count().digest == before.count().digest
    assert after.step("umzug").aenderungen == before.step("umzug").aenderungen


def test_a_line_cut_off_never_happened(tmp_path: Path) -> None:
    """Half a line is no step, and what happens next is written whole."""
    before = lived(tmp_path / "journal")
    with (tmp_path / "journal").open("ab") as file:
        file.write(b'{"um": "2026-11-30T10:00')
    Written(Population(7, 240), ticking(NOW), tmp_path / "journal").step("umzug")
    after = Written(Population(7, 240), ticking(NOW), tmp_path / "journal")
    assert after.number > before.number


def test_written_before_it_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of which we do not know whether it happened has happened after the next start: nobody goes back."""

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    history = Written(Population(7, 240), ticking(NOW), tmp_path / "journal")
    monkeypatch.setattr(History, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        history.step("umzug")
    monkeypatch.undo()
    assert Written(Population(7, 240), ticking(NOW), tmp_path / "journal").number > 240


def test_another_population_is_refused(tmp_path: Path) -> None:
    """A journal says nothing of other persons."""
    lived(tmp_path / "journal")
    with pytest.raises(ValueError, match="another population"):
        Written(Population(7, 100), ticking(NOW), tmp_path / "journal")
