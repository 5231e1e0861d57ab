"""`gateway audit verify`: the exit code tells intact, hardly anchored, violated and unverifiable apart."""

from __future__ import annotations

import sqlite3

import pytest
from click.testing import CliRunner, Result

from gateway.app import build
from gateway.cli.main import cli
from gateway.errors import AuditError
from tests.unit.exchange.house import message
from tests.unit.place import NOW, Place


def run(place: Place, *arguments: str) -> Result:
    command, *rest = arguments
    given = ["audit", command, "--settings", str(place.folder / "settings.toml"), *rest]
    return CliRunner().invoke(cli, given)


def verify(place: Place, *arguments: str) -> Result:
    return run(place, "verify", *arguments)


@pytest.fixture
def audited(place: Place) -> Place:
    """One request was answered, and the process ended in good order."""
    with build(place.settings, clock=lambda: NOW) as app:
        place.ask(app, "wohnung2000", message())
    return place


def test_a_whole_trail_is_0(audited: Place) -> None:
    """Chain and anchor agree; what cannot be known is said all the same."""
    result = verify(audited)
    assert result.exit_code == 0
    assert "UNVERSEHRT" in result.stdout
    assert "nicht erkennen" in result.stdout


def test_a_missing_anchor_is_1(audited: Place) -> None:
    """Without its anchor file the trail proves little; asked for the chain alone that is no warning."""
    (audited.folder / "audit.anchor").unlink()
    assert verify(audited).exit_code == 1
    assert verify(audited, "--no-anchor").exit_code == 0


def test_an_edited_entry_is_2(audited: Place) -> None:
    """One changed byte is a violation, named by its rule."""
    connection = sqlite3.connect(audited.folder / "gateway.sqlite")
    with connection:
        connection.execute("UPDATE audit_entry SET content = replace(content, 'U1', 'U2')")
    connection.close()
    result = verify(audited)
    assert result.exit_code == 2
    assert "VERLETZT" in result.stdout


def test_a_trail_behind_its_anchor_is_2(audited: Place, made: Place) -> None:
    """A database from before the last checkpoint is found out."""
    for path in audited.folder.glob("gateway.sqlite*"):
        path.unlink()
    (audited.folder / "gateway.sqlite").write_bytes((made.folder / "gateway.sqlite").read_bytes())
    assert verify(audited).exit_code == 2


@pytest.mark.parametrize("gone", ["gateway.sqlite", "settings.toml", "keys/checkpoint.pub"])
def test_what_cannot_be_read_is_3(audited: Place, gone: str) -> None:
    """Nothing is said of a trail without its database, settings or public key, and nothing is created."""
    (audited.folder / gone).unlink()
    result = verify(audited)
    assert (result.exit_code, "NICHT PRÜFBAR" in result.stdout) == (3, True)
    assert not (audited.folder / gone).exists()


def test_an_anchor_named_wrongly_is_3(audited: Place) -> None:
    """A copy that was asked for and is not there is no empty anchor."""
    assert verify(audited, "--anchor", str(audited.folder / "copy")).exit_code == 3


def test_after_a_restore_one_command_opens_the_house_again(place_now: Place) -> None:
    """Until `checkpoint --restored` nothing starts; afterwards the trail goes on and old tokens have ended."""
    place, database = place_now, place_now.folder / "gateway.sqlite"

    def answer() -> str:
        with build(place.settings) as app:
            place.ask(app, "wohnung2000", message())
            return app.store.epoch()

    epoch = answer()
    backup = database.read_bytes()
    answer()
    for path in place.folder.glob("gateway.sqlite*"):
        path.unlink()
    database.write_bytes(backup)
    with pytest.raises(AuditError):
        answer()
    assert run(place, "checkpoint").exit_code == 1
    restored = run(place, "checkpoint", "--restored")
    assert (restored.exit_code, restored.output.count("anchored: 2 entries")) == (0, 1)
    assert answer() != epoch
    assert verify(place).exit_code == 0
    assert "Rücksicherung" in verify(place).stdout
