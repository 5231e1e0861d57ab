"""Hypothesis strategies made from the model's own structure: whatever the model can say, they can draw."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from importlib.resources import files

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from gateway.model import codelists, din91379
from gateway.model.person import Datensatz, Person
from gateway.model.rules import check
from gateway.model.structure import Node, Part, nodes
from gateway.model.types import (
    Binary,
    Code,
    FullDate,
    Moment,
    PartialDate,
    Pattern,
    SimpleType,
    Text,
    Tree,
    Truth,
    Value,
    Whole,
)


@cache
def tokens(datatype: str) -> tuple[str, ...]:
    """Every character and sequence of the datatype, as DIN 91379 counts letters."""
    singles = [chr(code) for code in range(0x2200) if din91379.accepts(datatype, chr(code))]
    listed = files(din91379).joinpath("latin_list_search_form_1.3.txt").read_text("utf-8").splitlines()
    letters = ("".join(chr(int(code, 16)) for code in line.split("; ")[2].split()) for line in listed)
    return tuple(singles + [letter for letter in letters if len(letter) > 1])


def texts(simple: Text) -> SearchStrategy[str]:
    """Any text of this type, stray blanks and lone signs included."""
    return _joined(tokens(simple.datatype), simple.max_length)


def sound_texts(simple: Text) -> SearchStrategy[str]:
    """Texts of this type that the named rules accept as names, streets and towns."""
    letter = st.sampled_from("ABCDEFGHIJKLMOPRSTVWZabcdefghijklmoprstvwzÄÖÜäöüßÇĞŞÉéñ")
    middle = _joined(tokens(simple.datatype), max(simple.max_length - 3, 1)) | st.just("")
    parts = st.tuples(letter, middle.map(lambda text: " ".join(text.split())), st.just("e"))
    return parts.map("".join).filter(lambda text: len(text) <= simple.max_length)


@cache
def value_for(simple: SimpleType, *, sound: bool = True) -> SearchStrategy[Value]:
    """Any value of this simple type; `sound`: one that the named rules accept too."""
    if isinstance(simple, Text):
        return sound_texts(simple) if sound else texts(simple)
    if isinstance(simple, Code):
        return st.sampled_from(list(codelists.load(simple.codelist).codes))
    if isinstance(simple, PartialDate):
        return partial_dates() if sound else partial_dates() | st.from_regex(re.compile(simple.pattern), fullmatch=True)
    if isinstance(simple, Pattern):
        return st.from_regex(re.compile(simple.pattern), fullmatch=True)
    if isinstance(simple, FullDate):
        return days().map(date.isoformat)
    if isinstance(simple, Moment):
        return st.datetimes().map(lambda moment: f"{moment:%Y}".zfill(4) + f"{moment:-%m-%dT%H:%M:%SZ}")
    if isinstance(simple, Binary):
        return st.binary(min_size=1, max_size=40).map(lambda raw: base64.b64encode(raw).decode())
    if isinstance(simple, Truth):
        return st.booleans()
    if isinstance(simple, Whole):
        return st.integers(simple.minimum, simple.maximum)
    raise TypeError(simple.name)


def days() -> SearchStrategy[date]:
    """Days of living memory mostly, and both ends of the calendar."""
    return st.dates(date(1920, 1, 1), date(2040, 12, 31)) | st.sampled_from([date.min, date.max, date(2024, 2, 29)])


def partial_dates() -> SearchStrategy[str]:
    """Years, months and days that the calendar has."""
    return st.tuples(days(), st.sampled_from([4, 7, 10])).map(lambda drawn: drawn[0].isoformat()[: drawn[1]])


@st.composite
def trees(draw: DrawFn, part: type[Part], *, sound: bool = True) -> Tree:
    """Any tree that `part` validates: required fields and some of the optional ones, in wire order."""
    return draw(_groups(nodes(part), sound))


@st.composite
def datensaetze(draw: DrawFn, always: frozenset[str] = frozenset()) -> Tree:
    """Any sound record as `to_tree` gives it: valid by the model, no named rule broken.

    `always`: top-level fields of the person or the control part that every record shall have.
    """
    tree = {part.name: draw(_groups(part.children, True, always)) for part in nodes(Datensatz)}
    person, control = tree["person"], tree["steuerung"]
    assert isinstance(person, dict)
    assert isinstance(control, dict)
    control["stand"] = f"20{draw(_YEARS)}-11-23T07:00:00Z"
    if named := draw(_restrictions()):
        control["eingeschraenkt"] = list[Value](named)
    else:
        control.pop("eingeschraenkt", None)
    person.setdefault("staatsangehoerigkeit", ["475"])
    _one_given_name(person)
    for finding in check(Datensatz.model_validate(tree)):
        _drop(person, finding.path)
    return _pruned(tree)


@st.composite
def persons(draw: DrawFn) -> Tree:
    """Any tree of Person, the most an application can be told."""
    tree = draw(trees(Person))
    _one_given_name(tree)
    return tree


@cache
def restrictable() -> tuple[str, ...]:
    """Every path that a restriction of processing can name."""
    return tuple(node.path for top in nodes(Person) for node in top.walk())


_YEARS = st.integers(20, 30)


@cache
def _restrictions() -> SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(restrictable()), max_size=2, unique=True)


def _joined(alphabet: Sequence[str], longest: int) -> SearchStrategy[str]:
    letters = st.lists(st.sampled_from(alphabet), min_size=1, max_size=min(longest, 12))
    return letters.map("".join).map(lambda text: _cut(text, longest))


def _cut(text: str, longest: int) -> str:
    """No longer than allowed, without a sequence cut in two."""
    while len(text) > longest or not din91379.accepts("C", text):
        text = text[:-1]
    return text or "e"


@cache
def _groups(level: tuple[Node, ...], sound: bool, always: frozenset[str] = frozenset()) -> SearchStrategy[Tree]:
    """Made once: to make a strategy costs hypothesis several times what it costs to draw from it."""
    optional = [node.name for node in level if node.minimum == 0]
    some = st.lists(st.sampled_from(optional), unique=True, max_size=8) if optional else st.just([])
    values = [(node, _values(node, sound)) for node in level]

    @st.composite
    def group(draw: DrawFn) -> Tree:
        chosen = {*draw(some), *always}
        tree: Tree = {}
        for node, one in values:
            if node.minimum or node.name in chosen:
                value = draw(one)
                value = [item for item in value if item != {}] if isinstance(value, list) else value
                if value not in ([], {}):
                    tree[node.name] = value
        return tree

    return group()


def _values(node: Node, sound: bool) -> SearchStrategy[Value]:
    one: SearchStrategy[Value]
    one = _groups(node.children, sound) if node.part else value_for(_simple(node), sound=sound)
    return st.lists(one, min_size=1, max_size=min(node.maximum or 3, 3)) if node.repeated else one


def _simple(node: Node) -> SimpleType:
    assert node.simple is not None
    return node.simple


def _one_given_name(person: Tree) -> None:
    if "vornamen" in person:
        person.pop("vornamenNichtVorhanden", None)
    else:
        person["vornamenNichtVorhanden"] = True


def _drop(person: Tree, path: str) -> None:
    """Take out the value at the path of a finding ("aufenthaltsstatus[2].ende")."""
    *above, last = path.split(".")
    group: Value = person
    for name, number in _steps(above):
        assert isinstance(group, dict)
        group = group[name]
        if isinstance(group, list):
            group = group[number - 1]
    assert isinstance(group, dict)
    del group[last]


def _steps(names: Sequence[str]) -> Iterator[tuple[str, int]]:
    for name in names:
        head, _, number = name.partition("[")
        yield head, int(number.rstrip("]") or 0)


def _pruned(tree: Tree) -> Tree:
    kept = {name: _without_empty(value) for name, value in tree.items()}
    return {name: value for name, value in kept.items() if value not in ([], {})}


def _without_empty(value: Value) -> Value:
    if isinstance(value, dict):
        return _pruned(value)
    return [item for item in map(_without_empty, value) if item != {}] if isinstance(value, list) else value
