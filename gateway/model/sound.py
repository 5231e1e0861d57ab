"""The model's check of a record as a tree: what pydantic and `to_tree` give, by closures made once from the classes.

A stock is judged record by record; a tree that becomes objects and a tree again costs most of that. Here it is
checked as it is. What is not accepted, for whatever reason, goes to pydantic, which says why.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NewType

from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from gateway.model.parts import Geburt
from gateway.model.person import Datensatz
from gateway.model.structure import Node, Part, nodes
from gateway.model.trees import to_tree
from gateway.model.types import SimpleType, Tree, Truth, Value, Whole

Sound = NewType("Sound", Tree)
"""A Datensatz as `to_tree` gives it, valid by the model; the named rules are asked of it apart."""

_NOTHING = (None, (), Geburt())
_Taken = Callable[[Value], Value]


class _Doubtful(Exception):
    """Not a value of the model in its plainest form: pydantic decides."""


def sound(tree: Tree) -> Sound:
    """The Datensatz as the store keeps it; pydantic's ValidationError with every finding if the model refuses it."""
    try:
        return _taken(tree)
    except (_Doubtful, PydanticCustomError):
        return of(Datensatz.model_validate(tree))


def of(datensatz: Datensatz) -> Sound:
    """The same of a record that is an object already."""
    return Sound(to_tree(datensatz))


def _taken(tree: Tree) -> Sound:
    return Sound(_whole()(tree))  # type: ignore[arg-type]  # what is made of a dict is one


@cache
def _whole() -> _Taken:
    return _group(Datensatz)


def _group(part: type[Part]) -> _Taken:
    """Accepts a group whose every field is accepted; what says nothing is left out of it."""
    level = nodes(part)
    fields = {node.name: (_field(node), node.simple is None or node.repeated) for node in level}
    required = frozenset(node.name for node in level if node.minimum > 0)
    if any(info.get_default(call_default_factory=True) not in _NOTHING for info in _optional(part)):
        raise TypeError(f"a field of {part.__name__} has a default that says something")

    def taken(value: Value) -> Value:
        if value.__class__ is not dict:
            raise _Doubtful
        made: Tree = {}
        for name, item in value.items():
            field = fields.get(name)
            if field is None:
                raise _Doubtful
            check, may_be_empty = field
            if (found := check(item)) or not may_be_empty:
                made[name] = found
        if required and not required <= value.keys():
            raise _Doubtful
        return made

    return taken


def _optional(part: type[Part]) -> list[FieldInfo]:
    return [info for info in part.model_fields.values() if not info.is_required()]


def _field(node: Node) -> _Taken:
    one = _group(node.part) if node.part is not None else _simple(node.simple)
    if not node.repeated:
        return one
    most, of_groups = node.maximum, node.part is not None

    def taken(value: Value) -> Value:
        if value.__class__ is not list or (most is not None and len(value) > most):
            raise _Doubtful
        made = [one(item) for item in value]
        return [item for item in made if item] if of_groups else made

    return taken


def _simple(kind: SimpleType | None) -> _Taken:
    if isinstance(kind, Truth):
        return _truth
    if isinstance(kind, Whole):
        return _number(kind.minimum, kind.maximum)
    if kind is None:
        raise TypeError("a field is of no type")
    check = kind.check

    def text(value: Value) -> Value:
        if value.__class__ is not str:
            raise _Doubtful
        return check(value)

    return text


def _truth(value: Value) -> Value:
    if value is not True and value is not False:
        raise _Doubtful
    return value


def _number(least: int, most: int) -> _Taken:
    def taken(value: Value) -> Value:
        if value.__class__ is not int or not least <= value <= most:
            raise _Doubtful
        return value

    return taken
