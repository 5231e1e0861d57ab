"""The named rules: what breaks them, and what must not."""

from __future__ import annotations

import re

import pytest

from gateway.model import rules
from gateway.model.person import Datensatz
from gateway.model.rules import RULES, Finding, check
from gateway.model.types import Tree, Value
from tests.unit.model.records import record


def _found(control: Tree | None = None, **person: Value) -> list[tuple[str, str]]:
    tree = record(control, **person)
    tree["person"] = {name: value for name, value in _person(tree).items() if value is not None}
    return [(finding.path, finding.rule) for finding in check(Datensatz.model_validate(tree))]


def _person(tree: Tree) -> Tree:
    person = tree["person"]
    assert isinstance(person, dict)
    return person


def test_a_sound_record_breaks_nothing() -> None:
    """An ordinary record has no findings."""
    assert _found() == []


def test_exactly_one_statement_on_given_names() -> None:
    """Neither both nor none of vornamen and vornamenNichtVorhanden."""
    rule = ("vornamen", "genau-eine-vornamensangabe")
    nothing: Value = None  # type: ignore[assignment] # stands for "not there" in _found
    assert _found(vornamen=nothing) == [rule]
    assert _found(vornamenNichtVorhanden=True) == [rule]
    assert _found(vornamen=nothing, vornamenNichtVorhanden=True) == []


def test_not_there_is_never_false() -> None:
    """vornamenNichtVorhanden is true or absent."""
    assert _found(vornamenNichtVorhanden=False) == [("vornamenNichtVorhanden", "nicht-vorhanden-nur-true")]


@pytest.mark.parametrize(
    "text",
    ["-", ".", "--", ". .", "'", "XXX", "xx", "X X X", "N.N.", "n. n.", "NN", "Unbekannt", "UNBEKANNT", "unknown",
     "keine Angabe", "k.A.", "nicht vorhanden", "ohne Namen", "FNU", "Lnu", "-xx-"],
)  # fmt: skip
def test_placeholders(text: str) -> None:
    """Signs and words that mean there is no name are no names."""
    assert _found(familienname=text) == [("familienname", "kein-platzhalter")]
    assert _found(vornamen=text) == [("vornamen", "kein-platzhalter")]


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "X",
        "Ng",
        "Na",
        "Null",
        "Test",
        "Leer",
        "Ohne",
        "Nn Ahmad",
        "Unbekanntova",
        "Xaxa",
        "Al-X",
        "N. Ahmad",
        "Ka",
    ],
)
def test_names_that_only_look_like_placeholders(text: str) -> None:
    """Short and odd names of real people are names."""
    assert _found(familienname=text) == []


@pytest.mark.parametrize(
    ("street", "sound"), [("Q 7", True), ("17", True), ("?", False), ("n/a", False), ("Am Ring", True)]
)
def test_streets_and_towns(street: str, sound: bool) -> None:
    """A street may be a number, a town has a name; neither is a placeholder."""
    found = _found(anschrift={"art": "wohnung", "strasse": street, "ort": "Köln"})
    assert found == ([] if sound else [("anschrift.strasse", "kein-platzhalter")])


@pytest.mark.parametrize("text", [" Masri", "Masri ", "Al  Masri"])
def test_stray_blanks(text: str) -> None:
    """No blank before, after or twice; the position in a list is named."""
    rule = "keine-ueberzaehligen-leerzeichen"
    assert _found(familienname=text) == [("familienname", rule)]
    aliases: Value = [{"familienname": "Masri"}, {"familienname": text}]
    assert _found(aliaspersonalie=aliases) == [("aliaspersonalie[2].familienname", rule)]
    relation: Value = [{"art": "kind", "vornamen": text}]
    assert _found({"familie": relation}) == [("steuerung.familie[1].vornamen", rule)]


@pytest.mark.parametrize(
    ("day", "sound"),
    [
        ("2024-02-29", True),
        ("2023-02-29", False),
        ("2024-13", False),
        ("2024-00", False),
        ("0000", False),
        ("0001", True),
    ],
)
def test_calendar(day: str, sound: bool) -> None:
    """A partially known date exists in the calendar."""
    assert _found(ersteinreisedatum=day) == ([] if sound else [("ersteinreisedatum", "kalendertag")])


@pytest.mark.parametrize(
    ("birth", "sound"),
    [
        ("2026-11-23", True),
        ("2026-11-24", False),
        ("2026-11", True),
        ("2026-12", False),
        ("2026", True),
        ("2027", False),
    ],
)
def test_birth_is_not_in_the_future(birth: str, sound: bool) -> None:
    """Seen from the day of the source, a birth has happened."""
    assert _found(geburt={"datum": birth}) == ([] if sound else [("geburt.datum", "geburt-nicht-in-der-zukunft")])


def test_the_day_of_the_source_is_german() -> None:
    """Shortly before midnight in UTC it is already tomorrow in a German register."""
    assert _found({"stand": "2026-06-30T22:30:00Z"}, geburt={"datum": "2026-07-01"}) == []
    assert _found({"stand": "2026-06-30T20:30:00Z"}, geburt={"datum": "2026-07-01"}) != []


def test_birth_after_entry_is_allowed() -> None:
    """A child born here may carry the entry of its family."""
    assert _found(geburt={"datum": "2025-01-01"}, ersteinreisedatum="2020-01-01") == []


@pytest.mark.parametrize(
    ("person", "finding"),
    [
        ({"sterbedatum": "1990-05-16"}, ("sterbedatum", "tod-nach-geburt")),
        ({"sterbedatum": "1990-05-17"}, None),
        ({"sterbedatum": "1990"}, None),
        ({"sterbedatum": "2026-12-24"}, ("sterbedatum", "tod-nicht-in-der-zukunft")),
        ({"zuzugsdatum": "2024-01-02", "fortzugsdatum": "2024-01-01"}, ("fortzugsdatum", "fortzug-nach-zuzug")),
        ({"zuzugsdatum": "2024-01-01", "fortzugsdatum": "2024-01-01"}, None),
        ({"fortzugsdatum": "2024-01-01"}, None),
        (
            {"anschrift": {"art": "wohnung", "einzugsdatum": "2024-01-02", "auszugsdatum": "2024-01-01"}},
            ("anschrift.auszugsdatum", "auszug-nach-einzug"),
        ),
        (
            {"fruehereAnschrift": [{"ort": "Köln"}, {"einzugsdatum": "2024-01-02", "auszugsdatum": "2024-01-01"}]},
            ("fruehereAnschrift[2].auszugsdatum", "auszug-nach-einzug"),
        ),
        (
            {"aufenthaltsstatus": [{"art": "AG01", "beginn": "2024-02-01", "ende": "2024-01"}]},
            ("aufenthaltsstatus[1].ende", "statusende-nach-statusbeginn"),
        ),
        ({"aufenthaltsstatus": [{"art": "AG01", "beginn": "2024-02-01", "ende": "2024"}]}, None),
        ({"azrNummer": "991399000001"}, None),
    ],
)  # fmt: skip
def test_dates_in_order(person: Tree, finding: tuple[str, str] | None) -> None:
    """What ends does not end before it begins; what is not known exactly is not held against it."""
    assert _found(**person) == ([finding] if finding else [])


def test_a_nationality_is_there_unless_restricted() -> None:
    """997, 998 and 999 are nationalities; none at all is not, unless it is contested."""
    assert _found(staatsangehoerigkeit=[]) == [("staatsangehoerigkeit", "staatsangehoerigkeit-angegeben")]
    assert _found(staatsangehoerigkeit=["999"]) == []
    assert _found({"eingeschraenkt": ["staatsangehoerigkeit"]}, staatsangehoerigkeit=[]) == []


def test_restrictions_name_real_fields() -> None:
    """A misspelled path would restrict nothing."""
    assert _found({"eingeschraenkt": ["geburt.datum", "anschrift", "familienbeziehung.person"]}) == []
    for path in ("geburtdatum", "geburt/datum", "person.geburt.datum", "Geburt.Datum"):
        assert _found({"eingeschraenkt": [path]}) == [("steuerung.eingeschraenkt", "einschraenkung-nennt-feld")]


def test_findings_name_no_value() -> None:
    """Whatever breaks a rule, the finding shows field and rule only."""
    found = _found({"eingeschraenkt": ["GEHEIM"]}, familienname=" GEHEIM ", vornamenNichtVorhanden=False)
    assert len(found) == 3
    assert "GEHEIM" not in repr(found)


def test_rules_are_published_in_german() -> None:
    """Each rule has a stable kebab-case name, a sentence and a reason; the internal ones are marked."""
    for name, rule in RULES.items():
        assert name == rule.name
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
        assert rule.sentence.endswith(".")
        assert rule.broken.__doc__
    assert [name for name, rule in RULES.items() if not rule.visible] == [
        "code-galt-an-seinem-tag",
        "einschraenkung-nennt-feld",
    ]


def test_findings_come_in_the_order_of_the_rules() -> None:
    """The same record gives the same findings in the same order."""
    found = check(Datensatz.model_validate(record(None, familienname=" -", vornamenNichtVorhanden=False)))
    assert found == (
        Finding("vornamenNichtVorhanden", "nicht-vorhanden-nur-true"),
        Finding("familienname", "kein-platzhalter"),
        Finding("familienname", "keine-ueberzaehligen-leerzeichen"),
    )
    assert [list(rules.RULES).index(finding.rule) for finding in found] == [1, 2, 3]
