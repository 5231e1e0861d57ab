"""Reads the model classes as a tree of nodes: the one description from which XSD, agreements, projection,
audit bitmap and papers are derived."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Annotated, ClassVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from gateway.model.naming import to_xml
from gateway.model.types import SimpleType, broken


class Schutzklasse(Enum):
    """Sensitivity class (domain catalogue, 2.1): S1 identification to S4 Art. 9 DSGVO, S5 never."""

    S1 = "Identifikation"
    S2 = "Kontakt, Anschrift, Familie"
    S3 = "Rechtsstatus und Leistungen"
    S4 = "besondere Kategorien (Art. 9 DSGVO)"
    S5 = "nie"


@dataclass(frozen=True, slots=True)
class Attribut:
    """The catalogue entry of a field: number, sensitivity, where the law or DSAusländer names it.

    `herkunft`: "quelle" (the case system says it), "abgeleitet" (computed here), "gateway" (ours).
    """

    id: str
    schutzklasse: Schutzklasse
    fundstelle: str
    herkunft: str = "quelle"


@dataclass(frozen=True, slots=True)
class Vielfach:
    """How often a list field may occur."""

    maximum: int

    def __get_pydantic_core_schema__(self, source: typing.Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def check(self, values: tuple[object, ...]) -> tuple[object, ...]:
        if len(values) > self.maximum:
            raise broken(f"mehr als {self.maximum} Angaben")
        return values


class Part(BaseModel):
    """Base of every model and message class: frozen, closed, named on the wire in lowerCamelCase."""

    model_config = ConfigDict(
        alias_generator=to_xml,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
        defer_build=True,
    )
    catalogue_order: ClassVar[bool] = False
    """True: fields stand in the order of their catalogue numbers, not of declaration."""


@dataclass(frozen=True)
class Node:
    """A field of the model: simple (`simple`) or a group (`part`, `children`).

    `path` is the dotted XML path below its root ("anschrift.strasse"); `attribut` makes it grantable by
    agreements (a group with an attribut is granted as a whole); `maximum` None means unbounded.
    """

    path: str
    name: str
    attribut: Attribut | None
    documentation: str
    minimum: int
    maximum: int | None
    simple: SimpleType | None
    part: type[Part] | None
    children: tuple[Node, ...]

    @property
    def repeated(self) -> bool:
        return self.maximum is None or self.maximum > 1

    def walk(self) -> Iterator[Node]:
        """This node and all below, depth first, in wire order."""
        yield self
        for child in self.children:
            yield from child.walk()


@cache
def nodes(part: type[Part]) -> tuple[Node, ...]:
    """The top-level fields of `part`, each with its subtree, in wire order."""
    return _nodes(part, "")


@cache
def grantable(part: type[Part]) -> tuple[Node, ...]:
    """Every node an agreement can name: those with an attribut, in wire order. Their index is the audit bit."""
    return tuple(node for top in nodes(part) for node in top.walk() if node.attribut is not None)


def _nodes(part: type[Part], prefix: str) -> tuple[Node, ...]:
    found = [_node(part, name, info, prefix) for name, info in part.model_fields.items()]
    if part.catalogue_order:
        found.sort(key=_catalogue_number)
    return tuple(found)


def _catalogue_number(node: Node) -> str:
    return min((below.attribut.id for below in node.walk() if below.attribut), default="")


def _node(owner: type[Part], name: str, info: FieldInfo, prefix: str) -> Node:
    xml = to_xml(name)
    path = prefix + xml
    annotation, metadata, optional = _unwrap(info.annotation, tuple(info.metadata))
    maximum: int | None = 1
    minimum = 0 if optional or not info.is_required() else 1
    if get_origin(annotation) in (tuple, list):
        vielfach = next((item for item in metadata if isinstance(item, Vielfach)), None)
        minimum, maximum = 0, vielfach.maximum if vielfach else None
        annotation, inner, _ = _unwrap(get_args(annotation)[0], ())
        metadata = metadata + inner
    attribut = next((item for item in metadata if isinstance(item, Attribut)), None)
    if not info.description:
        raise TypeError(f"{owner.__name__}.{name} has no description")
    if isinstance(annotation, type) and issubclass(annotation, Part):
        below = _nodes(annotation, path + ".")
        return Node(path, xml, attribut, info.description, minimum, maximum, None, annotation, below)
    simple = next((item for item in metadata if isinstance(item, SimpleType)), None)
    if simple is None:
        raise TypeError(f"{owner.__name__}.{name} has no simple type")
    return Node(path, xml, attribut, info.description, minimum, maximum, simple, None, ())


def _unwrap(annotation: typing.Any, metadata: tuple[object, ...]) -> tuple[typing.Any, tuple[object, ...], bool]:
    """The bare annotation, all Annotated metadata around it, and whether None is allowed."""
    optional = False
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            metadata = metadata + tuple(more)
        elif get_origin(annotation) in (Union, types.UnionType):
            present = [arg for arg in get_args(annotation) if arg is not type(None)]
            optional = optional or len(present) < len(get_args(annotation))
            (annotation,) = present
        else:
            return annotation, metadata, optional
