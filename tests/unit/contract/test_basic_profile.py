"""The published one-port WSDLs keep every requirement of WS-I BP 1.1 that a WSDL shows; each check can fail."""

from __future__ import annotations

import pytest
from xmlschema.extras.wsdl import Wsdl11Document

from gateway.shipped import wsdl
from tests.unit.contract import basic_profile_bindings  # noqa: F401 -- files its checks
from tests.unit.contract.basic_profile import PROFILE, broken, sentence
from tests.unit.contract.sample import APPLICATIONS, contract

TYPES = "<wsdl:types>"
FIRST = '<wsdl:message name="DienstauskunftAnfrage">'
PART = '<wsdl:part name="parameters" element="tns:dienstauskunft"/>'
BODY = '<soap:body use="literal"/>'
HEADER = '<soap:header message="tns:AbrufkontextNachricht" part="abrufkontext" use="literal"/>'
FAULT = '<soap:fault name="fehler" use="literal"/>'
BINDING = '<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>'
OPERATION = '<wsdl:operation name="dienstauskunft">'
SCHEMA_END = "</xs:schema>"
SECOND_PORT = (
    '<wsdl:port name="Wohnung2000Zwei" binding="tns:Wohnung2000Soap11Binding">'
    '<soap:address location="https://gateway.invalid/soap/wohnung2000/1"/></wsdl:port></wsdl:service>'
)


def imported(attributes: str) -> tuple[str, str]:
    """A wsdl:import before the types."""
    return TYPES, f"<wsdl:import {attributes}/>{TYPES}"


def schema_with(text: str) -> tuple[str, str]:
    """One thing more in the schema."""
    return SCHEMA_END, f"{text}{SCHEMA_END}"


MUTANTS: dict[str, tuple[str, str]] = {
    "R2028": (PART, f"{PART}<wsdl:port/>"),
    "R2029": (BODY, '<soap:body use="geheim"/>'),
    "R2001": imported('namespace="urn:x" location="x.xsd"'),
    "R2803": imported('namespace="x" location="x.wsdl"'),
    "R2002": imported('namespace="urn:x" location="x.xsd"'),
    "R2003": (TYPES, f'{TYPES}<xs:import xmlns:xs="http://www.w3.org/2001/XMLSchema" namespace="urn:x"/>'),
    "R2004": schema_with('<xs:include schemaLocation="x.wsdl"/>'),
    "R2007": imported('namespace="urn:x" location=""'),
    "R2022": (FIRST, f'<wsdl:import namespace="urn:x" location="x.wsdl"/>{FIRST}'),
    "R2023": (TYPES, f'<wsdl:message name="X"/>{TYPES}'),
    "R4004": ('<?xml version="1.0"', '<?xml version="1.1"'),
    "R4003": ('encoding="UTF-8"', 'encoding="ISO-8859-1"'),
    "R4005": ("<wsdl:definitions ", '<wsdl:definitions xmlns:xml="http://www.w3.org/XML/1998/namespace" '),
    "R2005": imported('namespace="urn:x" location="x.wsdl"'),
    "R2026": (BINDING, BINDING.replace("<soap:binding ", '<soap:binding wsdl:required="true" ')),
    "R2101": (PART, '<wsdl:part name="parameters" xmlns:tns="urn:x" element="tns:dienstauskunft"/>'),
    "R2102": schema_with('<xs:element xmlns:y="urn:y" name="x" type="y:x"/>'),
    "R2105": (' targetNamespace="urn:de:koeln:fldm:wohnung2000:1" elementFormDefault', " elementFormDefault"),
    "R2110": schema_with(
        '<xs:complexType xmlns:e="http://schemas.xmlsoap.org/soap/encoding/" name="X"><xs:complexContent>'
        '<xs:restriction base="e:Array"/></xs:complexContent></xs:complexType>'
    ),
    "R2111": schema_with('<xs:attribute name="x" type="xs:string" wsdl:arrayType="xs:string[]"/>'),
    "R2112": schema_with('<xs:element name="ArrayOfPerson" type="xs:string"/>'),
    "R2801": (TYPES, f'{TYPES}<schema xmlns="http://www.w3.org/2000/10/XMLSchema"/>'),
    "R2201": (BODY, '<soap:body use="literal" parts="parameters x"/>'),
    "R2209": (BODY, '<soap:body use="literal" parts=""/>'),
    "R2210": (PART, f'{PART}<wsdl:part name="x" element="tns:fehler"/>'),
    "R2204": (PART, '<wsdl:part name="parameters" type="tns:Person"/>'),
    "R2205": ('<wsdl:part name="fehler" element="tns:fehler"/>', '<wsdl:part name="fehler" type="tns:Fehler"/>'),
    "R2206": (PART, '<wsdl:part name="parameters" element="tns:unbekannt"/>'),
    "R2303": ('    <wsdl:input message="tns:DienstauskunftAnfrage"/>\n', ""),
    "R2304": ('<wsdl:operation name="personAbrufen">', OPERATION),
    "R2305": (
        f"{PART}\n</wsdl:message>",
        f'{PART}\n</wsdl:message><wsdl:message name="Z"><wsdl:part name="a" element="tns:fehler"/>'
        '<wsdl:part name="b" element="tns:fehler"/></wsdl:message>',
    ),
    "R2306": (PART, PART.replace("element=", 'type="tns:Person" element=')),
    "R2401": (BINDING, ""),
    "R2701": (BINDING, '<soap:binding style="document"/>'),
    "R2702": (BINDING, '<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/smtp"/>'),
    "R2705": (BINDING, BINDING.replace("document", "rpc")),
    "R2706": (HEADER, HEADER.replace("literal", "encoded")),
    "R2710": ('<wsdl:part name="parameters" element="tns:personAbrufen"/>', PART),
    "R2711": ("</wsdl:service>", SECOND_PORT),
    "R2716": (BODY, '<soap:body use="literal" namespace="urn:x"/>'),
    "R2718": (f"{OPERATION}\n    <soap:operation", '<wsdl:operation name="andere">\n    <soap:operation'),
    "R2720": (HEADER, HEADER.replace(' part="abrufkontext"', "")),
    "R2749": (HEADER, HEADER.replace("part=", 'parts="x" part=')),
    "R2740": (FAULT, ""),
    "R2721": (FAULT, '<soap:fault use="literal"/>'),
    "R2754": (FAULT, '<soap:fault name="anders" use="literal"/>'),
    "R2723": (FAULT, '<soap:fault name="fehler" use="encoded"/>'),
    "R9801": (BODY, '<mime:multipartRelated xmlns:mime="http://schemas.xmlsoap.org/wsdl/mime/"/>'),
    "R9802": (BODY, '<x:body xmlns:x="urn:x"/>'),
}


def mutant(number: str) -> bytes:
    """The WSDL of wohnung2000 with one thing changed that breaks this requirement."""
    text = contract("wohnung2000").wsdl_soap11.decode()
    old, new = MUTANTS[number]
    assert old in text
    text = text.replace(old, new, 1)
    if number == "R2305":
        output = '<wsdl:output message="tns:DienstauskunftAntwort"/>'
        text = text.replace(OPERATION, OPERATION.replace(">", ' parameterOrder="x">'), 1)
        text = text.replace(output, '<wsdl:output message="tns:Z"/>', 1)
    return text.encode()


@pytest.mark.parametrize("application", APPLICATIONS)
def test_the_one_port_file_is_clean(application: str) -> None:
    """No requirement is broken by the committed file for old generators."""
    assert broken((wsdl() / f"{application}-1.soap11.wsdl").read_bytes()) == {}


@pytest.mark.parametrize("application", APPLICATIONS)
def test_the_two_port_file_breaks_what_soap_1_2_must_break(application: str) -> None:
    """With the SOAP 1.2 port two requirements cannot be kept, and no others are broken."""
    told = broken((wsdl() / f"{application}-1.wsdl").read_bytes())
    assert set(told) == {"R2401", "R9802"}
    assert all("Soap12" in line or "soap12" in line for lines in told.values() for line in lines)


@pytest.mark.parametrize("number", sorted(PROFILE))
def test_every_check_can_fail(number: str) -> None:
    """Each requirement has its sentence, and a WSDL that breaks it is found out."""
    assert sentence(number)
    assert number in broken(mutant(number))


@pytest.mark.parametrize("application", APPLICATIONS)
def test_xmlschema_reads_the_whole_wsdl(application: str) -> None:
    """A second engine takes messages, bindings and the schema inside the WSDL, and finds every operation's elements."""
    read = Wsdl11Document(contract(application).wsdl_soap11)
    (kind,) = read.port_types.values()
    assert {name for name, *_ in kind.operations} == {one.value for one in contract(application).operations}
    for operation in kind.operations.values():
        (part,) = operation.input.message.parts.values()
        assert read.schema.maps.elements[part.name] is part


def test_nothing_else_is_mutated() -> None:
    """There is a mutant for each requirement and no other."""
    assert set(MUTANTS) == set(PROFILE)
