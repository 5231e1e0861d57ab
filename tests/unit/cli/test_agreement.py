"""Agreements on the command line: sign, list who signed, and say what a version changes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.agreements.document import ROLES
from gateway.app import build
from gateway.cli.main import cli
from gateway.store.batch import Batch
from gateway.wire import cms, issuing
from gateway.wire.issuing import Term
from tests.unit.place import Place
from tests.unit.store.store_kit import upsert

AGREEMENT = "schemas/wohnung2000/agreement.toml"


def run(place: Place | None, *arguments: str, given: str | None = None) -> tuple[int, str]:
    environment = {"GATEWAY_SETTINGS": str(place.folder / "settings.toml") if place else "", "COLUMNS": "200"}
    result = CliRunner().invoke(cli, arguments, env=environment, input=given)
    return result.exit_code, result.output + (repr(result.exception) if result.exit_code not in (0, 1) else "")


@pytest.fixture
def office(tmp_path: Path) -> tuple[str, ...]:
    """An office's own key and certificate, as options; its unit is no trial's."""
    issued = issuing.approver("Datenschutz", Term(datetime.now(UTC), 30, 7), unit="14 - DSB")
    (tmp_path / "office.pem").write_bytes(issued.certificate_pem)
    (tmp_path / "office.key").write_bytes(issued.key_pem)
    return "--key", str(tmp_path / "office.key"), "--certificate", str(tmp_path / "office.pem")


def test_an_office_signs_and_is_trusted(place: Place, office: tuple[str, ...]) -> None:
    """`sign` writes where the signature is looked for; it counts once the settings trust the office's certificate."""
    sign = ("agreement", "sign", "wohnung2000", "--role", "datenschutzbeauftragte", *office)
    status, text = run(place, *sign)
    assert status == 0
    assert "do not trust this certificate" in text
    assert "fassung 3" in text
    status, text = run(place, "agreement", "approvals", "wohnung2000")
    assert status == 1
    assert f"datenschutzbeauftragte: NOT APPROVED: signed with {cms.load_signer(Path(office[3])).fingerprint}" in text
    assert text.count("valid: TRIAL") == 2
    place.edit("settings.toml", '"approvals/keys/datenschutzbeauftragte.pem"', f'"{office[3]}"')
    status, text = run(place, "agreement", "approvals", "wohnung2000")
    assert status == 0
    assert "datenschutzbeauftragte: valid: CN=Datenschutz,OU=14 - DSB" in text
    assert "do not trust" not in run(place, *sign)[1]


def test_what_cannot_be_signed_is_refused(place: Place, office: tuple[str, ...]) -> None:
    """A role that the agreement does not name, an unknown application, a version that is not there."""
    sign = ("agreement", "sign")
    assert "names the roles" in run(place, *sign, "wohnung2000", "--role", "personalrat", *office)[1]
    assert "no agreement for x" in run(place, *sign, "x", "--role", ROLES[0], *office)[1]
    wrong = run(place, *sign, "wohnung2000", "--fassung", "9", "--role", ROLES[0], *office)
    assert (wrong[0], "fassung 9" in wrong[1]) == (2, True)


def test_of_several_versions_one_is_named(place: Place, office: tuple[str, ...]) -> None:
    """With two versions beside each other `sign` asks which, and signs that one only."""
    text = (place.folder / AGREEMENT).read_text("utf-8").replace("fassung = 3", "fassung = 4")
    later = text.replace("2027-12-31", "2029-12-31").replace("2025-01-01", "2028-01-01")
    (place.folder / "schemas" / "wohnung2000" / "agreement-4.toml").write_text(later, "utf-8")
    sign = ("agreement", "sign", "wohnung2000", "--role", ROLES[0], *office)
    assert "give --fassung" in run(place, *sign)[1]
    assert run(place, *sign, "--fassung", "4")[0] == 0
    written = place.folder / "approvals" / "wohnung2000" / "agreement-4.abgebende-stelle.p7s"
    assert written.is_file()
    assert not written.with_name("agreement-4.empfangende-stelle.p7s").exists()


def test_a_difference_is_counted_and_audited(place_now: Place, tmp_path: Path) -> None:
    """Who newly sees how many, without a value; the count stands on the audit trail; exit 1 says there is one."""
    place, now = place_now, datetime.now(UTC)
    with build(place.settings, clock=lambda: now) as app, app.store.poll_lock() as tenure:
        batch = Batch("okvisa", (upsert("1", 1, person={"familienname": "Geheimfrau"}), upsert("2", 2)), (), None)
        app.store.ingest(tenure, batch, app.rules.agreements, now=now, stichtag=now.date())
    text = (place.folder / AGREEMENT).read_text("utf-8").replace("fassung = 3", "fassung = 4")
    (tmp_path / "agreement.toml").write_text(text.replace('"rufname",', "").replace('"P53", ', ""), "utf-8")
    status, told = run(place, "agreement", "diff", "wohnung2000@3", str(tmp_path / "agreement.toml"))
    assert status == 1
    assert "NICHT MEHR SIEHT 56 - Amt für Wohnungswesen: rufname" in told
    assert "bisher sichtbar: " in told
    assert "verträglich für nachsichtige Gegenstellen; nebeneinander" in told
    assert "rufname entfällt" in told
    assert "Geheimfrau" not in told
    entries = (place.folder / "gateway.sqlite").read_bytes()
    assert b"vereinbarungVergleichen" in entries or b"vereinbarungVergleichen" in _wal(place)
    with closing(sqlite3.connect(place.folder / "gateway.sqlite")) as raw:
        raw.execute("UPDATE epoch SET restoring = 1")
        raw.commit()
    # Nothing is counted, let alone recorded, in a database whose restore is not finished.
    assert run(place, "agreement", "diff", "wohnung2000@3", str(tmp_path / "agreement.toml")) == (1, "")


def _wal(place: Place) -> bytes:
    path = place.folder / "gateway.sqlite-wal"
    return path.read_bytes() if path.exists() else b""


def test_a_difference_without_settings(made: Place) -> None:
    """Files alone are compared too: exit 0 without a difference, and that nothing was counted is said with one."""
    path = str(made.folder / AGREEMENT)
    status, told = run(None, "agreement", "diff", path, path)
    assert (status, "Kein Unterschied" in told) == (0, True)
    other = str(made.folder / "schemas" / "sozialamt" / "agreement.toml")
    assert run(None, "agreement", "diff", path, other)[0] == 2
    assert run(None, "agreement", "diff", "wohnung2000")[0] == 2
    assert "no two versions" in run(None, "agreement", "diff", "wohnung2000")[1]


def test_versions_beside_each_other_are_compared_by_name(place: Place) -> None:
    """The application's name alone compares what holds today with what comes next, also before anything holds."""
    text = (place.folder / AGREEMENT).read_text("utf-8")
    later = text.replace("fassung = 3", "fassung = 4").replace("2027-12-31", "2029-12-31")
    later = later.replace("2025-01-01", "2028-01-01").replace("U3 = ", "U4 = ")
    (place.folder / "schemas" / "wohnung2000" / "agreement-4.toml").write_text(later, "utf-8")
    status, told = run(None, "agreement", "diff", "wohnung2000", "--dir", str(place.folder / "schemas"))
    assert status == 1
    assert "neuer Verwendungszweck U4" in told
    assert "nicht gezählt" in told
    assert "gilt ab ihrem ersten Tag von selbst" in told
    (place.folder / AGREEMENT).write_text(text.replace("2025-01-01", "2027-01-01"), "utf-8")
    assert run(None, "agreement", "diff", "wohnung2000", "--dir", str(place.folder / "schemas")) == (
        status,
        told.replace("01.01.2025", "01.01.2027"),
    )
