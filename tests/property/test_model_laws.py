"""Laws of the model: of its text, its trees, its rules and what it derives."""

from __future__ import annotations

import copy
import unicodedata
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.model import din91379
from gateway.model.derived import Ableitung, derive
from gateway.model.person import Datensatz, Person
from gateway.model.rules import check
from gateway.model.trees import canonical, to_tree
from gateway.model.types import Tree, Value
from tests.strategies import datensaetze, persons, tokens, trees

law = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow], derandomize=True)

DAYS = st.dates(date(2019, 1, 1), date(2035, 12, 31))

DATED = st.one_of(
    datensaetze(frozenset({"aufenthaltsstatus", "gesundheitsuntersuchung", "impfung", "wohnsitzauflage"})),
    datensaetze(frozenset({"aufenthaltsstatus", "fortzugsdatum"})),
    datensaetze(frozenset({"auskunftssperre"})),
    datensaetze(frozenset({"geburt", "zuweisung"})),
)
"""Records with much that begins and ends."""


@law
@given(datensaetze())
def test_a_record_survives_the_way_through_the_model(tree: Tree) -> None:
    """to_tree(model_validate(tree)) is the tree, and validating again gives an equal record."""
    record = Datensatz.model_validate(tree)
    assert to_tree(record) == tree
    assert Datensatz.model_validate(to_tree(record)) == record


@law
@given(persons())
def test_a_person_survives_the_way_through_the_model(tree: Tree) -> None:
    """What an application can be told at most has one tree."""
    assert to_tree(Person.model_validate(tree)) == tree


@law
@given(trees(Datensatz, sound=False))
def test_every_value_of_the_types_is_taken(tree: Tree) -> None:
    """The model takes every value its types allow, rules or not, and its tree is a fixed point."""
    record = Datensatz.model_validate(tree)
    assert to_tree(Datensatz.model_validate(to_tree(record))) == to_tree(record)


@law
@given(datensaetze())
def test_a_drawn_record_breaks_no_rule(tree: Tree) -> None:
    """The records other laws are tried on are sound."""
    assert check(Datensatz.model_validate(tree)) == ()


@law
@given(datensaetze(), datensaetze())
def test_canonical_bytes_are_equal_exactly_for_equal_trees(one: Tree, other: Tree) -> None:
    """The order of keys does not matter; everything else does."""
    assert canonical(_turned(one)) == canonical(one)
    assert (canonical(one) == canonical(other)) == (one == other)


def _turned(value: Value) -> Value:
    """The same tree with its keys in the opposite order."""
    if isinstance(value, dict):
        return {name: _turned(value[name]) for name in reversed(value)}
    return [_turned(item) for item in value] if isinstance(value, list) else value


@cache
def _schema() -> etree.XMLSchema:
    """Elements A, B and C of the three datatypes of KoSIT's XSD."""
    namespace = "urn:xoev-de:kosit:xoev:datentyp:din-91379_2022-08"
    elements = "".join(f'<xs:element name="{name}" type="din:datatype{name}"/>' for name in "ABC")
    location = Path("schemas/din91379/din-norm-91379-datatypes_2022-08.xsd").resolve().as_uri()
    root = etree.fromstring(
        f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:din="{namespace}">'
        f'<xs:import namespace="{namespace}" schemaLocation="{location}"/>{elements}</xs:schema>'
    )
    return etree.XMLSchema(root)


def _by_xsd(datatype: str, text: str) -> bool:
    element = etree.Element(datatype)
    element.text = text
    return bool(_schema().validate(element))


_LETTERS = st.sampled_from(tokens("C"))
_MARKS = st.characters(min_codepoint=0x300, max_codepoint=0x36F)
_ANY = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff") | st.sampled_from("\t\n\r")
_MIXED = st.lists(_LETTERS | _LETTERS | _LETTERS | _MARKS | _ANY, max_size=12).map("".join)


@settings(law, max_examples=400)
@given(st.sampled_from("ABC"), _MIXED.filter(lambda text: all(map(_xml, text))))
def test_accepts_is_the_xsd(datatype: str, text: str) -> None:
    """A text is accepted exactly if the unchanged XSD of KoSIT accepts it."""
    assert din91379.accepts(datatype, text) == _by_xsd(datatype, text)


def _xml(character: str) -> bool:
    code = ord(character)
    return code in (9, 10, 13) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


@pytest.mark.parametrize("datatype", ["A", "B", "C"])
def test_every_letter_and_sequence_is_accepted_as_the_xsd_does(datatype: str) -> None:
    """Every code point up to U+2FFF, alone and with every mark the norm uses, is accepted exactly as by the XSD."""
    singles = [chr(code) for code in range(0x20, 0x3000) if _xml(chr(code))]
    bases = [token for token in tokens("C") if len(token) == 1 and token.isalpha()]
    marks = sorted({mark for token in tokens("C") for mark in token[1:] if unicodedata.combining(mark)})
    candidates = singles + [base + mark for base in bases for mark in marks] + list(tokens("C"))
    differing = [text for text in candidates if din91379.accepts(datatype, text) != _by_xsd(datatype, text)]
    assert differing == []


@law
@given(st.lists(_LETTERS, max_size=20).map("".join))
def test_accepted_text_is_nfc(text: str) -> None:
    """Whatever is accepted is in Normalization Form C: nothing changes when it is normalised once more."""
    assert din91379.accepts("C", text)
    assert unicodedata.is_normalized("NFC", text)


@law
@given(_MIXED)
def test_search_form_is_stable(text: str) -> None:
    """The search form of a search form is itself, and decomposed text has the same one."""
    form = din91379.search_form(text)
    assert din91379.search_form(form) == form
    assert din91379.search_form(unicodedata.normalize("NFD", text)) == form


@law
@given(DATED, DAYS)
def test_derive_is_pure(tree: Tree, day: date) -> None:
    """The same record on the same day gives the same, and the record is not changed."""
    before = copy.deepcopy(tree)
    assert derive(tree, stichtag=day) == derive(before, stichtag=day)
    assert tree == before


@settings(law, max_examples=200)
@given(DATED, DAYS, st.data())
def test_nothing_changes_before_the_next_day_named(tree: Tree, day: date, data: st.DataObject) -> None:
    """On every day before naechster_stichtag everything derived is the same; if None, for ever."""
    today = derive(tree, stichtag=day)
    last = today.naechster_stichtag - timedelta(days=1) if today.naechster_stichtag else date.max
    assert last >= day
    for other in {last, data.draw(st.dates(day, last)), min(last, day + timedelta(days=1))}:
        assert derive(tree, stichtag=other) == today


@settings(law, max_examples=100)
@given(DATED, DAYS)
def test_what_is_derived_lies_within_the_model(tree: Tree, day: date) -> None:
    """Laid over the Stammdaten, what is derived is a Person the model takes."""
    derived: Ableitung = derive(tree, stichtag=day)
    person = tree["person"]
    assert isinstance(person, dict)
    own: Tree = {
        "personenkennung": "00000000-0000-4000-8000-000000000000",
        "stand": "2026-11-23T07:00:00Z",
        "datensatzversion": 1,
    }
    Person.model_validate({**person, **derived.tree, **own})
    told = canonical(derived.tree)
    assert b"DU02" not in told
    assert derived.verfallen.isdisjoint(derived.tree)
