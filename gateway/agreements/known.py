"""A person before an application's fields are taken of it: what is alike for all whose neighbours hide the same.

What was made of one person for one agreement is made once for all others that say the same of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from gateway.agreements.agreement import Condition
from gateway.model.derived import Ableitung
from gateway.model.release import mask_address, without
from gateway.model.types import Tree, Value

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part:
    """One field or group at the top of a projection, and what was made of it: equal parts of several agreements are
    one, so each thing is made of them once.
    """

    name: str
    value: Value = field(repr=False)
    source: Value = field(default="", repr=False)
    """What it was taken from."""
    works: dict[Callable[..., Any], Any] = field(default_factory=dict, repr=False, compare=False)
    """By what was done with it, what came of that."""

    def made(self, work: Callable[[str, Value], T]) -> T:
        """`work(name, value)`, which must give the same each time."""
        found: T | None = self.works.get(work)
        if found is None:
            found = self.works[work] = work(self.name, self.value)
        return found


@dataclass(frozen=True, slots=True)
class Links:
    """What the neighbours contribute, under one application.

    `kennungen`: source person number -> identifier, of neighbours this application sees. `hidden`: source person
    numbers of blocked neighbours; they are omitted, not named. `address_masked`: a blocked person lives there too.
    `nameless`: some neighbour is blocked; nobody is named whom the application does not see, for a guardian, the
    holder of the dwelling or a relative without a number may be that very person.
    """

    kennungen: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    familienverbandskennung: str | None = None
    address_masked: bool = False
    nameless: bool = False


@dataclass(slots=True)
class Known:
    """What was made of one person before, for other agreements."""

    parts: dict[int, Part] = field(default_factory=dict, repr=False)
    """By the identity of what was selected."""
    taken: dict[int, tuple[object, Tree, list[Part]]] = field(default_factory=dict, repr=False)
    """The same of several, with what selected them, kept so that nothing else gets its identity, and of which tree."""
    _met: dict[Condition | None, bool] = field(default_factory=dict, repr=False)
    _met_by: tuple[Tree, Ableitung, date] | None = field(default=None, repr=False)
    _trees: dict[tuple[bool, bool], tuple[Tree, Ableitung, Tree]] = field(default_factory=dict, repr=False)

    def full(self, datensatz: Tree, ableitung: Ableitung, links: Links) -> Tree:
        """The person without what differs by application; not to be changed. Equal masks give the same object."""
        masks = links.address_masked, links.nameless
        found = self._trees.get(masks)
        if found is None or found[0] is not datensatz or found[1] is not ableitung:
            found = self._trees[masks] = datensatz, ableitung, _full(datensatz, ableitung, links)
        return found[2]

    def met(self, datensatz: Tree, ableitung: Ableitung, stichtag: date) -> dict[Condition | None, bool]:
        """Whether conditions hold of the person on that day, of those that were looked at; to be added to.

        Under None: whether it can be told of at all.
        """
        by = self._met_by
        if by is None or by[0] is not datensatz or by[1] is not ableitung or by[2] != stichtag:
            self._met, self._met_by = {}, (datensatz, ableitung, stichtag)
        return self._met


def group(tree: Tree, name: str) -> Tree:
    """The group of that name, which must be there; TypeError if it is none."""
    value = tree[name]
    if not isinstance(value, dict):
        raise TypeError(f"{name} is no group")
    return value


def items(value: Value | None) -> Iterator[Tree]:
    """The groups of a repeated field, none if it is not there."""
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict):
            yield item


def _full(datensatz: Tree, ableitung: Ableitung, links: Links) -> Tree:
    """The person with what is derived of it, under these masks."""
    full: Tree = {**group(datensatz, "person"), **ableitung.tree}
    if not ableitung.azr_nummer_frei:
        full.pop("azrNummer", None)
    if (address := full.get("anschrift")) is not None:
        full["anschrift"] = _address(address, links)
    if links.nameless:
        full["gesetzlicherVertreter"] = [_without_name(one) for one in items(full.get("gesetzlicherVertreter"))]
    return full


def _address(address: Value, links: Links) -> Tree:
    tree = address if isinstance(address, dict) else {}
    if links.nameless:
        tree = without(tree, "wohnungsinhaber")
    return {"art": "sonstige"} if links.address_masked else mask_address(tree)


def _without_name(tree: Tree) -> Tree:
    return without(without(tree, "familienname"), "vornamen")
