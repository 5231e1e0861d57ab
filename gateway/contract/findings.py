"""What is said about an invalid message: element path and rule, never a value.

libxml2 and xmlschema quote values in their messages; so nothing of a message's text is passed on but names that
the schema itself contains.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from lxml import etree

from gateway.contract.description import ComplexTypeDef, Description, FieldDef
from gateway.model.types import Code, SimpleType

MOST = 20
"""So many findings are reported; a fault declares no more."""

FOREIGN = "*"
"""Stands for every name that the contract does not know: the caller may have written anything there."""

_SOAP = frozenset({"Envelope", "Header", "Body", "code"})
_LONGEST = 900

_RULES = {
    "CVC_PATTERN_VALID": "verletzt das Muster",
    "CVC_MAXLENGTH_VALID": "ist zu lang",
    "CVC_MINLENGTH_VALID": "ist zu kurz oder leer",
    "CVC_ENUMERATION_VALID": "ist kein Code der Liste",
    "CVC_DATATYPE_VALID_1_2_1": "ist kein gültiger Wert",
    "CVC_MININCLUSIVE_VALID": "ist zu klein",
    "CVC_MAXINCLUSIVE_VALID": "ist zu groß",
    "CVC_COMPLEX_TYPE_3_2_1": "hat ein Attribut, das nicht erlaubt ist",
    "CVC_COMPLEX_TYPE_3_1": "hat ein Attribut mit einem anderen als dem festen Wert",
    "CVC_AU": "hat ein Attribut mit einem anderen als dem festen Wert",
    "CVC_COMPLEX_TYPE_2_1": "muss leer sein",
    "CVC_COMPLEX_TYPE_2_3": "darf keinen Text neben Elementen enthalten",
    "CVC_TYPE_3_1_1": "darf keine Attribute haben",
    "CVC_TYPE_3_1_2": "darf keine Elemente enthalten",
    "CVC_ELT_1": "ist kein Element dieses Schemas",
    "CVC_ELT_3_1": "darf xsi:nil nicht haben",
    "CVC_ELT_4_1": "hat einen unlesbaren xsi:type",
    "CVC_ELT_4_2": "hat einen xsi:type, den es hier nicht gibt",
    "CVC_ELT_4_3": "hat einen xsi:type, der hier nicht erlaubt ist",
}
_STEP = re.compile(r"(?:\*|(?:(?P<prefix>[^:/\[\]]+):)?(?P<name>[^:/\[\]*]+))(?:\[(?P<index>[0-9]+)\])?")
_EXPECTED = re.compile(r"Expected is (?:one of )?\( (?P<names>[^()]*) \)")


class LogEntry(Protocol):
    """One entry of lxml's error log."""

    message: str
    path: str | None
    type_name: str


@dataclass(frozen=True)
class Finding:
    """What is wrong where: the readable path and the rule, and the element as an XPath in the message."""

    path: str
    rule: str
    place: str

    def __str__(self) -> str:
        return f"{self.path}: {self.rule}"


def explain(
    description: Description, root: etree._Element, log: Iterable[LogEntry], at: etree._Element | None = None
) -> tuple[Finding, ...]:
    """The errors of one validation of `root`, one finding per element, at most MOST, in document order.

    `at` is the element of the message that `root` is a copy of, if it is one.
    """
    known, found = description.names, dict[str, Finding]()
    for entry in log:
        node = _resolve(root, entry.path or "")
        path, field = locate(description, root, node)
        place = xpath(node, known) if at is None else xpath(at, known) + xpath(node, known, below=root)
        found.setdefault(path, Finding(path, _rule(description, entry, field), place))
    return tuple(found.values())[:MOST]


def xpath(node: etree._Element, known: frozenset[str], *, below: etree._Element | None = None) -> str:
    """An XPath 1.0 to the node, from the root of its message or from `below`, that needs no prefixes.

    Names that the caller may have made up are only counted; so are all of them where the path would be long.
    """
    steps: list[etree._Element] = []
    step: etree._Element | None = node
    while step is not None and step is not below:
        steps.append(step)
        step = step.getparent()
    named = "".join(_step(one, known | _SOAP) for one in reversed(steps))
    return named if len(named) <= _LONGEST else "".join(_step(one, frozenset()) for one in reversed(steps))


def _step(node: etree._Element, known: frozenset[str]) -> str:
    name = etree.QName(node).localname
    if name not in known:
        return f"/*[{1 + sum(1 for _ in node.itersiblings('*', preceding=True))}]"
    before = sum(etree.QName(one).localname == name for one in node.itersiblings("*", preceding=True))
    after = any(etree.QName(one).localname == name for one in node.itersiblings("*"))
    return f"/*[local-name()='{name}']" + (f"[{before + 1}]" if before or after else "")


def locate(description: Description, root: etree._Element, node: etree._Element) -> tuple[str, FieldDef | None]:
    """The readable path from `root` to `node` and the field there; from the first foreign name on it is FOREIGN."""
    chain = [node]
    while chain[-1] is not root and (parent := chain[-1].getparent()) is not None:
        chain.append(parent)
    top, *below = [etree.QName(step).localname for step in reversed(chain)]
    group = next((element.type for element in description.elements if element.name == top), None)
    if group is None or etree.QName(root).namespace != description.namespace:
        return FOREIGN, None
    words, field = [top], None
    for name, step in zip(below, reversed(chain[:-1]), strict=True):
        if field is not None and isinstance(field.type, Code) and name == "code":
            words.append(name)
            continue
        field = next((f for f in group.fields if f.name == name), None) if group is not None else None
        if field is None:
            return "/".join([*words, FOREIGN]), None
        words.append(f"{name}[{_position(step)}]" if field.repeated else name)
        group = field.type if isinstance(field.type, ComplexTypeDef) else None
    return "/".join(words), field


def content_rule(expected: Iterable[str], known: frozenset[str], *, incomplete: bool) -> str:
    """What is wrong with the children of an element, with those of `expected` that the contract knows."""
    rule = "Pflichtangaben fehlen" if incomplete else "steht hier nicht, oder davor fehlt etwas"
    names = [name for name in expected if name in known]
    return f"{rule}; erwartet: {', '.join(names)}" if names else rule


def _rule(description: Description, entry: LogEntry, field: FieldDef | None) -> str:
    kind = entry.type_name.removeprefix("SCHEMAV_")
    if kind == "ELEMENT_CONTENT":
        match = _EXPECTED.search(entry.message)
        stated = [name.strip().rpartition("}")[2] for name in match["names"].split(",")] if match else []
        return content_rule(stated, description.names, incomplete="Missing child" in entry.message)
    rule = _RULES.get(kind, f"verletzt das Schema ({kind})")
    return f"{rule} (Typ {field.type.name})" if field is not None and isinstance(field.type, SimpleType) else rule


def _resolve(root: etree._Element, path: str) -> etree._Element:
    """The element that libxml2 means by `/*/*[2]` or `/t:a/t:b[2]` (which of them depends on the caller's prefixes)."""
    node = root
    for step in path.strip("/").split("/")[1:]:
        match = _STEP.fullmatch(step)
        if step.startswith("@") or match is None:
            break
        children = list(node.iterchildren("*"))
        if match["name"] is not None:
            wanted = (match["prefix"], match["name"])
            children = [child for child in children if (child.prefix, etree.QName(child).localname) == wanted]
        index = int(match["index"] or 1)
        if index > len(children):
            break
        node = children[index - 1]
    return node


def _position(node: etree._Element) -> int:
    return 1 + sum(1 for _ in node.itersiblings(str(node.tag), preceding=True))
