"""Law 3 for the change feed: a change of a field is announced to exactly those applications that are told the field.

Every field of the source is changed, taken away and put back, one at a time; random records follow one another.
Whether anything told has changed is worked out anew by `tests.oracle`.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree
from pydantic import ValidationError

from gateway.model import codelists
from gateway.model.person import Datensatz, Stammdaten, Steuerdaten
from gateway.model.rules import check
from gateway.model.structure import Node, nodes
from gateway.model.types import Binary, Code, FullDate, Pattern, SimpleType, Text, Tree, Truth, Value
from tests.oracle import Terms, World, leaves
from tests.strategies import datensaetze
from tests.whole_house import FURTHER, REASON, SHIPPED, TODAY, House, elements, tree, whole_house

FURTHER_ONE = {"jugendamt": FURTHER["jugendamt"]}
APPLICATIONS = (*SHIPPED, *FURTHER_ONE)
CHILD, PARENT = "KV-1", "KV-2"
SAMPLES = {
    "AzrNummer": ("991301000001", "991301000002"),
    "Behoerdenkennzeichen": ("053150", "053160"),
    "Hausnummer": ("1001", "1002"),
    "Postleitzahl": ("50667", "50668"),
    "Gemeindeschluessel": ("05315000", "05316000"),
    "Kreisschluessel": ("05315", "05316"),
    "Landesschluessel": ("05", "06"),
    "Stadtteil": ("101", "102"),
}
ABSENT = ("sterbedatum", "fortzugsdatum", "fortzugsart", "vornamenNichtVorhanden")
"""What the sample child does not have; they are put in and taken away again."""
FIXED = {"quellsystemPersonennummer", "aenderungsnummer", "stand", "hauptdatensatz", "eingeschraenkt"}


def sample(simple: SimpleType, second: bool) -> Value:
    """One of two values of the type."""
    if isinstance(simple, Pattern) and simple.name in SAMPLES:
        return SAMPLES[simple.name][second]
    if isinstance(simple, Code):
        return list(codelists.load(simple.codelist).codes)[second]
    if isinstance(simple, Text):
        return ("Annamaria", "Bernhardine")[second][: simple.max_length]
    if isinstance(simple, Truth):
        return not second
    if isinstance(simple, Binary):
        return ("/9j/4AA=", "/9j/4BA=")[second]
    assert isinstance(simple, FullDate) or simple.name == "TeilbekanntesDatum", simple.name
    return ("2026-03-05", "2026-03-06")[second]


def filled(level: tuple[Node, ...], skip: frozenset[str] = frozenset(), *, second: bool = False) -> Tree:
    """Every field with its first value, or with the second; repeated fields with both."""
    made: Tree = {}
    for node in level:
        if node.path not in skip:
            made[node.name] = [_one(node, False), _one(node, True)] if node.repeated else _one(node, second)
    return made


def _one(node: Node, second: bool) -> Value:
    return filled(node.children, second=second) if node.simple is None else sample(node.simple, second)


def child() -> Tree:
    """A child in the scope of every application that says everything the model knows."""
    person = filled(nodes(Stammdaten), frozenset(ABSENT))
    birth, statuses = person["geburt"], person["aufenthaltsstatus"]
    assert isinstance(birth, dict)
    birth["datum"] = "2018-05-05"
    assert isinstance(statuses, list)
    assert isinstance(statuses[0], dict)
    assert isinstance(statuses[1], dict)
    statuses[0] |= {"art": "AG01", "beginn": "2026-01-01", "ende": "2027-12-31"}
    statuses[1] |= {"art": "DU02", "beginn": "2025-01-01", "ende": "2025-12-31"}
    address = person["anschrift"]
    assert isinstance(address, dict)
    address |= {"art": "wohnung", "auszugsdatum": "2027-01-31"}
    kin: list[Value] = [
        {"art": "elternteil", "personennummer": PARENT},
        {"art": "geschwister", "familienname": "Annamaria", "vornamen": "Bernhardine"},
    ]
    block: list[Value] = [{"art": "1", "bis": "2026-12-31"}]  # adoption: a hint, nobody is hidden by it
    return {"person": person, "steuerung": control(CHILD, familienverband="F1", familie=kin, auskunftssperre=block)}


def parent() -> Tree:
    """A parent who lives with the child; only numbers link them."""
    person = deepcopy(child()["person"])
    assert isinstance(person, dict)
    person |= {"vornamen": "Bernhardine", "geburt": {"datum": "1990-05-05"}}
    return {"person": person, "steuerung": control(PARENT, familienverband="F1")}


def control(number: str, **more: Value) -> Tree:
    return {"quellsystemPersonennummer": number, "aenderungsnummer": 1, "stand": "2026-11-01T00:00:00Z", **more}


@dataclass(repr=False)
class Source:
    """The house and what the source has said so far; `announced` says who was told of whom by the last change."""

    house: House
    world: World = field(default_factory=lambda: World({}, TODAY))
    change: int = 0
    told: dict[tuple[str, str], dict[str, str] | None] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    """Identifier -> person number, of all applications."""

    def say(self, record: Tree) -> set[tuple[str, str]]:
        """(application, person number) of every entry that this record has made; all are settled afterwards."""
        self.change += 1
        record = deepcopy(record)
        steuerung = record["steuerung"]
        assert isinstance(steuerung, dict)
        steuerung |= {"aenderungsnummer": self.change, "stand": f"2026-11-02T00:{self.change // 60 % 60:02}:00Z"}
        self.house.take(record)
        self.world = World({**self.world.records, str(steuerung["quellsystemPersonennummer"]): record}, TODAY)
        return {(application, number) for application in self._pending() for number in self._settled(application)}

    def newcomer(self) -> str:
        """The number of the next person; everyone before is gone and forgotten."""
        for number in self.world.records:
            self.change += 1
            self.house.lose(number, self.change)
        for application in APPLICATIONS:
            self.house.settle(application)
        self.world, self.told, self.numbers = World({}, TODAY), {}, {}
        return f"KV-{self.change + 1}"

    def everything(self, application: str, number: str) -> list[bytes]:
        """The stock, and all that a single query tells of the person."""
        kennung = self.house.kennungen([number])[application][number]
        told = [self.house.ask(application, "bestandAbrufen")]
        told.append(self.house.ask(application, "personAbrufen", elements(personenkennung=kennung), **REASON))
        return [etree.tostring(payload, encoding="utf-8") for payload in told]

    def changed(self) -> set[tuple[str, str]]:
        """(application, person number) of everyone of whom something else must be told than before."""
        now: dict[tuple[str, str], dict[str, str] | None] = {}
        for name in APPLICATIONS:
            terms = self.house.terms[name]
            seen = {number: number for number in self.world.records if self.world.visible(terms, number)}
            for number in self.world.records:
                now[name, number] = self._must(terms, number, seen) if number in seen else None
        found = {key for key, told in now.items() if told != self.told.get(key)}
        self.told = now
        return found

    def _must(self, terms: Terms, number: str, seen: dict[str, str]) -> dict[str, str]:
        families = {f"F{number}": f"F{number}" for number in range(9)}
        self.world.families = {(terms.application, family): name for family, name in families.items()}
        return leaves(self.world.told(terms, number, seen))

    def _pending(self) -> list[str]:
        path = self.house.installation.database_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT DISTINCT stream FROM projection WHERE number IS NOT NULL")
            return [stream.partition("/")[0] for (stream,) in rows]

    def _settled(self, application: str) -> list[str]:
        entries = [kennung for _, kennung in self.house.settle(application)]
        if not self.numbers.keys() >= set(entries):
            for known in self.house.kennungen(self.world.records).values():
                self.numbers |= {kennung: number for number, kennung in known.items()}
        return [self.numbers[kennung] for kennung in entries]


def _fresh(memory: Path) -> Iterator[Source]:
    with (
        tempfile.TemporaryDirectory(dir=memory) as folder,
        whole_house(Path(folder) / "house", FURTHER_ONE) as house,
    ):
        yield Source(house)


@pytest.fixture(scope="module")
def family(memory: Path) -> Iterator[Source]:
    """A child and its parent, in the stock of every application."""
    for source in _fresh(memory):
        source.say(parent())
        source.say(child())
        source.changed()
        assert all(source.told[name, CHILD] is not None for name in APPLICATIONS)
        yield source


@pytest.fixture(scope="module")
def empty(memory: Path) -> Iterator[Source]:
    yield from _fresh(memory)


def _leaves(level: tuple[Node, ...], root: str) -> Iterator[tuple[str, Node]]:
    for node in level:
        if node.simple is None:
            yield from _leaves(node.children, root)
        elif node.path not in FIXED:
            yield f"{root}.{node.path}", node


FIELDS = dict([*_leaves(nodes(Stammdaten), "person"), *_leaves(nodes(Steuerdaten), "steuerung")])


def variants(record: Tree, path: str, node: Node) -> Iterator[Tree]:
    """The record with another value at `path`, and without it; each once, and only what the model finds sound."""
    known = [record]
    for edit in (_put(_another(node)), _put(_another(node), last=True), _take_away):
        found = deepcopy(record)
        edit(found, path.split("."))
        try:
            sound = not check(Datensatz.model_validate(found))
        except ValidationError:
            sound = False
        if sound and found not in known:
            known.append(found)
            yield found


def _another(node: Node) -> Callable[[Value | None], Value]:
    assert node.simple is not None
    if node.path == "aufenthaltsstatus.art":
        return lambda value: "DU04" if value == "DU02" else "DU01"
    if node.path == "auskunftssperre.art":
        return lambda _value: "3"
    simple = node.simple

    def other(value: Value | None) -> Value:
        chosen = sample(simple, value == sample(simple, False))
        return [chosen] if node.repeated else chosen

    return other


def _put(other: Callable[[Value | None], Value], *, last: bool = False) -> Callable[[Tree, list[str]], None]:
    def edit(group: Tree, path: list[str]) -> None:
        name, *below = path
        if not below:
            group[name] = other(group.get(name))
            return
        inner = group.setdefault(name, [{}] if name == "auskunftssperre" else {})
        if isinstance(inner, list):
            inner = inner[-1 if last else 0]
        assert isinstance(inner, dict)
        edit(inner, below)

    return edit


def _take_away(group: Tree, path: list[str]) -> None:
    name, *below = path
    inner = group.get(name)
    if not below:
        group.pop(name, None)
        if name == "vornamen":
            group["vornamenNichtVorhanden"] = True
    elif isinstance(inner, list) and isinstance(inner[0], dict):
        _take_away(inner[0], below)
    elif isinstance(inner, dict):
        _take_away(inner, below)


@pytest.mark.parametrize("path", FIELDS)
def test_a_field_is_announced_to_exactly_those_who_are_told_it(family: Source, path: str) -> None:
    """Changed, taken away, put back: an entry for the application exactly if what it is told has changed."""
    edits = 0
    for edited in (*variants(child(), path, FIELDS[path]), child()):
        announced = family.say(edited)
        assert announced == family.changed()
        edits += 1
    assert edits > 1 or path == "person.vornamenNichtVorhanden", "nothing was tried"


@pytest.mark.parametrize(
    "path", sorted({path.removeprefix("person.") for path in FIELDS if path.startswith("person.")})
)
def test_a_contested_field_is_taken_back_from_exactly_those_who_were_told_it(family: Source, path: str) -> None:
    """DSGVO Art. 18: the field goes, with its group if it cannot stand without it; everyone learns only the hint."""
    contested = child()
    steuerung = contested["steuerung"]
    assert isinstance(steuerung, dict)
    steuerung["eingeschraenkt"] = [path]
    assert family.say(contested) == family.changed()


def test_nothing_new_is_not_announced(family: Source) -> None:
    """The same again under a newer change number and moment: not one entry."""
    assert family.say(child()) == family.changed()
    assert family.say(child()) == set() == family.changed()


@pytest.mark.parametrize("application", APPLICATIONS)
def test_of_whom_all_is_known_all_that_is_granted_is_told(family: Source, application: str) -> None:
    """Every granted path has its value in a single query with reasons, and nothing else has."""
    family.say(child())
    family.changed()
    terms, known = family.house.terms[application], family.house.kennungen([CHILD, PARENT])[application]
    answer = family.house.ask(application, "personAbrufen", elements(personenkennung=known[CHILD]), **REASON)
    person = answer.find("{*}person")
    assert person is not None
    values = leaves(tree(person))
    family.world.families[application, "F1"] = values.get("familienverbandskennung[1]", "")
    ours = {f"{name}[1]": values.pop(f"{name}[1]") for name in ("personenkennung", "stand", "datensatzversion")}
    assert values == leaves(family.world.told(terms, CHILD, known, single=True))
    told = {re.sub(r"\[[0-9]+\]", "", place) for place in (*values, *ours)}
    granted = terms.single
    assert all(any(f"{place}.".startswith(f"{path}.") for path in granted) for place in told)
    silent = {path for path in granted if not any(f"{place}.".startswith(f"{path}.") for place in told)}
    assert silent == granted & {*ABSENT}


def test_a_blocked_relative_is_named_by_nobody(family: Source) -> None:
    """Not as relative, guardian or holder of the dwelling, in no operation; once the block is lifted, again."""
    blocked, named = parent(), child()
    person, steuerung = named["person"], named["steuerung"]
    other, block = blocked["person"], blocked["steuerung"]
    assert isinstance(person, dict)
    assert isinstance(steuerung, dict)
    assert isinstance(other, dict)
    assert isinstance(block, dict)
    name: Tree = {"familienname": "Zugvogel", "vornamen": "Perpetua"}
    other |= name
    person["gesetzlicherVertreter"] = [{"art": "eltern", **name, "stelle": "Jugendamt"}]
    person["anschrift"] = {"art": "wohnung", "gemeindeschluessel": "05315000", "wohnungsinhaber": "Perpetua Zugvogel"}
    steuerung["familie"] = [{"art": "elternteil", "personennummer": PARENT, **name}, {"art": "lebenspartner", **name}]
    for hidden in (True, False):
        block["auskunftssperre"] = [{"art": "3"}] if hidden else []
        for record in (named, blocked):
            assert family.say(record) == family.changed()
        said = {name: b"Zugvogel" in b"".join(family.everything(name, CHILD)) for name in APPLICATIONS}
        assert said == dict.fromkeys(APPLICATIONS, not hidden)
    for record in (parent(), child()):
        assert family.say(record) == family.changed()


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
@given(datensaetze(frozenset({"anschrift", "geburt", "aufenthaltsstatus", "eingeschraenkt"})), datensaetze())
def test_random_records_are_announced_and_told_exactly(empty: Source, first: Tree, second: Tree) -> None:
    """One random record after another under one number: the feed says what has changed, and tells what is granted."""
    number = empty.newcomer()
    for record in (_in_scope(first), second):
        steuerung = record["steuerung"]
        assert isinstance(steuerung, dict)
        steuerung.pop("hauptdatensatz", None)
        steuerung["quellsystemPersonennummer"] = number
        assert empty.say(record) == empty.changed()
        for application in APPLICATIONS:
            must = empty.told[application, number]
            page = empty.house.ask(application, "bestandAbrufen")
            told = [leaves(tree(person)) for person in page.iterfind("{*}person")]
            assert len(told) == (must is not None)
            for person in told:
                assert all(person.pop(f"{ours}[1]") for ours in ("personenkennung", "stand", "datensatzversion"))
                assert person.keys() == (must or {}).keys()
                family = "familienverbandskennung[1]"  # a random one: `test_delivery` knows which
                assert {**person, family: ""} == {**(must or {}), family: ""}


def _in_scope(record: Tree) -> Tree:
    """The record of someone in Köln with an asylum application."""
    person = record["person"]
    assert isinstance(person, dict)
    statuses, address = person["aufenthaltsstatus"], person["anschrift"]
    assert isinstance(statuses, list)
    assert isinstance(address, dict)
    address["gemeindeschluessel"] = "05315000"
    if statuses and isinstance(statuses[0], dict):
        statuses[0] = {**statuses[0], "art": "AG01"}
    return record
