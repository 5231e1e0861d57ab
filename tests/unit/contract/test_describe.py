"""What a contract contains: exactly what the agreement names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.agreements.agreement import OperationTerms
from gateway.agreements.operation import Kind, Operation
from gateway.contract.describe import SINGLE_SUFFIX, describe, describe_model
from gateway.contract.description import ComplexTypeDef, Description
from gateway.contract.notes import SPEAKS_OF
from gateway.errors import ContractError
from gateway.model.person import Person
from gateway.model.rules import RULES
from gateway.model.structure import grantable
from tests.unit.contract.sample import APPLICATIONS, agreement, city


def person_type(description: Description, operation: Operation) -> ComplexTypeDef:
    """The person type in the answer of an operation."""
    element = next(item.response for item in description.operations if item.operation is operation)
    return next(group for group in element.type.walk() if group.name.startswith("Person"))


def paths(group: ComplexTypeDef, prefix: str = "") -> set[str]:
    """Every dotted path that the type can carry."""
    found = set()
    for field in group.fields:
        found.add(prefix + field.name)
        if isinstance(field.type, ComplexTypeDef):
            found |= paths(field.type, f"{prefix}{field.name}.")
    return found


def granted(fields: frozenset[str]) -> set[str]:
    """The paths that a grant of `fields` opens: themselves, what is below, and the groups above."""
    found = set()
    for node in grantable(Person):
        if node.path in fields:
            found |= {below.path for below in node.walk()}
            parts = node.path.split(".")
            found |= {".".join(parts[:end]) for end in range(1, len(parts))}
    return found


@pytest.mark.parametrize("application", APPLICATIONS)
def test_only_what_is_granted_is_there(application: str) -> None:
    """A person type has exactly the granted fields, and bulk answers none for single queries only."""
    terms = agreement(application)
    description = describe(terms, city())
    for operation in terms.operations:
        if operation.kind is Kind.NONE:
            continue
        single = operation is Operation.PERSON_ABRUFEN
        fields = frozenset(terms.fields) - (frozenset() if single else terms.single_only)
        assert paths(person_type(description, operation)) == granted(fields)


@pytest.mark.parametrize("path", [node.path for node in grantable(Person)])
def test_every_field_appears_only_if_granted(path: str) -> None:
    """Without its grant a field of the model is in no type of the contract; with it, it is."""
    terms = replace(agreement("sozialamt"), single_only=frozenset())
    everything = tuple(node.path for node in grantable(Person))
    without = tuple(
        p for p in everything if p != path and not p.startswith(path + ".") and not path.startswith(p + ".")
    )
    bulk = Operation.BESTAND_ABRUFEN
    assert path not in paths(person_type(describe(replace(terms, fields=without), city()), bulk))
    assert path in paths(person_type(describe(replace(terms, fields=everything), city()), bulk))


def test_single_only_groups_carry_the_suffix() -> None:
    """Types that hold a field for single queries only have names of their own, all others are shared."""
    terms = replace(
        agreement("sozialamt"),
        fields=("personenkennung", "familienname", "ausweisdokument.art", "ausweisdokument.geprueft", "geburt.datum"),
        single_only=frozenset({"ausweisdokument.geprueft"}),
    )
    names = [group.name for group in describe(terms, city()).groups]
    assert {"Person", "PersonEinzelabruf", "Ausweisdokument", "AusweisdokumentEinzelabruf", "Geburt"} <= set(names)
    assert "GeburtEinzelabruf" not in names
    plain = describe(replace(terms, single_only=frozenset()), city()).groups
    assert not [group.name for group in plain if group.name.endswith(SINGLE_SUFFIX)]


def test_an_unknown_field_is_refused() -> None:
    """An agreement that names a field the model does not grant gives no contract."""
    for fields in (("personenkennung", "gehalt"), ("personenkennung", "anschrift")):
        with pytest.raises(ContractError):
            describe(replace(agreement("wohnung2000"), fields=fields), city())
    with pytest.raises(ContractError):
        describe(replace(agreement("wohnung2000"), single_only=frozenset({"lichtbild"})), city())


def test_an_unknown_operation_is_refused() -> None:
    """An agreed operation without a definition gives no contract."""
    with pytest.raises(ContractError):
        describe(agreement("wohnung2000"), city(), operations={})


def test_only_agreed_operations_are_there() -> None:
    """The operations of a contract are those of the agreement, and each says what its header must hold."""
    terms = {Operation.PERSON_ABRUFEN: OperationTerms(required=frozenset({"aktenzeichen"}))}
    description = describe(replace(agreement("wohnung2000"), operations=terms), city())
    assert [(item.operation, item.required) for item in description.operations] == [
        (Operation.PERSON_ABRUFEN, ("aktenzeichen",))
    ]


def test_a_container_is_mandatory_only_with_something_mandatory_in_it() -> None:
    """A mandatory group of which only optional fields are granted may be absent, as empty groups are never sent."""
    for application in APPLICATIONS:
        for group in describe(agreement(application), city()).groups:
            for field in group.fields:
                if isinstance(field.type, ComplexTypeDef) and field.minimum:
                    assert any(below.minimum for below in field.type.fields)


def test_a_person_without_mandatory_fields_is_optional() -> None:
    """Where only optional fields are granted nothing may be left to tell, so the person itself is not mandatory."""
    description = describe(replace(agreement("wohnung2000"), fields=("rufname",)), city())
    (answer,) = (o.response for o in description.operations if o.operation is Operation.PERSON_ABRUFEN)
    assert [(field.name, field.minimum) for field in answer.type.fields] == [("person", 0)]


def test_pins_limits_and_validity_are_no_contract() -> None:
    """What is renewed without changing the interface does not change the description."""
    terms = agreement("wohnung2000")
    renewed = replace(terms, version=99, pins=frozenset({"sha256:" + "0" * 64}), valid_to=terms.valid_to.replace(2030))
    assert describe(renewed, city()) == describe(terms, city())


def test_the_model_is_the_whole_person() -> None:
    """The model's schema has every grantable field, in a namespace of its own."""
    description = describe_model(city())
    assert paths(description.headers[0].type) == granted(frozenset(node.path for node in grantable(Person)))
    assert description.namespace == "urn:de:koeln:fldm:modell"


def test_one_name_means_one_thing() -> None:
    """Two different types under one name are refused, not merged."""
    description = describe_model(city())
    person = description.headers[0]
    other = replace(person, name="andere", type=replace(person.type, fields=person.type.fields[:1]))
    with pytest.raises(ContractError):
        list(replace(description, headers=(person, other)).groups)


def test_contracts_share_what_is_the_same_in_them_and_nothing_else() -> None:
    """Made once is every message without persons, and every one with the same fields of a person; no other."""
    terms = agreement("wohnung2000")
    clone = describe(replace(terms, application="zweite"), city())
    less = describe(replace(terms, application="dritte", fields=terms.fields[:-1]), city())
    for here, there, other in zip(describe(terms, city()).elements, clone.elements, less.elements, strict=True):
        assert here is there
        assert (here is other) is not any(group.name.startswith("Person") for group in here.type.walk())


def test_published_rules_name_only_agreed_fields() -> None:
    """Every visible rule says which fields it speaks of, and a contract without them does not publish it."""
    visible = {rule.name for rule in RULES.values() if rule.visible}
    assert visible == SPEAKS_OF.keys()
    assert set().union(*SPEAKS_OF.values()) <= granted(frozenset(node.path for node in grantable(Person)))
    few = replace(agreement("wohnung2000"), fields=("personenkennung", "familienname"))
    note = person_type(describe(few, city()), Operation.BESTAND_ABRUFEN).documentation
    assert "kein-platzhalter" in note
    assert "sterbedatum" not in note.lower()
    assert "vornamenNichtVorhanden" not in note


def test_requests_and_responses_share_no_child() -> None:
    """A child of one name and type in request and response becomes a Holder in Java and ref in .NET: none."""
    for application in APPLICATIONS:
        for item in describe(agreement(application), city()).operations:
            asked = {(f.name, f.type.name) for f in item.request.type.fields}
            told = {(f.name, f.type.name) for f in item.response.type.fields}
            assert not asked & told, item.operation


def test_the_wrapper_is_named_as_the_operation() -> None:
    """Document/literal wrapped: the request element is the operation, the response element its name and Response."""
    description = describe(agreement("wohnung2000"), city())
    for item in description.operations:
        assert item.request.name == item.operation.value
        assert item.response.name == item.operation.value + "Response"
        assert item.request.wrapper
        assert item.response.wrapper
