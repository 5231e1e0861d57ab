"""The renderer: exclusive-canonical bytes, and closed against everything the contract does not say."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest

from gateway.agreements.operation import Operation
from gateway.agreements.projection import Part
from gateway.contract import renderer
from gateway.contract.compiled import Contract
from gateway.contract.description import ComplexTypeDef
from gateway.contract.fragment import person_writer
from gateway.errors import ContractError
from gateway.model.types import Fragment, Tree
from gateway.store.fragments import STORED
from gateway.wire.xml import ANSWER_LIMITS, canonical, parse
from tests.unit.contract.sample import APPLICATIONS, contract, full, minimal, response

SINGLE = Operation.PERSON_ABRUFEN
SECRET = "Geheimname"


def person_answer(application: str = "wohnung2000") -> Tree:
    """A full answer of personAbrufen."""
    return full(response(contract(application), SINGLE).type)


@pytest.mark.parametrize("sample", [full, minimal])
@pytest.mark.parametrize("application", APPLICATIONS)
def test_every_response_is_canonical_and_valid(application: str, sample: Callable[[ComplexTypeDef], Tree]) -> None:
    """Each response, full or minimal, is what canonicalisation of its parse gives, and valid against its own XSD."""
    published = contract(application)
    for item in published.description.operations:
        rendered = published.render(item.operation, sample(item.response.type))
        assert canonical(parse(rendered, limits=ANSWER_LIMITS).root) == rendered
        published.check_answer(rendered)


@pytest.mark.parametrize("sample", [full, minimal])
@pytest.mark.parametrize("application", APPLICATIONS)
def test_a_fragment_is_what_would_be_written(application: str, sample: Callable[[ComplexTypeDef], Tree]) -> None:
    """A person written before, with the store's fields added when it is told, gives the same bulk answer."""
    published = contract(application)
    writer = person_writer(published, STORED)
    if writer is None:
        assert Operation.BESTAND_ABRUFEN not in published.operations
        return
    tree = sample(response(published, Operation.BESTAND_ABRUFEN).type)
    person = sample(person_type(published))
    rest = {name: person[name] for name in STORED if name in person}
    begun = writer.write([Part(name, value) for name, value in person.items() if name not in rest])
    values = tuple(value.encode() if isinstance(value, str) else value for value in rest.values())
    written = Fragment(begun.encode(), writer.ending(frozenset(rest)) % values)
    whole = [published.render(Operation.BESTAND_ABRUFEN, tree | {"person": [one, one]}) for one in (person, written)]
    assert whole[0] == whole[1]
    published.check_answer(whole[1])


def person_type(published: Contract) -> ComplexTypeDef:
    """The person of bulk answers."""
    fields = response(published, Operation.BESTAND_ABRUFEN).type.fields
    (found,) = [field.type for field in fields if field.name == "person"]
    assert isinstance(found, ComplexTypeDef)
    return found


def test_a_fragment_ends_where_the_stores_fields_begin() -> None:
    """If they are not the last fields of a person, in their order, no fragments are written."""
    assert person_writer(contract("wohnung2000"), STORED) is not None
    assert person_writer(contract("wohnung2000"), tuple(reversed(STORED))) is None
    assert person_writer(contract("wohnung2000"), ("familienname",)) is None


def test_a_fragment_says_nothing_else() -> None:
    """Behind its text there are fields of the group and no others; what is wrong in it is refused as ever."""
    published = contract("wohnung2000")
    writer = person_writer(published, STORED)
    assert writer is not None
    with pytest.raises(ContractError):
        writer.ending(frozenset({"unbekannt"}))
    whole = full(person_type(published))
    begun = writer.write([Part(name, value) for name, value in whole.items() if name not in STORED]).encode()
    right, ending = b"2026-11-23T07:10:00Z", writer.ending(frozenset(STORED))

    def answered(rest: bytes) -> None:
        tree = full(response(published, Operation.BESTAND_ABRUFEN).type) | {"person": [Fragment(begun, rest)]}
        published.check_answer(published.render(Operation.BESTAND_ABRUFEN, tree))

    answered(ending % (right, 1))
    with pytest.raises(ContractError):
        answered(b"")
    for wrong in (b"", b"<b></b>", b"2026-11-23T07:10:00", right + b"<!---->", b"&#50;026-11-23T07:10:00Z", b"\x00"):
        with pytest.raises(ContractError):
            answered(ending % (wrong, 1))


def test_header_and_fault_are_canonical_and_valid() -> None:
    """The same holds for quittung and fehler."""
    published = contract("wohnung2000")
    _, receipt, fault = published.description.headers
    for rendered in (published.render_quittung(full(receipt.type)), published.render_fehler(minimal(fault.type))):
        assert canonical(parse(rendered).root) == rendered
        published.check_answer(rendered)


def test_special_characters_are_escaped_canonically() -> None:
    """Markup characters and a carriage return are written as Canonical XML does, and come back as they were."""
    published = contract("wohnung2000")
    nasty = "a&b<c>d\re\nf\t\"'ÄM\u0302\U0001f600]]>"
    tree = person_answer()
    person = tree["person"]
    assert isinstance(person, dict)
    person["familienname"] = nasty
    rendered = published.render(SINGLE, tree)
    root = parse(rendered).root
    assert canonical(root) == rendered
    assert root.findtext(f".//{{{published.namespace}}}familienname") == nasty


def mutated(change: Callable[[Tree], None]) -> Tree:
    """A full answer with one change in its person."""
    tree = deepcopy(person_answer())
    person = tree["person"]
    assert isinstance(person, dict)
    change(person)
    return tree


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.update(religionszugehoerigkeit=SECRET),
        lambda p: p["geburt"].update(ort=SECRET),
        lambda p: p.update(familienname=None),
        lambda p: p.update(rufname=None),
        lambda p: p.pop("familienname"),
        lambda p: p["anschrift"].pop("art"),
        lambda p: p.update(geburt={}),
        lambda p: p.update(geburt=SECRET),
        lambda p: p.update(staatsangehoerigkeit=SECRET),
        lambda p: p.update(staatsangehoerigkeit=[None]),
        lambda p: p.update(familienname=[SECRET]),
        lambda p: p.update(familienname=17),
        lambda p: p.update(sperrvermerk="true"),
        lambda p: p.update(sperrvermerk=1),
        lambda p: p.update(datensatzversion="1"),
        lambda p: p.update(datensatzversion=True),
        lambda p: p.update(familienname=SECRET + "\x00"),
        lambda p: p.update(familienname=SECRET + "\ud800"),
        lambda p: p.update(familienname=SECRET + "\uffff"),
    ],
)
def test_what_the_contract_does_not_say_is_not_written(change: Callable[[Tree], None]) -> None:
    """Unknown, missing, empty or mistyped: ContractError that names the field, and never a value."""
    tree = mutated(change)
    with pytest.raises(ContractError) as refused:
        contract("wohnung2000").render(SINGLE, tree)
    assert SECRET not in str(refused.value)
    assert "personAbrufenResponse" in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_single_only_field_is_refused_in_bulk() -> None:
    """Renderer and schema of a bulk answer both refuse a field for single queries only."""
    published = contract("sozialamt")
    person = full(response(published, SINGLE).type)["person"]
    bulk = full(response(published, Operation.BESTAND_ABRUFEN).type)
    with pytest.raises(ContractError):
        published.render(Operation.BESTAND_ABRUFEN, bulk | {"person": [person]})
    smuggled = published.render(Operation.BESTAND_ABRUFEN, bulk).replace(
        b"<geburt>", b"<aktenzeichenAuslaenderakte>1</aktenzeichenAuslaenderakte><geburt>", 1
    )
    with pytest.raises(ContractError):
        published.check_answer(smuggled)


def test_an_operation_that_is_not_agreed_has_no_renderer() -> None:
    """What is not in the contract cannot be rendered."""
    with pytest.raises(ContractError):
        contract("schulentwicklung").render(Operation.UNSTIMMIGKEIT_MELDEN, {})


def test_more_than_allowed_does_not_pass_the_check() -> None:
    """The renderer does not count repetitions; the schema check behind it refuses a fifth nationality."""
    published = contract("wohnung2000")
    tree = mutated(lambda person: person.update(staatsangehoerigkeit=["000"] * 5))
    with pytest.raises(ContractError):
        published.check_answer(published.render(SINGLE, tree))


def test_each_field_is_made_ready_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However deep it lies: the work of a start grows with the fields of a contract, and not with 2^depth."""
    element, made = response(contract("wohnung2000"), SINGLE), []
    field = renderer._field
    renderer._content.cache_clear()
    monkeypatch.setattr(renderer, "_field", lambda one, path: made.append(path) or field(one, path))
    renderer.compile_element(element, "urn:x")
    assert len(made) == len(set(made)) > 50
