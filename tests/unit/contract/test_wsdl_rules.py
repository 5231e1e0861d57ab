"""The published WSDLs and those of any other agreement keep every named rule; each rule can be broken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from gateway.contract.compiled import compile_contract
from gateway.shipped import wsdl
from tests.unit.contract.basic_profile import broken
from tests.unit.contract.sample import APPLICATIONS, agreement, city, contract
from tests.unit.contract.wsdl_rules import RULES, broken_rules, sentence

PAGE = Path(__file__).parents[3] / "docs" / "wsdl-rules.md"
SERVICE = '<wsdl:service name="Wohnung2000Dienst">'
SCHEMA_END = "</xs:schema>"
DOCUMENTED = "<xs:annotation><xs:documentation>Zusatz</xs:documentation></xs:annotation>"
MUTANTS: dict[str, tuple[str, str]] = {
    "one-service": (SERVICE, f'<wsdl:service name="Zweiter"/>{SERVICE}'),
    "soap-1.1-first": ("<soap:address", "<soap12:address"),
    "distinct-names": ('<wsdl:message name="FehlerNachricht">', '<wsdl:message name="person">'),
    "parts-are-parameters": ('<wsdl:part name="parameters" element="tns:dienstauskunft"/>', '<wsdl:part name="body"/>'),
    "wrappers-are-inline": ('<xs:element name="dienstauskunft">', '<xs:element name="anders">'),
    "headers-and-faults-are-ours": ('element="tns:quittung"', 'element="tns:fehler"'),
    "absolute-actions": ('soapAction="urn:de:koeln:fldm:wohnung2000:1:personAbrufen"', 'soapAction=""'),
    "numbers-are-int-or-long": ('base="xs:int"', 'base="xs:integer"'),
    "no-choice-union-list": ("<xs:sequence>", "<xs:choice/><xs:sequence>"),
    "no-nil-default-mixed": ('<xs:element name="epoche"', '<xs:element nillable="true" name="epoche"'),
    "qualified-elements": ('elementFormDefault="qualified"', 'elementFormDefault="unqualified"'),
    "one-file": ("<wsdl:types>", '<wsdl:import namespace="urn:x" location="x.wsdl"/><wsdl:types>'),
    "plain-names": ('<xs:element name="epoche"', '<xs:element name="gültig"'),
    "german-documentation": (SCHEMA_END, f'<xs:element name="zusatz" type="xs:string"/>{SCHEMA_END}'),
}


@pytest.mark.parametrize("application", APPLICATIONS)
@pytest.mark.parametrize("end", ["wsdl", "soap11.wsdl"])
def test_the_published_files_keep_every_rule(application: str, end: str) -> None:
    """No rule is broken by a committed file."""
    assert broken_rules((wsdl() / f"{application}-1.{end}").read_bytes()) == {}


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_can_be_broken(name: str) -> None:
    """A WSDL that breaks the rule is found out."""
    text = contract("wohnung2000").wsdl.decode()
    old, new = MUTANTS[name]
    assert old in text
    assert name in broken_rules(text.replace(old, new, 1).encode())


@pytest.mark.parametrize(
    "text", ["", "<xs:annotation><xs:documentation>The name of the person</xs:documentation></xs:annotation>"]
)
def test_documentation_is_german(text: str) -> None:
    """Neither no documentation nor an English one passes; a German one does."""
    published = contract("wohnung2000").wsdl.decode()
    for told, expected in ((text, ["german-documentation"]), (DOCUMENTED, [])):
        element = f'<xs:element name="zusatz" type="xs:string">{told}</xs:element>'
        assert list(broken_rules(published.replace(SCHEMA_END, element + SCHEMA_END, 1).encode())) == expected


@given(data=st.data())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_any_agreement_keeps_every_rule(data: DataObject) -> None:
    """Whatever operations and fields are agreed, both files keep the rules, and the one-port file is clean by WS-I."""
    terms = agreement(data.draw(st.sampled_from(APPLICATIONS)))
    operations = data.draw(st.sets(st.sampled_from(list(terms.operations)), min_size=1))
    fields = data.draw(st.sets(st.sampled_from(terms.fields))) | {"personenkennung"} if terms.fields else set()
    changed = replace(
        terms,
        operations={one: terms.operations[one] for one in terms.operations if one in operations},
        fields=tuple(field for field in terms.fields if field in fields),
        single_only=terms.single_only & fields,
    )
    made = compile_contract(changed, city())
    assert broken_rules(made.wsdl) == {}
    assert broken_rules(made.wsdl_soap11) == {}
    assert broken(made.wsdl_soap11) == {}


def test_the_page_tells_every_rule() -> None:
    """docs/wsdl-rules.md has each rule by its name, in its words, and no other."""
    assert set(MUTANTS) == set(RULES)
    told = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert told == [f"| `{name}` | {sentence(name)} |" for name in RULES]
