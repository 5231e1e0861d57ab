"""How a valid message is spoilt in exactly one thing, and at which of its elements that is found."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from lxml import etree

from gateway.contract.description import ComplexTypeDef, FieldDef
from gateway.errors import ContractError
from gateway.model.types import Binary, Code, FullDate, Moment, PartialDate, Pattern, SimpleType, Text, Truth, Whole

XS = "http://www.w3.org/2001/XMLSchema"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
LONGEST = 4_000
"""Characters; a limit that only a longer value would exceed is not spoilt: nobody could read the sample."""

_BOUNDS = {"xs:int": (-(2**31), 2**31 - 1), "xs:long": (-(2**63), 2**63 - 1)}

Spoil = Callable[[etree._Element], etree._Element]
"""Spoils the element it is given, in place, and returns the one at which that is found."""


@dataclass(frozen=True)
class Spoiling:
    """One way to break `rule`, told in German by `title`; `needs` is the tag of the child that is spoilt, if it is one.

    `everywhere`: the rule is no contract's own; XML Schema knows it for every element.
    """

    rule: str
    title: str
    spoil: Spoil
    needs: str = ""
    everywhere: bool = False

    def possible(self, node: etree._Element) -> bool:
        """Whether the element has what is to be spoilt: two different children to swap them, for instance."""
        if self.rule == "sequence":
            return len({child.tag for child in node}) > 1
        return node.find(self.needs) is not None if self.needs else self.rule != "namespace" or len(node) > 0


def of_value(simple: SimpleType, name: str) -> Iterator[Spoiling]:
    """Every facet of the type that can be broken alone, its base type, and what no type allows.

    Left out are facets that another one implies: an empty Base64 value breaks its pattern too, a number beyond a
    limit that is that of xs:int is no xs:int.
    """
    if isinstance(simple, Code):
        yield Spoiling("enumeration", f"{name}: kein Code der Liste", _code)
        yield Spoiling("fixed", f"{name}: falsche listURI", _list)
        return
    for rule, told, text in _values(simple):
        yield Spoiling(rule, f"{name}: {told}", _writing(text))


def of_group(group: ComplexTypeDef, namespace: str, name: str) -> Iterator[Spoiling]:
    """Every rule about the children of such an element."""
    for field in group.fields:
        yield from _of_field(field, namespace)
    if not group.fields:
        yield Spoiling("empty", f"{name}: Angabe, wo keine vorgesehen ist", _appending(namespace, at_parent=True))
        return
    yield Spoiling("unknownElement", f"{name}: unbekannte Angabe am Ende", _appending(namespace))
    yield Spoiling("namespace", f"{name}: Angabe ohne Namensraum", _bare, everywhere=True)
    yield Spoiling("text", f"{name}: Text zwischen den Angaben", _text, everywhere=True)
    yield Spoiling("sequence", f"{name}: zwei Angaben vertauscht", _swapping(group, namespace))


def of_element(name: str) -> Iterator[Spoiling]:
    """What no element of a contract may carry."""
    yield Spoiling("attribute", f"{name}: unbekanntes Attribut", _attributed, everywhere=True)
    yield Spoiling("nil", f"{name}: xsi:nil statt wegzulassen", _nil, everywhere=True)
    yield Spoiling("xsi:type", f"{name}: xsi:type, wie ihn rpc/encoded setzt", _typed, everywhere=True)


def spoilt(node: etree._Element, spoil: Spoil) -> tuple[etree._Element, etree._Element]:
    """A copy of the node's message, spoilt at the copy of it, and the element of the copy at which that is found."""
    root = node.getroottree().getroot()
    number = next(index for index, one in enumerate(root.iter()) if one is node)
    other = copy.deepcopy(root)
    target = next(one for index, one in enumerate(other.iter()) if index == number)
    return other, spoil(target)


def _of_field(field: FieldDef, namespace: str) -> Iterator[Spoiling]:
    tag = f"{{{namespace}}}{field.name}"
    if field.minimum:
        yield Spoiling("minOccurs", f"{field.name}: Pflichtangabe fehlt", lambda node: _without(node, tag), tag)
    if field.maximum is not None:
        most = field.maximum
        told = "zweimal" if most == 1 else f"mehr als {most}-mal"
        yield Spoiling("maxOccurs", f"{field.name}: {told}", lambda node: _repeated(node, tag, most + 1), tag)


def _values(simple: SimpleType) -> Iterator[tuple[str, str, str]]:
    """Rule, what is wrong, and a text that breaks that rule alone."""
    match simple:
        case Text():
            yield "pattern", f"kein Zeichen nach DIN 91379 Datentyp {simple.datatype}", "Ж"
            yield "minLength", "leer", ""
            if simple.max_length < LONGEST:
                yield "maxLength", f"länger als {simple.max_length} Zeichen", "A" * (simple.max_length + 1)
        case PartialDate():
            yield "pattern", "Datum in deutscher Schreibweise", "15.04.1992"
        case Pattern():
            wrong = next(text for text in ("Ungültig!", "") if not re.fullmatch(simple.pattern, text))
            yield "pattern", f"verletzt das Muster {simple.pattern}", wrong
        case FullDate():
            yield "type", "kein Kalendertag", "2026-02-30"
            yield "pattern", "Tag mit Zeitzone", "2026-02-28+01:00"
        case Moment():
            yield "type", "kein Kalendertag", "2026-02-30T12:00:00Z"
            yield "pattern", "Zeitpunkt nicht in UTC", "2026-02-28T12:00:00+01:00"
        case Binary():
            yield "type", "unvollständiges Base64", "AAA"
            yield "pattern", "Base64 mit Leerraum", "/9j/ 4AA="
        case Truth():
            yield "type", "weder true noch false", "ja"
        case Whole():
            yield from _numbers(simple)


def _numbers(simple: Whole) -> Iterator[tuple[str, str, str]]:
    yield "type", "keine ganze Zahl", "eins"
    least, most = _BOUNDS["xs:int" if simple.maximum <= _BOUNDS["xs:int"][1] else "xs:long"]
    if simple.minimum > least:
        yield "minInclusive", f"kleiner als {simple.minimum}", str(simple.minimum - 1)
    if simple.maximum < most:
        yield "maxInclusive", f"größer als {simple.maximum}", str(simple.maximum + 1)


def _writing(text: str) -> Spoil:
    def spoil(node: etree._Element) -> etree._Element:
        node.text = text
        return node

    return spoil


def _code(node: etree._Element) -> etree._Element:
    return _writing("gibt-es-nicht")(node[0])


def _list(node: etree._Element) -> etree._Element:
    node.set("listURI", "urn:example:andere-liste")
    return node


def _without(node: etree._Element, tag: str) -> etree._Element:
    """Found at the element that now stands where the missing one is expected, else at the parent."""
    found = list(node.iterchildren(tag))
    after = found[-1].getnext()
    for one in found:
        node.remove(one)
    return node if after is None else after


def _repeated(node: etree._Element, tag: str, times: int) -> etree._Element:
    last = list(node.iterchildren(tag))[-1]
    for _ in range(times - len(list(node.iterchildren(tag)))):
        another = copy.deepcopy(last)
        last.addnext(another)
        last = another
    return last


def _swapping(group: ComplexTypeDef, namespace: str) -> Spoil:
    mandatory = {f"{{{namespace}}}{field.name}" for field in group.fields if field.minimum}

    def spoil(node: etree._Element) -> etree._Element:
        """The later one comes first: it is found where the earlier one is mandatory, else the earlier one is."""
        children = list(node)
        earlier, later = next(pair for pair in pairwise(children) if pair[0].tag != pair[1].tag)
        earlier.addprevious(later)
        alone = len(list(node.iterchildren(earlier.tag))) == 1
        return later if alone and earlier.tag in mandatory else earlier

    return spoil


def _appending(namespace: str, *, at_parent: bool = False) -> Spoil:
    def spoil(node: etree._Element) -> etree._Element:
        new = etree.SubElement(node, f"{{{namespace}}}unbekannteAngabe")
        new.text = "?"
        return node if at_parent else new

    return spoil


def _bare(node: etree._Element) -> etree._Element:
    """The first child as a client writes it that does not know `elementFormDefault`."""
    child = node[0]
    bare = etree.fromstring(f'<{etree.QName(child).localname} xmlns=""/>')
    bare.text, bare.tail = child.text, child.tail
    bare.extend(list(child))
    node.replace(child, bare)
    return bare


def _text(node: etree._Element) -> etree._Element:
    node.text = "Text"
    return node


def _attributed(node: etree._Element) -> etree._Element:
    node.set("unbekannt", "1")
    return node


def _nil(node: etree._Element) -> etree._Element:
    return _declared(node, f"{{{XSI}}}nil", "true")


def _typed(node: etree._Element) -> etree._Element:
    return _declared(node, f"{{{XSI}}}type", "xsd:string")


def _declared(node: etree._Element, name: str, value: str) -> etree._Element:
    """The element once more with the prefixes that its attribute needs."""
    qualified = etree.QName(node)
    new = etree.fromstring(f'<{qualified.localname} xmlns="{qualified.namespace}" xmlns:xsi="{XSI}" xmlns:xsd="{XS}"/>')
    new.text, new.tail = node.text, node.tail
    node.addprevious(new)
    new.extend(list(node))
    new.set(name, value)
    _parent(new).remove(node)
    return new


def _parent(node: etree._Element) -> etree._Element:
    parent = node.getparent()
    if parent is None:
        raise ContractError("a part of a message has none around it")
    return parent
