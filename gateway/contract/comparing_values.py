"""Compares what one element may hold: facets, codes and attributes, in the direction in which it travels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.contract.change import Change, Direction
from gateway.contract.change_rules import RULES
from gateway.contract.published import Attribute, Group, Schema, Simple
from gateway.contract.values import other_kind, outgrows, shifts

_MOST_CODES = 20


def value_changes(old: Simple, new: Simple, direction: Direction, path: str) -> Iterator[Change]:
    """Every facet that differs; one that may be both narrower and wider gives two changes."""
    if other_kind(old, new) or (direction is Direction.ANSWER and outgrows(old, new)):
        yield _change("type-changed", direction, path, old.base, new.base)
        return
    for shift in shifts(old, new):
        if shift.narrower:
            yield _change("values-narrower", direction, path, shift.old, shift.new)
        if shift.wider:
            yield _change("values-wider", direction, path, shift.old, shift.new)


def code_changes(old: Simple, new: Simple, direction: Direction, path: str) -> Iterator[Change]:
    """Codes that came and went, an enumeration that came or went as a whole, and meanings that changed."""
    if old.codes is None or new.codes is None:
        if old.codes is not None:
            yield _change("values-wider", direction, path, "list of codes", "any value")
        if new.codes is not None:
            yield _change("values-narrower", direction, path, "any value", "list of codes")
        return
    if gone := [code for code in old.codes if code not in new.codes]:
        yield _change("code-removed", direction, path, old=_listed(gone))
    if came := [code for code in new.codes if code not in old.codes]:
        yield _change("code-added", direction, path, new=_listed(came))
    if any(new.codes.get(code, text) != text for code, text in old.codes.items()):
        yield Change(RULES["documentation-changed"], Direction.SERVICE, (path,))


def attribute_changes(
    old: Schema, new: Schema, groups: tuple[Group, Group], direction: Direction, path: str
) -> Iterator[Change]:
    """What differs in the attributes of a complex type."""
    before, after = ({one.name: one for one in group.attributes} for group in groups)
    for name in dict.fromkeys([*before, *after]):
        where = f"{path}/@{name}"
        if name not in after:
            yield _gone(before[name], direction, where)
        elif name not in before:
            yield _come(after[name], direction, where)
        else:
            yield from _kept(before[name], after[name], direction, where)
            held, holds = old.of(before[name].type), new.of(after[name].type)
            if isinstance(held, Simple) and isinstance(holds, Simple):
                yield from value_changes(held, holds, direction, where)
                yield from code_changes(held, holds, direction, where)


def _gone(old: Attribute, direction: Direction, path: str) -> Change:
    if direction is Direction.REQUEST:
        return _change("attribute-tightened", direction, path, old.name)
    return _change("attribute-loosened" if old.required else "attribute-tightened", direction, path, old.name)


def _come(new: Attribute, direction: Direction, path: str) -> Change:
    if direction is Direction.REQUEST and new.required:
        return _change("attribute-tightened", direction, path, new.name)
    return _change("attribute-added", direction, path, new=new.name)


def _kept(old: Attribute, new: Attribute, direction: Direction, path: str) -> Iterator[Change]:
    if old.required != new.required:
        yield _change("attribute-tightened" if new.required else "attribute-loosened", direction, path, old.name)
    if old.fixed == new.fixed:
        return
    if old.fixed is not None and new.fixed is None:
        yield _change("list-freed", direction, path, old.fixed)
    elif old.fixed is None:
        yield _change("values-narrower", direction, path, "any value", f"fixed {new.fixed}")
    else:
        yield _change("list-changed", direction, path, old.fixed, new.fixed or "")


def _change(rule: str, direction: Direction, path: str, old: str = "", new: str = "") -> Change:
    return Change(RULES[f"{direction.value}-{rule}"], direction, (path,), old, new)


def _listed(codes: Iterable[str]) -> str:
    codes = list(codes)
    return ", ".join(codes[:_MOST_CODES]) + (
        f" and {len(codes) - _MOST_CODES} more" if len(codes) > _MOST_CODES else ""
    )
