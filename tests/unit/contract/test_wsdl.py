"""The published WSDL: what old and new generators need, and that only the address changes when it is served."""

from __future__ import annotations

import difflib
from collections import Counter
from pathlib import Path

import pytest
import zeep
from lxml import etree

from gateway.contract import wsdl
from gateway.contract.xsd import without_declaration
from gateway.errors import ContractError
from tests.unit.contract.sample import APPLICATIONS, contract

W = "{http://schemas.xmlsoap.org/wsdl/}"
SOAP11 = "{http://schemas.xmlsoap.org/wsdl/soap/}"
SOAP12 = "{http://schemas.xmlsoap.org/wsdl/soap12/}"
NAMES = {"w": W[1:-1], "s": SOAP11[1:-1], "t": SOAP12[1:-1]}


@pytest.mark.parametrize("application", APPLICATIONS)
def test_zeep_sees_every_operation_on_both_ports(application: str, tmp_path: Path) -> None:
    """A real client loads the WSDL and finds each agreed operation under SOAP 1.1 and 1.2."""
    published = contract(application)
    file = tmp_path / "service.wsdl"
    file.write_bytes(published.wsdl)
    (service,) = zeep.Client(str(file)).wsdl.services.values()
    assert len(service.ports) == 2
    for port in service.ports.values():
        assert set(port.binding.all()) == {operation.value for operation in published.operations}


def test_zeep_unwraps_request_and_response(tmp_path: Path) -> None:
    """The wrapped style is recognised: a request has its fields as parameters, not one wrapper object."""
    file = tmp_path / "service.wsdl"
    file.write_bytes(contract("wohnung2000").wsdl_soap11)
    client = zeep.Client(str(file))
    signature = client.service._binding.get("personAbrufen").input.signature()
    assert signature.startswith("personenkennung: ")


@pytest.mark.parametrize("application", APPLICATIONS)
def test_document_literal_wrapped(application: str) -> None:
    """Each operation's messages have one part named `parameters`; headers and the fault have messages of their own."""
    tree = etree.fromstring(contract(application).wsdl)
    parts = {
        m.get("name"): [(p.get("name"), p.get("element")) for p in m.iter(f"{W}part")] for m in tree.iter(f"{W}message")
    }
    for operation in tree.find(f"{W}portType").iter(f"{W}operation"):
        name = operation.get("name")
        for direction, element in (("input", name), ("output", f"{name}Response")):
            message = operation.find(f"{W}{direction}").get("message").removeprefix("tns:")
            assert parts[message] == [("parameters", f"tns:{element}")]
        assert [f.get("name") for f in operation.iter(f"{W}fault")] == ["fehler"]
        assert operation.findtext(f"{W}documentation")
    assert parts["FehlerNachricht"] == [("fehler", "tns:fehler")]
    for kind, header in (("input", "abrufkontext"), ("output", "quittung")):
        blocks = tree.xpath(f"//w:{kind}/*[local-name()='header']", namespaces=NAMES)
        assert len(blocks) == 2 * len(contract(application).operations)
        assert {(b.get("part"), b.get("use")) for b in blocks} == {(header, "literal")}
        assert all((header, f"tns:{header}") in parts[b.get("message").removeprefix("tns:")] for b in blocks)


@pytest.mark.parametrize("application", APPLICATIONS)
def test_all_names_are_distinct(application: str) -> None:
    """Messages, port type, bindings, ports, service and the schema's types never share a name, whatever its case."""
    tree = etree.fromstring(contract(application).wsdl)
    kinds = ("message", "portType", "binding", "port", "service")
    names = [element.get("name") for kind in kinds for element in tree.iter(W + kind)]
    description = contract(application).description
    names += [group.name for group in description.groups] + [simple.name for simple in description.simple_types]
    assert [name for name, count in Counter(name.lower() for name in names).items() if count > 1] == []


@pytest.mark.parametrize("application", APPLICATIONS)
def test_one_service_soap_11_first(application: str) -> None:
    """One service with two ports, SOAP 1.1 first; the variant for old generators has one and does not name SOAP 1.2."""
    tree = etree.fromstring(contract(application).wsdl)
    (service,) = tree.iter(f"{W}service")
    assert [address.tag for address in service.xpath("w:port/*", namespaces=NAMES)] == [
        f"{SOAP11}address",
        f"{SOAP12}address",
    ]
    old = contract(application).wsdl_soap11
    assert b"soap12" not in old
    assert b"/wsdl/soap12/" not in old
    assert len(list(etree.fromstring(old).iter(f"{W}port"))) == 1


def test_soap_actions_are_absolute_and_distinct() -> None:
    """Every operation has an absolute URI of its own as SOAPAction, the same in both bindings."""
    published = contract("wohnung2000")
    tree = etree.fromstring(published.wsdl)
    for namespace in (SOAP11, SOAP12):
        actions = [element.get("soapAction") for element in tree.iter(f"{namespace}operation")]
        assert actions == [wsdl.soap_action(published.namespace, o.value) for o in published.operations]
        assert len(set(actions)) == len(actions)
        assert all(action.startswith("urn:") for action in actions)


@pytest.mark.parametrize("application", APPLICATIONS)
def test_the_schema_stands_inline_unchanged(application: str) -> None:
    """What `?xsd` serves is byte for byte what the WSDL contains."""
    published = contract(application)
    for text in (published.wsdl, published.wsdl_soap11):
        assert text.count(without_declaration(published.xsd)) == 1
    assert published.hash.encode() in published.wsdl


def test_what_a_header_must_hold_is_documented() -> None:
    """The mandatory parts of `abrufkontext` stand in the documentation of the operation."""
    tree = etree.fromstring(contract("wohnung2000").wsdl)
    (text,) = tree.xpath("//w:portType/w:operation[@name='personAbrufen']/w:documentation/text()", namespaces=NAMES)
    assert "aktenzeichen" in text


def test_serving_changes_only_the_address() -> None:
    """Only the location attributes differ, one per port, and the URL is written as XML."""
    published = contract("wohnung2000")
    served = wsdl.with_address(published.wsdl, "https://fldm.example/a&b/")
    before, after = published.wsdl.decode().splitlines(), served.decode().splitlines()
    changed = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
    assert len(changed) == 4
    locations = [a.get("location") for n in (SOAP11, SOAP12) for a in etree.fromstring(served).iter(f"{n}address")]
    assert locations == ["https://fldm.example/a&b/soap/wohnung2000/1"] * 2


@pytest.mark.parametrize("hostile", ['https://x/"><evil/>', "https://x/\\1", "https://x/\\g<1>"])
def test_an_address_cannot_break_out(hostile: str) -> None:
    """Whatever stands in the public URL stays text of the attribute."""
    served = wsdl.with_address(contract("wohnung2000").wsdl, hostile)
    locations = {a.get("location") for a in etree.fromstring(served).iter(f"{SOAP11}address")}
    assert locations == {f"{hostile}/soap/wohnung2000/1"}


def test_a_foreign_wsdl_is_not_served() -> None:
    """A WSDL that does not carry the published address is refused instead of served as it is."""
    with pytest.raises(ContractError):
        wsdl.with_address(b"<wsdl:definitions/>", "https://fldm.example")
    served = wsdl.with_address(contract("wohnung2000").wsdl, "https://fldm.example")
    with pytest.raises(ContractError):
        wsdl.with_address(served, "https://other.example")
