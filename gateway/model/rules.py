"""The named rules: what must be true of a record and no facet of a type can say.

A record that breaks one goes to quarantine; a finding names the field and the rule, never the value. The rules
marked `visible` hold for every answer too and are published with the contracts, so that an application may rely
on them.

Deliberately no rule: a birth after the first entry (a child born here carries the entry of its family in some
registers), a nationality of a state that is no more (it is what the papers say; `ended` says of which codes the end
is asked), anything about the digits of an AZR number (opaque; its check digit is not public).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from types import MappingProxyType
from typing import Final, TypeAlias

from gateway.model.days import first_day, last_day
from gateway.model.ended import used_after_end
from gateway.model.person import Datensatz, Person
from gateway.model.structure import Node, Part, nodes
from gateway.model.trees import to_tree
from gateway.model.types import PartialDate, Text, Tree, Value


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule. `path` is dotted, as agreements name fields, the n-th item of a list as `[n]` from 1."""

    path: str
    rule: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its stable name, what it says (German), whether contracts publish it, and how it is found broken."""

    name: str
    sentence: str
    visible: bool
    broken: Callable[[Tree], Iterator[str]]


def check(datensatz: Datensatz) -> tuple[Finding, ...]:
    """Every rule that the record breaks, in the order of RULES; empty if it is sound."""
    return check_tree(to_tree(datensatz))


def check_tree(tree: Tree) -> tuple[Finding, ...]:
    """The same of a record as `to_tree` gives it."""
    walked = _Walked(tree)
    return tuple(Finding(path, rule.name) for rule in RULES.values() for path in rule.broken(walked))


class _Walked(dict[str, Value]):
    """A record whose names, places and dates are found once for all rules that look at each of them."""

    @cached_property
    def leaves(self) -> tuple[_Leaf, ...]:
        return tuple(_walk(self))

    @cached_property
    def texts(self) -> tuple[tuple[_Path, Node, str], ...]:
        return tuple(_among_texts(self.leaves))


def _given_names(record: Tree) -> Iterator[str]:
    """Exactly one of vornamen and vornamenNichtVorhanden is there (DSAusländer 004.03: no dashes for no name)."""
    person = _group(record, "person")
    if ("vornamen" in person) == (person.get("vornamenNichtVorhanden") is True):
        yield "vornamen"


def _absent_only_true(record: Tree) -> Iterator[str]:
    """`false` would say the same as leaving it out: one way to say a thing."""
    if _group(record, "person").get("vornamenNichtVorhanden") is False:
        yield "vornamenNichtVorhanden"


def _placeholders(record: Tree) -> Iterator[str]:
    """Names, streets and towns are not filled with signs or words that mean there is none."""
    for path, node, text in _texts(record):
        if _is_placeholder(text, digits=node.name in _PLACES):
            yield "".join(path)


def _stray_blanks(record: Tree) -> Iterator[str]:
    """Names, streets and towns neither begin nor end with a blank nor hold two in a row."""
    for path, _, text in _texts(record):
        if text[:1] == " " or text[-1:] == " " or "  " in text:
            yield "".join(path)


def _calendar(record: Tree) -> Iterator[str]:
    """A partially known date is a year, month or day that the calendar has."""
    for path, node, value in _values(record):
        if isinstance(node.simple, PartialDate) and first_day(value) is None:
            yield "".join(path)


def _birth_in_future(record: Tree) -> Iterator[str]:
    """Nobody is born after the source said so."""
    if _after_stand(record, _birth(record)):
        yield "geburt.datum"


def _death_in_future(record: Tree) -> Iterator[str]:
    """No death is recorded before it happened."""
    if _after_stand(record, _group(record, "person").get("sterbedatum")):
        yield "sterbedatum"


def _death_before_birth(record: Tree) -> Iterator[str]:
    """Death does not come before birth, as far as both are known."""
    if _out_of_order(_birth(record), _group(record, "person").get("sterbedatum")):
        yield "sterbedatum"


def _left_before_arrived(record: Tree) -> Iterator[str]:
    """Fortzug is not before Zuzug: who came back has no Fortzug."""
    person = _group(record, "person")
    if _out_of_order(person.get("zuzugsdatum"), person.get("fortzugsdatum")):
        yield "fortzugsdatum"


def _moved_out_before_in(record: Tree) -> Iterator[str]:
    """Nobody leaves a dwelling before moving in."""
    person = _group(record, "person")
    yield from _reversed({"anschrift": person.get("anschrift", {})}, "einzugsdatum", "auszugsdatum")
    yield from _reversed({"fruehereAnschrift": person.get("fruehereAnschrift", [])}, "einzugsdatum", "auszugsdatum")


def _status_reversed(record: Tree) -> Iterator[str]:
    """A status does not end before it begins, as far as both are known."""
    statuses = _group(record, "person").get("aufenthaltsstatus", [])
    yield from _reversed({"aufenthaltsstatus": statuses}, "beginn", "ende")


def _nationality(record: Tree) -> Iterator[str]:
    """A nationality is there (997, 998 and 999 are ones), unless its processing is restricted."""
    if "staatsangehoerigkeit" not in _group(record, "person") and "staatsangehoerigkeit" not in _restricted(record):
        yield "staatsangehoerigkeit"


def _ended(record: Tree) -> Iterator[str]:
    """No code is used of what began after its last day."""
    yield from used_after_end(_group(record, "person"))


def _real_paths(record: Tree) -> Iterator[str]:
    """What is restricted exists: a misspelled path would restrict nothing and tell the contested value."""
    if not _paths().issuperset(_restricted(record)):
        yield "steuerung.eingeschraenkt"


_RESTRICTED: Final = "; beides fehlt nur, wenn die Verarbeitung eingeschränkt ist"

RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        rule.name: rule
        for rule in (
            Rule(
                "genau-eine-vornamensangabe",
                "Genau eines von vornamen und vornamenNichtVorhanden ist angegeben" + _RESTRICTED + ".",
                True,
                _given_names,
            ),
            Rule(
                "nicht-vorhanden-nur-true",
                "vornamenNichtVorhanden ist true oder fehlt.",
                True,
                _absent_only_true,
            ),
            Rule(
                "kein-platzhalter",
                "Namen, Straßen und Orte enthalten keine Platzhalter wie '-', 'XXX', 'N.N.' oder 'unbekannt'.",
                True,
                _placeholders,
            ),
            Rule(
                "keine-ueberzaehligen-leerzeichen",
                "Namen, Straßen und Orte beginnen und enden nicht mit einem Leerzeichen und enthalten keine zwei "
                "Leerzeichen hintereinander.",
                True,
                _stray_blanks,
            ),
            Rule(
                "kalendertag",
                "Ein teilweise bekanntes Datum ist ein Jahr, Monat oder Tag des Kalenders.",
                True,
                _calendar,
            ),
            Rule("geburt-nicht-in-der-zukunft", "Das Geburtsdatum liegt nicht in der Zukunft.", True, _birth_in_future),
            Rule("tod-nicht-in-der-zukunft", "Das Sterbedatum liegt nicht in der Zukunft.", True, _death_in_future),
            Rule("tod-nach-geburt", "Das Sterbedatum liegt nicht vor dem Geburtsdatum.", True, _death_before_birth),
            Rule("fortzug-nach-zuzug", "Der Fortzug liegt nicht vor dem Zuzug.", True, _left_before_arrived),
            Rule("auszug-nach-einzug", "Der Auszug liegt nicht vor dem Einzug.", True, _moved_out_before_in),
            Rule(
                "statusende-nach-statusbeginn",
                "Ein Aufenthaltsstatus endet nicht vor seinem Beginn.",
                True,
                _status_reversed,
            ),
            Rule(
                "staatsangehoerigkeit-angegeben",
                "Mindestens eine Staatsangehörigkeit ist angegeben (auch 997, 998 oder 999); sie fehlt nur, wenn die "
                "Verarbeitung eingeschränkt ist.",
                True,
                _nationality,
            ),
            Rule(
                "code-galt-an-seinem-tag",
                "Ein beendeter Code steht nicht für etwas, das nach seinem letzten Tag begonnen hat.",
                False,
                _ended,
            ),
            Rule(
                "einschraenkung-nennt-feld",
                "Eine Einschränkung der Verarbeitung nennt ein Feld des Modells.",
                False,
                _real_paths,
            ),
        )
    }
)
"""Every rule by its name, in the order in which they are checked."""

_PLACES: Final = frozenset({"strasse", "ort"})

_WORDS: Final = frozenset(
    {
        "fnu", "k.a.", "keineangabe", "keineangaben", "lnu", "n.a.", "n.n", "n.n.", "n/a", "nichtbekannt",
        "nichtvorhanden", "nn", "nn.", "noname", "o.f.w.", "ofw", "ohneangabe", "ohnefestenwohnsitz", "ohnename",
        "ohnenamen", "ohnevornamen", "unbek.", "unbekannt", "unbekannte", "unbekannter", "unknown",
    }
)  # fmt: skip
"""Without blanks and casefolded. No word that is a name or town somewhere (Null, Test, Na, Leer)."""

_X: Final = re.compile(r"x{2,}[.]?|[.-]+x+[.-]+")


def _is_placeholder(text: str, *, digits: bool) -> bool:
    word = "".join(text.split()).casefold()
    speaks = word.isalpha() or any(letter.isalpha() or (digits and letter.isdigit()) for letter in word)
    return not speaks or word in _WORDS or (word[0] in "x.-" and _X.fullmatch(word) is not None)


_Path: TypeAlias = tuple[str, ...]
"""A dotted path in pieces: it is only put together for what breaks a rule."""
_Leaf: TypeAlias = tuple[_Path, Node, Value]


def _texts(record: Tree) -> Iterable[tuple[_Path, Node, str]]:
    """Every name (datatype A), street and town of the record."""
    return record.texts if isinstance(record, _Walked) else _among_texts(_walk(record))


def _among_texts(leaves: Iterable[_Leaf]) -> Iterator[tuple[_Path, Node, str]]:
    for path, node, value in leaves:
        if isinstance(value, str) and not isinstance(node.simple, PartialDate):
            yield path, node, value


def _values(record: Tree) -> Iterable[_Leaf]:
    """(path, node, value) of every name, street, town and partially known date of the record."""
    return record.leaves if isinstance(record, _Walked) else _walk(record)


def _walk(record: Tree) -> Iterator[_Leaf]:
    for name, level in _judged():
        found: list[_Leaf] = []
        _leaves(_group(record, name), level, () if name == "person" else (f"{name}.",), found)
        yield from found


_Level: TypeAlias = "tuple[tuple[Node, _Level], ...]"


@cache
def _judged() -> tuple[tuple[str, _Level], ...]:
    """What of the model some rule looks at leaf by leaf, and the groups around it."""

    def below(level: tuple[Node, ...]) -> _Level:
        found = ((node, below(node.children)) for node in level)
        return tuple((node, inner) for node, inner in found if inner or _is_judged(node))

    return tuple((top.name, below(top.children)) for top in nodes(Datensatz))


def _is_judged(node: Node) -> bool:
    text = isinstance(node.simple, Text) and (node.simple.datatype == "A" or node.name in _PLACES)
    return text or isinstance(node.simple, PartialDate)


def _leaves(tree: Tree, level: _Level, prefix: _Path, found: list[_Leaf]) -> None:
    for node, below in level:
        value = tree.get(node.name)
        if value is None:
            continue
        if not isinstance(value, list):
            if below and isinstance(value, dict):
                _leaves(value, below, (*prefix, node.name, "."), found)
            else:
                found.append(((*prefix, node.name), node, value))
            continue
        for number, item in enumerate(value, 1):
            place = f"{node.name}[{number}]"
            if below and isinstance(item, dict):
                _leaves(item, below, (*prefix, place, "."), found)
            else:
                found.append(((*prefix, place), node, item))


def _reversed(found: Tree, begin: str, end: str) -> Iterator[str]:
    for name, value in found.items():
        for number, item in enumerate(value if isinstance(value, list) else [value], 1):
            if isinstance(item, dict) and _out_of_order(item.get(begin), item.get(end)):
                yield f"{name}[{number}].{end}" if isinstance(value, list) else f"{name}.{end}"


def _out_of_order(earlier: Value | None, later: Value | None) -> bool:
    """True if even the last possible later day is before the first possible earlier one."""
    first, last = first_day(earlier), last_day(later)
    return first is not None and last is not None and last < first


def _after_stand(record: Tree, value: Value | None) -> bool:
    day = first_day(value)
    if day is None:
        return False
    stand = datetime.fromisoformat(str(_group(record, "steuerung")["stand"]))
    # a register's day is German time, at most two hours ahead of UTC
    return day > (stand + timedelta(hours=2)).date()


def _birth(record: Tree) -> Value | None:
    return _group(_group(record, "person"), "geburt").get("datum")


def _restricted(record: Tree) -> frozenset[str]:
    named = _group(record, "steuerung").get("eingeschraenkt")
    return frozenset(str(path) for path in named) if isinstance(named, list) else frozenset()


@cache
def _paths() -> frozenset[str]:
    person: type[Part] = Person
    return frozenset(node.path for top in nodes(person) for node in top.walk())


def _group(tree: Tree, name: str) -> Tree:
    value = tree.get(name)
    return value if isinstance(value, dict) else {}
