"""`gateway audit subject`: recorded before it is written, private, and never more than one person."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from gateway.app import build
from gateway.cli.main import cli
from gateway.errors import AuditError
from gateway.store.audit import AuditTrail
from gateway.store.batch import Batch, Upsert
from gateway.store.database import Database
from tests.unit.place import NOW, Place, copy
from tests.unit.store.store_kit import Holding, record


def run(place: Place, *arguments: str, typed: str = "") -> Result:
    given = ["audit", "subject", "--settings", str(place.folder / "settings.toml"), *arguments]
    return CliRunner().invoke(cli, [*given, "--out", str(place.folder / "reports")], input=typed)


def reports(place: Place) -> list[Path]:
    return sorted((place.folder / "reports").glob("*"))


def entries(place: Place) -> list[dict[str, Any]]:
    """Every entry of the trail by a report."""
    database = Database.open(place.settings.database.url)
    with database.read() as connection:
        rows = connection.execute(sa.text("SELECT content FROM audit_entry ORDER BY batch, position")).scalars().all()
    database.close()
    found = [json.loads(row) for row in rows]
    return [one for one in found if one["operation"] == "auskunftErteilen"]


@pytest.fixture(scope="module")
def stocked(made: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = copy(made, tmp_path_factory.mktemp("subject"))
    twin = {"familienname": "Doppelt", "vornamen": "Ada", "geburt": {"datum": "1990-05-17"}}
    people = (
        record("1", 1, person={"familienname": "Suchbar", "azrNummer": "991300000017"}),
        record("2", 2, person=twin | {"azrNummer": "991300000025"}),
        record("3", 3, person=twin),
        record("4", 4, person={"familienname": "Geschützt"}, auskunftssperre=[{"art": "3"}]),
        record("5", 5, person={"familienname": "Nebenname"}, hauptdatensatz="1"),
    )
    with build(place.settings) as app:
        batch = Batch("okvisa", tuple(Upsert(one) for one in people))
        Holding(app.store, app.database).ingest(batch, app.rules.agreements, now=NOW, stichtag=NOW.date())
    return place


@pytest.fixture
def stock(stocked: Place, tmp_path: Path) -> Place:
    return copy(stocked, tmp_path)


def test_a_report_is_recorded_then_written_for_its_owner_only(stock: Place) -> None:
    """The file is named by its entry, readable by its owner only, and the entry names person and fields."""
    result = run(stock, "--azr-number", "991300000017", "--clerk", "sb-17", "--identified-by", "Reisepass")
    assert result.exit_code == 0, result.output
    (path,) = reports(stock)
    entry = entries(stock)[-1]
    assert path.name == f"auskunft-{entry['protokollnummer']}.html"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (entry["art"], entry["ergebnis"]) == ("Abfrage", "ok")
    assert len(entry["personen"]) == 2
    page = path.read_text("utf-8")
    assert "Suchbar" in page
    assert "Nebenname" in page
    assert entry["protokollnummer"] in page
    assert "Suchbar" not in result.output


@pytest.mark.parametrize(
    "asked",
    [
        ("--family-name", "Suchbar", "--given-name", "Ada"),
        ("--number", "1"),
        ("--number", "5"),
        ("--family-name", "Nebenname", "--given-name", "Ada"),
        ("--family-name", "Doppelt", "--given-name", "Ada", "--azr-number", "991300000025"),
    ],
)
def test_a_person_is_found_by_what_is_known(stock: Place, asked: tuple[str, ...]) -> None:
    """AZR number, person number or details, of the person or of an alias record; a further one tells twins apart."""
    assert run(stock, *asked, "--clerk", "sb").exit_code == 0
    assert len(reports(stock)) == 1


def test_several_hits_are_a_number_and_nothing_else(stock: Place) -> None:
    """Who fits is not listed: the clerk is asked for more, nothing is written, and that is recorded."""
    result = run(stock, "--family-name", "Doppelt", "--birth-date", "17.05.1990", "--clerk", "sb")
    assert result.exit_code == 1
    assert "2 persons" in result.output
    assert "9913" not in result.output
    assert reports(stock) == []
    entry = entries(stock)[-1]
    assert (entry["ergebnis"], entry["anzahlen"]) == ("mehrdeutig", {"treffer": 2})


def test_a_protected_person_needs_a_second_ones_word(stock: Place) -> None:
    """With a block that protects the person nothing is written until a second person has agreed."""
    result = run(stock, "--number", "4", "--clerk", "sb")
    assert result.exit_code == 1
    assert "Geschützt" not in result.output
    assert reports(stock) == []
    assert entries(stock)[-1]["ergebnis"] == "bestaetigung-fehlt"
    assert run(stock, "--number", "4", "--clerk", "sb", "--confirm-protected").exit_code == 0
    (path,) = reports(stock)
    assert "Geschützt" in path.read_text("utf-8")


def test_nothing_held_is_an_answer_too(stock: Place) -> None:
    """Of somebody unknown the report says that nothing is held, recorded without a person, and never who was asked."""
    assert (
        run(stock, "--family-name", "Niemand", "--given-name", "Nie", "--clerk", "sb", "--format", "xml").exit_code == 0
    )
    (path,) = reports(stock)
    assert "keineDatenGespeichert" in path.read_text("utf-8")
    assert "Niemand" not in path.read_text("utf-8")
    entry = entries(stock)[-1]
    assert entry["ergebnis"] == "keine-daten"
    assert "personen" not in entry


def test_without_an_entry_there_is_no_file(stock: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the audit trail cannot be written, nothing is."""

    def refuse(*_: object, **__: object) -> None:
        raise AuditError("the audit trail cannot be written")

    monkeypatch.setattr(AuditTrail, "record", refuse)
    result = run(stock, "--number", "1", "--clerk", "sb")
    assert isinstance(result.exception, AuditError)
    assert reports(stock) == []


def test_what_could_not_be_written_is_recorded_as_not_delivered(stock: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry without a delivery is allowed, if a second one says so."""

    def full(_descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("gateway.cli.subject.os.fsync", full)
    assert run(stock, "--number", "1", "--clerk", "sb").exit_code == 1
    monkeypatch.undo()
    assert reports(stock) == []
    first, second = entries(stock)[-2:]
    assert (second["art"], second["bezug"]) == ("nicht ausgeliefert", first["protokollnummer"])


def test_values_are_asked_for_when_options_have_none(stock: Place) -> None:
    """An option without a value prompts, so that a name stands in no list of processes."""
    result = run(stock, "--family-name", "--given-name", "--clerk", "sb", typed="Suchbar\nAda\n")
    assert result.exit_code == 0
    assert len(reports(stock)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        ("--azr-number", "Geheimnis"),
        ("--family-name", "Geheimnis"),
        ("--family-name", "Geheim", "Geheimnis"),
        ("--family-name", "A", "--birth-date", "Geheimnis"),
        (),
    ],
)
def test_what_was_typed_is_in_no_error(stock: Place, wrong: tuple[str, ...]) -> None:
    """Errors about the command line name options, never values."""
    result = run(stock, *wrong)
    assert result.exit_code == 2
    assert "Geheim" not in result.output
    assert entries(stock) == []


def test_a_report_is_never_written_over(stock: Place) -> None:
    """--out that names an existing file is refused before anything is looked up."""
    target = stock.folder / "there.html"
    target.write_text("kept", "utf-8")
    given = ["audit", "subject", "--settings", str(stock.folder / "settings.toml"), "--number", "1"]
    assert CliRunner().invoke(cli, [*given, "--out", str(target)]).exit_code == 2
    assert target.read_text("utf-8") == "kept"
