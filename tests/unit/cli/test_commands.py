"""The commands that set up and look into an installation: refusals are sentences, keys are private."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.app import build
from gateway.cli import main
from gateway.cli.main import cli
from gateway.store.batch import Batch, Quarantined
from tests.unit.place import Place


def run(place: Place, *arguments: str) -> tuple[int, str]:
    given = {"GATEWAY_SETTINGS": str(place.folder / "settings.toml"), "COLUMNS": "200"}
    result = CliRunner().invoke(cli, arguments, env=given)
    return result.exit_code, result.output


def test_private_files_are_private(made: Place) -> None:
    """Every key and the settings are readable by their owner only."""
    files = [*made.folder.rglob("*.key"), made.folder / "settings.toml", made.folder / "gateway.sqlite"]
    assert len(files) > 8
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_an_installation_is_never_written_over(made: Place) -> None:
    """`init` into a folder that holds anything is refused in one sentence, and nothing in it changes."""
    before = sorted(made.folder.rglob("*"))
    result = CliRunner().invoke(cli, ["init", str(made.folder)])
    assert "not empty" in str(result.exception)
    assert sorted(made.folder.rglob("*")) == before


def test_an_error_of_the_house_is_a_sentence_and_2(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The entry point prints code and problems, never a traceback."""
    (place.folder / "keys" / "index.key").unlink()
    monkeypatch.setattr("sys.argv", ["gateway", "keys", "list", "--settings", str(place.folder / "settings.toml")])
    with pytest.raises(SystemExit) as end:
        main.main()
    said = capsys.readouterr().err
    assert end.value.code == 2
    assert said.startswith("gateway: ")
    assert "Traceback" not in said


def test_keys_are_listed_by_name_never_by_content(made: Place) -> None:
    """Names, ages, modes and fingerprints; no byte of a key."""
    status, text = run(made, "keys", "list")
    assert status == 0
    assert "checkpoint.key" in text
    assert "0600" in text
    secrets = {path.read_bytes() for path in (made.folder / "keys").glob("*.key")}
    assert not [secret for secret in secrets if secret.hex() in text or repr(secret)[2:-1] in text]


def test_quarantine_lists_rules_and_shows_on_demand(place_now: Place) -> None:
    """The list has nothing of a person; one record is opened by its number, an unknown one is a usage error."""
    place, now = place_now, datetime.now(UTC)
    waiting = Quarantined("KV-4711", 1, ("familienname: fehlt",), {"person": {"vornamen": "Geheimfrau"}}, bytes(32))
    with build(place.settings, clock=lambda: now) as app, app.store.poll_lock() as tenure:
        app.store.ingest(
            tenure, Batch("okvisa", (), (waiting,), None), app.rules.agreements, now=now, stichtag=now.date()
        )
        number = app.store.quarantine_entries()[0].number
    status, text = run(place, "quarantine", "list")
    assert status == 0
    assert "familienname: fehlt" in text
    assert "Geheimfrau" not in text
    assert "KV-4711" not in text
    status, text = run(place, "quarantine", "show", number)
    assert (status, "Geheimfrau" in text, "KV-4711" in text) == (0, True, True)
    assert run(place, "quarantine", "show", "0")[0] == 2


def test_agreements_are_explained_and_checked(made: Place, tmp_path: Path) -> None:
    """The shipped agreements have no mistake; a wrong one is exit 1 with every mistake named."""
    assert run(made, "agreement", "check")[0] == 0
    assert "DSGVO" in run(made, "agreement", "explain", "wohnung2000")[1]
    wrong = tmp_path / "agreement.toml"
    text = (made.folder / "schemas" / "wohnung2000" / "agreement.toml").read_text("utf-8")
    wrong.write_text(text.replace('"familienname"', '"haarfarbe"').replace("gueltig_bis = 2027", "gueltig_bis = 1027"))
    status, told = run(made, "agreement", "check", str(wrong))
    assert status == 1
    assert "haarfarbe" in told
    assert "gueltig_bis" in told
