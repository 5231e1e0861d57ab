"""Every way to be refused is told by place and rule in German words, and no value of the record is in it.

The ways are made from the contract itself: a record that says something in every element, and from it every element
missing, doubled, foreign, and with every kind of wrong text.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from functools import cache

import pytest
from lxml import etree
from lxml.etree import QName, _Element
from pydantic_core import PydanticCustomError

from gateway.errors import RecordRefused
from gateway.model.person import Datensatz
from gateway.model.reasons import _MEANINGS, PLACE, explain
from gateway.model.structure import nodes
from gateway.model.types import Truth, Whole
from gateway.sources import okvisa_record, record_schema
from gateway.sources import okvisa_values as values
from gateway.sources.okvisa import contract
from gateway.sources.okvisa_record import map_record
from gateway.sources.record_contract import expectations
from gateway.sources.record_schema import RecordSchema

from .okvisa_fake import NS, element

_CANARY = "QXGEHEIM"
_WRONG = (
    _CANARY,
    _CANARY * 80,
    f"{_CANARY}\u2603",
    "",
    "-",
    "X",
    "31.02.1990",
    "00.05.1990",
    "12.00.1990",
    "77777",
    "-7",
    "99999999999999999999",
    "9007199254740993",
    "2026-02-31T10:00:00+01:00",
    "24.12.2999",
    "2026-03-01T24:00:00Z",
    f" {_CANARY.title()}",
)
_ALWAYS = 4
"""So many of these every element gets; of the rest each other one, in turn."""
_SOUND = {
    "personennummer": "P4711", "aenderungsnummer": "7", "geaendertAm": "2026-03-01T10:00:00+01:00", "satzart": "N",
    "datei": "A", "famName": "Ahmadzai", "vorname": "Karim", "gebName": "Rahimi", "rufname": "Karim", "aktuell": "J",
    "gebDat": "05.04.1990", "geschl": "1", "staatsang": "423", "namensform": "e", "gebDatHerkunft": "1", "uma": "N",
    "gebStaat": "423", "famStand": "LD", "religion": "IS", "sprache": "deu", "azrNr": "270101000017", "bei": "Rahimi",
    "wohnungsart": "WO", "str": "Domstraße", "hausNr": "12 a", "plz": "50667", "ort": "Köln", "ags": "05315000",
    "stadtteilNr": "101", "einzug": "01.02.2020", "auszug": "01.03.2021", "wert": "0221 4711", "verhaeltnis": "KI",
    "zuzug": "01.02.2019", "fortzug": "01.02.2022", "fortzugGrund": "AUS", "umfang": "E", "von": "01.02.2019",
    "stand": "10", "grundlage": "12A", "kreis": "05315", "land": "05", "schule": "1", "kurs": "BR", "geeignet": "J",
    "kennung": "1", "feld": "personalien/religion", "ausstStaat": "423", "echtheit": "1", "lichtbild": "QUJD",
    "sterbeDat": "05.04.2024", "minutien": "QUJD", "abhKz": "053150", "norm": "§ 24 AufenthG", "bis": "01.02.2027",
    "gueltigBis": "01.02.2030", "objektNr": "U4711", "teilNr": "1", "familienakteNr": "F4711", "gebOrt": "Kabul",
}  # fmt: skip
_BY_PARENT = {
    "weitererName/art": "GN", "ausweis/art": "01", "kontakt/art": "TEL", "vertreter/art": "1",
    "aufenthaltstitel/schluessel": "AE-11", "untersuchung/schluessel": "ER", "impfung/schluessel": "MMR",
}  # fmt: skip
_ENDINGS = ("zielPersonennummer", "hauptPersonennummer", "ohneVorname", "sterbeDat")
"""What no record of an ordinary living person says."""


@cache
def _schema() -> RecordSchema:
    return RecordSchema(contract())


@cache
def _full() -> _Element:
    """A sound record that says something in every element that an ordinary person's may have."""
    root = etree.Element(f"{{{NS}}}datensatz", nsmap={None: NS})
    for path in expectations(etree.parse(contract()).getroot(), "datensatz"):
        steps = path.split("/")
        if steps[-1] in _ENDINGS or steps[0] == "massnahmen":
            continue
        here = root
        for step in steps:
            found = here.find(f"{{{NS}}}{step}")
            here = found if found is not None else etree.SubElement(here, f"{{{NS}}}{step}")
        text = _BY_PARENT.get("/".join(steps[-2:])) or _SOUND.get(steps[-1])
        if text is None:
            text = "01.02.2020" if steps[-1] in _DAYS else "Angabe"
        here.text = text
    return root


_DAYS = {
    "vom",
    "am",
    "antragVom",
    "bescheidVom",
    "bestandskraft",
    "ersteinreise",
    "ausreisepflichtigSeit",
    "befristetBis",
}


def _reasons(record: _Element) -> tuple[str, ...]:
    if findings := _schema().findings(record):
        return findings
    try:
        map_record(record)
    except RecordRefused as refusal:
        return refusal.reasons
    return ()


def _mutants() -> Iterator[tuple[_Element, str]]:
    """A spoiled record, and the text of it that was planted."""
    places = [index for index, one in enumerate(_full().iter()) if index]
    for index in places:
        rotated = _WRONG[_ALWAYS:][index % 2 :: 2]
        for text in (*_WRONG[:_ALWAYS], *rotated, None):
            made = deepcopy(_full())
            spoiled = list(made.iter())[index]
            if len(spoiled) and text not in (_CANARY, None):
                continue
            if text is None:
                spoiled.getparent().remove(spoiled)  # type: ignore[union-attr] # it is not the root
            else:
                spoiled.text = text
            yield made, text or ""
        yield from _foreign(index)


def _foreign(index: int) -> Iterator[tuple[_Element, str]]:
    for spoil in (
        lambda one: one.append(etree.Element(f"{{{NS}}}{_CANARY}")),
        lambda one: one.addnext(etree.Element(f"{{u:{_CANARY}}}x")),
        lambda one: one.set(_CANARY, _CANARY),
        lambda one: one.addnext(deepcopy(one)),
    ):
        made = deepcopy(_full())
        spoil(list(made.iter())[index])
        yield made, _CANARY


def _contradictions() -> Iterator[_Element]:
    """Records whose values are fine each, but not together."""
    text = etree.tostring(_full(), encoding="unicode")
    for old, new in (
        ("<vorname>Karim</vorname><rufname>", "<rufname>"),
        ("<rufname>Karim", "<ohneVorname>J</ohneVorname><rufname>Karim"),
        ("<staatsang>423</staatsang><famStand>", "<famStand>"),
        ("<gebDat>05.04.1990</gebDat><gebDatH", "<gebDat>05.04.2999</gebDat><gebDatH"),
        ("<religion>", "<sterbeDat>05.04.1980</sterbeDat><religion>"),
        ("<religion>", "<sterbeDat>05.04.2999</sterbeDat><religion>"),
        ("<fortzug>01.02.2022", "<fortzug>01.02.2009"),
        ("<auszug>01.03.2021", "<auszug>01.03.2001"),
        ("<bis>01.02.2027</bis><dokNr>", "<bis>01.02.2007</bis><dokNr>"),
        ("<wohnung>", "<wohnung><aktuell>J</aktuell><wohnungsart>WO</wohnungsart></wohnung><wohnung>"),
        ("<satzart>N", "<satzart>A"),
        ("<satzart>N", "<satzart>Z"),
        ("<datei>", "<hauptPersonennummer>QXGEHEIM</hauptPersonennummer><datei>"),
        ("<feld>personalien/religion", "<feld>QXGEHEIM"),
        ("<staatsang>423</staatsang><famStand>", "<staatsang>423</staatsang>" * 7 + "<famStand>"),
        ("<gebOrt>Kabul", "<gebOrt>unbekannt"),
        ("<gebOrt>Kabul", "<gebOrt>Kabul  Stadt"),
    ):
        assert old in text, old
        yield element(text.replace(old, new, 1))


def test_the_full_record_is_sound() -> None:
    """Otherwise every mutant would be refused for the same reason."""
    assert _reasons(_full()) == ()
    assert len(list(_full().iter())) > 120


def test_every_way_to_be_refused_is_told_in_words_and_without_a_value() -> None:
    """Form, German sentence, and nothing of what stood in the record, over every element and every kind of wrong."""
    made = [*_mutants(), *((record, _CANARY) for record in _contradictions())]
    codes: set[str] = set()
    refused = 0
    for record, planted in made:
        reasons = _reasons(record)
        refused += bool(reasons)
        for reason in reasons:
            told = explain(reason)
            assert PLACE.fullmatch(told.place), reason
            assert told.code, reason
            assert not told.ours, reason
            assert _CANARY not in reason + told.sentence
            assert len(planted) < 5 or planted.strip() not in reason, reason
            assert not any(value in reason for value in ("Ahmadzai", "Karim", "Domstra", "4711", "Kabul")), reason
            codes.add(told.code)
    assert refused > 1200
    assert {meaning.code for meaning in _MEANINGS} - codes == _OTHERWISE


_OTHERWISE = {
    "interner-fehler", "zwei-personen", "kreis",
    # What the contract refuses before the mapping, or the mapping before the model, could see it.
    "ja-nein", "datum", "leer", "tag", "zu-gross", "nicht-vorhanden-nur-true", "einschraenkung-nennt-feld",
    "element-unbekannt", "schema",
    # No shipped list of a dated field has a code that ended.
    "code-galt-an-seinem-tag",
}  # fmt: skip
"""No record of a source that otherwise keeps its contract leads to these; the next test does."""


@pytest.mark.parametrize("text", _WRONG)
def test_every_reader_and_every_type_of_the_model_names_a_rule_that_is_explained(text: str) -> None:
    """Also what the part before would have refused already."""
    readers = (values.yes, values.day, values.partial_day, values.moment, values.number, values.house_number)
    types = {node.simple for top in nodes(Datensatz) for node in top.walk() if node.simple is not None}
    checks = [one.check for one in types if not isinstance(one, Whole | Truth)]
    for check in (*readers, values.status, values.key({}), *checks):
        try:
            check(text)
        except (values.Unreadable, PydanticCustomError) as refusal:
            rule = str(refusal)
        else:
            continue
        assert explain(f"x: {rule}").code, rule
        assert _CANARY not in rule


def test_the_words_of_the_contract_are_all_explained() -> None:
    """Every rule that a finding of libxml2 becomes."""
    for rule, _facet in record_schema._RULES.values():
        assert explain(f"x: {rule}").code, rule
    for rule in ("nicht schemakonform", *okvisa_record._PYDANTIC.values(), "zwei Personen unter einer Nummer"):
        assert explain(f"x: {rule}").code, rule


def test_places_are_told_as_the_office_may_look_them_up() -> None:
    """An element of the source, or a field of the model; of several entries the how-manieth."""
    places = {reason.partition(": ")[0] for record in _contradictions() for reason in _reasons(record)}
    assert "aufenthaltsstatus[1].ende" in places


def test_what_is_expected_is_said() -> None:
    """Findings of the contract name what it asks for at that place, from its own text."""
    text = etree.tostring(_full(), encoding="unicode")
    spoiled = (
        text.replace(">05.04.1990<", ">gestern<").replace(">Ahmadzai<", f">{'A' * 130}<", 1).replace(">N<", ">Q<", 1)
    )
    told = {one.place: one.expected for one in map(explain, _reasons(element(spoiled)))}
    assert told["personalien/gebDat"] == "die Form TT.MM.JJJJ"
    assert told["personalien/famName"] == "höchstens 120 Zeichen"
    assert told["satzart"] == "einen der Werte N, A, L, Z"


@pytest.mark.parametrize(
    ("reason", "code"), [("x: interner Fehler KeyError", "interner-fehler"), ("x: alte Regel", "")]
)
def test_our_own_mistakes_and_rules_of_other_versions_can_be_told_apart(reason: str, code: str) -> None:
    """A mistake of ours is not the office's; a rule that is no more is told as it was noted."""
    told = explain(reason)
    assert (told.code, told.ours) == (code, code == "interner-fehler")
    assert told.sentence


def test_a_mapping_that_is_wrong_is_our_own_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the model refuses of our own doing is not put down to the source, and nothing of the record is kept."""
    from gateway.sources import okvisa_fields, okvisa_reading

    rows = dict(okvisa_fields.RECORD)
    rows["datei"] = okvisa_reading.Field("person.gibtEsNicht", lambda text: text)
    monkeypatch.setattr("gateway.sources.okvisa_record.RECORD", rows)
    with pytest.raises(RecordRefused) as caught:
        map_record(_full())
    (reason,) = caught.value.reasons
    assert caught.value.code == "datensatz-nicht-verarbeitet"
    assert explain(reason).ours
    assert QName(_full()).localname == "datensatz"
