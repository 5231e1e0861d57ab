"""`gateway audit export`, `verify FILE` and `match`: what a third party does, and the exit codes it gets."""

from __future__ import annotations

import shutil
import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.app import build
from gateway.cli.main import cli
from gateway.exchange.message import Request
from tests.unit.exchange.house import message
from tests.unit.place import Place, copy


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["audit", *map(str, arguments)], env={"GATEWAY_SETTINGS": None})


@pytest.fixture(scope="module")
def moment(made_now: Place) -> datetime:
    """When the answer was given; the command line knows no clock but the real one."""
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def kept(made_now: Place, moment: datetime, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """An installation that answered once, the answer as `answer.xml`, and an export; not to be changed."""
    place = copy(made_now, tmp_path_factory.mktemp("kept"))
    peer = place.certificate("wohnung2000").public_bytes(Encoding.DER)
    with build(place.settings, clock=lambda: moment) as app:
        reply = app.pipeline.answer(Request("wohnung2000", 1, "text/xml", None, message(), peer))
    (place.folder / "answer.xml").write_bytes(reply.body)
    result = run("export", place.folder / "export", "--settings", place.installation.settings)
    assert (result.exit_code, "2 entries in 2 batches" in result.output) == (0, True), result.output
    return place


@pytest.fixture
def place(kept: Place, tmp_path: Path) -> Place:
    """A copy that a test may spoil."""
    return copy(kept, tmp_path)


def test_a_third_party_needs_file_and_key(kept: Place, tmp_path: Path) -> None:
    """In a folder with nothing else, without settings: exit 0, and what cannot be known is said."""
    shutil.copy(kept.folder / "export", tmp_path / "auszug")
    shutil.copy(kept.folder / "keys" / "checkpoint.pub", tmp_path / "key.pem")
    result = run("verify", tmp_path / "auszug", "--public-key", tmp_path / "key.pem")
    assert result.exit_code == 0, result.output
    assert "UNVERSEHRT" in result.output
    assert "2 Einträge in 2 Blöcken" in result.output
    assert "Was diese Prüfung nicht erkennen kann" in result.output
    anchored = run(
        "verify", tmp_path / "auszug", "--public-key", tmp_path / "key.pem", "--anchor", kept.folder / "audit.anchor"
    )
    assert anchored.exit_code == 0, anchored.output


def test_the_export_is_on_the_trail_and_in_the_file(kept: Place) -> None:
    """The last entry of the file says that it was written; it is anchored, and the file is 0600."""
    path = kept.folder / "export"
    last = [line for line in path.read_text("utf-8").splitlines() if line.startswith("eintrag\t")][-1]
    assert '"art":"Betrieb"' in last
    assert '"operation":"protokollAusfuehren"' in last
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text("utf-8").count('"gesamt":2,') == 2  # its batch, and the checkpoint over it


def test_a_changed_file_is_2(place: Place) -> None:
    """One changed code, and the finding is named."""
    path = place.folder / "export"
    path.write_bytes(path.read_bytes().replace(b'"zweck":"U1"', b'"zweck":"U2"'))
    result = run("verify", path, "--public-key", place.folder / "keys" / "checkpoint.pub")
    assert (result.exit_code, "[eintrag-geändert]" in result.output) == (2, True)


def test_what_cannot_be_told_is_3(place: Place) -> None:
    """Cut off, missing, a folder, another key, no key, a missing copy of the anchor: never OK, never an accusation."""
    path, key = place.folder / "export", place.folder / "keys" / "checkpoint.pub"
    (place.folder / "cut").write_bytes(path.read_bytes()[:-20])
    for arguments in (
        [place.folder / "cut", "--public-key", key],
        [place.folder / "missing", "--public-key", key],
        [place.folder, "--public-key", key],
        [path],
        [path, "--public-key", path],
        [path, "--public-key", place.folder],
        [path, "--public-key", key, "--anchor", place.folder / "missing"],
        [path, "--public-key", key, "--anchor", place.folder],
    ):
        result = run("verify", *arguments)
        assert (result.exit_code, result.output.startswith("NICHT PRÜFBAR")) == (3, True), arguments


def test_a_violated_trail_can_still_be_exported(place: Place) -> None:
    """Without a checkpoint, and the file says what is wrong: the evidence must not be kept in the house."""
    settings = place.installation.settings
    (place.folder / "audit.anchor").write_bytes((place.folder / "audit.anchor").read_bytes() + b"something else\n")
    result = run("export", place.folder / "again", "--settings", settings)
    assert (result.exit_code, "no checkpoint was written" in result.output) == (0, True), result.output
    assert (
        run("verify", place.folder / "again", "--public-key", place.folder / "keys" / "checkpoint.pub").exit_code == 2
    )


def test_until_is_a_date_or_an_instant(place: Place, moment: datetime) -> None:
    """Until the day before there is nothing; until that instant there is the first answer; all else is refused."""
    settings, path = place.installation.settings, place.folder / "cut"
    before, elsewhere = moment - timedelta(days=1), moment.astimezone(timezone(timedelta(hours=1)))
    for until, entries in (
        (before.date().isoformat(), 0),
        (moment.isoformat(), 1),
        (elsewhere.isoformat(), 1),
        (moment.replace(tzinfo=None).isoformat(), 1),
    ):
        result = run("export", path, "--until", until, "--settings", settings)
        assert f"{entries} entries" in result.output, result.output
        assert run("verify", path, "--public-key", place.folder / "keys" / "checkpoint.pub").exit_code in (0, 1)
    assert run("export", path, "--until", "gestern", "--settings", settings).exit_code == 2


def test_a_stored_answer_is_matched(kept: Place) -> None:
    """Recorded: against the database with the settings' certificates, and against the export with none."""
    answer, settings = kept.folder / "answer.xml", kept.installation.settings
    certificate = kept.installation.signing_certificate
    for arguments in (
        ["--settings", settings],
        ["--settings", settings, "--export", kept.folder / "export"],
        ["--export", kept.folder / "export", "--certificate", certificate],
    ):
        result = run("match", answer, *arguments)
        assert (result.exit_code, f"{answer}: PROTOKOLLIERT" in result.output) == (0, True), result.output


def test_a_removed_entry_is_exposed(place: Place) -> None:
    """Yesterday's database, without the entry: exit 2; together with an answer that proves nothing still 2."""
    answer, settings = place.folder / "answer.xml", place.installation.settings
    (place.folder / "none.xml").write_text("<a/>")
    with build(place.settings) as app, app.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM audit_personal")
        connection.exec_driver_sql("DELETE FROM audit_entry WHERE batch = 1")
    result = run("match", place.folder / "none.xml", answer, "--settings", settings)
    assert result.exit_code == 2
    assert f"{answer}: NICHT PROTOKOLLIERT" in result.output
    assert "none.xml: NICHT PRÜFBAR" in result.output


def test_an_answer_that_cannot_be_told_is_3(kept: Place, tmp_path: Path) -> None:
    """No answer, no signature of ours, no settings, no certificate, no export: exit 3 and a reason."""
    answer, settings = kept.folder / "answer.xml", kept.installation.settings
    (tmp_path / "none.xml").write_text("<a/>")
    for arguments in (
        [],
        [tmp_path / "none.xml", "--settings", settings],
        [answer, tmp_path / "none.xml", "--settings", settings],
        [answer],
        [answer, "--settings", tmp_path / "missing"],
        [answer, "--settings", settings, "--certificate", tmp_path / "missing"],
        [answer, "--settings", settings, "--certificate", kept.installation.clients["wohnung2000"][0]],
        [answer, "--settings", settings, "--export", tmp_path / "missing"],
    ):
        result = run("match", *arguments)
        assert (result.exit_code, "NICHT PRÜFBAR" in result.output) == (3, True), (arguments, result.output)
