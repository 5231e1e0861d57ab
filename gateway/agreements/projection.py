"""What a person looks like under one agreement: who is visible, and exactly which fields remain.

Pure functions of (person, visible neighbours, day). The change feed compares their results, the operations
deliver them; nothing else decides what may be seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache, lru_cache
from typing import Final, TypeAlias

from gateway.agreements.agreement import Agreement, Condition
from gateway.agreements.known import Known, Links, Part
from gateway.agreements.known import group as _group
from gateway.agreements.known import items as _items
from gateway.agreements.synthetic import EIGENPROBE, is_marked
from gateway.model.audited import audited
from gateway.model.days import first_day, last_day
from gateway.model.days import next_day as day_after
from gateway.model.derived import Ableitung
from gateway.model.person import Person
from gateway.model.release import GENERIC
from gateway.model.structure import Node, grantable, nodes
from gateway.model.types import Code, Tree, Value

__all__ = ["Known", "Links", "Part", "bits", "field_bits", "next_day", "parts", "project", "visible"]


def visible(
    agreement: Agreement, datensatz: Tree, ableitung: Ableitung, *, stichtag: date, known: Known | None = None
) -> bool:
    """True if this person is in the agreement's scope on that day: not blocked, no alias record, all conditions.

    An invented person is seen by the gateway's own probe, which sees nobody else. Nobody is in the scope of an
    agreement on statistics, which has no conditions. `known`: what was found out of the same person for others.
    """
    if agreement.statistics is not None or is_marked(datensatz) != (agreement.application == EIGENPROBE):
        return False
    if not agreement.valid_from <= stichtag <= agreement.valid_to:
        return False
    met = {} if known is None else known.met(datensatz, ableitung, stichtag)
    for condition in (None, *agreement.scope):
        holds = met.get(condition)
        if holds is None:
            holds = met[condition] = _meets(condition, datensatz, ableitung, stichtag)
        if not holds:
            return False
    return True


def project(agreement: Agreement, fields: frozenset[str], datensatz: Tree, ableitung: Ableitung, links: Links) -> Tree:
    """The person as this application may see it: only `fields`, released values, without the three store fields
    personenkennung, stand and datensatzversion.

    `fields` must be a subset of the agreement's; surplus ones are ignored (closed by default).
    """
    return {part.name: part.value for part in parts(agreement, fields, datensatz, ableitung, links, Known())}


def parts(
    agreement: Agreement, fields: frozenset[str], datensatz: Tree, ableitung: Ableitung, links: Links, known: Known
) -> list[Part]:
    """What `project` gives, in parts; `known` are those of the same person that other agreements have taken."""
    control = _group(datensatz, "steuerung")
    granted = _both(fields, agreement.granted)
    if withheld := _restricted(control) | ableitung.verfallen:
        granted -= withheld
    full = known.full(datensatz, ableitung, links)
    before, linked, behind = _selections(granted)
    own = _parts(linked, _linked(control, links), known.parts) if linked else []
    return [*_alike(before, full, known), *own, *_alike(behind, full, known)]


def field_bits(tree: Tree) -> int:
    """The audit bitmap of a projected person: the bits of `audited` that are in it."""
    return _bits_below(tree, _places())


def bits(name: str, value: Value) -> int:
    """The same of one part of it."""
    return _bits_below({name: value}, _places())


def next_day(agreement: Agreement, ableitung: Ableitung, *, stichtag: date) -> date | None:
    """The next day after `stichtag` on which this projection can change by itself, None if never."""
    begins_or_ends, day = _validity_changes(agreement.valid_from, agreement.valid_to, stichtag), None
    if ableitung.naechster_stichtag is not None and ableitung.naechster_stichtag > stichtag:
        day = ableitung.naechster_stichtag
    return min(day, begins_or_ends) if day and begins_or_ends else day or begins_or_ends


@lru_cache(maxsize=1024)
def _validity_changes(valid_from: date, valid_to: date, stichtag: date) -> date | None:
    """The next day after `stichtag` on which an agreement begins to hold, or holds no more."""
    days = (valid_from, day_after(valid_to))
    return min((day for day in days if day is not None and day > stichtag), default=None)


def _meets(condition: Condition | None, datensatz: Tree, ableitung: Ableitung, stichtag: date) -> bool:
    """Whether the condition holds; without one, whether the person can be told of at all."""
    control = _group(datensatz, "steuerung")
    restricted = _restricted(control)
    if condition is not None:
        value = _in_force(condition, _group(datensatz, "person"), ableitung, stichtag)
        return _holds(condition, value, restricted)
    if ableitung.gesperrt or "hauptdatensatz" in control:
        return False
    # A person cannot be told without its required fields (DSGVO Art. 18: only the hint remains).
    return not restricted or not any(node.path in restricted for node in nodes(Person) if node.minimum == 1)


def _in_force(condition: Condition, person: Tree, ableitung: Ableitung, stichtag: date) -> Value | None:
    """What stands in the group or field that the condition is about; of statuses and residence duties only what holds.

    Others decide nothing. The boundaries of those that do are among the days that `derive` notes.
    """
    name = _way(condition.field)[0]
    value = ableitung.tree.get(name, person.get(name))
    end = _ENDS.get(name)
    if end is None or value is None:
        return value
    return [item for item in _items(value) if _holds_on(item, end, stichtag)]


_ENDS: Final = {"aufenthaltsstatus": "ende", "wohnsitzauflage": "befristetBis"}


def _holds_on(item: Tree, end: str, stichtag: date) -> bool:
    first, last = first_day(item.get("beginn")), last_day(item.get(end))
    return (first is None or first <= stichtag) and (last is None or stichtag <= last)


def _relations(control: Tree, links: Links) -> list[Value]:
    """Relations as `familienbeziehung`: visible neighbours by identifier, hidden ones not at all, others by name."""
    found: list[Value] = []
    for relation in _items(control.get("familie")):
        number = relation.get("personennummer")
        if number in links.hidden:
            continue
        entry: Tree = {"art": relation["art"]}
        if isinstance(number, str) and number in links.kennungen:
            entry["person"] = {"personenkennung": links.kennungen[number]}
        elif not links.nameless:
            named: Tree = {key: relation[key] for key in ("familienname", "vornamen") if key in relation}
            if named:
                entry["person"] = named
        found.append(entry)
    return found


_Step: TypeAlias = "tuple[str, dict[str, str] | _Selection]"
"""Name of a field -> the codes that must not be told as they are, mostly none; of a group -> what is taken of it."""
_Selection: TypeAlias = "tuple[_Step, ...]"


_LINKED: Final = ("familienverbandskennung", "familienbeziehung")
"""What differs by application. In the person they stand behind each other."""


def _linked(control: Tree, links: Links) -> Tree:
    """What the neighbours contribute."""
    tree: Tree = {}
    if relations := _relations(control, links):
        tree["familienbeziehung"] = relations
    if links.familienverbandskennung is not None:
        tree["familienverbandskennung"] = links.familienverbandskennung
    return tree


def _alike(selection: _Selection, full: Tree, known: Known) -> list[Part]:
    """The parts of what is the same for all; not to be changed. Taken once for all who are granted the same."""
    found = known.taken.get(id(selection))
    if found is None or found[1] is not full:
        found = known.taken[id(selection)] = selection, full, _parts(selection, full, known.parts)
    return found[2]


def _parts(selection: _Selection, tree: Tree, known: dict[int, Part]) -> list[Part]:
    """The same as `_keep`, in parts. A known one counts only if it was taken by the same step from the same object."""
    found = []
    for step in selection:
        name, below = step
        source = tree.get(name)
        if source is None:
            continue
        part = known.get(id(step))
        if part is None or part.source is not source:
            part = known[id(step)] = Part(name, _kept(below, source), source)
        if part.value or part.value not in _NOTHING:
            found.append(part)
    return found


def _keep(selection: _Selection, tree: Tree) -> Tree:
    """The part of `tree` that `selection` names, in the selection's order; empty groups vanish.

    Codes that give away Art. 9 reasons become their generic form.
    """
    kept: Tree = {}
    for name, below in selection:
        value = tree.get(name)
        if value is not None and (value := _kept(below, value)) not in _NOTHING:
            kept[name] = value
    return kept


_NOTHING: Final[tuple[Value, ...]] = ([], {})


def _kept(below: dict[str, str] | _Selection, value: Value) -> Value:
    """What is taken of a field or group; an empty group or list if that is nothing."""
    if not isinstance(below, dict):
        return _keep_group(below, value)
    return below.get(value, value) if isinstance(value, str) else value


def _keep_group(selection: _Selection, value: Value) -> Value:
    if isinstance(value, dict):
        return _keep(selection, value)
    groups: list[Value] = []
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict) and (group := _keep(selection, item)):
            groups.append(group)
    return groups


@lru_cache(maxsize=1024)
def _both(fields: frozenset[str], granted: frozenset[str]) -> frozenset[str]:
    return fields & granted


@cache
def _selections(granted: frozenset[str]) -> tuple[_Selection, _Selection, _Selection]:
    """The granted paths, nested, in wire order, a granted group whole: before what is linked, that, and behind it."""
    steps = _steps("", granted)
    places = [place for place, (name, _) in enumerate(steps) if name in _LINKED]
    begin, end = (places[0], places[-1] + 1) if places else (len(steps), len(steps))
    return steps[:begin], steps[begin:end], steps[end:]


@cache
def _steps(path: str, granted: frozenset[str]) -> _Selection:
    """What is taken of the group at `path`: one object for all who are granted the same of it."""
    chosen: list[_Step] = []
    for node in _level(path):
        if node.path in granted:
            chosen.append(_whole(node.path, generic=isinstance(node.simple, Code)))
        elif node.children and (inner := frozenset(one for one in granted if one.startswith(f"{node.path}."))):
            chosen.append(_some(node.path, inner))
    return tuple(chosen)


@cache
def _whole(path: str, *, generic: bool) -> _Step:
    return path.rpartition(".")[2], GENERIC.get(path, {}) if generic else {}


@cache
def _some(path: str, granted: frozenset[str]) -> _Step:
    return path.rpartition(".")[2], _steps(path, granted)


def _level(path: str) -> Sequence[Node]:
    """The fields of the person, or of the group at `path`."""
    return _groups()[path].children if path else nodes(Person)


@cache
def _groups() -> Mapping[str, Node]:
    return {node.path: node for top in nodes(Person) for node in top.walk() if node.children}


_Places: TypeAlias = dict[str, "int | _Places"]
"""Name of a field -> its bit; of a group that is granted field by field -> what is in it."""


@cache
def _places() -> _Places:
    places: _Places = {}
    for index, node in audited():
        level = places
        *groups, name = node.path.split(".")
        for group in groups:
            below = level.setdefault(group, {})
            if isinstance(below, int):
                raise TypeError(f"{node.path} is granted twice")
            level = below
        level[name] = 1 << index
    return places


def _bits_below(tree: Tree, places: _Places) -> int:
    found, place = 0, places.get
    for name, value in tree.items():
        below = place(name, 0)
        if below.__class__ is int:
            if value.__class__ is not list or value:
                found |= below
        elif isinstance(value, dict):
            found |= _bits_below(value, below)  # type: ignore[arg-type]  # it is no number
        elif isinstance(value, list):
            for item in value:
                found |= _bits_below(item, below) if isinstance(item, dict) else 0  # type: ignore[arg-type]  # see above
    return found


def _holds(condition: Condition, value: Value | None, restricted: frozenset[str]) -> bool:
    values: list[str] = []
    if value is not None and not (restricted and _covered(condition.field, restricted)):
        _values(value, _way(condition.field)[1:], values)
    if condition.one_of is not None:
        return any(value in condition.one_of for value in values)
    if condition.none_of is not None:
        return not any(value in condition.none_of for value in values)
    if condition.present:
        return bool(values)
    return any(_within(value, condition) for value in values)


def _within(value: str, condition: Condition) -> bool:
    first = (value + "-01-01")[:10] if len(value) == 4 else (value + "-01")[:10]
    return (condition.earliest is None or condition.earliest.isoformat() <= first) and (
        condition.latest is None or first <= condition.latest.isoformat()
    )


@cache
def _way(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def _values(value: Value, path: tuple[str, ...], found: list[str]) -> None:
    """Afterwards all that stands at `path`, in every group of a repeated one, is among `found`."""
    if isinstance(value, list):
        for item in value:
            _values(item, path, found)
    elif not path:
        found.append(str(value).lower() if isinstance(value, bool) else str(value))
    elif isinstance(value, dict) and (below := value.get(path[0])) is not None:
        _values(below, path[1:], found)


def _covered(path: str, restricted: frozenset[str]) -> bool:
    """True if the field or a group around it is restricted (DSGVO Art. 18)."""
    parts = path.split(".")
    return any(".".join(parts[:end]) in restricted for end in range(1, len(parts) + 1))


def _restricted(control: Tree) -> frozenset[str]:
    """Every grantable path under a restricted one, and the restricted paths themselves."""
    named = control.get("eingeschraenkt")
    if not isinstance(named, list) or not named:
        return frozenset()
    return _under(frozenset(str(path) for path in named))


@cache
def _under(named: frozenset[str]) -> frozenset[str]:
    """A restricted required field takes its group along: the group could not be told without it.

    So does a field inside a group that is granted as a whole, for only the whole can be withheld.
    """
    every = [node for top in nodes(Person) for node in top.walk()]
    required = {node.path for node in every if node.path in named and node.minimum == 1 and "." in node.path}
    wholes = {whole.path for whole in grantable(Person) for node in whole.walk() if node.path in named}
    closed = named | wholes | {path.rpartition(".")[0] for path in required}
    return closed | {node.path for node in every if _covered(node.path, closed)}
