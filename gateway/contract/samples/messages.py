"""Valid sample messages of a contract: every operation's request in its least and fullest form, answers, faults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from lxml import etree

from gateway.agreements.agreement import Agreement
from gateway.agreements.city import City
from gateway.agreements.operation import Operation
from gateway.contract.catalogue import meaning
from gateway.contract.compiled import Contract
from gateway.contract.description import OperationDef
from gateway.contract.renderer import compile_element
from gateway.contract.samples import content
from gateway.contract.samples.persons import fitting
from gateway.contract.validation import own_parser
from gateway.model.types import Tree
from gateway.wire.soap import Version, fault_payload

_NEEDED_BEYOND_THE_SCHEMA = {Operation.PERSON_SUCHEN: frozenset({"geburtsdatum"})}
"""`suchangaben-unvollstaendig`: one of two optional fields is needed."""

_TO_FILL_IN = {
    Operation.BESTAND_ABRUFEN: "; Seitenmarke aus der vorigen Seite einsetzen",
    Operation.AENDERUNGEN_QUITTIEREN: "; Laufnummer und Epoche aus der Antwort einsetzen, die quittiert wird",
}


class Direction(Enum):
    """Which way a message goes, and what it is."""

    REQUEST = "Anfrage"
    ANSWER = "Antwort"
    FAULT = "Fehler"


@dataclass(frozen=True)
class Sample:
    """One message: `envelope` is an indented SOAP 1.1 envelope in UTF-8 with its header; answers are not signed."""

    operation: str
    direction: Direction
    title: str
    envelope: bytes


def requests(contract: Contract, agreement: Agreement, city: City) -> tuple[Sample, ...]:
    """The least and the fullest request of every operation: valid, and accepted by the service.

    Identifiers, page tokens and numbers are invented: who sends the message puts in what he has been given.
    """
    return tuple(one for item in contract.description.operations for one in _requests(item, contract, agreement, city))


def answers(contract: Contract, agreement: Agreement, city: City) -> tuple[Sample, ...]:
    """Answers of every operation in which every field of the contract occurs, and the fault to be expected most."""
    return tuple(one for item in contract.description.operations for one in _answers(item, contract, agreement, city))


def fault(contract: Contract, agreement: Agreement, operation: Operation, code: str) -> Sample:
    """The declared fault with this code; ContractError if the catalogue does not know it."""
    told = meaning(code)
    client = code != "interner-fehler"
    payload = fault_payload(
        Version.SOAP11,
        client=client,
        reason_de=told.meldung,
        reason_en=told.meldung_englisch,
        detail=contract.render_fehler(content.fault(code)),
    )
    envelope = _envelope(contract.render_quittung(content.receipt(agreement)), payload)
    return Sample(operation.value, Direction.FAULT, code, envelope)


def indented(root: etree._Element) -> bytes:
    """The message as it is printed: UTF-8, two blanks for each level; texts are left as they are."""
    etree.indent(root)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8") + b"\n"


def _requests(item: OperationDef, contract: Contract, agreement: Agreement, city: City) -> Iterator[Sample]:
    full = content.request(item.operation, contract, agreement, city)
    context = content.context(agreement)
    needed = {field.name for field in item.request.type.fields if field.minimum}
    needed |= _NEEDED_BEYOND_THE_SCHEMA.get(item.operation, frozenset())
    least = {name: value for name, value in full.items() if name in needed}
    asked = {name: value for name, value in context.items() if name in {"kennung", "verwendungszweck", *item.required}}
    name, to_fill_in = item.operation.value, _TO_FILL_IN.get(item.operation, "")
    yield Sample(name, Direction.REQUEST, "nur Pflichtangaben", _request(item, contract, least, asked))
    yield Sample(name, Direction.REQUEST, f"alle Angaben{to_fill_in}", _request(item, contract, full, context))


def _request(item: OperationDef, contract: Contract, payload: Tree, context: Tree) -> bytes:
    header = contract.description.headers[0]
    head, body = (
        compile_element(element, contract.namespace)(fitting(tree, element.type, element.name))
        for element, tree in ((header, context), (item.request, payload))
    )
    return _envelope(head, body)


def _answers(item: OperationDef, contract: Contract, agreement: Agreement, city: City) -> Iterator[Sample]:
    head = contract.render_quittung(content.receipt(agreement))
    for title, tree in content.answers(item.operation, contract, agreement, city):
        body = contract.render(item.operation, fitting(tree, item.response.type, item.response.name))
        yield Sample(item.operation.value, Direction.ANSWER, title, _envelope(head, body))
    yield fault(contract, agreement, item.operation, content.TYPICAL[item.operation])


def _envelope(header: bytes, payload: bytes) -> bytes:
    soap = Version.SOAP11
    root = etree.Element(soap.tag("Envelope"), nsmap={"soap": soap.namespace})
    for part, inner in (("Header", header), ("Body", payload)):
        etree.SubElement(root, soap.tag(part)).append(etree.fromstring(inner, own_parser()))
    return indented(root)
