"""Sample messages of a contract: the valid ones are valid everywhere, the invalid ones are wrong in one thing."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache

import pytest
import xmlschema
from lxml import etree

from gateway.agreements.operation import Operation
from gateway.contract.catalogue import catalogue
from gateway.contract.compiled import Contract
from gateway.contract.description import ComplexTypeDef
from gateway.contract.diagnosis import explain
from gateway.contract.samples import messages
from gateway.contract.samples.content import TYPICAL
from gateway.contract.samples.messages import Direction, Sample
from gateway.contract.samples.persons import persons
from gateway.contract.samples.violations import Violation, violations
from gateway.errors import ContractError
from gateway.model.person import Datensatz, Person, Stammdaten
from gateway.model.rules import RULES, check
from gateway.model.structure import nodes
from gateway.model.types import Text, Tree, Value
from tests.unit.contract.sample import APPLICATIONS, agreement, city, contract

XS = "{http://www.w3.org/2001/XMLSchema}"
SAID = {
    "attribute": ("darf keine Attribute haben", "hat ein Attribut, das nicht erlaubt ist"),
    "empty": ("muss leer sein",),
    "enumeration": ("ist kein Code der Liste",),
    "fixed": ("hat ein Attribut mit einem anderen als dem festen Wert",),
    "maxInclusive": ("ist zu groß",),
    "maxLength": ("ist zu lang",),
    "maxOccurs": ("steht hier nicht",),
    "minInclusive": ("ist zu klein",),
    "minLength": ("ist zu kurz oder leer",),
    "minOccurs": ("Pflichtangaben fehlen", "steht hier nicht, oder davor fehlt etwas"),
    "namespace": ("steht hier nicht",),
    "nil": ("darf xsi:nil nicht haben",),
    "pattern": ("verletzt das Muster",),
    "sequence": ("steht hier nicht",),
    "text": ("darf keinen Text neben Elementen enthalten",),
    "type": ("ist kein gültiger Wert",),
    "unknownElement": ("steht hier nicht",),
    "xsi:type": ("hat einen xsi:type",),
}
"""What the service says of a broken rule of the schema."""

FACETS = ("pattern", "minLength", "maxLength", "minInclusive", "maxInclusive", "enumeration")
DATES_OF_LISTS = {f"{kind}.{name}" for kind in ("Eintrag", "Listenversion") for name in ("gueltigVon", "gueltigBis")}
IMPLIED = {("Bild", "minLength"), ("Bild", "maxLength"), ("Anzahl", "maxInclusive")}
"""Facets that cannot be broken alone, or only by a message of half a megabyte."""


@cache
def valid(application: str) -> tuple[Sample, ...]:
    told = contract(application), agreement(application), city()
    return messages.requests(*told) + messages.answers(*told)


@cache
def invalid(application: str) -> tuple[Violation, ...]:
    return violations(contract(application), agreement(application), city())


@cache
def of_the_schema(application: str) -> tuple[Violation, ...]:
    return tuple(one for one in invalid(application) if one.rule in SAID)


def parts(envelope: bytes, of: Contract) -> list[etree._Element]:
    """The header block, payload or detail of the contract."""
    found = etree.fromstring(envelope).iter(f"{{{of.namespace}}}*")
    return [one for one in found if not str(getattr(one.getparent(), "tag", "")).startswith(f"{{{of.namespace}}}")]


@pytest.mark.parametrize("application", APPLICATIONS)
def test_valid_samples_are_valid_for_both_engines(application: str) -> None:
    """Header, payload and detail of every sample: libxml2 and xmlschema find nothing wrong."""
    published = contract(application)
    second = xmlschema.XMLSchema10(published.xsd.decode().partition("\n")[2])
    for one in valid(application):
        elements = parts(one.envelope, published)
        assert len(elements) == 2, one.title
        for element in elements:
            assert published.findings(element) == (), one.title
            assert second.is_valid(element), one.title


@pytest.mark.parametrize("application", APPLICATIONS)
def test_every_field_of_the_contract_occurs(application: str) -> None:
    """Between the samples every field of every type stands at least once; but for dates that no code list here has.

    Which rule a message breaks is told in the fault of the feed, if there is one.
    """
    published = contract(application)
    types = {element.name: element.type for element in published.description.elements}
    there = {
        pair
        for one in valid(application)
        for part in parts(one.envelope, published)
        for pair in occurring(part, types[etree.QName(part).localname])
    }
    wanted = {
        (group.name, field.name) for element in types.values() for group in element.walk() for field in group.fields
    }
    untold = set() if Operation.AENDERUNGEN_ABRUFEN in published.operations else {"Fehler.befund"}
    assert {f"{kind}.{name}" for kind, name in wanted - there} <= DATES_OF_LISTS | untold


def occurring(element: etree._Element, group: ComplexTypeDef) -> Iterator[tuple[str, str]]:
    """Type and field of everything in the element."""
    for field in group.fields:
        for child in element.iterchildren(f"{{*}}{field.name}"):
            yield group.name, field.name
            if isinstance(field.type, ComplexTypeDef):
                yield from occurring(child, field.type)


def test_the_invented_persons_are_sound() -> None:
    """Each is one that the model takes and that breaks no named rule, so no sample shows what no answer can be."""
    sources = {node.name for node in nodes(Stammdaten)}
    for person in persons(city()):
        Person.model_validate(person)
        stated: Tree = {name: value for name, value in person.items() if name in sources}
        control: Tree = {"quellsystemPersonennummer": "1", "aenderungsnummer": 1, "stand": "2026-11-23T09:00:00Z"}
        assert check(Datensatz.model_validate({"person": stated, "steuerung": control})) == ()


def test_the_invented_persons_are_nobody() -> None:
    """AZR numbers come from a thirteenth month; names hold letters that no code page of the old world has."""
    every = persons(city())
    numbers = [str(person["azrNummer"]) for person in every if "azrNummer" in person]
    assert numbers
    assert {number[2:4] for number in numbers} == {"13"}
    names = "".join(str(person["familienname"]) for person in every)
    assert all(ord(max(str(person["familienname"]))) > 0xFF for person in every), names


def test_nobody_has_an_azr_number_and_an_unlimited_title() -> None:
    """AZRG § 10 Abs. 4: the samples show no combination that the gateway would never tell."""
    for person in persons(city()):
        title = person["niederlassungserlaubnisErteilt"]
        assert not (isinstance(title, dict) and title["erteilt"] and "azrNummer" in person)


def of_statistics() -> Iterator[Sample]:
    """What wohnung2000 has not."""
    return (one for one in valid("statistikstelle") if one.operation == Operation.STATISTIK_ABRUFEN.value)


def test_every_operation_has_its_samples() -> None:
    """The least and the fullest request, at least one answer and one fault of each agreed operation."""
    found = Counter((one.operation, one.direction) for one in (*valid("wohnung2000"), *of_statistics()))
    for operation in Operation:
        assert found[operation.value, Direction.REQUEST] == 2
        assert found[operation.value, Direction.ANSWER] >= 1
        assert found[operation.value, Direction.FAULT] == 1
    assert set(TYPICAL) == set(Operation)


@pytest.mark.parametrize("code", [code for code, told in catalogue().items() if told.als == "fehler"])
def test_every_code_has_a_fault(code: str) -> None:
    """Each code that a caller can be told can be shown, valid by the contract."""
    published = contract("wohnung2000")
    one = messages.fault(published, agreement("wohnung2000"), Operation.PERSON_ABRUFEN, code)
    assert explain(one.envelope, published) == ()
    assert f"<code>{code}</code>".encode() in one.envelope


def test_an_unknown_code_has_none() -> None:
    """What is not in the catalogue is not shown."""
    with pytest.raises(ContractError):
        messages.fault(contract("wohnung2000"), agreement("wohnung2000"), Operation.PERSON_ABRUFEN, "erfunden")


@pytest.mark.parametrize("application", APPLICATIONS)
def test_each_violation_is_one_finding_at_its_place(application: str) -> None:
    """A message that breaks a rule of the schema has exactly one finding: of that rule, at the path that is told."""
    published = contract(application)
    without_codes = {"enumeration", "fixed"} if application == "statistikstelle" else set()
    assert {one.rule for one in of_the_schema(application)} == set(SAID) - without_codes
    for one in of_the_schema(application):
        found = [finding for part in parts(one.envelope, published) for finding in published._validator.findings(part)]
        assert [finding.place for finding in found] == [one.path], one.title
        assert found[0].rule.startswith(SAID[one.rule]), (one.title, found[0].rule)
        assert len(etree.fromstring(one.envelope).xpath(one.path)) == 1


@pytest.mark.parametrize("application", APPLICATIONS)
def test_the_second_engine_refuses_them_too(application: str) -> None:
    """xmlschema finds every message invalid that is to be invalid by the schema."""
    published = contract(application)
    second = xmlschema.XMLSchema10(published.xsd.decode().partition("\n")[2])
    for one in of_the_schema(application)[::3]:
        try:
            refused = not all(second.is_valid(part) for part in parts(one.envelope, published))
        except xmlschema.XMLSchemaException:  # raised, not found, for an xsi:type that names no type
            refused = one.rule == "xsi:type"
        assert refused, one.title


@pytest.mark.parametrize("application", APPLICATIONS)
def test_a_broken_rule_of_the_model_is_broken_alone(application: str) -> None:
    """An answer that breaks a published rule is valid by the schema, and no other rule of the model is broken."""
    published = contract(application)
    ours = [one for one in invalid(application) if one.rule in RULES]
    documentation = published.xsd.decode()
    assert {one.rule for one in ours} == {name for name in RULES if f"{name}: " in documentation}
    for one in ours:
        assert explain(one.envelope, published) == (), one.rule
        (payload,) = [part for part in parts(one.envelope, published) if part.tag.endswith("Response")]
        element = payload.find("{*}person")
        assert element is not None
        answer = next(e for e in published.description.elements if e.name == etree.QName(payload).localname)
        person = read(element, next(field.type for field in answer.type.fields if field.name == "person"))
        assert isinstance(person, dict)
        record: Tree = {"person": person, "steuerung": {"stand": "2026-11-23T09:00:00Z"}}
        assert {rule.name for rule in RULES.values() if rule.visible and list(rule.broken(record))} == {one.rule}
        assert len(etree.fromstring(one.envelope).xpath(one.path)) == 1


def read(element: etree._Element, kind: object) -> Value:
    """The element as the model has it."""
    if isinstance(kind, ComplexTypeDef):
        tree: Tree = {}
        for field in kind.fields:
            found = [read(one, field.type) for one in element.findall(f"{{*}}{field.name}")]
            if found:
                tree[field.name] = found if field.repeated else found[0]
        return tree
    text = element.text or ""
    if len(element):
        return element[0].text or ""
    return text == "true" if text in ("true", "false") and not isinstance(kind, Text) else text


FACETTED = [
    (str(kind.get("name")), facet)
    for kind in etree.fromstring(contract("schulentwicklung").xsd).iter(f"{XS}simpleType")
    for facet in FACETS
    if kind.find(f"{XS}restriction/{XS}{facet}") is not None
]


@pytest.mark.parametrize(("kind", "facet"), FACETTED)
def test_without_a_facet_its_violation_would_be_valid(kind: str, facet: str) -> None:
    """Every facet of the schema has a message that it alone refuses: take the facet away and the message is valid."""
    published = contract("schulentwicklung")
    root = etree.fromstring(published.xsd)
    (restriction,) = root.findall(f"{XS}simpleType[@name='{kind}']/{XS}restriction")
    for one in restriction.findall(f"{XS}{facet}"):
        restriction.remove(one)
    looser = etree.XMLSchema(root)
    accepted = [
        one
        for one in of_the_schema("schulentwicklung")
        if one.rule == facet and all(looser.validate(part) for part in parts(one.envelope, published))
    ]
    assert bool(accepted) == ((kind, facet) not in IMPLIED)


def test_every_occurrence_has_its_violation() -> None:
    """Each mandatory field is left out once and each single one doubled once, in each type that has it."""
    published = contract("wohnung2000")
    root = etree.fromstring(published.xsd)
    mandatory = [one for one in root.iter(f"{XS}element") if one.get("type") and one.getparent().tag == f"{XS}sequence"]
    of_codes = [one for one in mandatory if one.get("name") == "code" and str(one.get("type")).endswith("Wert")]
    wanted = {
        rule: sum(one.get(rule) is None for one in mandatory) - len(of_codes) for rule in ("minOccurs", "maxOccurs")
    }
    told = Counter(one.rule for one in invalid("wohnung2000"))
    assert told["minOccurs"] >= wanted["minOccurs"]
    assert told["maxOccurs"] >= wanted["maxOccurs"]


def test_the_samples_are_the_same_in_every_process() -> None:
    """Law 7: same agreement, same bytes, whatever the hash seed."""
    program = "from tests.unit.contract.test_samples import digest;print(digest())"
    run = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONHASHSEED": "7"}, capture_output=True, check=True, text=True
    )
    assert run.stdout.strip() == digest()


def digest() -> str:
    """One hash of every sample."""
    return hashlib.sha256(repr([*valid("schulentwicklung"), *invalid("schulentwicklung")]).encode()).hexdigest()
