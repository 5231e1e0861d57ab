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
from gateway.wire.soap import Version, block_content, open_answer
from gateway.wire.xml import ANSWER_LIMITS, Document, parse

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

    A SOAP envelope is opened as strictly as the service does it, and its payload and the header blocks of the contract
    are looked at. Otherwise the document itself is the payload. A file that is no such message gives one finding;
    OSError if it cannot be read.
    """
    raw = document.read_bytes() if isinstance(document, Path) else document
    try:
        payloads = _payloads(parse(raw, limits=ANSWER_LIMITS), contract)
    except MessageRefused as refused:
        return (f"{refused.code}: {refused}",)
    if not payloads:
        return ("Im Body steht kein Element dieses Vertrags",)
    # xmlschema takes a few values that libxml2 does not (digits of other scripts): the service's own verdict decides.
    told = (tuple(_explain_payload(payload, contract)) or contract.findings(payload) for payload in payloads)
    return tuple(dict.fromkeys(text for texts in told for text in texts))


def _payloads(document: Document, contract: Contract) -> list[etree._Element]:
    """What is the contract's; MessageRefused if an envelope is not built as SOAP wants it."""
    if document.root.tag not in {version.tag("Envelope") for version in Version}:
        return [document.root]
    envelope = open_answer(document)
    blocks = (block_content(block, envelope.version) for block in envelope.header)
    ours = [block for block in blocks if etree.QName(block).namespace == contract.namespace]
    if envelope.payload.tag != envelope.version.tag("Fault"):
        return [*ours, envelope.payload]
    details = list(envelope.payload.iter(f"{{{contract.namespace}}}*"))[:1]
    return ours + details if details else []


def _explain_payload(payload: etree._Element, contract: Contract) -> Iterator[str]:
    try:
        for error in _schema(contract.xsd).iter_errors(payload):
            element = cast("etree._Element", payload if error.elem is None else error.elem)  # or ElementTree's type
            path, field = locate(contract.description, payload, element)
            yield f"Zeile {element.sourceline}: {path}: {_rule(contract, error, field)}"
    except xmlschema.XMLSchemaException:
        # Raised, not yielded, for an xsi:type that names no type; its text quotes the message.
        yield f"Zeile {payload.sourceline}: ein xsi:type nennt keinen Typ dieses Vertrags"


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
