"""Persons and messages as trees of JSON values: how the store keeps them and how they are compared."""

from __future__ import annotations

import rfc8785

from gateway.model.structure import Part
from gateway.model.types import Tree, Value


def to_tree(part: Part) -> Tree:
    """The part under its XML names; what is absent, and every empty list or group, is not there at all.

    `type(part).model_validate(to_tree(part))` gives an equal part, but for groups that say nothing.
    """
    # pydantic's warnings quote values; what is no value of a tree is refused below, without quoting it
    return _group(part.model_dump(by_alias=True, exclude_none=True, warnings=False))


def canonical(tree: Tree) -> bytes:
    """The one byte form of a tree (RFC 8785, UTF-8): equal trees have equal bytes. Numbers stay below 2^53."""
    return rfc8785.dumps(tree)


def _group(values: dict[str, object]) -> Tree:
    present = ((name, _value(value)) for name, value in values.items())
    return {name: value for name, value in present if not _empty(value)}


def _value(value: object) -> Value:
    if isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, dict):
        return _group(value)
    if isinstance(value, (tuple, list)):
        return [item for item in map(_value, value) if not _empty(item)]
    raise TypeError(f"{type(value).__name__} is no value of a tree")


def _empty(value: Value) -> bool:
    return isinstance(value, (list, dict)) and not value
