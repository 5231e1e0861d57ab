"""Reads a valid request into a Tree straight from its elements: for the operations that are asked all day.

It gives what Spyne's types give (a test holds them together), without an object for each element.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from lxml import etree

from gateway.contract.description import ComplexTypeDef, ElementDef, FieldDef
from gateway.errors import ContractError
from gateway.model.types import Binary, Code, FullDate, Moment, Tree, Truth, Value, Whole

Decode: TypeAlias = Callable[[etree._Element], Tree]

_BLANK = " \t\n\r"


def compile_request(element: ElementDef, namespace: str) -> Decode:
    """A function that reads this request; its payload is valid. ContractError for an element it does not know."""
    return _group(element.type, namespace)


def _group(group: ComplexTypeDef, namespace: str) -> Decode:
    fields = {f"{{{namespace}}}{field.name}": (field, _value(field, namespace)) for field in group.fields}

    def read(element: etree._Element) -> Tree:
        found: dict[str, list[Value]] = {}
        for child in element:
            if child.tag not in fields:
                raise ContractError("a valid request could not be decoded")
            field, value = fields[child.tag]
            found.setdefault(field.name, []).append(value(child))
        return {
            field.name: list(found[field.name]) if field.repeated else found[field.name][0]
            for field in group.fields
            if field.name in found
        }

    return read


def _value(field: FieldDef, namespace: str) -> Callable[[etree._Element], Value]:
    match field.type:
        case ComplexTypeDef():
            return _group(field.type, namespace)
        case Code():
            return lambda element: _text(element[0])
        case Whole():
            return _whole
        case Truth():
            return lambda element: _text(element).strip(_BLANK) in ("true", "1")
        case FullDate() | Moment() | Binary():
            return lambda element: _text(element).strip(_BLANK)
        case _:
            return _text


def _whole(element: etree._Element) -> int:
    try:
        return int(_text(element))
    except ValueError:  # its text quotes the request
        raise ContractError("a valid request could not be decoded") from None


def _text(element: etree._Element) -> str:
    return element.text or ""
