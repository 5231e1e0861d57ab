"""The commands that set up and look into an installation: refusals are sentences, keys are private."""

from __future__ import annotations

import io
import shlex
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.app import build
from gateway.cli import main
from gateway.cli.demo import curl_line
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


def test_what_init_says_next_is_a_command_wherever_it_lies(tmp_path: Path) -> None:
    """A shell takes the line as it is printed, with a blank and a quotation mark in the folder's name, too."""
    folder = tmp_path / "Köln's Ausländeramt"
    said = CliRunner().invoke(cli, ["init", str(folder)]).output
    (line,) = (line for line in said.splitlines() if line.startswith("next:"))
    _, export, setting, *_ = shlex.split(line)
    assert (export, setting) == ("export", f"GATEWAY_SETTINGS={folder / 'settings.toml'};")


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


def ended(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """How the entry point ends."""
    monkeypatch.setattr("sys.argv", ["gateway", *arguments])
    with pytest.raises(SystemExit) as end:
        main.main()
    assert isinstance(end.value.code, int)
    return end.value.code


def test_an_error_of_the_machine_is_a_sentence_and_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be written is told with its place, never as a traceback, and is no warning for who monitors."""
    (tmp_path / "file").touch()
    assert ended(monkeypatch, "papers", "write", str(tmp_path / "file" / "papers")) == 3
    assert capsys.readouterr().err == f"gateway: {tmp_path / 'file' / 'papers'}: Not a directory\n"


@pytest.mark.parametrize(
    ("encoding", "command", "spelt"),
    [("ascii", "codelist show geschlecht", r"m\xe4nnlich"), ("latin-1", "agreement explain wohnung2000", r"\u2013")],
)
def test_a_terminal_of_few_letters_is_told_all_the_same(
    encoding: str, command: str, spelt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its encoding does not have is spelt out; the command ends as it would elsewhere."""
    told = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(told, encoding=encoding))
    assert ended(monkeypatch, *command.split()) == 0
    assert spelt in told.getvalue().decode(encoding)


def test_an_unknown_fault_is_refused_before_anything_listens() -> None:
    """A misspelt fault is a wrong use of the simulator, with those there are."""
    result = CliRunner().invoke(cli, ["simulate", "okvisa", "--fault", "timeoud"])
    assert result.exit_code == 2
    assert "unknown fault; there are: timeout" in result.output


def test_the_line_to_try_is_one_for_a_shell(tmp_path: Path) -> None:
    """Wherever the demo lies, a shell takes each file for one word."""
    home = tmp_path / "Büro d'Or (Köln)"
    line = curl_line(("--cacert", home / "ca.pem"), request=home / "x.xml", url="https://localhost:8443/soap/a/1")
    read = shlex.split(line)
    assert [str(home / "ca.pem"), f"@{home / 'x.xml'}"] == [read[2], read[6]]
    assert len(read) == 8


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
