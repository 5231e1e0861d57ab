"""`gateway retention`: what was deleted is said in figures, a dry run says the same and changes nothing."""

from __future__ import annotations

from datetime import timedelta
from importlib import resources

import pytest
from click.testing import CliRunner, Result

import gateway.cli.retention
from gateway.app import build
from gateway.cli.main import cli
from gateway.errors import SettingsError, StoreError
from gateway.store.batch import Batch, Quarantined
from tests.unit.place import NOW, Place


def run(place: Place, *arguments: str) -> Result:
    command, *rest = arguments
    return CliRunner().invoke(cli, ["retention", command, "--settings", str(place.folder / "settings.toml"), *rest])


@pytest.fixture
def refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A record was refused forty days ago."""
    with build(place.settings, clock=lambda: NOW) as app, app.store.poll_lock() as tenure:
        bad = Quarantined(None, 1, ("datensatz: ungültig",), None, bytes(32))
        app.store.ingest(tenure, Batch("okvisa", (), (bad,)), app.rules.agreements, now=NOW, stichtag=NOW.date())
    monkeypatch.setattr(gateway.cli.retention, "now", lambda: NOW + timedelta(days=40))
    return place


def test_a_run_says_what_went(refused: Place) -> None:
    """One line per rule; what was never mended is named with its reasons; a second run finds nothing."""
    dry = run(refused, "run", "--dry-run")
    real = run(refused, "run")
    assert (dry.exit_code, real.exit_code) == (0, 0)
    assert len(dry.stdout.splitlines()) == 13
    assert "1  quarantaene-inhalt" in dry.stdout
    assert dry.stdout.replace("Would be deleted (dry run)", "Deleted") == real.stdout
    assert "tell the foreigners office" in real.stdout
    assert "datensatz: ungültig" in real.stdout
    assert run(refused, "run", "--quiet").stdout == ""


def test_a_run_without_persons_needs_no_lock(refused: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing needs the lock a poll is not waited for; the run is not in its way."""
    monkeypatch.setattr(gateway.cli.retention.time, "sleep", lambda _: None)
    with build(refused.settings, clock=lambda: NOW) as app, app.store.poll_lock():
        assert run(refused, "run").exit_code == 0


def test_the_rules_are_shown_and_checked(place: Place) -> None:
    """The rules in force are a table; a file that does not hold is refused with every problem."""
    shown = run(place, "rules")
    assert shown.exit_code == 0
    assert "Löschregeln (DIN 66398)" in shown.stdout
    assert "30 Tage" in shown.stdout
    text = resources.files("gateway.upkeep").joinpath("loeschregeln.toml").read_text("utf-8")
    bad = place.folder / "regeln.toml"
    bad.write_text(text.replace('"30 Tage"', '"30"').replace('"14 Tage"', '"15 Tage"'), "utf-8")
    with pytest.raises(SettingsError) as caught:
        CliRunner().invoke(cli, ["retention", "rules", str(bad)], catch_exceptions=False)
    assert len(caught.value.problems) == 2


def test_nothing_is_deleted_by_a_clock_in_doubt(refused: Place) -> None:
    """The last poll was forty days ago by this clock: refused, unless somebody says that it is right."""
    with build(refused.settings, clock=lambda: NOW) as app, app.store.poll_lock() as tenure:
        app.store.finish_poll(tenure, "okvisa", NOW, NOW)
    doubted = run(refused, "run")
    assert isinstance(doubted.exception, StoreError)
    assert doubted.exception.code == "uhr-fraglich"
    assert run(refused, "run", "--dry-run").exit_code == 0
    assert "1  quarantaene-inhalt" in run(refused, "run", "--clock-is-right").stdout
