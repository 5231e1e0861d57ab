"""Laws between model and contract: sound by the model, valid by the XSD, and what is projected can be rendered."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import cache

import pytest
import xmlschema
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy
from lxml import etree
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from gateway.agreements.operation import Kind, Operation
from gateway.agreements.projection import Links, project, visible
from gateway.contract import xsd
from gateway.contract.compiled import Contract
from gateway.contract.describe import describe_model
from gateway.contract.description import ComplexTypeDef, Description, ElementDef, FieldDef
from gateway.contract.renderer import compile_element
from gateway.contract.validation import Validator
from gateway.model.derived import derive
from gateway.model.person import Person, Stammdaten
from gateway.model.structure import nodes
from gateway.model.types import Binary, Code, FullDate, Moment, SimpleType, Text, Tree, Truth, Value, Whole
from gateway.wire.xml import ANSWER_LIMITS, canonical, parse
from tests.strategies import datensaetze, persons, restrictable, tokens, value_for
from tests.unit.contract.sample import APPLICATIONS, TODAY, agreement, city, contract, full, response

law = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
KENNUNG = "01234567-89ab-4cde-8f01-23456789abcd"


@cache
def model() -> tuple[Description, Validator]:
    """The whole Person with its schema."""
    description = describe_model(city())
    return description, Validator(description, xsd.write(description))


@cache
def probe() -> tuple[Validator, dict[str, SimpleType]]:
    """A schema with one element per simple type of the model and of all messages."""
    known = {simple.name: simple for name in APPLICATIONS for simple in contract(name).description.simple_types}
    known |= {simple.name: simple for simple in model()[0].simple_types}
    fields = tuple(FieldDef(name, "Probe", 0, 1, known[name]) for name in sorted(known))
    element = ElementDef("probe", "Probe", ComplexTypeDef("probe", "Probe", fields), wrapper=True)
    description = Description("probe", 1, "urn:probe", "Probe", (), (element,))
    return Validator(description, xsd.write(description)), known


def carried(value: Value) -> bool:
    """Whether XML 1.0 can carry the value at all (2.2); messages have a text type that is not as narrow."""
    return (
        not isinstance(value, str) or re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", value) is None
    )


def leaf_is_valid(simple: SimpleType, text: str) -> bool:
    """Whether the schema takes `text` as a value of the type."""
    root = etree.Element("{urn:probe}probe")
    leaf = etree.SubElement(root, f"{{urn:probe}}{simple.name}")
    if isinstance(simple, Code):
        leaf = etree.SubElement(leaf, "{urn:probe}code")
    leaf.text = text
    return not probe()[0].findings(root)


def leaf_is_sound(simple: SimpleType, text: str) -> bool:
    """Whether the model takes `text`, as it is, as a value of the type."""
    try:
        return simple.check(text) == text
    except PydanticCustomError:
        return False


@cache
def near(simple: SimpleType) -> SearchStrategy[str]:
    """Texts around the border of a type that XML can carry: its own values, with one thing changed, any text."""
    return _near(simple).filter(carried)


def _near(simple: SimpleType) -> SearchStrategy[str]:
    any_text = st.text(max_size=20)
    if isinstance(simple, Text):
        odd = st.sampled_from(
            ["\u02bc", "\u2018", "\u2013", "\xa0", "\t", "\n", "\r", "\ufb01", "e\u0301", "\u0660", "1", "*"]
        )
        letters = st.sampled_from(tokens(simple.datatype)) | odd
        many = st.integers(simple.max_length - 1, simple.max_length + 1).map(lambda count: "Ä" * count)
        return st.lists(letters, max_size=6).map("".join) | many | any_text
    own = value_for(simple, sound=False).map(str)
    changed = st.tuples(
        own, st.sampled_from(["0", "-", "x", " ", "\u0660", "\n", "24", "60", "=", "T", "Z", ""]), st.integers(0, 30)
    )
    return own | changed.map(lambda c: c[0][: c[2]] + c[1] + c[0][c[2] + len(c[1]) :]) | any_text


@pytest.mark.parametrize("name", sorted(n for n, simple in probe()[1].items() if not isinstance(simple, Truth | Whole)))
@given(data=st.data())
@settings(law, max_examples=50)
def test_a_leaf_is_sound_exactly_if_it_is_valid(name: str, data: DataObject) -> None:
    """Every simple type: the model takes a text if and only if the XSD type does."""
    simple = probe()[1][name]
    text = data.draw(near(simple))
    # White space around these is no part of the value (whiteSpace is collapse).
    assume(not isinstance(simple, FullDate | Moment | Binary) or text == text.strip(" \t\r\n"))
    assert leaf_is_valid(simple, text) == leaf_is_sound(simple, text)


@pytest.mark.parametrize("name", sorted(n for n, simple in probe()[1].items() if isinstance(simple, Text | Binary)))
def test_the_longest_value_is_valid_and_one_more_is_not(name: str) -> None:
    """Length counts characters for text and, through Base64, octets for pictures: the same limit on both sides."""
    simple = probe()[1][name]
    assert isinstance(simple, Text | Binary)
    step = 1 if isinstance(simple, Text) else 4
    longest, longer = "A" * simple.max_length, "A" * (simple.max_length + step)
    assert leaf_is_valid(simple, longest)
    assert leaf_is_sound(simple, longest)
    assert not leaf_is_valid(simple, longer)
    assert not leaf_is_sound(simple, longer)


@pytest.mark.parametrize("name", sorted(n for n, simple in probe()[1].items() if isinstance(simple, Whole)))
@given(data=st.data())
@law
def test_a_number_is_valid_exactly_in_its_range(name: str, data: DataObject) -> None:
    """Whole numbers: valid from minimum to maximum, both included, and nowhere else."""
    simple = probe()[1][name]
    assert isinstance(simple, Whole)
    edges = [simple.minimum - 1, simple.minimum, simple.maximum, simple.maximum + 1]
    number = data.draw(st.sampled_from(edges) | st.integers(-(2**64), 2**64))
    assert leaf_is_valid(simple, str(number)) == (simple.minimum <= number <= simple.maximum)
    assert not leaf_is_valid(simple, f"{number}.0")


@given(text=st.lists(st.sampled_from(tokens("A")), min_size=1, max_size=30).map("".join))
@law
def test_every_valid_name_is_nfc(text: str) -> None:
    """What the name type accepts is in NFC: one spelling per name."""
    name = probe()[1]["NameA90"]
    if leaf_is_valid(name, text):
        assert unicodedata.normalize("NFC", text) == text


@given(tree=persons())
@law
def test_sound_by_the_model_is_valid_by_the_schema(tree: Tree) -> None:
    """Any person that the model takes is rendered canonically, is valid by the model's schema and read back equal."""
    assert Person.model_validate(tree)
    description, validator = model()
    element = description.headers[0]
    rendered = compile_element(element, description.namespace)(tree)
    root = parse(rendered, limits=ANSWER_LIMITS).root
    assert validator.findings(root) == ()
    assert canonical(root) == rendered
    assert read(root, element.type) == tree


@given(tree=persons(), data=st.data())
@settings(law, max_examples=100)
def test_valid_by_the_schema_is_sound_by_the_model(tree: Tree, data: DataObject) -> None:
    """However a person's XML is broken, the schema accepts exactly what the model accepts."""
    description, validator = model()
    element = description.headers[0]
    root = parse(compile_element(element, description.namespace)(tree), limits=ANSWER_LIMITS).root
    for _ in range(data.draw(st.integers(1, 2))):
        spoil(root, data)
    valid = not validator.findings(root)
    back = read(root, element.type)
    try:
        Person.model_validate(back)
        sound = back is not None
    except ValidationError:
        sound = False
    assert valid == sound


@given(datensatz=datensaetze())
@law
def test_what_is_projected_can_be_rendered(datensatz: Tree) -> None:
    """Under every agreement each visible record, whatever is blocked or restricted in it, gives a valid answer."""
    derived = derive(datensatz, stichtag=TODAY)
    every = {one: replace(agreement(one), scope=()) for one in APPLICATIONS if agreement(one).statistics is None}
    seeing = {one: terms for one, terms in every.items() if visible(terms, datensatz, derived, stichtag=TODAY)}
    assume(seeing)
    for application, terms in seeing.items():
        published = contract(application)
        for operation in published.operations:
            if operation.kind is not Kind.NONE:
                single = operation is Operation.PERSON_ABRUFEN
                fields = frozenset(terms.fields) - (frozenset() if single else terms.single_only)
                person = project(terms, fields, datensatz, derived, Links()) | own_fields(fields)
                rendered = published.render(operation, answer(published, operation, person))
                assert canonical(parse(rendered, limits=ANSWER_LIMITS).root) == rendered
                published.check_answer(rendered)


@pytest.mark.parametrize("path", restrictable())
def test_any_field_may_be_restricted(path: str) -> None:
    """DSGVO Art. 18: with any one field restricted a record that is still visible still gives a valid answer."""
    person = full(model()[0].headers[0].type)
    stated: Tree = {node.name: person[node.name] for node in nodes(Stammdaten)}
    control: Tree = {"quellsystemPersonennummer": "1", "aenderungsnummer": 1, "stand": "2026-11-23T07:00:00Z"}
    record: Tree = {"person": stated, "steuerung": {**control, "eingeschraenkt": [path]}}
    derived = derive(record, stichtag=TODAY)
    for application in APPLICATIONS:
        terms, published = replace(agreement(application), scope=()), contract(application)
        if visible(terms, record, derived, stichtag=TODAY):
            fields = frozenset(terms.fields)
            told = project(terms, fields, record, derived, Links()) | own_fields(fields)
            published.check_answer(published.render(Operation.PERSON_ABRUFEN, {"person": told}))


@pytest.mark.parametrize("application", APPLICATIONS)
@given(data=st.data())
@settings(law, max_examples=15)
def test_the_second_engine_agrees(application: str, data: DataObject) -> None:
    """xmlschema takes and refuses the same answers as libxml2."""
    published, second = contract(application), other_engine(application)
    item = data.draw(st.sampled_from(published.description.operations))
    rendered = published.render(item.operation, data.draw(responses(item.response.type)))
    root = etree.fromstring(rendered)
    assert second(root)
    if data.draw(st.booleans()):
        spoil(root, data)
    assert second(root) == (not Validator(published.description, published.xsd).findings(root))


@cache
def other_engine(application: str) -> Callable[[etree._Element], bool]:
    """The schema of an application as xmlschema reads it."""
    schema = xmlschema.XMLSchema10(contract(application).xsd.decode().partition("\n")[2])
    return lambda root: bool(schema.is_valid(root))


@st.composite
def responses(draw: st.DrawFn, group: ComplexTypeDef) -> Tree:
    """Any tree of a group of a contract: its mandatory fields and some of the others."""
    tree: Tree = {}
    for field in group.fields:
        if not field.minimum and draw(_FOURTH):
            continue
        value = draw(_values(field))
        value = [item for item in value if item != {}] if isinstance(value, list) else value
        if value not in ([], {}):
            tree[field.name] = value
    return tree


_FOURTH = st.integers(0, 3)


@cache
def _values(field: FieldDef) -> SearchStrategy[Value]:
    one: SearchStrategy[Value]
    one = responses(field.type) if isinstance(field.type, ComplexTypeDef) else value_for(field.type).filter(carried)
    return st.lists(one, min_size=1, max_size=min(field.maximum or 2, 2)) if field.repeated else one


def own_fields(fields: frozenset[str]) -> Tree:
    """What the store adds to a projection, as far as it is granted."""
    own: Tree = {"personenkennung": KENNUNG, "stand": "2026-11-23T07:00:00Z", "datensatzversion": 1}
    return {name: value for name, value in own.items() if name in fields}


def answer(published: Contract, operation: Operation, person: Tree) -> Tree:
    """A full response of an operation, told about this one person."""
    tree = full(response(published, operation).type)
    if "person" in tree:
        tree["person"] = [person] if isinstance(tree["person"], list) else person
    else:
        tree["aenderung"] = [{**change, "person": person} for change in tree["aenderung"]]
    return tree


def spoil(root: etree._Element, data: DataObject) -> None:
    """One change to a tree: an element goes, is doubled, moves, gets a foreign child, attribute or text."""
    elements = list(root.iter("*"))[1:]
    if not elements:
        return
    victim = data.draw(st.sampled_from(elements))
    parent = victim.getparent()
    assert parent is not None
    match data.draw(st.integers(0, 6)):
        case 0:
            parent.remove(victim)
        case 1:
            parent.insert(parent.index(victim), etree.fromstring(etree.tostring(victim)))
        case 2:
            parent.insert(data.draw(st.integers(0, len(parent))), victim)
        case 3:
            etree.SubElement(victim, f"{{{etree.QName(root).namespace}}}fremd")
        case 4:
            victim.set("fremd", "1")
        case 5 if len(victim):
            victim.text = "fremd"
        case _ if not len(victim):
            victim.text = data.draw(st.sampled_from(["", "x", "0", "2024-02-30", "1980", "A", "true", "é", "e\u0301"]))


def read(element: etree._Element, group: ComplexTypeDef) -> Tree | None:
    """The element as a Tree, as strict as the model's classes; None where no class could say what is there."""
    if element.attrib or (element.text or "").strip():
        return None
    tree: Tree = {}
    order = [field.name for field in group.fields]
    names = [etree.QName(child).localname for child in element]
    if any(name not in order for name in names) or names != sorted(names, key=order.index):
        return None
    for field in group.fields:
        found = [child for child in element if etree.QName(child).localname == field.name]
        values = [read_field(child, field) for child in found]
        if any(value is None for value in values) or (len(values) > 1 and not field.repeated):
            return None
        kept: list[Value] = [value for value in values if value is not None]
        if kept:
            tree[field.name] = kept if field.repeated else kept[0]
    return tree


def read_field(element: etree._Element, field: FieldDef) -> Value | None:
    """The value of one child."""
    if isinstance(field.type, ComplexTypeDef):
        return read(element, field.type)
    if isinstance(field.type, Code):
        inner = list(element)
        if element.attrib or (element.text or "").strip() or [etree.QName(c).localname for c in inner] != ["code"]:
            return None
        element = inner[0]
    if len(element) or element.attrib:
        return None
    text = element.text or ""
    if isinstance(field.type, Truth):
        return {"true": True, "1": True, "false": False, "0": False}.get(text)
    if isinstance(field.type, Whole):
        return int(text) if text.isascii() and text.isdecimal() else None
    return text if unicodedata.is_normalized("NFC", text) else None


def test_the_day_of_these_tests_is_in_force() -> None:
    """The projection laws are about persons that can be visible at all."""
    assert all(agreement(name).valid_from <= TODAY <= agreement(name).valid_to for name in APPLICATIONS)
    assert date(2026, 11, 23) == TODAY


def test_published_contracts_have_different_namespaces() -> None:
    """No two applications share a namespace, so no message of one is a message of another."""
    published: list[Contract] = [contract(name) for name in APPLICATIONS]
    assert len({one.namespace for one in published}) == len(published)
