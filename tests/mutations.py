"""Contracts that are nearly another one: our own description of a contract, changed at one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from gateway.contract.description import ComplexTypeDef, Description, ElementDef, FieldDef
from gateway.model.types import FullDate, Pattern, SimpleType, Text, Truth, Whole

Fields = tuple[FieldDef, ...]
SPARE = Text("Ersatz", "Etwas anderes", "C", 7)
OURS = frozenset({"Ersatz", "Zahl"})


@dataclass(frozen=True)
class Mutant:
    """A changed contract, and what was done to it."""

    told: tuple[str, ...]
    description: Description = field(repr=False)


@st.composite
def mutants(draw: DrawFn, description: Description, most: int = 2) -> Mutant:
    """The description with one to `most` changes."""
    told: list[str] = []
    for _ in range(draw(st.integers(1, most))):
        kind = draw(st.sampled_from(sorted(CHANGES)))
        description = CHANGES[kind](draw, description)
        told.append(kind)
    return Mutant(tuple(told), description)


def in_group(change: Callable[[DrawFn, Fields], Fields]) -> Callable[[DrawFn, Description], Description]:
    """A change of the fields of any one type, wherever it is used."""

    def changed(draw: DrawFn, description: Description) -> Description:
        groups = [group for element in description.elements for group in element.type.walk()]
        names = sorted({group.name for group in groups if len(group.fields) > 1})
        name = draw(st.sampled_from(names))
        fields = next(change(draw, group.fields) for group in groups if group.name == name)
        return rebuilt(description, lambda group: replace(group, fields=fields) if group.name == name else group)

    return changed


def in_simple(change: Callable[[DrawFn, SimpleType], SimpleType]) -> Callable[[DrawFn, Description], Description]:
    """A change of any one simple type, wherever it is used."""

    def changed(draw: DrawFn, description: Description) -> Description:
        old = draw(
            st.sampled_from(
                [
                    one
                    for one in description.simple_types
                    if isinstance(one, Text | Pattern | Whole) and one.name not in OURS
                ]
            )
        )
        new = change(draw, old)

        def other(one: FieldDef) -> FieldDef:
            return replace(one, type=new) if one.type == old else one

        return rebuilt(description, lambda group: replace(group, fields=tuple(map(other, group.fields))))

    return changed


def rebuilt(description: Description, change: Callable[[ComplexTypeDef], ComplexTypeDef]) -> Description:
    """The description with every complex type changed, from the leaves up."""

    def deep(group: ComplexTypeDef) -> ComplexTypeDef:
        fields = tuple(
            replace(one, type=deep(one.type)) if isinstance(one.type, ComplexTypeDef) else one for one in group.fields
        )
        return change(replace(group, fields=fields))

    def element(one: ElementDef) -> ElementDef:
        return replace(one, type=deep(one.type))

    operations = tuple(
        replace(one, request=element(one.request), response=element(one.response)) for one in description.operations
    )
    return replace(description, operations=operations, headers=tuple(map(element, description.headers)))


def _any(draw: DrawFn, fields: Fields) -> int:
    return draw(st.integers(0, len(fields) - 1))


def removed(draw: DrawFn, fields: Fields) -> Fields:
    place = _any(draw, fields)
    return fields[:place] + fields[place + 1 :]


def renamed(draw: DrawFn, fields: Fields) -> Fields:
    place = _any(draw, fields)
    name = "anders" + str(draw(st.integers(1, 99)))
    if any(one.name == name for one in fields):
        return fields
    return (*fields[:place], replace(fields[place], name=name), *fields[place + 1 :])


def added(draw: DrawFn, fields: Fields) -> Fields:
    place = draw(st.integers(0, len(fields)))
    name = "neu" + str(draw(st.integers(1, 99)))
    if any(one.name == name for one in fields):
        return fields
    return (*fields[:place], FieldDef(name, "Neu", draw(st.integers(0, 1)), 1, SPARE), *fields[place:])


def reordered(draw: DrawFn, fields: Fields) -> Fields:
    return tuple(draw(st.permutations(fields)))


def occurring(draw: DrawFn, fields: Fields) -> Fields:
    """One of the two bounds, so that the other does not speak for it."""
    place = _any(draw, fields)
    old = fields[place]
    if draw(st.booleans()):
        new = replace(old, minimum=draw(st.integers(0, min(2, old.maximum or 2))))
    else:
        new = replace(old, maximum=draw(st.sampled_from([max(old.minimum, most) for most in (1, 2, 3)] + [None])))
    return (*fields[:place], new, *fields[place + 1 :])


def retyped(draw: DrawFn, fields: Fields) -> Fields:
    place = _any(draw, fields)
    kind = draw(st.sampled_from([SPARE, Truth("Ja", "Ja"), FullDate("Tag", "Tag"), Whole("Zahl", "Zahl", 0, 2**40)]))
    return (*fields[:place], replace(fields[place], type=kind), *fields[place + 1 :])


def bounded(draw: DrawFn, simple: SimpleType) -> SimpleType:
    match simple:
        case Text():
            length = max(1, simple.max_length + draw(st.integers(-5, 5)))
            return replace(simple, max_length=length, datatype=draw(st.sampled_from(["A", "B", "C"])))
        case Whole():
            shift = draw(st.sampled_from([-2, -1, 1, 2]))
            return (
                replace(simple, maximum=simple.maximum + shift)
                if draw(st.booleans())
                else replace(simple, minimum=simple.minimum + shift)
            )
        case Pattern():
            looser = [simple.pattern, f"{simple.pattern}|x", simple.pattern.replace("{1,", "{2,"), "[a-z0-9]{1,5}"]
            return replace(simple, pattern=draw(st.sampled_from(looser)))
    return simple


CHANGES = {
    "removed": in_group(removed),
    "renamed": in_group(renamed),
    "added": in_group(added),
    "reordered": in_group(reordered),
    "occurring": in_group(occurring),
    "retyped": in_group(retyped),
    "bounded": in_simple(bounded),
}
"""By name: what can happen to a contract."""
