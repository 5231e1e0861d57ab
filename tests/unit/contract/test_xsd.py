"""The published schema: what it must contain, what it must never contain, and that it is reproducible."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest
import xmlschema
from lxml import etree

from gateway.contract import xsd
from gateway.contract.compiled import compile_contract
from gateway.contract.describe import describe_model
from gateway.contract.facets import din_pattern
from gateway.model import codelists, din91379
from gateway.model.types import Code
from tests.unit.contract.sample import APPLICATIONS, agreement, city, contract

XS = "{http://www.w3.org/2001/XMLSchema}"
_PRINT_BYTES = """
import hashlib
from tests.unit.contract.sample import APPLICATIONS, contract
for name in APPLICATIONS:
    c = contract(name)
    print(hashlib.sha256(c.xsd + c.wsdl + c.wsdl_soap11).hexdigest())
"""


@pytest.mark.parametrize("application", APPLICATIONS)
def test_no_construct_that_old_generators_stumble_over(application: str) -> None:
    """No import, choice, union, list, any, nillable, xs:integer, extension or character class subtraction."""
    schema = etree.fromstring(contract(application).xsd)
    used = {etree.QName(element).localname for element in schema.iter("*")}
    assert not used & {
        "import",
        "include",
        "choice",
        "union",
        "list",
        "any",
        "anyAttribute",
        "all",
        "extension",
        "group",
    }
    assert not schema.xpath("//@nillable")
    assert not schema.xpath("//@type[.='xs:integer' or .='xs:decimal']")
    din = {din_pattern(datatype) for datatype in "ABC"}
    patterns = {str(element.get("value")) for element in schema.iter(f"{XS}pattern")}
    assert not [p for p in patterns - din if re.search(r"\[[^\]]*-\[|\\[dDpPiIcCwWsS]", p)]


@pytest.mark.parametrize("application", APPLICATIONS)
def test_two_engines_compile_it(application: str) -> None:
    """libxml2 and xmlschema both take the schema as valid XSD 1.0."""
    raw = contract(application).xsd
    assert etree.XMLSchema(etree.fromstring(raw))
    built = xmlschema.XMLSchema10(raw.decode().partition("\n")[2])
    assert set(built.elements) == {element.name for element in contract(application).description.elements}


@pytest.mark.parametrize("application", APPLICATIONS)
def test_everything_is_documented_in_german(application: str) -> None:
    """Every named type and every element carries a documentation that says something."""
    schema = etree.fromstring(contract(application).xsd)
    named = [e for kind in ("element", "complexType", "simpleType") for e in schema.iter(XS + kind) if e.get("name")]
    for element in named:
        text = element.findtext(f"{XS}annotation/{XS}documentation")
        assert text, element.get("name")
        assert not re.search(r"\b(the|and|which|of)\b", text), text


def test_the_hash_is_of_the_schema_with_the_field_empty() -> None:
    """The printed hash is the SHA-256 of the bytes without it, and any other change shows."""
    published = contract("wohnung2000")
    blank = published.xsd.replace(published.hash.encode(), b"", 1)
    assert hashlib.sha256(blank).hexdigest() == published.hash == xsd.contract_hash(published.xsd)
    assert published.xsd.count(published.hash.encode()) == 1
    assert xsd.contract_hash(published.xsd.replace(b"Familienname", b"Nachname", 1)) != published.hash


def test_another_field_is_another_contract() -> None:
    """Dropping one granted field changes the hash; nothing else of the agreement that is not published does."""
    terms = agreement("wohnung2000")
    fewer = compile_contract(replace(terms, fields=tuple(f for f in terms.fields if f != "rufname")), city())
    assert fewer.hash != contract("wohnung2000").hash
    assert b"rufname" not in fewer.xsd
    assert compile_contract(replace(terms, version=77), city()).xsd == contract("wohnung2000").xsd


def test_the_bytes_do_not_depend_on_the_hash_seed() -> None:
    """Law 7: XSD and WSDLs are the same bytes under any PYTHONHASHSEED."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", _PRINT_BYTES],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(digests) == 1
    assert len(digests.pop().split()) == len(APPLICATIONS)


@pytest.mark.parametrize("datatype", ["A", "B", "C"])
def test_the_din_pattern_is_unchanged(datatype: str) -> None:
    """The inlined DIN 91379 datatypes are KoSIT's expressions, character by character."""
    published = contract("sozialamt").xsd
    schema = etree.fromstring(published)
    found = schema.find(f"{XS}simpleType[@name='Datentyp{datatype}']/{XS}restriction/{XS}pattern")
    assert found is not None
    assert found.get("value") == din_pattern(datatype)
    assert len(din_pattern(datatype)) > 500
    assert b"\r" not in published
    assert b"\t" not in published


def test_code_types_are_xoev_type_1() -> None:
    """A code is one child `code`, enumerated, with list and version as fixed, optional attributes."""
    published = contract("sozialamt")
    schema = etree.fromstring(published.xsd)
    for simple in published.description.simple_types:
        if not isinstance(simple, Code):
            continue
        codelist = codelists.load(simple.codelist)
        code = schema.find(f"{XS}complexType[@name='{simple.name}']")
        assert code is not None
        assert [e.get("name") for e in code.iter(f"{XS}element")] == ["code"]
        fixed = {a.get("name"): (a.get("fixed"), a.get("use")) for a in code.iter(f"{XS}attribute")}
        assert fixed == {"listURI": (codelist.uri, "optional"), "listVersionID": (codelist.version, "optional")}
        values = schema.findall(f"{XS}simpleType[@name='{simple.name}Wert']/{XS}restriction/{XS}enumeration")
        assert [value.get("value") for value in values] == list(codelist.codes)
        labelled = [value for value in values if len(value)]
        assert len(labelled) == (len(values) if len(values) <= xsd.LABELLED else 0)


def test_the_model_schema_compiles_and_takes_every_letter() -> None:
    """The schema for readers is valid, and its name type takes what DIN 91379 allows."""
    raw = xsd.write(describe_model(city()))
    assert etree.XMLSchema(etree.fromstring(raw))
    assert din91379.accepts("A", "M\u0302")


def test_attribute_values_survive_the_parser() -> None:
    """Quotes, markup, line ends and letters outside ASCII come back as they were."""
    text = "a\"b'<&>\t\n\rÄM\u0302"
    assert etree.fromstring(f"<a b={xsd.quoted(text)}/>").get("b") == text
