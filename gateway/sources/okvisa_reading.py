"""Reads a record by a table of allowed names: what no table names is never looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from lxml.etree import _Element

from gateway.model.types import Tree, Value
from gateway.sources.okvisa_values import Reader, Unreadable

NAMESPACE = "urn:okvisa:webservice:1"
_PREFIX = len(NAMESPACE) + 2  # "{namespace}"


@dataclass(frozen=True, slots=True)
class Field:
    """A simple element: where its value goes (dotted, "" merges a Tree) and how it is read.

    `essential`: if the source's key says nothing the model knows, the whole group is left out.
    """

    target: str
    read: Reader
    many: bool = False
    essential: bool = False
    parts: tuple[str, ...] = field(init=False)
    plain: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.target.split(".")) if self.target else ())
        object.__setattr__(self, "plain", len(self.parts) == 1 and not self.many)


@dataclass(frozen=True, slots=True)
class Group:
    """An element with children: its table, and where they go (dotted, "" is the place of the group around it)."""

    target: str
    rows: Rows
    many: bool = False
    parts: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.target.split(".")) if self.target else ())


Rows: TypeAlias = "Mapping[str, Field | Group]"
"""Local name of an allowed element -> how it is read."""


def read(element: _Element, rows: Rows, into: Tree, reasons: list[str]) -> bool:
    """The allowed children of a valid `element` stand in `into`; what could not be read is named in `reasons`, as seen
    from there.

    False if an essential statement is not taken and the group must be left out.
    """
    keep, known = True, rows.get
    for child in element:
        row = known(child.tag[_PREFIX:])
        if row is None:
            continue
        if isinstance(row, Group):
            _read_group(child, row, into, reasons)
            continue
        try:
            value = row.read(child.text or "")
        except Unreadable as refusal:
            reasons.append(f"{row.target or child.tag[_PREFIX:]}: {refusal}")
            continue
        if value is None:
            keep = keep and not row.essential
        elif row.plain:
            into[row.target] = value
        elif row.parts:
            _put(into, row.parts, value, row.many)
        elif isinstance(value, dict):
            into.update(value)
    return keep


def cut(element: _Element, rows: Rows) -> Tree:
    """The allowed elements of a valid `element` as the source wrote them, under its names: for the quarantine."""
    kept: Tree = {}
    for child in element:
        name = child.tag[_PREFIX:]
        row = rows.get(name)
        if row is not None:
            value: Value = cut(child, row.rows) if isinstance(row, Group) else child.text or ""
            _put(kept, (name,), value, row.many)
    return kept


def targets(rows: Rows, around: str = "", source: str = "") -> dict[str, str]:
    """Source path ("personalien/gebDat") -> dotted target, for every allowed simple element and own group."""
    found: dict[str, str] = {}
    for name, row in rows.items():
        here = f"{source}/{name}" if source else name
        place = _place(around, row)
        if isinstance(row, Group):
            found |= targets(row.rows, place, here)
            if row.many:
                found[here] = place
        else:
            found[here] = place
    return found


def _place(around: str, row: Field | Group) -> str:
    return f"{around}.{row.target}" if around and row.target else around or row.target


def _read_group(child: _Element, row: Group, into: Tree, reasons: list[str]) -> None:
    if not row.parts:
        read(child, row.rows, into, reasons)
        return
    inner: Tree = {}
    before = len(reasons)
    if read(child, row.rows, inner, reasons) and inner:
        _put(into, row.parts, inner, row.many)
    if len(reasons) > before:
        reasons[before:] = [f"{row.target}.{reason}" for reason in reasons[before:]]


def _put(tree: Tree, parts: tuple[str, ...], value: Value, many: bool) -> None:
    for part in parts[:-1]:
        below = tree.setdefault(part, {})
        if not isinstance(below, dict):
            raise TypeError(f"{part} is no group")
        tree = below
    last = parts[-1]
    if many:
        values = tree.setdefault(last, [])
        if isinstance(values, list):
            values.append(value)
    elif isinstance(value, dict) and isinstance(present := tree.get(last), dict):
        present.update(value)
    else:
        tree[last] = value
