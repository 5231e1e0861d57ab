"""What each simple type of the model is in XSD: base type and facets, meaning the same as the model's own check."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from lxml import etree

from gateway import shipped
from gateway.errors import ContractError
from gateway.model.types import Binary, Code, FullDate, Moment, Pattern, SimpleType, Text, Truth, Whole

XS = "http://www.w3.org/2001/XMLSchema"
_DIN = "din-norm-91379-datatypes_2022-08.xsd"
_INT_MAX = 2_147_483_647


@dataclass(frozen=True)
class Restriction:
    """An `xs:restriction`: base (`xs:` or the name of a type beside it) and facets in order."""

    base: str
    facets: tuple[tuple[str, str], ...] = ()


def restriction(simple: SimpleType) -> Restriction:
    """The restriction that accepts exactly what `simple.check` accepts; not for Code, which is a complex type."""
    match simple:
        case Text():
            return Restriction(
                f"Datentyp{simple.datatype}", (("minLength", "1"), ("maxLength", str(simple.max_length)))
            )
        case Pattern():
            return Restriction("xs:string", (("pattern", simple.pattern),))
        case FullDate():
            return Restriction("xs:date", (("pattern", simple.pattern),))
        case Moment():
            return Restriction("xs:dateTime", (("pattern", simple.pattern),))
        case Binary():
            # maxLength of xs:base64Binary counts octets (XSD 1.0 part 2, 4.3.3): 3 for 4 characters.
            octets = simple.max_length // 4 * 3
            # The type itself knows the padding; the pattern only keeps white space out.
            facets = (("minLength", "1"), ("maxLength", str(octets)), ("pattern", "[A-Za-z0-9+/]+={0,2}"))
            return Restriction("xs:base64Binary", facets)
        case Truth():
            return Restriction("xs:boolean")
        case Whole():
            base = "xs:int" if simple.maximum <= _INT_MAX and simple.minimum >= -_INT_MAX - 1 else "xs:long"
            return Restriction(base, (("minInclusive", str(simple.minimum)), ("maxInclusive", str(simple.maximum))))
    raise ContractError(f"no XSD form for the simple type {simple.name}")


def din_datatypes(simple_types: tuple[SimpleType, ...]) -> tuple[str, ...]:
    """The DIN 91379 datatypes that the given types restrict, in order."""
    return tuple(sorted({simple.datatype for simple in simple_types if isinstance(simple, Text)}))


@cache
def din_pattern(datatype: str) -> str:
    """The regular expression of a DIN 91379 datatype, unchanged from KoSIT's XSD of 2022-08."""
    tree = etree.parse(shipped.schemas() / "din91379" / _DIN, etree.XMLParser(resolve_entities=False, no_network=True))
    found = tree.findall(f"{{{XS}}}simpleType[@name='datatype{datatype}']/{{{XS}}}restriction/{{{XS}}}pattern")
    if len(found) != 1:
        raise ContractError(f"{_DIN} has no single pattern for datatype {datatype}")
    return str(found[0].get("value"))


def codes(simple_types: tuple[SimpleType, ...]) -> tuple[Code, ...]:
    """Those of the given types that are XÖV codes."""
    return tuple(simple for simple in simple_types if isinstance(simple, Code))
