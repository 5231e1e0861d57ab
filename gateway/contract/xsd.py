"""Writes a description as XSD 1.0: one file without imports, the same bytes on every machine.

Old generators (.NET, Java, PHP, Delphi) read it: no choice, union, list, any or import; every element qualified;
`nillable` nowhere; integers are xs:int or xs:long.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from xml.sax.saxutils import escape

from gateway.contract.description import ComplexTypeDef, Description, ElementDef, FieldDef
from gateway.contract.facets import XS, codes, din_datatypes, din_pattern, restriction
from gateway.model import codelists
from gateway.model.types import Code, SimpleType

LABELLED = 60
"""Up to so many codes are listed with their German labels; longer lists give the codes only."""

_KEPT = 512
"""So many elements and types are kept as they are written: contracts share all but their persons."""
_DIGEST = re.compile(rb"(SHA-256 des Vertrags: )[0-9a-f]{64}")


_LIST = re.compile(
    rb'<xs:attribute name="listURI" type="xs:string" use="optional" fixed="([^"]*)"/>\n'
    rb' *<xs:attribute name="listVersionID" type="xs:string" use="optional" fixed="([^"]*)"/>'
)


def write(description: Description) -> bytes:
    """The schema in UTF-8, with the hash of the contract printed in it."""
    blank = "\n".join(_lines(description)).encode()
    return blank.replace(b"SHA-256 des Vertrags: ", b"SHA-256 des Vertrags: " + _hex(blank), 1)


def contract_hash(schema: bytes) -> str:
    """SHA-256, hexadecimal, of the schema with the hash field empty; compare it with the one printed in it."""
    return _hex(_DIGEST.sub(rb"\1", schema, count=1)).decode()


def carried(schema: bytes) -> dict[str, str]:
    """Which version of which code list (listURI -> listVersionID) a schema of ours publishes."""
    return {uri.decode(): version.decode() for uri, version in _LIST.findall(schema)}


def without_declaration(schema: bytes) -> bytes:
    """The `xs:schema` element alone, as it stands inline in a WSDL."""
    return schema.partition(b"\n")[2]


@cache
def quoted(text: str) -> str:
    """An attribute value with its quotes; line ends, tabs (XML 1.0, 3.3.3) and what is not ASCII as references."""
    plain = escape(text, {'"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"})
    return f'"{plain.encode("ascii", "xmlcharrefreplace").decode()}"'


@cache
def documentation(text: str, indent: str) -> tuple[str, ...]:
    """An `xs:annotation` with one German text, on three lines."""
    return (
        f"{indent}<xs:annotation>",
        f"{indent}  <xs:documentation>{escape(text)}</xs:documentation>",
        f"{indent}</xs:annotation>",
    )


def _hex(schema: bytes) -> bytes:
    return hashlib.sha256(schema).hexdigest().encode()


def _lines(description: Description) -> Iterator[str]:
    simple = description.simple_types
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield (
        f'<xs:schema xmlns:xs="{XS}" xmlns:tns={quoted(description.namespace)} '
        f"targetNamespace={quoted(description.namespace)} "
        f'elementFormDefault="qualified" attributeFormDefault="unqualified" version="{description.major}">'
    )
    yield "  <xs:annotation>"
    yield f"    <xs:documentation>{escape(description.documentation)}</xs:documentation>"
    yield "    <xs:documentation>SHA-256 des Vertrags: </xs:documentation>"
    yield "  </xs:annotation>"
    for element in description.elements:
        yield _element(element)
    for group in description.groups:
        yield _named(group)
    for code in codes(simple):
        yield _code(code, codelists.load(code.codelist))
    for item in simple:
        if not isinstance(item, Code):
            yield _simple(item)
    for datatype in din_datatypes(simple):
        yield _din(datatype)
    yield "</xs:schema>"
    yield ""


@lru_cache(_KEPT)
def _element(element: ElementDef) -> str:
    return "\n".join(_element_lines(element))


@lru_cache(_KEPT)
def _named(group: ComplexTypeDef) -> str:
    return "\n".join(_complex(group, "  ", f" name={quoted(group.name)}"))


def _element_lines(element: ElementDef) -> Iterator[str]:
    if not element.wrapper:
        yield f'  <xs:element name={quoted(element.name)} type="tns:{element.type.name}">'
        yield from documentation(element.documentation, "    ")
    else:
        yield f"  <xs:element name={quoted(element.name)}>"
        yield from documentation(element.documentation, "    ")
        yield from _complex(element.type, "    ", "", documented=False)
    yield "  </xs:element>"


def _complex(group: ComplexTypeDef, indent: str, name: str, *, documented: bool = True) -> Iterator[str]:
    yield f"{indent}<xs:complexType{name}>"
    if documented:
        yield from documentation(group.documentation, indent + "  ")
    if group.fields:
        yield f"{indent}  <xs:sequence>"
        for field in group.fields:
            yield from _field(field, indent + "    ")
        yield f"{indent}  </xs:sequence>"
    else:
        yield f"{indent}  <xs:sequence/>"
    yield f"{indent}</xs:complexType>"


def _field(field: FieldDef, indent: str) -> Iterator[str]:
    occurs = "" if field.minimum == 1 else f' minOccurs="{field.minimum}"'
    if field.repeated:
        occurs += f' maxOccurs="{"unbounded" if field.maximum is None else field.maximum}"'
    yield f'{indent}<xs:element name={quoted(field.name)} type="tns:{field.type.name}"{occurs}>'
    yield from documentation(field.documentation, indent + "  ")
    yield f"{indent}</xs:element>"


@cache
def _code(code: Code, codelist: codelists.CodeList) -> str:
    """Written once for all contracts: the lists are most of a schema."""
    return "\n".join(_code_lines(code, codelist))


def _code_lines(code: Code, codelist: codelists.CodeList) -> Iterator[str]:
    """XÖV Code type 1: list and version are fixed; the attributes may be sent but need not.

    The version is the newest that is known, the codes are those of all: what an old record carries stays deliverable.
    """
    earlier = ", ".join(one.version for one in reversed(codelist.versions[:-1]))
    also = f", mit den Codes der Versionen {earlier}" if earlier else ""
    yield f"  <xs:complexType name={quoted(code.name)}>"
    yield from documentation(f"{code.documentation} ({codelist.uri}, Version {codelist.version})", "    ")
    yield "    <xs:sequence>"
    yield f'      <xs:element name="code" type="tns:{code.name}Wert">'
    yield from documentation("Code aus der Liste", "        ")
    yield "      </xs:element>"
    yield "    </xs:sequence>"
    for name, fixed in (("listURI", codelist.uri), ("listVersionID", codelist.version)):
        yield f'    <xs:attribute name="{name}" type="xs:string" use="optional" fixed={quoted(fixed)}/>'
    yield "  </xs:complexType>"
    yield f'  <xs:simpleType name="{code.name}Wert">'
    yield from documentation(f"Codes der Liste {codelist.uri}, Version {codelist.version}{also}", "    ")
    yield '    <xs:restriction base="xs:string">'
    yield from _enumeration(codelist)
    yield "    </xs:restriction>"
    yield "  </xs:simpleType>"


def _enumeration(codelist: codelists.CodeList) -> Iterator[str]:
    labelled = len(codelist.codes) <= LABELLED
    for code, entry in codelist.codes.items():
        if labelled:
            yield f"      <xs:enumeration value={quoted(code)}>"
            yield from documentation(entry.label + _period(codelist, entry), "        ")
            yield "      </xs:enumeration>"
        else:
            yield f"      <xs:enumeration value={quoted(code)}/>"


def _period(codelist: codelists.CodeList, entry: codelists.CodeEntry) -> str:
    """From and until when, of a code that is not in every version of its list."""
    begins = entry.valid_from is not None and codelist.versions[0].version not in entry.versions
    ends = entry.valid_to is not None and codelist.version not in entry.versions
    told = ([f"ab {entry.valid_from}"] if begins else []) + ([f"bis {entry.valid_to}"] if ends else [])
    return f" ({' '.join(told)})" if told else ""


@cache
def _simple(simple: SimpleType) -> str:
    form = restriction(simple)
    base = form.base if form.base.startswith("xs:") else f"tns:{form.base}"
    return "\n".join(_restricted(simple.name, simple.documentation, base, form.facets))


@cache
def _din(datatype: str) -> str:
    text = f"DIN 91379 Datentyp {datatype} in der Fassung der KoSIT vom August 2022; Text in Normalform NFC."
    return "\n".join(_restricted(f"Datentyp{datatype}", text, "xs:string", [("pattern", din_pattern(datatype))]))


def _restricted(name: str, text: str, base: str, facets: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f"  <xs:simpleType name={quoted(name)}>"
    yield from documentation(text, "    ")
    facets = list(facets)
    if facets:
        yield f'    <xs:restriction base="{base}">'
        for facet, value in facets:
            yield f"      <xs:{facet} value={quoted(value)}/>"
        yield "    </xs:restriction>"
    else:
        yield f'    <xs:restriction base="{base}"/>'
    yield "  </xs:simpleType>"
