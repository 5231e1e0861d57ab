"""A readable diagnosis of a file against one contract, with xmlschema: slower than libxml2, but a second opinion.

For people who build the other side; values stay hidden here as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import xmlschema
from lxml import etree

from gateway.contract.compiled import Contract
from gateway.contract.description import FieldDef
from gateway.contract.findings import content_rule, known_names, locate
from gateway.errors import MessageRefused
from gateway.model import codelists
from gateway.model.types import Code, SimpleType
from gateway.wire.soap import Version
from gateway.wire.xml import ANSWER_LIMITS, parse

_RULES = {
    "XsdPatternFacets": "verletzt das Muster",
    "XsdMaxLengthFacet": "ist zu lang",
    "XsdMinLengthFacet": "ist zu kurz oder leer",
    "XsdEnumerationFacets": "ist kein Code der Liste",
    "XsdMinInclusiveFacet": "ist zu klein",
    "XsdMaxInclusiveFacet": "ist zu groß",
    "XsdAttributeGroup": "hat ein Attribut, das nicht erlaubt ist",
    "XsdAttribute": "hat ein Attribut mit einem anderen als dem festen Wert",
    "XsdElement": "hat einen Inhalt, der hier nicht erlaubt ist",
    "XsdGroup": "hat Text oder Elemente, die hier nicht erlaubt sind",
    "XMLSchema10": "ist kein Element dieses Vertrags",
}
_LISTED = 20


def explain(document: Path | bytes, contract: Contract) -> tuple[str, ...]:
    """Line, element path and rule of each error; empty if all of the document that is the contract's is valid.

    A SOAP envelope is opened: its Body's content and the header blocks of the contract are looked at. Otherwise the
    document itself is the payload. A file that is no such message gives one finding; OSError if it cannot be read.
    """
    raw = document.read_bytes() if isinstance(document, Path) else document
    try:
        root = parse(raw, limits=ANSWER_LIMITS).root
    except MessageRefused as refused:
        return (f"{refused.code}: {refused}",)
    payloads = _payloads(root, contract)
    if not payloads:
        return ("Im Body steht kein Element",)
    return tuple(dict.fromkeys(text for payload in payloads for text in _explain_payload(payload, contract)))


def _payloads(root: etree._Element, contract: Contract) -> list[etree._Element]:
    version = next((version for version in Version if root.tag == version.tag("Envelope")), None)
    if version is None:
        return [root]
    ours = f"{{{contract.namespace}}}*"
    headers = [block for header in root.iterchildren(version.tag("Header")) for block in header.iterchildren(ours)]
    content = [child for body in root.iterchildren(version.tag("Body")) for child in body.iterchildren("*")]
    faults = [fault for fault in content if fault.tag == version.tag("Fault")]
    details = [detail for fault in faults for detail in fault.iter(ours)][:1]
    payloads = [child for child in content if child not in faults] + details
    return headers + payloads if payloads else []


def _explain_payload(payload: etree._Element, contract: Contract) -> Iterator[str]:
    for error in _schema(contract.xsd).iter_errors(payload):
        element = cast("etree._Element", payload if error.elem is None else error.elem)  # also typed as ElementTree's
        path, field = locate(contract.description, payload, element)
        yield f"Zeile {element.sourceline}: {path}: {_rule(contract, error, field)}"


def _rule(contract: Contract, error: Any, field: FieldDef | None) -> str:
    if isinstance(error, xmlschema.XMLSchemaChildrenValidationError):
        expected = [re.sub(r"^(\{.*\}|.*:)", "", str(item.name)) for item in error.expected or () if item.name]
        return content_rule(expected, known_names(contract.description), incomplete=error.invalid_tag is None)
    rule = _RULES.get(type(error.validator).__name__, "ist kein gültiger Wert")
    if field is None or not isinstance(field.type, SimpleType):
        return rule
    return f"{rule} (Typ {field.type.name}: {field.type.documentation}{_codes(field.type)})"


def _codes(simple: SimpleType) -> str:
    if not isinstance(simple, Code):
        return ""
    codes = codelists.load(simple.codelist).codes
    return f"; erlaubt: {', '.join(codes)}" if len(codes) <= _LISTED else f"; {len(codes)} Codes"


@cache
def _schema(xsd: bytes) -> xmlschema.XMLSchema10:
    return xmlschema.XMLSchema10(xsd.decode().partition("\n")[2], allow="none")
