"""What the source's XSD expects at a place, in German words: of findings that is said, never what stood there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lxml.etree import QName, _Element

_XS = "http://www.w3.org/2001/XMLSchema"
_TYPES = (f"{{{_XS}}}simpleType", f"{{{_XS}}}complexType")
_KINDS = {
    "string": "Text",
    "long": "eine ganze Zahl",
    "int": "eine ganze Zahl",
    "dateTime": "einen Zeitpunkt JJJJ-MM-TTThh:mm:ss mit Zeitzone",
    "base64Binary": "Base64",
}
_PATTERNS = {r"[0-9]{2}\.[0-9]{2}\.[0-9]{4}": "TT.MM.JJJJ"}
"""Patterns that have a name; any other is told as it is."""
_DEEP = 8


def expectations(root: _Element, element: str) -> dict[str, Mapping[str, str]]:
    """Path below the global `element` ("personalien/gebDat") -> facet -> what it asks for, in German."""
    types = {str(one.get("name")): one for one in root.iterchildren(*_TYPES)}
    top = next(one for one in root.iterchildren(f"{{{_XS}}}element") if one.get("name") == element)
    return dict(_below(top, types, ""))


def _below(element: _Element, types: Mapping[str, _Element], path: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    kind = _type(element, types)
    if kind is not None and kind.tag == _TYPES[1]:
        if path.count("/") < _DEEP:
            for child in kind.iter(f"{{{_XS}}}element"):
                if next(child.iterancestors(f"{{{_XS}}}complexType")) is kind:
                    name = str(child.get("name"))
                    yield from _below(child, types, f"{path}/{name}" if path else name)
    else:
        yield path, _facets(kind, str(element.get("type", "")), types)


def _type(element: _Element, types: Mapping[str, _Element]) -> _Element | None:
    """The type of an element: its own, or the one it names; None for one of XML Schema itself."""
    own = element.iterchildren(*_TYPES)
    return next(own, types.get(str(element.get("type", "")).rpartition(":")[2]))


def _facets(kind: _Element | None, named: str, types: Mapping[str, _Element]) -> dict[str, str]:
    """Every facet of a simple type and of those it is made from."""
    if kind is None:
        return {"type": _KINDS.get(named.rpartition(":")[2], "einen anderen Datentyp")}
    restriction = next(kind.iterchildren(f"{{{_XS}}}restriction"))
    base = str(restriction.get("base"))
    found = _facets(types.get(base.rpartition(":")[2]), base, types)
    values = [(QName(one).localname, str(one.get("value"))) for one in restriction.iterchildren("{*}*")]
    for facet, value in values:
        found |= _told(facet, value)
    codes = [value for facet, value in values if facet == "enumeration"]
    return found | ({"enumeration": "einen der Werte " + ", ".join(codes)} if codes else {})


def _told(facet: str, value: str) -> dict[str, str]:
    if facet == "pattern":
        return {facet: f"die Form {_PATTERNS[value]}" if value in _PATTERNS else f"das Muster {value}"}
    words = {
        "minLength": f"mindestens {value} Zeichen",
        "maxLength": f"höchstens {value} Zeichen",
        "minInclusive": f"mindestens {value}",
        "maxInclusive": f"höchstens {value}",
    }
    return {facet: words[facet]} if facet in words else {}
