"""Compares two published contracts element by element, in the direction in which each travels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gateway.contract.change import Change, Direction, gathered
from gateway.contract.change_rules import RULES
from gateway.contract.comparing_service import service_changes
from gateway.contract.comparing_values import attribute_changes, code_changes, value_changes
from gateway.contract.published import Child, Group, Published, Schema

_REQUEST, _ANSWER, _SERVICE = Direction.REQUEST, Direction.ANSWER, Direction.SERVICE
_RESPONSE = "Response"
_ANSWERS = frozenset({"quittung", "fehler"})
_REQUESTS = frozenset({"abrufkontext"})
_MOST_NAMED = 12


def differences(old: Published, new: Published) -> tuple[Change, ...]:
    """Every change from `old` to `new`, equal ones at several places as one, the worst first; empty if none.

    Law: if none is worse than COMPATIBLE, every message that an old client sends is valid against `new`, and every
    answer that is valid against `new` is valid against `old`, names of the namespace apart.
    """
    return gathered(_every(old, new))


def _every(old: Published, new: Published) -> Iterator[Change]:
    before, after = old.schema, new.schema
    if before.namespace != after.namespace:
        yield _service("namespace-changed", "targetNamespace", before.namespace, after.namespace)
    if before.forms != after.forms:
        yield _service("form-changed", "schema", " ".join(before.forms), " ".join(after.forms))
    if before.documentation != after.documentation:
        yield _service("documentation-changed", "schema")
    if old.service is not None and new.service is not None:
        yield from service_changes(old.service, new.service)
    elif old.service is not None or new.service is not None:
        told = ["WSDL" if one.service else "XSD" for one in (old, new)]
        yield _service("documentation-changed", f"{told[0]} compared with {told[1]}: schemas only")
    yield from _global_elements(old, new)


def _global_elements(old: Published, new: Published) -> Iterator[Change]:
    before, after = old.schema.elements, new.schema.elements
    named = old.service is not None and new.service is not None
    for name in dict.fromkeys([*before, *after]):
        if name in before and name in after:
            for direction in _directions(name, old, new):
                yield from _Walk(old.schema, new.schema, direction).type_changes(before[name], after[name], name)
        elif not named:  # otherwise the operation, header or fault is told
            rule = "element-removed" if name in before else "element-added"
            yield _service(rule, name, name, name)


def _directions(name: str, *published: Published) -> list[Direction]:
    """Which ways an element travels: as the WSDL says, else by the names that our generator gives; unknown is both."""
    services = [one.service for one in published if one.service is not None]
    ways = [_REQUEST] if any(name in service.sent for service in services) else []
    ways += [_ANSWER] if any(name in service.got for service in services) else []
    if ways:
        return ways
    if name in _ANSWERS or name.endswith(_RESPONSE):
        return [_ANSWER]
    if name in _REQUESTS or any(name + _RESPONSE in one.schema.elements for one in published):
        return [_REQUEST]
    return [_REQUEST, _ANSWER]


class _Walk:
    """One element of both contracts, in one direction."""

    def __init__(self, old: Schema, new: Schema, direction: Direction) -> None:
        self._old, self._new, self._direction = old, new, direction
        self._open: set[tuple[str, str]] = set()

    def type_changes(self, old: Child, new: Child, path: str) -> Iterator[Change]:
        """What differs in the element itself and in all below it."""
        if old.documentation != new.documentation:
            yield _service("documentation-changed", path)
        pair = (old.type, new.type)
        if pair in self._open:
            return  # a type inside itself: compared above
        before, after = self._old.of(old.type), self._new.of(new.type)
        if _shown(old.type) != _shown(new.type):
            yield _service("type-renamed", path, old.type, new.type)
        elif before.documentation != after.documentation:
            yield _service("documentation-changed", path)
        if isinstance(before, Group) != isinstance(after, Group):
            yield self._change("type-changed", path, old.type, new.type)
        elif isinstance(before, Group) and isinstance(after, Group):
            self._open.add(pair)
            yield from self._group_changes(before, after, path)
            self._open.discard(pair)
        elif not isinstance(before, Group) and not isinstance(after, Group):
            yield from value_changes(before, after, self._direction, path)
            yield from code_changes(before, after, self._direction, path)

    def _group_changes(self, old: Group, new: Group, path: str) -> Iterator[Change]:
        yield from attribute_changes(self._old, self._new, (old, new), self._direction, path)
        before, after = ({child.name: child for child in group.children} for group in (old, new))
        kept, now = [name for name in before if name in after], [name for name in after if name in before]
        if kept != now:
            yield self._change("order-changed", path, _listed(kept), _listed(now))
        for child in old.children:
            if child.name not in after:
                yield self._removed(child, f"{path}/{child.name}", _successor(child, old, new))
        for place, child in enumerate(new.children):
            if child.name not in before:
                yield self._added(child, f"{path}/{child.name}", last=not _follow(new.children[place + 1 :], before))
        for name in kept:
            yield from self._occurrence_changes(before[name], after[name], f"{path}/{name}")
            yield from self.type_changes(before[name], after[name], f"{path}/{name}")

    def _removed(self, child: Child, path: str, successor: str) -> Change:
        if self._direction is _REQUEST:
            change = self._change("element-removed", path, child.name)
        else:
            change = self._change("mandatory-removed" if child.minimum else "element-removed", path, child.name)
        if not successor:
            return change
        return replace(
            change, hint=f"probably renamed to {successor}", hint_german=f"vermutlich umbenannt in {successor}"
        )

    def _added(self, child: Child, path: str, *, last: bool) -> Change:
        if self._direction is _REQUEST:
            return self._change("mandatory-added" if child.minimum else "element-added", path, new=child.name)
        return self._change("element-appended" if last else "element-inserted", path, new=child.name)

    def _occurrence_changes(self, old: Child, new: Child, path: str) -> Iterator[Change]:
        if old.minimum != new.minimum:
            rule = "minimum-raised" if new.minimum > old.minimum else "minimum-lowered"
            yield self._change(rule, path, str(old.minimum), str(new.minimum))
        if old.maximum != new.maximum:
            raised = new.maximum is None or (old.maximum is not None and new.maximum > old.maximum)
            rule = "maximum-raised" if raised else "maximum-lowered"
            if raised and self._direction is _ANSWER and old.maximum is not None and old.maximum <= 1:
                rule = "becomes-list"
            yield self._change(rule, path, _most(old.maximum), _most(new.maximum))

    def _change(self, rule: str, path: str, old: str = "", new: str = "") -> Change:
        return Change(RULES[f"{self._direction.value}-{rule}"], self._direction, (path,), old, new)


def _service(rule: str, place: str, old: str = "", new: str = "") -> Change:
    return Change(RULES[rule], _SERVICE, (place,), old, new)


def _successor(gone: Child, old: Group, new: Group) -> str:
    """The new element that is probably the removed one under another name: same type, behind the same neighbour."""
    before, after = [child.name for child in old.children], [child.name for child in new.children]
    for child in new.children:
        if child.name not in before and _shown(child.type) == _shown(gone.type):
            neighbours = _neighbour(gone.name, before, after), _neighbour(child.name, after, before)
            if neighbours[0] == neighbours[1] or child.documentation == gone.documentation:
                return child.name
    return ""


def _neighbour(name: str, names: Sequence[str], others: Sequence[str]) -> str | None:
    """The last name before `name` that is among `others` too."""
    return next((one for one in reversed(names[: names.index(name)]) if one in others), None)


def _follow(later: Sequence[Child], before: dict[str, Child]) -> bool:
    return any(child.name in before for child in later)


def _shown(key: str) -> str:
    """The name of a type; all types without one are called the same."""
    return "#" if "#" in key or "/" in key else key


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")


def _most(maximum: int | None) -> str:
    return "unbounded" if maximum is None else str(maximum)
