"""Whether the values of one simple type are all values of another; what cannot be proven counts as a no."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from gateway.contract.published import Simple

_INTEGERS: Mapping[str, tuple[int | None, int | None]] = {
    "xs:byte": (-(2**7), 2**7 - 1),
    "xs:short": (-(2**15), 2**15 - 1),
    "xs:int": (-(2**31), 2**31 - 1),
    "xs:long": (-(2**63), 2**63 - 1),
    "xs:unsignedByte": (0, 2**8 - 1),
    "xs:unsignedShort": (0, 2**16 - 1),
    "xs:unsignedInt": (0, 2**32 - 1),
    "xs:unsignedLong": (0, 2**64 - 1),
    "xs:nonNegativeInteger": (0, None),
    "xs:positiveInteger": (1, None),
    "xs:integer": (None, None),
}
_LOWER = frozenset({"minLength", "minInclusive", "minExclusive"})
_UPPER = frozenset({"maxLength", "maxInclusive", "maxExclusive", "totalDigits", "fractionDigits"})
_BOUND = re.compile(r"\{(?P<least>[0-9]+)(?P<comma>,(?P<most>[0-9]*))?\}")
_CLASS = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|[^\[\\]")
"""One piece of a pattern as XSD has it: an escape, a class without subtraction, any other character."""


@dataclass(frozen=True)
class Shift:
    """One facet that differs: whether old values may have become invalid, and whether new ones may have come."""

    narrower: bool
    wider: bool
    old: str
    new: str


def other_kind(old: Simple, new: Simple) -> bool:
    """Whether the bases are so different that generated code holds another type; integers of any size are one kind."""
    return old.base != new.base and not (old.base in _INTEGERS and new.base in _INTEGERS)


def outgrows(old: Simple, new: Simple) -> bool:
    """Whether the new integer base has values that the old one cannot hold (xs:int -> xs:long)."""
    if old.base == new.base:
        return False
    (old_least, old_most), (least, most) = _INTEGERS[old.base], _INTEGERS[new.base]
    return not (_within(old_least, least, lower=True) and _within(old_most, most, lower=False))


def shifts(old: Simple, new: Simple) -> Iterator[Shift]:
    """Every facet but enumerations that differs; the bases are of one kind."""
    if old.base != new.base:
        yield Shift(outgrows(new, old), outgrows(old, new), old.base, new.base)
    before, after = dict(old.facets), dict(new.facets)
    for facet in sorted(before.keys() | after.keys()):
        if before.get(facet) != after.get(facet):
            yield _shift(facet, before.get(facet), after.get(facet))
    yield from _patterns(old.patterns, new.patterns)


def _within(outer: int | None, inner: int | None, *, lower: bool) -> bool:
    """Whether the bound `inner` lies inside `outer`; None is no bound."""
    if outer is None or inner is None:
        return outer is None
    return inner >= outer if lower else inner <= outer


def _shift(facet: str, old: str | None, new: str | None) -> Shift:
    said_old, said_new = (f"{facet} {value}" if value is not None else f"no {facet}" for value in (old, new))
    if old is None or new is None:
        return Shift(old is None, new is None, said_old, said_new)
    if facet in _LOWER | _UPPER:
        before, after = _size(old), _size(new)
        if before is not None and after is not None:
            return Shift(
                (after > before) == (facet in _LOWER), (after > before) == (facet in _UPPER), said_old, said_new
            )
    return Shift(True, True, said_old, said_new)


def _size(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None  # a date: no order is known here


def _patterns(old: tuple[tuple[str, ...], ...], new: tuple[tuple[str, ...], ...]) -> Iterator[Shift]:
    """Steps of derivation that both have are left out: all of them must match, wherever they stand."""
    gone, came = [one for one in old if one not in new], [one for one in new if one not in old]
    if not gone and not came:
        return
    told = [" and ".join("pattern " + "|".join(step) for step in steps) or "no pattern" for steps in (gone, came)]
    if len(gone) == len(came) == 1:
        yield Shift(not _covers(came[0], gone[0]), not _covers(gone[0], came[0]), told[0], told[1])
    else:
        yield Shift(bool(came), bool(gone), told[0], told[1])


def _covers(outer: tuple[str, ...], inner: tuple[str, ...]) -> bool:
    """Proves that every text of the alternatives `inner` is one of `outer`; False if it cannot."""
    return all(any(_loosened(one, other) for other in outer) for one in inner)


def _loosened(inner: str, outer: str) -> bool:
    """Whether `outer` is `inner` with wider {m,n} at most, or with more alternatives at the top.

    Regular expressions of XSD have neither negation nor back references, so wider parts make a wider whole.
    """
    mine, theirs = _alternatives(inner), _alternatives(outer)
    return all(any(_same_but_bounds(one, other) for other in theirs) for one in mine)


def _same_but_bounds(inner: str, outer: str) -> bool:
    (bones, bounds), (outer_bones, outer_bounds) = _skeleton(inner), _skeleton(outer)
    return bones == outer_bones and all(
        least >= outer_least and (outer_most is None or (most is not None and most <= outer_most))
        for (least, most), (outer_least, outer_most) in zip(bounds, outer_bounds, strict=True)
    )


def _skeleton(pattern: str) -> tuple[str, list[tuple[int, int | None]]]:
    """The pattern with its {m,n} emptied, and their bounds; a class is left as it is."""
    bones, bounds, rest = "", [], pattern
    while rest:
        if bound := _BOUND.match(rest):
            most = bound["least"] if bound["comma"] is None else bound["most"]
            bounds.append((int(bound["least"]), int(most) if most else None))
            bones, rest = bones + "{}", rest[bound.end() :]
            continue
        piece = _CLASS.match(rest)
        if piece is None or "-[" in piece[0]:
            return pattern, []  # a class with subtraction is not taken apart
        bones, rest = bones + piece[0], rest[piece.end() :]
    return bones, bounds


def _alternatives(pattern: str) -> list[str]:
    """What stands between the `|` at the top of the pattern."""
    found, depth, rest = [""], 0, pattern
    while rest:
        piece = _CLASS.match(rest)
        if piece is None or "-[" in piece[0]:
            return [pattern]
        depth += {"(": 1, ")": -1}.get(piece[0], 0)
        if piece[0] == "|" and depth == 0:
            found.append("")
        else:
            found[-1] += piece[0]
        rest = rest[piece.end() :]
    return found
