"""Laws of contract evolution: what the diff calls compatible is so for every message that old clients exchange."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from lxml import etree

from gateway.contract import xsd
from gateway.contract.change import Direction, Effect, worst
from gateway.contract.comparing import differences
from gateway.contract.compiled import compile_contract
from gateway.contract.description import ComplexTypeDef, Description, ElementDef
from gateway.contract.published import read
from gateway.contract.renderer import compile_element
from gateway.model.types import Pattern, SimpleType, Text, Tree, Value, Whole
from tests.mutations import mutants
from tests.strategies import value_for
from tests.unit.contract.sample import agreement, city, contract, value_of
from tests.unit.contract.small import description

law = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
APPLICATION = "schulentwicklung"
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CODES = re.compile(
    rb'      <xs:enumeration value="([^"]+)"(?:/>|>\s+<xs:annotation>.*?</xs:enumeration>)\n', re.DOTALL
)


@cache
def original() -> Description:
    """The contract before it changes."""
    return contract(APPLICATION).description


@cache
def original_schema(small: bool = False) -> tuple[bytes, etree.XMLSchema]:
    raw = xsd.write(little() if small else original())
    return raw, etree.XMLSchema(etree.fromstring(raw))


@cache
def little() -> Description:
    """A contract so small that every change of it can be tried often."""
    return description()


@st.composite
def messages(draw: st.DrawFn, group: ComplexTypeDef) -> Tree:
    """Any tree of a group, with its edges: longest texts, least and most numbers, as many as there may be."""
    tree: Tree = {}
    for field in group.fields:
        if not field.minimum and draw(st.booleans()):
            continue
        one = messages(field.type) if isinstance(field.type, ComplexTypeDef) else edges(field.type)
        least, most = max(field.minimum, 1), min(field.maximum or field.minimum + 3, field.minimum + 3)
        value: Value = (
            [draw(one) for _ in range(draw(st.integers(least, max(least, most))))] if field.repeated else draw(one)
        )
        if isinstance(value, list):
            value = [item for item in value if item != {}]
        if value not in ([], {}):
            tree[field.name] = value
    return tree


def fewest(group: ComplexTypeDef) -> Tree:
    """Only what is mandatory, as few as there must be."""
    tree: Tree = {}
    for field in (one for one in group.fields if one.minimum):
        value: Value = fewest(field.type) if isinstance(field.type, ComplexTypeDef) else plain(field.type)
        tree[field.name] = [value] * field.minimum if field.repeated else value
    return tree


def most(group: ComplexTypeDef) -> Tree:
    """Everything there can be, lists as long as they may be or longer than before."""
    tree: Tree = {}
    for field in group.fields:
        value: Value = most(field.type) if isinstance(field.type, ComplexTypeDef) else plain(field.type)
        tree[field.name] = [value] * (field.maximum or 4) if field.repeated else value
    return tree


def plain(simple: SimpleType) -> Value:
    """A valid value; of a number the largest."""
    if isinstance(simple, Pattern) and re.fullmatch(simple.pattern, "abc"):
        return "abc"
    return value_of(simple)


@cache
def edges(simple: SimpleType) -> st.SearchStrategy[Value]:
    """Values of a type, those at its border often."""
    if isinstance(simple, Text):
        return st.sampled_from(["e", "e" * simple.max_length]) | value_for(simple)
    if isinstance(simple, Whole):
        return st.sampled_from([simple.minimum, simple.maximum])
    return value_for(simple).filter(carried)


def carried(value: Value) -> bool:
    """Whether XML 1.0 can carry the value at all (2.2)."""
    return not isinstance(value, str) or _NOT_IN_XML.search(value) is None


def travelling(description: Description, direction: Direction) -> list[ElementDef]:
    """The elements that travel this way."""
    context, *answers = description.headers
    if direction is Direction.REQUEST:
        return [*(one.request for one in description.operations), context]
    return [*(one.response for one in description.operations), *answers]


def written(element: ElementDef, namespace: str, tree: Tree) -> etree._Element:
    return etree.fromstring(compile_element(element, namespace)(tree))


@given(data=st.data())
@settings(law, max_examples=15)
def test_nothing_is_called_compatible_that_is_not(data: DataObject) -> None:
    """However a contract changes: an old request that is refused now is told as breaking, and a new answer that an
    old schema refuses is at least told to those who validate."""
    compatible_is_valid(data, original(), original_schema(), data.draw(mutants(original())).description)


@given(data=st.data())
@settings(law, max_examples=250)
def test_no_single_change_is_called_compatible_that_is_not(data: DataObject) -> None:
    """The same with one change at a time, so that no other change speaks for it."""
    compatible_is_valid(data, little(), original_schema(small=True), data.draw(mutants(little(), most=1)).description)


@pytest.mark.long
@given(data=st.data())
@settings(law, max_examples=3000, derandomize=False, phases=[Phase.generate])
def test_nothing_is_called_compatible_that_is_not_in_the_long_run(data: DataObject) -> None:
    """The same with up to four changes at a time, 3,000 times."""
    compatible_is_valid(data, original(), original_schema(), data.draw(mutants(original(), most=4)).description)


def compatible_is_valid(
    data: DataObject, old: Description, published: tuple[bytes, etree.XMLSchema], new: Description
) -> None:
    """The law for one changed contract: the fewest, the most and any of what each of its messages may hold."""
    raw = xsd.write(new)
    changes = differences(read(published[0]), read(raw))
    schema = etree.XMLSchema(etree.fromstring(raw))
    for direction, sender, receiver in ((Direction.REQUEST, old, schema), (Direction.ANSWER, new, published[1])):
        elements = travelling(sender, direction)
        chosen = data.draw(st.sampled_from(elements))
        samples = [(one, tree(one.type)) for one in elements for tree in (fewest, most)]
        for element, sample in [*samples, (chosen, data.draw(messages(chosen.type)))]:
            if not receiver.validate(written(element, sender.namespace, sample)):
                assert worst(one for one in changes if one.direction is direction) is not Effect.COMPATIBLE
                if direction is Direction.REQUEST:
                    assert worst(changes) is Effect.BREAKING


@given(data=st.data())
@settings(law, max_examples=20)
def test_every_change_of_what_is_valid_is_found(data: DataObject) -> None:
    """Whatever is different in a schema, there is a change that says so; where nothing is, there is none."""
    mutant = data.draw(mutants(original(), most=1))
    raw = xsd.write(mutant.description)
    changes = differences(read(original_schema()[0]), read(raw))
    assert bool(changes) == (raw != original_schema()[0]), mutant.told
    assert differences(read(raw), read(raw)) == ()


@given(data=st.data())
@settings(law, max_examples=10)
def test_a_code_that_goes_or_comes_is_found(data: DataObject) -> None:
    """A code taken out of a list or put into one is told with its name, in the direction in which it travels."""
    raw = original_schema()[0]
    found = list(_CODES.finditer(raw))
    gone = data.draw(st.sampled_from(found))
    shorter = raw[: gone.start()] + raw[gone.end() :]
    code = gone[1].decode()
    assert {(c.rule.name, c.old) for c in differences(read(raw), read(shorter))} == {("answer-code-removed", code)}
    assert {(c.rule.name, c.new) for c in differences(read(shorter), read(raw))} == {("answer-code-added", code)}


@given(data=st.data())
@settings(law, max_examples=12)
def test_whatever_an_agreement_gives_or_takes_is_told(data: DataObject) -> None:
    """Fields of the agreement that go or come: each is told by its path in every answer that had or gets it."""
    terms = agreement(APPLICATION)
    optional = [path for path in terms.fields if path != "personenkennung"]
    gone = frozenset(data.draw(st.lists(st.sampled_from(optional), min_size=1, max_size=3, unique=True)))
    fewer = replace(terms, fields=tuple(path for path in terms.fields if path not in gone))
    short, long = (read(compile_contract(one, city()).xsd) for one in (fewer, terms))
    for changes, rules in (
        (differences(long, short), {"answer-element-removed", "answer-mandatory-removed"}),
        (differences(short, long), {"answer-element-inserted", "answer-element-appended"}),
    ):
        told = {place for change in changes if change.rule.name in rules for place in change.places}
        assert worst(changes) is not Effect.COMPATIBLE
        for answer in ("personAbrufenResponse", "bestandAbrufenResponse", "aenderungenAbrufenResponse/aenderung"):
            paths = {
                place.removeprefix(f"{answer}/person/").replace("/", ".") for place in told if place.startswith(answer)
            }
            assert all(any(path == one or path.startswith(f"{one}.") for one in paths) for path in gone)
