"""Each rule of contract evolution: one change to a small contract of our own generator, and nothing else is told."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.agreements.operation import Operation
from gateway.contract import xsd
from gateway.contract.change import STACKS, Change, Effect, worst
from gateway.contract.change_rules import RULES, table
from gateway.contract.comparing import differences
from gateway.contract.evolution import compared
from gateway.contract.published import read
from gateway.errors import ContractError
from gateway.model.types import Whole
from tests.unit.contract.small import (
    ASKED,
    BASE,
    NUMBER,
    TOLD,
    TOLD_NUMBER,
    TOLD_WORD,
    WORD,
    asked,
    description,
    edited,
    field,
    told,
    written,
)

NEW, NEW_TOLD = field("neu", WORD, 0), field("neu", TOLD_WORD, 0)
MORE = written(description(more=(Operation.DIENSTAUSKUNFT,)))
ONE_PORT = written(description(), soap12=False)
SCHEMA = xsd.write(description())
LONG = Whole("AntwortZahl", "Eine Zahl", 1, 2**40)


def of(side: str, old: str, new: str) -> bytes:
    """A text changed in the types that are only asked (`Frage`) or only told (`Antwort`), once each."""
    raw, count = re.subn(
        rf'(Type name="{side}[^"]*">(?:(?!Type name=).)*?){re.escape(old)}'.encode(),
        rb"\g<1>" + new.encode(),
        BASE,
        flags=re.DOTALL,
    )
    assert count, old
    return raw


def with_fields(side: str, name: str, **changes: object) -> bytes:
    """One field of request or answer changed."""
    fields = tuple(replace(one, **changes) if one.name == name else one for one in (ASKED if side == "Frage" else TOLD))  # type: ignore[arg-type] # whichever the test names
    return asked(*fields) if side == "Frage" else told(*fields)


def without_lines(*patterns: str) -> bytes:
    """The WSDL without the lines that hold one of these."""
    return b"\n".join(line for line in BASE.split(b"\n") if not any(one.encode() in line for one in patterns))


VERSION = ' fixed="1"/>'
CODE = '      <xs:enumeration value="w">'
ATTRIBUTE = '    <xs:attribute name="listURI"'
OPTIONAL = '<xs:attribute name="neu" type="xs:string" use="optional"/>\n'

# What is new, the rule from the small contract to it, and the rule of the way back.
CASES: tuple[tuple[bytes, str, str], ...] = (
    (asked(*ASKED, NEW), "request-element-added", "request-element-removed"),
    (asked(NEW, *ASKED), "request-element-added", "request-element-removed"),
    (asked(*ASKED, replace(NEW, minimum=1)), "request-mandatory-added", "request-element-removed"),
    (with_fields("Frage", "wort", minimum=0), "request-minimum-lowered", "request-minimum-raised"),
    (with_fields("Frage", "zahl", maximum=None), "request-maximum-raised", "request-maximum-lowered"),
    (asked(ASKED[1], ASKED[0], ASKED[2]), "request-order-changed", "request-order-changed"),
    (of("FrageZahl", 'base="xs:int"', 'base="xs:string"'), "request-type-changed", "request-type-changed"),
    (with_fields("Frage", "zahl", type=replace(NUMBER, maximum=99)), "request-values-wider", "request-values-narrower"),
    (of("FrageWort", "{2,8}", "{1,8}"), "request-values-wider", "request-values-narrower"),
    (of("FrageWort", "{2,8}", "{2,8}|[0-9]"), "request-values-wider", "request-values-narrower"),
    (of("FrageZahl", '<xs:minInclusive value="1"/>', ""), "request-values-wider", "request-values-narrower"),
    (
        of("FrageZahl", "</xs:restriction>", '<xs:totalDigits value="1"/></xs:restriction>'),
        "request-values-narrower",
        "request-values-wider",
    ),
    (
        of("FrageArtWert", CODE, CODE.replace("w", "n", 1).replace(">", "/>") + "\n" + CODE),
        "request-code-added",
        "request-code-removed",
    ),
    (of("FrageArt", VERSION, ' fixed="2"/>'), "request-list-changed", "request-list-changed"),
    (of("FrageArt", VERSION, "/>"), "request-list-freed", "request-values-narrower"),
    (of("FrageArt", ATTRIBUTE, OPTIONAL + ATTRIBUTE), "request-attribute-added", "request-attribute-tightened"),
    (of("FrageArt", 'use="optional"', 'use="required"'), "request-attribute-tightened", "request-attribute-loosened"),
    (told(*TOLD, NEW_TOLD), "answer-element-appended", "answer-element-removed"),
    (told(*TOLD, replace(NEW_TOLD, minimum=1)), "answer-element-appended", "answer-mandatory-removed"),
    (told(TOLD[0], NEW_TOLD, *TOLD[1:]), "answer-element-inserted", "answer-element-removed"),
    (with_fields("Antwort", "wort", minimum=0), "answer-minimum-lowered", "answer-minimum-raised"),
    (with_fields("Antwort", "zahl", maximum=2), "answer-becomes-list", "answer-maximum-lowered"),
    (told(TOLD[1], TOLD[0], *TOLD[2:]), "answer-order-changed", "answer-order-changed"),
    (of("AntwortZahl", 'base="xs:int"', 'base="xs:string"'), "answer-type-changed", "answer-type-changed"),
    (
        with_fields("Antwort", "zahl", type=replace(TOLD_NUMBER, maximum=99)),
        "answer-values-wider",
        "answer-values-narrower",
    ),
    (of("AntwortWort", "{2,8}", "{2,9}"), "answer-values-wider", "answer-values-narrower"),
    (
        of("AntwortArtWert", CODE, CODE.replace("w", "n", 1).replace(">", "/>") + "\n" + CODE),
        "answer-code-added",
        "answer-code-removed",
    ),
    (of("AntwortArt", VERSION, ' fixed="2"/>'), "answer-list-changed", "answer-list-changed"),
    (of("AntwortArt", VERSION, "/>"), "answer-list-freed", "answer-values-narrower"),
    (of("AntwortArt", ATTRIBUTE, OPTIONAL + ATTRIBUTE), "answer-attribute-added", "answer-attribute-tightened"),
    (of("AntwortArt", 'use="optional"', 'use="required"'), "answer-attribute-tightened", "answer-attribute-loosened"),
    (MORE, "operation-added", "operation-removed"),
    (edited('elementFormDefault="qualified"', 'elementFormDefault="unqualified"'), "form-changed", "form-changed"),
    (
        edited('name="parameters" element="tns:personSuchen"', 'name="body" element="tns:personSuchen"'),
        "part-renamed",
        "part-renamed",
    ),
    (edited("PersonSuchenAnfrage", "Suchanfrage"), "message-renamed", "message-renamed"),
    (
        edited('name="parameters" element="tns:personSuchenResponse"', 'name="parameters" element="tns:quittung"'),
        "message-element-changed",
        "message-element-changed",
    ),
    (without_lines(":AbrufkontextNachricht"), "request-header-removed", "request-header-added"),
    (without_lines(":QuittungNachricht"), "answer-header-removed", "answer-header-added"),
    (written(description(required=("aktenzeichen",))), "header-part-required", "header-part-optional"),
    (without_lines(":FehlerNachricht"), "fault-removed", "fault-added"),
    (edited('soapAction="urn:klein:1:personSuchen"', 'soapAction=""'), "action-changed", "action-changed"),
    (edited('<soap:body use="literal"/>', '<soap:body use="encoded"/>'), "wire-changed", "wire-changed"),
    (ONE_PORT, "port-removed", "port-added"),
    (edited("KleinDienst", "Dienst"), "service-renamed", "service-renamed"),
    (edited("KleinSoap11Binding", "Soap11Binding"), "service-renamed", "service-renamed"),
    (
        edited("https://gateway.invalid/soap/klein/1", "https://gateway.koeln.de/soap/neu/1"),
        "address-changed",
        "address-changed",
    ),
    (edited("FrageWort", "FrageWoerter"), "type-renamed", "type-renamed"),
    (edited(">Suche.<", ">Suchen.<"), "documentation-changed", "documentation-changed"),
    (edited(">Angabe<", ">Andere Angabe<"), "documentation-changed", "documentation-changed"),
)
UNBOUNDED = with_fields("Antwort", "zahl", maximum=None)
PAIRS: tuple[tuple[bytes, bytes, str], ...] = (
    *((BASE, new, rule) for new, rule, _ in CASES),
    *((new, BASE, rule) for new, _, rule in CASES),
    (with_fields("Antwort", "zahl", maximum=2), UNBOUNDED, "answer-maximum-raised"),
    (BASE, with_fields("Antwort", "zahl", type=LONG), "answer-type-changed"),
    (SCHEMA, xsd.write(description(more=(Operation.DIENSTAUSKUNFT,))), "element-added"),
    (xsd.write(description(more=(Operation.DIENSTAUSKUNFT,))), SCHEMA, "element-removed"),
)


def rules(old: bytes, new: bytes) -> set[str]:
    """The names of the rules that the change falls under."""
    return {change.rule.name for change in differences(read(old), read(new))}


@pytest.mark.parametrize(("old", "new", "rule"), PAIRS, ids=[f"{n}-{rule}" for n, (_, _, rule) in enumerate(PAIRS)])
def test_a_change_falls_under_its_rule_and_no_other(old: bytes, new: bytes, rule: str) -> None:
    """Every single change is told once, under its rule, in one sentence in each language."""
    assert rules(old, new) == {rule}
    for change in differences(read(old), read(new)):
        for sentence in (change.english(), change.german()):
            assert sentence.endswith(".")
            assert "{" not in sentence.replace("{2,8}", "").replace("{1,8}", "").replace("{2,9}", "")
            assert "\n" not in sentence


def test_no_rule_is_without_its_test() -> None:
    """Every rule is reached by one of the changes above, or by a test of its own below."""
    elsewhere = {"contract-added", "contract-removed", "namespace-changed", "port-order-changed"}
    assert {rule for _, _, rule in PAIRS} | elsewhere == set(RULES)


def test_another_major_is_another_namespace_and_nothing_that_follows_from_it() -> None:
    """SOAPActions and addresses change along with the namespace; that is told once."""
    assert rules(BASE, written(description(major=2))) == {"namespace-changed"}


def test_the_first_port_is_what_clients_take() -> None:
    """Ports in another order: who names none speaks another SOAP version."""
    ports = re.findall(rb"  <wsdl:port name=.*?</wsdl:port>\n", BASE, re.DOTALL)
    turned = BASE.replace(b"".join(ports), b"".join(reversed(ports)))
    assert rules(BASE, turned) == {"port-order-changed"}


def test_contracts_come_and_go() -> None:
    """Of two sets of contracts those that are in one of them only are told."""
    one, other = {"xsd": SCHEMA}, {"xsd": xsd.write(description(major=2))}
    found = compared({"klein-1": one}, {"klein-1": one, "klein-2": other})
    assert {name: [change.rule.name for change in changes] for name, changes in found.items()} == {
        "klein-1": [],
        "klein-2": ["contract-added"],
    }
    gone = compared({"klein-1": one, "klein-2": other}, {"klein-2": other})
    assert worst(gone["klein-1"]) is Effect.BREAKING


def test_served_is_published() -> None:
    """The same WSDL with the public address of an installation is no change."""
    served = edited("https://gateway.invalid/soap", "https://gateway.koeln.de/soap")
    assert differences(read(BASE), read(served)) == ()


def test_a_renamed_element_is_recognised_and_still_breaks() -> None:
    """A rename is a removal and an addition; both the old and the probable new name are said."""
    renamed = told(*(replace(one, name="kennwort") if one.name == "ende" else one for one in TOLD))
    gone = next(one for one in differences(read(BASE), read(renamed)) if one.rule.name == "answer-mandatory-removed")
    assert gone.effect is Effect.BREAKING
    assert "probably renamed to kennwort" in gone.english()
    assert "vermutlich umbenannt in kennwort" in gone.german()


def test_who_breaks_is_named() -> None:
    """A change that only strict clients stumble over names them."""
    (change,) = differences(read(BASE), read(told(*TOLD, NEW_TOLD)))
    assert change.effect is Effect.TOLERANT
    assert {"Apache CXF", "zeep"} <= set(change.rule.breaks)
    assert all(rule.breaks for rule in RULES.values() if rule.effect is Effect.TOLERANT)
    assert not any(rule.breaks for rule in RULES.values() if rule.effect is Effect.COMPATIBLE)
    products = {".NET", "JAX-WS", "PHP", "Perl", "zeep", "node soap", "Apache CXF", "Axis 1", "Axis 2"}
    assert {one for rule in RULES.values() for one in rule.breaks} == products | STACKS.keys()


def test_the_same_facet_goes_both_ways() -> None:
    """What is narrower breaks who asks and nobody who is told; what is wider the other way round."""
    effects = {name: rule.effect for name, rule in RULES.items()}
    assert effects["request-values-narrower"] is Effect.BREAKING
    assert effects["answer-values-narrower"] is Effect.COMPATIBLE
    assert effects["request-values-wider"] is Effect.COMPATIBLE
    assert effects["answer-values-wider"] is Effect.TOLERANT


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[a-z]{2,8}", "[a-y]{2,8}"),
        ("[a-z]{2,8}", "[a-z]{2,8}[a-z]?"),
        ("[a-z]{2,8}", "([a-z]{2,8})"),
        ("[a-z]{2,8}", "[a-z-[b]]{2,8}"),
        ("[a-z]{2,8}", "[{2,8}]{2,8}"),
    ],
)
def test_what_cannot_be_proven_counts_as_both(old: str, new: str) -> None:
    """A pattern that is neither the same nor looser in its bounds or alternatives alone may refuse old values."""
    assert rules(BASE, of("FrageWort", old, new)) == {"request-values-narrower", "request-values-wider"}


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("<xs:sequence>", "<xs:choice>", "choice"),
        ('type="tns:FrageWort"', 'type="tns:FrageWort" nillable="true"', "nillable"),
        ('type="tns:FrageWort"', 'ref="tns:fehler"', "ref"),
        ('<xs:pattern value="[a-z]{2,8}"/>', '<xs:assertion test="1"/>', "assertion"),
        ('<xs:restriction base="xs:string">', '<xs:restriction base="tns:Fehlt">', "Fehlt"),
    ],
)
def test_what_is_not_understood_is_refused(old: str, new: str, named: str) -> None:
    """A construct that our generator never publishes is named, not passed over."""
    raw = edited(old, new)
    raw = raw.replace(b"</xs:sequence>", b"</xs:choice>") if named == "choice" else raw
    with pytest.raises(ContractError, match=named):
        read(raw)


@pytest.mark.parametrize("raw", [b"", b"<x/>", b"no xml", b"<!DOCTYPE x []><x/>"])
def test_what_is_no_contract_is_refused(raw: bytes) -> None:
    """Neither XSD nor WSDL, in one sentence."""
    with pytest.raises(ContractError, match="neither XSD nor WSDL"):
        read(raw)


def test_an_unknown_element_is_looked_at_both_ways() -> None:
    """Without a WSDL an element whose name does not tell its direction is compared in both."""
    lone = SCHEMA.replace(b'name="personSuchenResponse"', b'name="anders"').replace(
        b'name="personSuchen"', b'name="nochwas"'
    )
    found: tuple[Change, ...] = differences(read(lone), read(lone.replace(b"{2,8}", b"{2,9}")))
    assert {one.rule.name for one in found} == {"request-values-wider", "answer-values-wider"}


def test_the_published_table_is_the_rules() -> None:
    """docs/contract-evolution.md ends with exactly the rules that are applied."""
    text = (Path(__file__).parents[3] / "docs" / "contract-evolution.md").read_text("utf-8")
    assert text.endswith("\n" + "\n".join(table()) + "\n")
