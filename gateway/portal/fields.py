"""The types of a contract as a reader wants them: meaning, how often, which values, where the code list is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from lxml import etree

from gateway.contract.description import ComplexTypeDef, ElementDef, FieldDef
from gateway.contract.facets import din_datatypes, din_pattern, restriction
from gateway.model.types import Code, SimpleType, Text
from gateway.portal.edition import Edition

_FACETS = {
    "minInclusive": "mindestens {}",
    "maxInclusive": "höchstens {}",
    "pattern": "Muster",
}


@dataclass(frozen=True)
class Row:
    """One field as a line of a table. `pattern` is a regular expression of XSD, `codelist` a short name."""

    name: str
    documentation: str
    occurrence: str
    times: str
    type: str
    group: bool
    limits: tuple[str, ...]
    pattern: str
    codelist: str
    example: str


@dataclass(frozen=True)
class Simple:
    """A simple type with what restricts it."""

    name: str
    documentation: str
    base: str
    limits: tuple[str, ...]
    pattern: str
    codelist: str


class Fields:
    """Every type and field of one contract; example values are those of its sample messages."""

    def __init__(self, edition: Edition) -> None:
        self._edition = edition

    @property
    def groups(self) -> tuple[ComplexTypeDef, ...]:
        return self._edition.contract.description.groups

    @property
    def headers(self) -> tuple[ElementDef, ...]:
        return self._edition.contract.description.headers

    @cached_property
    def simple(self) -> tuple[Simple, ...]:
        return tuple(map(_simple, self._edition.contract.description.simple_types))

    @cached_property
    def datatypes(self) -> tuple[tuple[str, str], ...]:
        """The DIN 91379 datatypes that the contract uses, each with its regular expression."""
        names = din_datatypes(self._edition.contract.description.simple_types)
        return tuple((name, din_pattern(name)) for name in names)

    def rows(self, group: ComplexTypeDef) -> Iterator[Row]:
        """The fields of one group in the order of the schema."""
        for field in group.fields:
            yield self._row(group, field)

    def _row(self, group: ComplexTypeDef, field: FieldDef) -> Row:
        simple = field.type if isinstance(field.type, SimpleType) else None
        told = _simple(simple) if simple else None
        return Row(
            name=field.name,
            documentation=field.documentation,
            occurrence=occurrence(field),
            times=f"{field.minimum}..{'*' if field.maximum is None else field.maximum}",
            type=field.type.name,
            group=simple is None,
            limits=told.limits if told else (),
            pattern=told.pattern if told else "",
            codelist=told.codelist if told else "",
            example=self._example(group, field),
        )

    def _example(self, group: ComplexTypeDef, field: FieldDef) -> str:
        """A value of the field out of the samples; of another field of its type if it occurs in none."""
        return self.examples.get((group.name, field.name)) or self.examples.get(("", field.type.name), "")

    @cached_property
    def examples(self) -> Mapping[tuple[str, str], str]:
        """A value out of the samples, of each simple field by the names of its group and its own.

        Of each simple type by "" and its name.
        """
        found: dict[tuple[str, str], str] = {}
        description = self._edition.contract.description
        types = {element.name: element.type for element in description.elements}
        for sample in self._edition.samples:
            for element in etree.fromstring(sample.envelope).iter(f"{{{description.namespace}}}*"):
                group = types.get(etree.QName(element).localname)
                parent = element.getparent()
                if group is not None and (
                    parent is None or not str(parent.tag).startswith(f"{{{description.namespace}}}")
                ):
                    _collect(element, group, found)
        return found


def occurrence(field: FieldDef) -> str:
    """How often the field stands there, in German."""
    if field.maximum is None:
        return "mindestens einmal" if field.minimum else "beliebig oft"
    if field.maximum == 1:
        return "genau einmal" if field.minimum else "höchstens einmal"
    return f"{field.minimum or 'bis zu'}{' bis ' if field.minimum else ' '}{field.maximum}-mal"


def _simple(simple: SimpleType) -> Simple:
    if isinstance(simple, Code):
        return Simple(simple.name, simple.documentation, "Code", (), "", simple.codelist)
    form = restriction(simple)
    facets = dict(form.facets)
    base = f"DIN 91379 Datentyp {simple.datatype}" if isinstance(simple, Text) else form.base
    return Simple(simple.name, simple.documentation, base, tuple(_limits(facets)), facets.get("pattern", ""), "")


def _limits(facets: Mapping[str, str]) -> Iterator[str]:
    unit = "Bytes" if "pattern" in facets else "Zeichen"  # of text a schema of ours limits characters, else octets
    if "maxLength" in facets:
        yield f"{facets['minLength']} bis {facets['maxLength']} {unit}"
    if "maxInclusive" in facets:
        yield f"{facets['minInclusive']} bis {facets['maxInclusive']}"


def _collect(element: etree._Element, group: ComplexTypeDef, found: dict[tuple[str, str], str]) -> None:
    fields = {field.name: field for field in group.fields}
    for child in element:
        field = fields.get(etree.QName(child).localname)
        if field is None:
            continue
        if isinstance(field.type, ComplexTypeDef):
            _collect(child, field.type, found)
        elif text := str(child.xpath("string()")).strip():
            found.setdefault((group.name, field.name), text)
            found.setdefault(("", field.type.name), text)
