"""What one contract consists of, between the model and the schema: elements, groups and their fields.

XSD, WSDL, renderer and Spyne's types are all written from this one description. Contracts share the parts that are the
same in them, so what is written of a part can be kept: its hash is worked out once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from gateway.agreements.operation import Operation
from gateway.errors import ContractError
from gateway.model.types import SimpleType

T = TypeVar("T", "ComplexTypeDef", SimpleType)


@dataclass(frozen=True)
class FieldDef:
    """A child element; `maximum` None means unbounded."""

    name: str
    documentation: str
    minimum: int
    maximum: int | None
    type: SimpleType | ComplexTypeDef

    @property
    def repeated(self) -> bool:
        return self.maximum is None or self.maximum > 1


@dataclass(frozen=True)
class ComplexTypeDef:
    """A sequence of child elements, without attributes and without choice."""

    name: str
    documentation: str
    fields: tuple[FieldDef, ...]

    def __hash__(self) -> int:
        return self._hash

    def walk(self) -> Iterator[ComplexTypeDef]:
        """This type and every group below it, each before those it consists of."""
        return iter(self._walked)

    @cached_property
    def _hash(self) -> int:
        return hash((self.name, self.documentation, self.fields))

    @cached_property
    def _walked(self) -> tuple[ComplexTypeDef, ...]:
        below = (field.type for field in self.fields if isinstance(field.type, ComplexTypeDef))
        return (self, *(group for one in below for group in one.walk()))


@dataclass(frozen=True)
class ElementDef:
    """A global element. `wrapper`: its type has no name of its own (document/literal wrapped)."""

    name: str
    documentation: str
    type: ComplexTypeDef
    wrapper: bool = False


@dataclass(frozen=True)
class OperationDef:
    """One agreed operation; `required` are the parts of `abrufkontext` that it cannot do without."""

    operation: Operation
    documentation: str
    request: ElementDef
    response: ElementDef
    required: tuple[str, ...] = ()


@dataclass(frozen=True)
class Description:
    """Everything one application can say and be told."""

    name: str
    major: int
    namespace: str
    documentation: str
    operations: tuple[OperationDef, ...]
    headers: tuple[ElementDef, ...]
    """The request header, the answer header and the fault's detail, in this order; none in a mere model."""

    @cached_property
    def elements(self) -> tuple[ElementDef, ...]:
        """Every global element, in the order of the schema."""
        return tuple(e for o in self.operations for e in (o.request, o.response)) + self.headers

    @cached_property
    def groups(self) -> tuple[ComplexTypeDef, ...]:
        """The named complex types in order of first use; ContractError if one name means two things."""
        used: list[ComplexTypeDef] = []
        for element in self.elements:
            inner = element.type.walk()
            if element.wrapper:
                next(inner)
            used += inner
        return tuple(_distinct(used).values())

    @cached_property
    def fields(self) -> tuple[FieldDef, ...]:
        """Every field of every type, those of a named type once; ContractError if one name means two things."""
        own = [element.type for element in self.elements if element.wrapper]
        return tuple(field for group in (*own, *self.groups) for field in group.fields)

    @cached_property
    def names(self) -> frozenset[str]:
        """Every element name; none of them can be a value."""
        return frozenset(field.name for field in self.fields) | {element.name for element in self.elements}

    @cached_property
    def simple_types(self) -> tuple[SimpleType, ...]:
        """The simple types in order of their names; ContractError if one name means two things."""
        found = _distinct(field.type for field in self.fields if isinstance(field.type, SimpleType))
        if clash := sorted(found.keys() & {group.name for group in self.groups}):
            raise ContractError(f"type {clash[0]} is both a group and a simple type")
        return tuple(found[name] for name in sorted(found))


def _distinct(types: Iterable[T]) -> dict[str, T]:
    found: dict[str, T] = {}
    for item in types:
        first = found.setdefault(item.name, item)
        if first is not item and first != item:
            raise ContractError(f"two different types are named {item.name}")
    return found
