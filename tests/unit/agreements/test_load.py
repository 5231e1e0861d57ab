"""Every mistake in an agreement is found, all at once, before anything is served."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gateway.agreements.explain import explain
from gateway.agreements.load import load_agreement, load_all
from gateway.errors import AgreementError
from gateway.shipped import schemas

TODAY = date(2026, 11, 23)
SHIPPED = (schemas() / "wohnung2000" / "agreement.toml").read_text("utf-8")


def written(tmp_path: Path, text: str, name: str = "wohnung2000", file: str = "agreement.toml") -> Path:
    folder = tmp_path / name
    folder.mkdir(exist_ok=True)
    (folder / file).write_text(text, "utf-8")
    return folder / file


def problems(tmp_path: Path, old: str, new: str, text: str = SHIPPED) -> str:
    assert old in text
    with pytest.raises(AgreementError) as wrong:
        load_agreement(written(tmp_path, text.replace(old, new, 1)))
    return "\n".join(wrong.value.problems)


def test_the_shipped_agreements_load() -> None:
    """Four clearly different agreements stand side by side, one of them about no person."""
    agreements = load_all(schemas(), today=TODAY)
    assert sorted(agreements) == ["schulentwicklung/1", "sozialamt/1", "statistikstelle/1", "wohnung2000/1"]
    assert len({a.fields for a in agreements.values()}) == 4
    assert len({a.scope for a in agreements.values()}) == 4


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('"rufname"', '"rufnahme"', "rufnahme is no field"),
        ('"rufname"', '"telefonnummer"', "telefonnummer is open"),
        ('"rufname"', '"familienstand"', "never released"),
        ('"rufname"', '"quellsystemPersonennummer"', "no field"),
        ('"rufname"', '"familienname"', "named twice"),
        ('"rufname"', '"geburt"', "no field of the model that can be granted"),
        ('"geschlecht", ', "", "azrNummer only together"),
        ('"personenkennung", ', "", "personenkennung is needed"),
        ("codelisteAbrufen = {}", "allesAbrufen = {}", "allesAbrufen is no operation"),
        ("aenderungenQuittieren = {}", "", "belong together"),
        ("codelisteAbrufen = {}", "codelisteAbrufen = { je_seite = 5 }", "je_seite"),
        ("gueltig_bis = 2027-12-31", "gueltig_bis = 2024-12-31", "before gueltig_von"),
        ('empfaenger = "W56"', 'empfaenger = "Z99"', "no column"),
        ("fassung = 3", "fassung = 3\ngeheim = 1", "geheim"),
        ("schutzstufe", "schutzstuffe", "schutzstuffe"),
        ('"P53", "FLUEAG"', '"P54", "FLUEAG"', "P54 is no code"),
        ('in = ["05315000"]', "vorhanden = false", "vorhanden"),
        ('in = ["05315000"]', 'in = ["05315000"], von = 2020-01-01', "exactly one"),
        ('in = ["05315000"]', "von = 2020-01-01", "is no date"),
        (', in = ["05315000"]', "", "exactly one"),
        ('feld = "anschrift.gemeindeschluessel"', 'feld = "anschrift"', "no simple field"),
        ('feld = "anschrift.gemeindeschluessel"', 'feld = "personenkennung"', "given by the gateway"),
        ('signatur = "umschlag"', 'signatur = "keine"', "signatur"),
        ('signaturverfahren = "rsa-sha256"', 'signaturverfahren = "rsa-sha1"', "signaturverfahren"),
        ("zertifikate = []", 'zertifikate = ["*"]', "zertifikate"),
        ("zertifikate = []", "", "zertifikate"),
        ("freigabe = [", "freigaben = [", "anwendung.freigabe: Field required"),
        ('"abgebende-stelle", ', "", "at least 3"),
        ('["abgebende-stelle", ', '["personalrat", ', "abgebende-stelle is missing"),
        ('["abgebende-stelle", ', '["abgebende-stelle", "abgebende-stelle", ', "a role is named twice"),
        ('["abgebende-stelle", ', '["abgebende-stelle", "../x", ', "freigabe"),
        ("fassung = 3", "fassung = true", "anwendung.fassung"),
        ("fassung = 3", 'fassung = "3"', "anwendung.fassung"),
        ("gueltig_bis = 2027-12-31", "gueltig_bis = 4102444800", "anwendung.gueltig_bis"),
        ("gueltig_bis = 2027-12-31", "gueltig_bis = 2027-12-31T00:00:00", "anwendung.gueltig_bis"),
        ("vertrag = 1", f"vertrag = {10**400}", "anwendung.vertrag"),
        ("anfragen_je_minute = 60000", "anfragen_je_minute = 1000000000000", "grenzen.anfragen_je_minute"),
        ("fassung = 3", f"fassung = {'1' * 5000}", "wohnung2000/agreement.toml: "),
        ("fassung = 3", f"fassung = 3\ntief = {'[' * 5000}", "wohnung2000/agreement.toml: "),
        ('zweck = "Unter', r'zweck = "\u001b[2KUnter', "rechtsgrundlage.zweck: "),
        ('U2 = "Auszug"', r'U2 = "\u202eguzsuA"', "rechtsgrundlage.verwendungszwecke.U2: "),
        ('"AsylG § 53"', r'"AsylG\u0000"', "rechtsgrundlage.normen.1: "),
        ('in = ["05315000"]', r'in = ["05315000", "\u2028"]', "personen.bedingung.1.in.1: "),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, found: str) -> None:
    """Each kind of mistake stops the agreement and is named."""
    assert found in problems(tmp_path, old, new)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    """One run finds them all."""
    text = SHIPPED.replace('"rufname"', '"rufnahme"').replace("codelisteAbrufen", "allesAbrufen")
    found = problems(tmp_path, "gueltig_bis = 2027-12-31", "gueltig_bis = 2024-12-31", text)
    assert all(part in found for part in ("rufnahme", "allesAbrufen", "gueltig_bis"))


def test_class_e_needs_single_queries(tmp_path: Path) -> None:
    """An agreement without personAbrufen cannot name class e fields."""
    text = (schemas() / "sozialamt" / "agreement.toml").read_text("utf-8")
    found = problems(tmp_path, "personAbrufen = {}", "", text)
    assert "lichtbild needs single queries" in found
    assert "impfung needs single queries" in found


def test_overlapping_versions_are_refused(tmp_path: Path) -> None:
    """Two versions of one agreement are never in force on the same day."""
    written(tmp_path, SHIPPED)
    written(tmp_path, SHIPPED.replace("fassung = 3", "fassung = 2"), file="agreement-2.toml")
    with pytest.raises(AgreementError, match="overlap"):
        load_all(tmp_path, today=TODAY)


def test_two_versions_of_one_number_are_refused(tmp_path: Path) -> None:
    """The audit trail names a version by its number: it must mean one text."""
    written(tmp_path, SHIPPED)
    older = SHIPPED.replace("2025-01-01", "2023-01-01").replace("2027-12-31", "2024-12-31")
    written(tmp_path, older, file="agreement-2.toml")
    with pytest.raises(AgreementError, match="two versions are called fassung 3"):
        load_all(tmp_path, today=TODAY)


def test_the_version_in_force_is_taken(tmp_path: Path) -> None:
    """Older versions stand beside the present one and change nothing."""
    written(tmp_path, SHIPPED)
    older = SHIPPED.replace("fassung = 3", "fassung = 2").replace("2025-01-01", "2023-01-01")
    written(tmp_path, older.replace("2027-12-31", "2024-12-31"), file="agreement-2.toml")
    assert load_all(tmp_path, today=TODAY)["wohnung2000/1"].version == 3
    assert load_all(tmp_path, today=date(2024, 1, 1))["wohnung2000/1"].version == 2


def test_one_way_offices_cannot_report_back(tmp_path: Path) -> None:
    """Nothing flows back from schools (AufenthG § 87)."""
    text = (schemas() / "schulentwicklung" / "agreement.toml").read_text("utf-8")
    assert "may flow back" in problems(tmp_path, "codelisteAbrufen = {}", "unstimmigkeitMelden = {}", text)


def test_the_folder_is_the_application(tmp_path: Path) -> None:
    """An agreement in another application's folder is refused."""
    written(tmp_path, SHIPPED, name="andere")
    with pytest.raises(AgreementError, match="folder"):
        load_all(tmp_path, today=TODAY)


def test_no_agreement_is_an_error(tmp_path: Path) -> None:
    """An empty folder serves nobody and says so."""
    with pytest.raises(AgreementError, match="no agreement"):
        load_all(tmp_path, today=TODAY)


@pytest.mark.parametrize("application", ["wohnung2000", "sozialamt", "schulentwicklung"])
def test_the_explanation_names_every_field(application: str) -> None:
    """The data-protection officer reads each field with its number, class and law."""
    agreement = load_agreement(schemas() / application / "agreement.toml")
    text = explain(agreement)
    assert all(f"- {path} [" in text for path in agreement.fields)
    assert agreement.reference in text
    assert all(norm in text for norm in agreement.legal_bases)


STATISTICS = (schemas() / "statistikstelle" / "agreement.toml").read_text("utf-8")
A_FIELD = '[felder]\nPerson = ["personenkennung", "geschlecht"]\n\n[statistik]'
SOMEBODY = '[personen]\nbedingung = [{ feld = "schulpflichtAb", vorhanden = true }]\n\n[statistik]'


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("[statistik]", A_FIELD, "no person and no field"),
        ("[statistik]", SOMEBODY, "no person and no field"),
        ("dienstauskunft = {}", "dienstauskunft = {}\npersonAbrufen = {}", "personAbrufen knows persons"),
        ("dienstauskunft = {}", "dienstauskunft = {}\ncodelisteAbrufen = {}", "codelisteAbrufen knows persons"),
        ("statistikAbrufen = {}", "", "statistikAbrufen is not agreed"),
        ('empfaenger = "ST15"', 'empfaenger = "B40"', "only the office for statistics"),
        ('kreise = ["rat", "oeffentlich"]', 'kreise = ["alle"]', "statistik.kreise"),
        ('kreise = ["rat", "oeffentlich"]', 'kreise = ["rat", "rat"]', "rat is named twice"),
        ('kreise = ["rat", "oeffentlich"]', "kreise = []", "statistik.kreise"),
        ("berichte = [", 'berichte = ["A",', "statistik.berichte"),
        ("[statistik]", "[statistik]\nalles = true", "statistik.alles"),
    ],
)
def test_an_agreement_on_statistics_grants_nothing_else(tmp_path: Path, old: str, new: str, found: str) -> None:
    """No person, no field, no operation that knows persons, and only for the office that gets aggregates."""
    assert found in problems(tmp_path, old, new, STATISTICS)


def test_an_agreement_is_about_something(tmp_path: Path) -> None:
    """Without persons or without fields there is no agreement, and no way to all persons, nor are both mixed."""
    begin, end = STATISTICS.index("[statistik]"), STATISTICS.index("[grenzen]")
    assert "personen and felder are needed" in problems(tmp_path, STATISTICS[begin:end], "", STATISTICS)
    begin, end = SHIPPED.index("[personen]"), SHIPPED.index("[operationen]")
    assert "personen and felder are needed" in problems(tmp_path, SHIPPED[begin:end], "")
    found = problems(tmp_path, "codelisteAbrufen = {}", "statistikAbrufen = {}")
    assert "statistikAbrufen needs statistik" in found
