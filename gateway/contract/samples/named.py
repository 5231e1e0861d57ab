"""Messages that are valid XML by the schema, or near it, and break a rule with a name: of SOAP, agreement or model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

from gateway.agreements.agreement import Agreement
from gateway.agreements.operation import Operation
from gateway.contract.catalogue import meaning
from gateway.contract.compiled import Contract
from gateway.contract.findings import xpath
from gateway.contract.samples.messages import Sample, indented
from gateway.contract.validation import own_parser
from gateway.model.rules import RULES
from gateway.wire.soap import Version

SOAP = Version.SOAP11
_ADDRESSING = "http://www.w3.org/2005/08/addressing"
_ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"

Edit = Callable[[etree._Element], "etree._Element | None"]
"""Spoils the element and returns the one that is wrong; None if this element has not what is to be spoilt."""


@dataclass(frozen=True)
class Broken:
    """A message that breaks one named rule at `path`."""

    sample: Sample
    rule: str
    title: str
    path: str
    envelope: bytes


def of_requests(contract: Contract, agreement: Agreement, full: tuple[Sample, ...]) -> Iterator[Broken]:
    """One request for each rule that an identified caller can break without knowing the stock."""
    for sample in full:
        yield from _of_operation(contract, agreement, sample)
    first = next((one for one in full if one.operation == Operation.PERSON_ABRUFEN.value), full[0])
    yield from _of_the_bytes(first)
    for rule, edit in _of_soap(contract, agreement):
        yield _request(contract, first, rule, edit)
    title = "Der Kopf abrufkontext fehlt."
    root, _ = _edited(first, lambda envelope: _clear(envelope[0]))
    yield Broken(first, "nicht-schemakonform", title, "/*", indented(root))


def of_answers(contract: Contract, told: tuple[Sample, ...]) -> Iterator[Broken]:
    """For each published rule of the model one answer that the schema allows and that breaks it."""
    person = f"{{{contract.namespace}}}person"
    spoils = _of_the_model(contract.namespace)
    for name, rule in RULES.items():
        if not rule.visible:
            continue
        for sample in told:
            root = etree.fromstring(sample.envelope, own_parser())
            found = root.find(f"{{*}}Body/*/{person}")
            at = None if found is None else spoils[name](found)
            if at is not None:
                place = xpath(at, contract.description.names)
                yield Broken(sample, name, rule.sentence, place, indented(root))
                break


def _of_operation(contract: Contract, agreement: Agreement, sample: Sample) -> Iterator[Broken]:
    """What the agreement asks of this operation alone."""
    operation = Operation(sample.operation)
    namespace = contract.namespace
    for part in sorted(agreement.operations[operation].required):
        yield _request(contract, sample, "kopfangabe-fehlt", _dropping(f"{{*}}Header/*/{{{namespace}}}{part}"))
    writing: dict[Operation, tuple[str, str, str]] = {
        Operation.CODELISTE_ABRUFEN: ("codeliste-nicht-vereinbart", "codeliste", "urn:example:unbekannt"),
        Operation.UNSTIMMIGKEIT_MELDEN: ("feld-nicht-vereinbart", "feld", "nicht.vereinbart"),
        Operation.STATISTIK_ABRUFEN: ("statistik-nicht-freigegeben", "bericht", "unbekannt"),
    }
    if operation in writing:
        rule, name, text = writing[operation]
        yield _request(contract, sample, rule, _writing(f"{{*}}Body/*/{{{namespace}}}{name}", text))
    if operation is Operation.PERSON_SUCHEN:
        yield _request(contract, sample, "suchangaben-unvollstaendig", lambda envelope: _least_search(envelope[1][0]))


def _of_soap(contract: Contract, agreement: Agreement) -> Iterator[tuple[str, Edit]]:
    namespace = contract.namespace
    yield "zweck-nicht-vereinbart", _writing("{*}Header/*/{*}verwendungszweck", _no_purpose(agreement))
    yield "operation-unbekannt", lambda envelope: _renamed(envelope[1][0], f"{{{namespace}}}unbekannteOperation")
    missing = [operation.value for operation in Operation if operation not in agreement.operations]
    if missing:
        yield "operation-nicht-vereinbart", lambda envelope: _renamed(envelope[1][0], f"{{{namespace}}}{missing[0]}")
    yield "kopf-doppelt", lambda envelope: _again(envelope[0][0])
    yield "kopf-fehlerhaft", lambda envelope: etree.SubElement(envelope[0], "ohneNamensraum")
    yield "kopf-nicht-verstanden", lambda envelope: _foreign(envelope[0])
    yield "antwortziel-fremd", lambda envelope: _elsewhere(envelope[0])
    yield "soap-aufbau", lambda envelope: _again(envelope[1][0])
    yield "soap-kodierung", lambda envelope: _encoded(envelope[1])
    yield "fault-als-anfrage", lambda envelope: _renamed(envelope[1][0], SOAP.tag("Fault"))


def _of_the_bytes(sample: Sample) -> Iterator[Broken]:
    declaration, _, rest = sample.envelope.partition(b"\n")
    for rule, envelope in (
        ("nicht-wohlgeformt", sample.envelope.replace(b"</soap:Body>", b"")),
        ("dtd-verboten", declaration + b'\n<!DOCTYPE soap [<!ENTITY e "x">]>\n' + rest),
        ("anweisung-verboten", declaration + b"\n<?anweisung eins?>\n" + rest),
        ("soap-version", sample.envelope.replace(SOAP.namespace.encode(), b"urn:example:soap")),
    ):
        yield Broken(sample, rule, meaning(rule).meldung, meaning(rule).stelle or "/*", envelope)


def _request(contract: Contract, sample: Sample, rule: str, edit: Edit) -> Broken:
    root, at = _edited(sample, edit)
    told = meaning(rule)
    return Broken(sample, rule, told.meldung, told.stelle or xpath(at, contract.description.names), indented(root))


def _edited(sample: Sample, edit: Edit) -> tuple[etree._Element, etree._Element]:
    root = etree.fromstring(sample.envelope, own_parser())
    at = edit(root)
    return root, root if at is None else at


def _writing(path: str, text: str) -> Edit:
    def edit(root: etree._Element) -> etree._Element | None:
        found = root.find(path)
        if found is not None:
            found.text = text
        return found

    return edit


def _dropping(path: str) -> Edit:
    def edit(root: etree._Element) -> etree._Element | None:
        found = root.find(path)
        parent = None if found is None else found.getparent()
        if found is not None and parent is not None:
            parent.remove(found)
        return parent

    return edit


def _no_purpose(agreement: Agreement) -> str:
    return next(key for number in range(1000) if (key := f"X{number}") not in agreement.purposes)


def _clear(element: etree._Element) -> etree._Element:
    for child in list(element):
        element.remove(child)
    return element


def _again(element: etree._Element) -> etree._Element:
    other = etree.fromstring(etree.tostring(element, with_tail=False), own_parser())
    element.addnext(other)
    return other


def _renamed(element: etree._Element, tag: str) -> etree._Element:
    element.tag = tag
    return element


def _foreign(header: etree._Element) -> etree._Element:
    block = etree.SubElement(header, "{urn:example:fremd}block")
    block.set(SOAP.tag("mustUnderstand"), "1")
    return block


def _elsewhere(header: etree._Element) -> etree._Element:
    block = etree.SubElement(header, f"{{{_ADDRESSING}}}ReplyTo", nsmap={"wsa": _ADDRESSING})
    etree.SubElement(block, f"{{{_ADDRESSING}}}Address").text = "https://example.org/"
    return block


def _encoded(body: etree._Element) -> etree._Element:
    body.set(SOAP.tag("encodingStyle"), _ENCODING)
    return body


def _least_search(payload: etree._Element) -> etree._Element:
    for child in list(payload)[1:]:
        payload.remove(child)
    return payload


def _of_the_model(namespace: str) -> Mapping[str, Edit]:
    """How a person breaks each published rule, and no other."""

    def at(path: str) -> str:
        return "/".join(f"{{{namespace}}}{step}" for step in path.split("."))

    def write(path: str, text: str, *there: str, none: str = "") -> Edit:
        def edit(person: etree._Element) -> etree._Element | None:
            if any(person.find(at(one)) is None for one in there) or (none and person.find(at(none)) is not None):
                return None
            return _writing(at(path), text)(person)

        return edit

    def contradict(person: etree._Element) -> etree._Element | None:
        given = person.find(at("vornamen"))
        if given is not None:
            given.addnext(
                etree.fromstring(f'<vornamenNichtVorhanden xmlns="{namespace}">false</vornamenNichtVorhanden>')
            )
            return given.getnext()
        return None

    def no_nationality(person: etree._Element) -> etree._Element | None:
        found = person.findall(at("staatsangehoerigkeit"))
        for one in found:
            person.remove(one)
        return person if found else None

    long_ago = "1900-01-01"
    return {
        "genau-eine-vornamensangabe": _dropping(at("vornamen")),
        "nicht-vorhanden-nur-true": contradict,
        "kein-platzhalter": write("familienname", "XXX"),
        "keine-ueberzaehligen-leerzeichen": write("familienname", "Al  Masri"),
        "kalendertag": write("geburt.datum", "1992-02-30"),
        "geburt-nicht-in-der-zukunft": write("geburt.datum", "2999", none="sterbedatum"),
        "tod-nicht-in-der-zukunft": write("sterbedatum", "2999"),
        "tod-nach-geburt": write("sterbedatum", "1900", "geburt.datum"),
        "fortzug-nach-zuzug": write("fortzugsdatum", long_ago, "zuzugsdatum"),
        "auszug-nach-einzug": write("anschrift.auszugsdatum", long_ago, "anschrift.einzugsdatum"),
        "statusende-nach-statusbeginn": write("aufenthaltsstatus.ende", long_ago, "aufenthaltsstatus.beginn"),
        "staatsangehoerigkeit-angegeben": no_nationality,
    }
