"""A readable diagnosis of a file against one contract, with xmlschema: slower than libxml2, but a second opinion.

For people who build the other side; values stay hidden here as well, but in xmlschema's own words, which nobody but
the sender himself may be shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, cast

import xmlschema
from lxml import etree
from xmlschema.validators import XsdEnumerationFacets, XsdFacet, XsdPatternFacets

from gateway.contract.catalogue import meaning
from gateway.contract.compiled import Contract
from gateway.contract.description import FieldDef
from gateway.contract.findings import content_rule, locate, xpath
from gateway.errors import MessageRefused
from gateway.model import codelists
from gateway.model.types import Code, SimpleType
from gateway.wire.soap import Version, block_content, open_answer
from gateway.wire.xml import ANSWER_LIMITS, Document, parse, why_malformed

_RULES = {
    "XsdPatternFacets": ("verletzt das Muster", "does not match the pattern"),
    "XsdMaxLengthFacet": ("ist zu lang", "is too long"),
    "XsdMinLengthFacet": ("ist zu kurz oder leer", "is too short or empty"),
    "XsdEnumerationFacets": ("ist kein Code der Liste", "is no code of the list"),
    "XsdMinInclusiveFacet": ("ist zu klein", "is too small"),
    "XsdMaxInclusiveFacet": ("ist zu groß", "is too large"),
    "XsdAttributeGroup": ("hat ein Attribut, das nicht erlaubt ist", "has an attribute that is not allowed"),
    "XsdAttribute": (
        "hat ein Attribut mit einem anderen als dem festen Wert",
        "has an attribute with another than the fixed value",
    ),
    "XsdElement": ("hat einen Inhalt, der hier nicht erlaubt ist", "has content that is not allowed here"),
    "XsdGroup": (
        "hat Text oder Elemente, die hier nicht erlaubt sind",
        "has text or elements that are not allowed here",
    ),
    "XMLSchema10": ("ist kein Element dieses Vertrags", "is no element of this contract"),
}
_OTHER = ("ist kein gültiger Wert", "is no valid value")
_NO_ELEMENT = ("Im Body steht kein Element dieses Vertrags", "there is no element of this contract in the Body")
_NO_TYPE = ("ein xsi:type nennt keinen Typ dieses Vertrags", "an xsi:type names no type of this contract")
_INCOMPLETE = "something mandatory is missing"
_MISPLACED = "must not stand here, or something before it is missing"
_LISTED = 20
_MANY_ELEMENTS = 5000
_LONGEST_FACET, _MOST_WORDS = 200, 300


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One error of a message: line, readable path and XPath 1.0 of the element, the rule in German and English.

    `facet` is what the XSD demands there, empty if the rule is none of values; `words` are xmlschema's own, which
    quote the message. Line 0 and empty paths: the error is of the message as a whole.
    """

    line: int
    path: str
    place: str
    rule: str
    english: str
    facet: str = ""
    words: str = field(default="", repr=False)

    def __str__(self) -> str:
        where = (f"Zeile {self.line}: " if self.line else "", f"{self.path}: " if self.path else "")
        return f"{''.join(where) if self.place else ''}{self.rule}"


def explain(document: Path | bytes, contract: Contract) -> tuple[str, ...]:
    """Line, element path and rule of each error, as `diagnose` finds them; OSError if the file cannot be read."""
    raw = document.read_bytes() if isinstance(document, Path) else document
    return tuple(dict.fromkeys(map(str, diagnose(raw, contract))))


def diagnose(raw: bytes, contract: Contract, *, most: int | None = None) -> tuple[Diagnosis, ...]:
    """Every error, or the first `most`; none if all of the document that is the contract's is valid.

    With `most` a document of very many elements is judged as shortly as the service judges it: xmlschema looks at each.

    A SOAP envelope is opened as strictly as the service does it, and its payload and the header blocks of the contract
    are looked at. Otherwise the document itself is the payload. What is no such message has one error.
    """
    try:
        payloads = _payloads(parse(raw, limits=ANSWER_LIMITS), contract)
    except MessageRefused as refused:
        told = f"{refused.code}: {refused}"
        words = why_malformed(raw) if refused.code == "nicht-wohlgeformt" else ""
        return (Diagnosis(_line(refused), "", "", told, meaning(refused.code).meldung_englisch, words=words),)
    if not payloads:
        return (Diagnosis(0, "", "", *_NO_ELEMENT),)
    every = (one for payload, at in payloads for one in _diagnose_payload(payload, at, contract, most))
    return tuple({(one.line, one.place, one.rule): one for one in islice(every, most)}.values())


def _payloads(document: Document, contract: Contract) -> list[tuple[etree._Element, etree._Element]]:
    """What is the contract's, and where it stands; MessageRefused if an envelope is not built as SOAP wants it."""
    if document.root.tag not in {version.tag("Envelope") for version in Version}:
        return [(document.root, document.root)]
    envelope = open_answer(document)
    blocks = ((block_content(block, envelope.version), block) for block in envelope.header)
    ours = [(block, at) for block, at in blocks if etree.QName(block).namespace == contract.namespace]
    if envelope.payload.tag != envelope.version.tag("Fault"):
        return [*ours, (envelope.payload, envelope.payload)]
    details = list(envelope.payload.iter(f"{{{contract.namespace}}}*"))[:1]
    return ours + [(detail, detail) for detail in details] if details else []


def _diagnose_payload(
    payload: etree._Element, at: etree._Element, contract: Contract, most: int | None
) -> Iterator[Diagnosis]:
    # xmlschema takes a few values that libxml2 does not (digits of other scripts): the service's own verdict decides.
    found, long = False, most is not None and sum(1 for _ in payload.iter()) > _MANY_ELEMENTS
    for error in () if long else _errors(payload, at, contract):
        found = True
        yield error
    if not found:
        for one in contract.located(payload, at):
            yield Diagnosis(0, one.path, one.place, one.rule, "is not valid")


def _errors(payload: etree._Element, at: etree._Element, contract: Contract) -> Iterator[Diagnosis]:
    known = contract.description.names
    try:
        for error in _schema(contract.xsd).iter_errors(payload):
            element = cast("etree._Element", payload if error.elem is None else error.elem)  # or ElementTree's type
            path, described = locate(contract.description, payload, element)
            rule, english = _rule(contract, error, described)
            culprit = _culprit(error, element)
            place = xpath(at, known) + ("" if culprit is payload else xpath(culprit, known, below=payload))
            words = str(error.reason or "") if len(error.reason or "") <= _MOST_WORDS else ""
            yield Diagnosis(_line_of(culprit), path, place, rule, english, _facet(error.validator), words)
    except xmlschema.XMLSchemaException:
        # Raised, not yielded, for an xsi:type that names no type; its text quotes the message.
        yield Diagnosis(_line_of(payload), "", xpath(at, known), *_NO_TYPE)


def _rule(contract: Contract, error: Any, described: FieldDef | None) -> tuple[str, str]:
    """The rule in German and in English."""
    if isinstance(error, xmlschema.XMLSchemaChildrenValidationError):
        expected = [re.sub(r"^(\{.*\}|.*:)", "", str(item.name)) for item in error.expected or () if item.name]
        known, incomplete = contract.description.names, error.invalid_tag is None
        names = ", ".join(name for name in expected if name in known)
        english = (_INCOMPLETE if incomplete else _MISPLACED) + (f"; expected: {names}" if names else "")
        return content_rule(expected, known, incomplete=incomplete), english
    rule, english = _RULES.get(type(error.validator).__name__, _OTHER)
    if described is None or not isinstance(described.type, SimpleType):
        return rule, english
    simple = described.type
    return (
        f"{rule} (Typ {simple.name}: {simple.documentation}{_codes(simple, 'erlaubt')})",
        f"{english} (type {simple.name}{_codes(simple, 'allowed')})",
    )


def _codes(simple: SimpleType, allowed: str) -> str:
    if not isinstance(simple, Code):
        return ""
    codes = codelists.load(simple.codelist).codes
    return f"; {allowed}: {', '.join(codes)}" if len(codes) <= _LISTED else f"; {len(codes)} Codes"


def _facet(validator: Any) -> str:
    """What the schema demands, in its own words; nothing of the message."""
    if not isinstance(validator, XsdFacet):
        return ""
    if isinstance(validator, XsdEnumerationFacets):
        return "enumeration"
    told = " | ".join(map(str, validator.regexps)) if isinstance(validator, XsdPatternFacets) else str(validator.value)
    name = etree.QName(str(validator.elem.tag)).localname
    return f"{name} {told}" if len(told) <= _LONGEST_FACET else name


def _culprit(error: Any, element: etree._Element) -> etree._Element:
    """The child that must not stand where it does, if that is the error; else the element itself."""
    child = getattr(error, "invalid_child", None)
    return element if child is None else cast("etree._Element", child)


def _line_of(element: etree._Element) -> int:
    line: object = element.sourceline
    return line if isinstance(line, int) else 0


def _line(refused: MessageRefused) -> int:
    found = re.match(r"Zeile ([0-9]+):", refused.findings[0]) if refused.findings else None
    return int(found[1]) if found else 0


@cache
def _schema(xsd: bytes) -> xmlschema.XMLSchema10:
    return xmlschema.XMLSchema10(xsd.decode().partition("\n")[2], allow="none")
