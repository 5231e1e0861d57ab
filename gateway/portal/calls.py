"""The call that the programs of the portal make: one that any client of a contract can make as it stands there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.agreements.operation import Operation
from gateway.contract.description import ComplexTypeDef, FieldDef, OperationDef
from gateway.contract.facets import restriction
from gateway.model.types import Code, SimpleType
from gateway.portal.edition import Edition

_VALUES = frozenset({"xs:boolean", "xs:date", "xs:dateTime", "xs:int", "xs:long"})
_NOBODY = "00000000-0000-4000-8000-000000000000"
_NAME = (("familienname", "Muster"), ("vornamen", "Erika"), ("geburtsdatum", "1990-01-31"))


@dataclass(frozen=True)
class Unwrapped:
    """How a generator that unwraps messages (.NET's wsdl.exe) sees the call: the first field is returned."""

    result: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Call:
    """Parameters in the order of the schema; the program prints the field `read` of the answer.

    `many` is the repeated element in which that field stands, if it is in one. `optional` are the parameters that need
    not be there: in some languages these are pointers. `alone`: the answer has but this field, and zeep unwraps it.
    """

    operation: str
    parameters: tuple[tuple[str, str | int], ...]
    read: str
    many: str
    optional: frozenset[str]
    alone: bool
    unwrapped: Unwrapped


def call(edition: Edition) -> Call:
    """The call that says most of those that the agreement allows."""
    agreed = {one.operation: one for one in edition.contract.description.operations}
    return next(
        _of(agreed[operation], parameters, read, many)
        for operation, parameters, read, many in _calls(edition)
        if operation in agreed
    )


def context(edition: Edition, operation: str) -> dict[str, str]:
    """The header `abrufkontext` with what the agreement demands for this operation."""
    told = {"kennung": "Muster", "verwendungszweck": next(iter(edition.agreement.purposes))}
    more = {"aktenzeichen": "AZ 1", "begruendung": "Probe"}
    terms = edition.agreement.operations[Operation(operation)]
    return told | {part: text for part, text in more.items() if part in terms.required}


_Told = tuple[Operation, tuple[tuple[str, str | int], ...], str, str]


def _calls(edition: Edition) -> Iterator[_Told]:
    """One for each operation that there is, those that say most first."""
    lists = [one.uri for one in edition.codelists.values()] or ["urn:de:codeliste"]
    some: tuple[tuple[str, str | int], ...] = (("anzahl", 3),)
    yield Operation.BESTAND_ABRUFEN, some, "personenkennung", "person"
    yield Operation.PERSON_SUCHEN, _NAME, "ergebnisstatus", ""
    yield Operation.AENDERUNGEN_ABRUFEN, some, "letzteLaufnummer", ""
    yield Operation.STATISTIK_ABRUFEN, (), "titel", "freigabe"
    yield Operation.DIENSTAUSKUNFT, (), "anwendung", ""
    yield Operation.CODELISTE_ABRUFEN, (("codeliste", lists[0]),), "version", ""
    yield Operation.PERSON_ABRUFEN, (("personenkennung", _NOBODY),), "", ""
    yield Operation.AENDERUNGEN_QUITTIEREN, (("bis", 0), ("epoche", "0" * 32)), "quittiertBis", ""
    report = (("personenkennung", _NOBODY), ("beschreibung", "Probe"))
    yield Operation.UNSTIMMIGKEIT_MELDEN, report, "meldungsnummer", ""


def _of(agreed: OperationDef, parameters: tuple[tuple[str, str | int], ...], read: str, many: str) -> Call:
    asked, told = agreed.request.type, agreed.response.type
    optional = frozenset(field.name for field in asked.fields if not field.minimum)
    unwrapped = Unwrapped(told.fields[0].name, (*_given(asked, dict(parameters)), *_returned(told)))
    return Call(agreed.operation.value, parameters, read, many, optional, len(told.fields) == 1, unwrapped)


def _given(asked: ComplexTypeDef, values: dict[str, str | int]) -> Iterator[str]:
    for field in asked.fields:
        value = values.get(field.name)
        if _is_value(field):
            yield str(value or 0)
            if not field.minimum:
                yield "true" if value is not None else "false"
        else:
            yield "null" if value is None else f'"{value}"'


def _returned(told: ComplexTypeDef) -> Iterator[str]:
    for number, field in enumerate(told.fields):
        if number:
            yield f"out var {field.name}"
        if _is_value(field) and not field.minimum:
            yield f"out var {field.name}Specified"


def _is_value(field: FieldDef) -> bool:
    """Whether .NET has a value for it that cannot be null."""
    if not isinstance(field.type, SimpleType) or isinstance(field.type, Code) or field.repeated:
        return False
    return restriction(field.type).base in _VALUES
