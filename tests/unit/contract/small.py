"""A small contract of our own generator, whose every part can be changed: one operation, three headers."""

from __future__ import annotations

from dataclasses import replace

from gateway.agreements.operation import Operation
from gateway.contract import wsdl, xsd
from gateway.contract.description import ComplexTypeDef, Description, ElementDef, FieldDef, OperationDef
from gateway.model.types import Code, Pattern, SimpleType, Whole

WORD = Pattern("FrageWort", "Ein Wort", "[a-z]{2,8}")
NUMBER = Whole("FrageZahl", "Eine Zahl", 1, 9)
KIND = Code("FrageArt", "Eine Art", "geschlecht")
TOLD_WORD = Pattern("AntwortWort", "Ein Wort", "[a-z]{2,8}")
TOLD_NUMBER = Whole("AntwortZahl", "Eine Zahl", 1, 9)
TOLD_KIND = Code("AntwortArt", "Eine Art", "geschlecht")


def field(name: str, simple: SimpleType, minimum: int = 1, maximum: int | None = 1, text: str = "Angabe") -> FieldDef:
    return FieldDef(name, text, minimum, maximum, simple)


ASKED = (field("wort", WORD), field("zahl", NUMBER, 0), field("art", KIND, 0))
TOLD = (field("wort", TOLD_WORD), field("zahl", TOLD_NUMBER, 0), field("art", TOLD_KIND, 0), field("ende", TOLD_WORD))


def header(name: str) -> ElementDef:
    kind = ComplexTypeDef(
        name.capitalize(), "Kopf", (field("kennzeichen", WORD if name == "abrufkontext" else TOLD_WORD),)
    )
    return ElementDef(name, "Kopf", kind)


def description(
    asked: tuple[FieldDef, ...] = ASKED,
    told: tuple[FieldDef, ...] = TOLD,
    *,
    required: tuple[str, ...] = (),
    major: int = 1,
    more: tuple[Operation, ...] = (),
) -> Description:
    """The contract with these fields in request and answer."""
    first = OperationDef(
        Operation.PERSON_SUCHEN, "Suche.", wrapper("personSuchen", asked), wrapper("personSuchenResponse", told)
    )
    others = [OperationDef(one, "Mehr.", wrapper(one.value, ()), wrapper(one.value + "Response", ())) for one in more]
    headers = tuple(header(name) for name in ("abrufkontext", "quittung", "fehler"))
    operations = (replace(first, required=required), *others)
    return Description("klein", major, f"urn:klein:{major}", "Klein", operations, headers)


def wrapper(name: str, fields: tuple[FieldDef, ...]) -> ElementDef:
    return ElementDef(name, "Nachricht", ComplexTypeDef(name, "Nachricht", fields), wrapper=True)


def written(of: Description, *, soap12: bool = True) -> bytes:
    """The WSDL of the contract."""
    return wsdl.write(of, xsd.write(of), soap12=soap12)


BASE = written(description())
"""What every change starts from."""


def asked(*fields: FieldDef) -> bytes:
    """The WSDL with another request."""
    return written(description(asked=fields))


def told(*fields: FieldDef) -> bytes:
    """The WSDL with another answer."""
    return written(description(told=fields))


def edited(old: str, new: str, raw: bytes = BASE) -> bytes:
    """The WSDL with another text, wherever it stands."""
    assert old.encode() in raw, old
    return raw.replace(old.encode(), new.encode())
