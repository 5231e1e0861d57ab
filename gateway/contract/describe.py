"""Model x agreement x operations -> the description of a contract: nothing is in it that is not granted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from gateway.agreements.agreement import Agreement
from gateway.agreements.city import City
from gateway.agreements.operation import Operation
from gateway.contract.description import ComplexTypeDef, Description, ElementDef, FieldDef, OperationDef
from gateway.contract.notes import person_note
from gateway.errors import ContractError
from gateway.model.person import Person
from gateway.model.structure import Node, Part, grantable, nodes
from gateway.operations.messages import Abrufkontext, Fehler, Quittung
from gateway.operations.registry import OPERATIONS, Definition

SINGLE_SUFFIX = "Einzelabruf"
_KEPT = 512
"""So many parts of descriptions are kept: contracts share all but their persons."""
_PERSON = "Eine Person mit genau den Angaben, die die Datenschutzvereinbarung dieser Anwendung nennt."
_MODEL = "Das einheitliche Datenmodell der Person. Keine Anwendung erhält alles; ihr Vertrag nennt, was sie erhält."


def describe(agreement: Agreement, city: City, operations: Mapping[Operation, Definition] = OPERATIONS) -> Description:
    """What this application's schema says; ContractError if the agreement names a field or operation that is not there.

    Fields for single queries only (`single_only`) stand in no type but those of `personAbrufen`; every group that
    differs there carries the suffix `Einzelabruf`, so that the schema itself refuses them in bulk answers.
    """
    _refuse_unknown(agreement, operations)
    bulk = _Grants(frozenset(agreement.fields) - agreement.single_only)
    single = _Grants(frozenset(agreement.fields), marked=agreement.single_only)
    agreed = []
    for operation in (o for o in operations if o in agreement.operations):
        definition = operations[operation]
        grants = single if operation is Operation.PERSON_ABRUFEN else bulk
        name = operation.value
        response = name + "Response"
        agreed.append(
            OperationDef(
                operation,
                definition.documentation,
                _wrapper(name, definition.request, _of_use(grants, definition.request)),
                _wrapper(response, definition.response, _of_use(grants, definition.response)),
                tuple(sorted(agreement.operations[operation].required)),
            )
        )
    headers = (("abrufkontext", Abrufkontext), ("quittung", Quittung), ("fehler", Fehler))
    return Description(
        agreement.application,
        agreement.major,
        f"{city.namespace}:{agreement.application}:{agreement.major}",
        f"Schnittstelle der {city.name} für die Anwendung {agreement.application} ({agreement.office}), "
        f"Vertrag {agreement.major}. Abgeleitet aus dem Datenmodell und der Datenschutzvereinbarung.",
        tuple(agreed),
        tuple(_header(name, part) for name, part in headers),
    )


def describe_model(city: City) -> Description:
    """The whole Person, for readers: the same types with every field of the model."""
    person = _person(_Grants(frozenset(node.path for node in grantable(Person))))
    return Description(
        "modell", 1, f"{city.namespace}:modell", _MODEL, (), (ElementDef("person", person.documentation, person),)
    )


@dataclass(frozen=True)
class _Grants:
    """Which dotted paths below Person are there, and which of them make a group differ from its bulk form."""

    paths: frozenset[str]
    marked: frozenset[str] = frozenset()


_NOTHING = _Grants(frozenset())


def _of_use(grants: _Grants, part: type[Part]) -> _Grants:
    """What of the grants says something about this message: nothing if no person is in it."""
    return grants if _tells_persons(part) else _NOTHING


@cache
def _tells_persons(part: type[Part]) -> bool:
    return any(below.part is Person for node in nodes(part) for below in node.walk())


def _refuse_unknown(agreement: Agreement, operations: Mapping[Operation, Definition]) -> None:
    known = {node.path for node in grantable(Person)}
    if unknown := sorted((set(agreement.fields) | agreement.single_only) - known):
        raise ContractError(f"{agreement.application}: not grantable in Person: {', '.join(unknown)}")
    if surplus := sorted(agreement.single_only - set(agreement.fields)):
        raise ContractError(f"{agreement.application}: single only, but not granted: {', '.join(surplus)}")
    if missing := sorted(o.value for o in agreement.operations if o not in operations):
        raise ContractError(f"{agreement.application}: no such operation: {', '.join(missing)}")


@lru_cache(_KEPT)
def _wrapper(name: str, part: type[Part], grants: _Grants) -> ElementDef:
    fields = tuple(_message_field(node, grants) for node in nodes(part))
    return ElementDef(name, _doc(part), ComplexTypeDef(name, _doc(part), fields), wrapper=True)


def _message_field(node: Node, grants: _Grants) -> FieldDef:
    """A field of a message: wherever the message says Person, the agreement's own Person stands."""
    if node.simple is not None:
        return FieldDef(node.name, node.documentation, node.minimum, node.maximum, node.simple)
    part = _part(node)
    if part is Person:
        group = _person(grants)
        return FieldDef(node.name, node.documentation, _minimum(node, group), node.maximum, group)
    fields = tuple(_message_field(child, grants) for child in nodes(part))
    differs = any(
        isinstance(f.type, ComplexTypeDef) and any(g.name.endswith(SINGLE_SUFFIX) for g in f.type.walk())
        for f in fields
    )
    group = ComplexTypeDef(part.__name__ + (SINGLE_SUFFIX if differs else ""), _doc(part), fields)
    return FieldDef(node.name, node.documentation, _minimum(node, group), node.maximum, group)


@lru_cache(_KEPT)
def _person(grants: _Grants) -> ComplexTypeDef:
    return _group(Person, nodes(Person), grants)


def _group(part: type[Part], children: Iterable[Node], grants: _Grants) -> ComplexTypeDef:
    fields = tuple(field for node in children if (field := _granted_field(node, grants)) is not None)
    marked = grants.marked and any(below.path in grants.marked for node in children for below in node.walk())
    name = part.__name__ + (SINGLE_SUFFIX if marked else "")
    doc = person_note(_PERSON, _paths(fields)) if part is Person else _doc(part)
    return ComplexTypeDef(name, doc, fields)


def _paths(fields: Iterable[FieldDef], prefix: str = "") -> frozenset[str]:
    """The dotted paths of the fields and of all below."""
    found: set[str] = set()
    for field in fields:
        found.add(prefix + field.name)
        if isinstance(field.type, ComplexTypeDef):
            found |= _paths(field.type.fields, f"{prefix}{field.name}.")
    return frozenset(found)


def _granted_field(node: Node, grants: _Grants) -> FieldDef | None:
    """The field as far as it is granted; None if nothing of it is."""
    if node.path in grants.paths:
        return _whole_field(node)
    if node.simple is not None:
        return None
    group = _group(_part(node), node.children, grants)
    return FieldDef(node.name, node.documentation, _minimum(node, group), node.maximum, group) if group.fields else None


def _whole_field(node: Node) -> FieldDef:
    if node.simple is not None:
        return FieldDef(node.name, node.documentation, node.minimum, node.maximum, node.simple)
    part = _part(node)
    group = ComplexTypeDef(part.__name__, _doc(part), tuple(_whole_field(child) for child in node.children))
    return FieldDef(node.name, node.documentation, _minimum(node, group), node.maximum, group)


@cache
def _header(name: str, part: type[Part]) -> ElementDef:
    group = ComplexTypeDef(part.__name__, _doc(part), tuple(_whole_field(node) for node in nodes(part)))
    return ElementDef(name, _doc(part), group)


def _minimum(node: Node, group: ComplexTypeDef) -> int:
    """A group can only be mandatory if something in it is: an empty group is never sent."""
    return node.minimum if any(field.minimum for field in group.fields) else 0


def _part(node: Node) -> type[Part]:
    if node.part is None:
        raise ContractError(f"{node.path} is neither a simple field nor a group")
    return node.part


@cache
def _doc(part: type[Part]) -> str:
    """The docstring on one line; Python 3.13 dedents docstrings, so their white space must not count."""
    text = " ".join((part.__doc__ or "").split())
    if not text:
        raise ContractError(f"{part.__name__} has no docstring, and it would be published")
    return text
