"""The invented persons of the samples, as one contract may tell of them."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from gateway.agreements.city import City
from gateway.contract.description import ComplexTypeDef
from gateway.errors import ContractError
from gateway.model.types import Tree, Value

_AGS, _TOWN = "05315000", "Köln"
"""What stands in the file for the city whose contract it is."""


def persons(city: City) -> tuple[Tree, ...]:
    """Every invented person with every field that the model has for such a one, living in this city."""
    return tuple(_group(_living_in(person, city)) for person in _file())


def fitting(tree: Tree, group: ComplexTypeDef, at: str = "") -> Tree:
    """What the group has of the tree, in its order; ContractError if something mandatory is missing in it."""
    kept: Tree = {}
    for field in group.fields:
        value = _fitting(tree.get(field.name), field.type, f"{at}/{field.name}")
        if value is not None and value not in ([], {}):
            kept[field.name] = value
        elif field.minimum:
            raise ContractError(f"the samples have no value for {at}/{field.name}")
    return kept


def _fitting(value: Value | None, kind: object, at: str) -> Value | None:
    if not isinstance(kind, ComplexTypeDef):
        return value
    if isinstance(value, list):
        return [item for item in (fitting(_group(one), kind, at) for one in value) if item]
    return None if value is None else fitting(_group(value), kind, at)


@cache
def _file() -> tuple[Value, ...]:
    text = files(__package__).joinpath("personen.toml").read_text("utf-8")
    return tuple(tomllib.loads(text)["person"])


def _living_in(value: Value, city: City) -> Value:
    if isinstance(value, dict):
        return {name: _living_in(below, city) for name, below in value.items()}
    if isinstance(value, list):
        return [_living_in(item, city) for item in value]
    return (
        {_AGS: city.ags, _TOWN: city.name.removeprefix("Stadt ")}.get(value, value) if isinstance(value, str) else value
    )


def _group(value: Value) -> Tree:
    if not isinstance(value, dict):
        raise ContractError("a group of the samples is none")
    return value
