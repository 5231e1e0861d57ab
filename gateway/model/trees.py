"""Persons and messages as trees of JSON values: how the store keeps them and how they are compared."""

from __future__ import annotations

from functools import cache

import rfc8785

from gateway.model.naming import to_xml
from gateway.model.structure import Part
from gateway.model.types import Tree, Value


def to_tree(part: Part) -> Tree:
    """The part under its XML names; what is absent, and every empty list or group, is not there at all.

    `type(part).model_validate(to_tree(part))` gives an equal part, but for groups that say nothing. TypeError, which
    quotes nothing, for what is no value of a tree.
    """
    tree: Tree = {}
    values = part.__dict__
    for name, xml in _names(part.__class__):
        value = values.get(name)
        if value is None:
            continue
        if value.__class__ is str:
            tree[xml] = value
        elif (found := _value(value)) != [] and found != {}:
            tree[xml] = found
    return tree


def canonical(tree: Tree) -> bytes:
    """The one byte form of a tree (RFC 8785, UTF-8): equal trees have equal bytes. Numbers stay below 2^53."""
    return rfc8785.dumps(tree)


def _value(value: object) -> Value:
    if isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, Part):
        return to_tree(value)
    if isinstance(value, (tuple, list)):
        return [found for item in value if (found := _value(item)) != [] and found != {}]
    raise TypeError(f"{type(value).__name__} is no value of a tree")


@cache
def _names(part: type[Part]) -> tuple[tuple[str, str], ...]:
    """Each field's name in Python and on the wire."""
    return tuple((name, info.alias or to_xml(name)) for name, info in part.model_fields.items())
