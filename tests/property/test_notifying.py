"""DSGVO Art. 19: who had an attribute is notified of its correction, restriction or erasure, once; nobody else is.

The oracle replays what was disclosed: the answers and feed entries themselves, field by field. It knows nothing of
what the store remembers.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.agreements.agreement import Agreement, OperationTerms
from gateway.agreements.operation import Operation
from gateway.model.person import Person
from gateway.model.structure import grantable
from gateway.model.types import Tree, Value
from gateway.store.database import Database, upgrade
from gateway.store.feed import ChangeKind
from gateway.store.search import Criteria
from tests.unit.store.store_kit import AWAY, FIELDS, SOURCE, House, address, agreement, removal, upsert

SINGLE = frozenset({"aktenzeichenAuslaenderakte", "familienstand"})
GRANTED = (*(path for path in FIELDS if not path.startswith("famili") or path == "familienname"), *sorted(SINGLE))
WATCHED = ("familienname", "anschrift.strasse", "telefonnummer", *sorted(SINGLE))
"""The fields that change here; all others of a record stay as they are."""
VALUES: Mapping[str, tuple[Value | None, ...]] = {
    "familienname": ("Alt", "Neu"),
    "anschrift.strasse": ("Domstraße", "Ringstraße"),
    "telefonnummer": (None, ["0221 1"], ["0221 2"]),
    "aktenzeichenAuslaenderakte": (None, "A 1", "A 2"),
    "familienstand": (None, "LD", "VH"),
}
NUMBERS = ("1", "2")
GIVEN = {"1": "Ada", "2": "Eva"}
SINGLE_QUERIES = (Operation.PERSON_ABRUFEN, Operation.PERSON_SUCHEN)


def made(name: str, *operations: Operation, fields: tuple[str, ...] = GRANTED) -> Agreement:
    terms = {operation: OperationTerms() for operation in operations or Operation}
    return agreement(name, operations=terms, fields=fields, single_only=SINGLE & set(fields))


AGREEMENTS = {
    "feed": made("feed"),
    "quiet": made("quiet"),  # may query singly, and never does
    "phone": made("phone", fields=(*GRANTED, "telefonnummer")),
    "letters": made("letters", *SINGLE_QUERIES, fields=(*GRANTED, "telefonnummer")),
    "stock": made("stock", Operation.BESTAND_ABRUFEN),
}
FED = ("feed", "quiet", "phone")


@dataclass
class Source:
    """One person as the source has it."""

    values: dict[str, Value | None] = field(default_factory=lambda: {path: VALUES[path][0] for path in WATCHED})
    restricted: frozenset[str] = frozenset()
    here: bool = True
    there: bool = True
    erased: bool = False

    @property
    def visible(self) -> bool:
        return self.there and self.here and not self.erased and "familienname" not in self.restricted

    def said(self, path: str) -> Value | None:
        return None if path in self.restricted else self.values[path]


Held: TypeAlias = "dict[str, Value | None]"
"""What an application was told of a person: field -> the value it was last told, or told to have changed to."""


@dataclass
class Play:
    """The house, the source, and what each application was told of each person (no key: nothing)."""

    house: House
    source: dict[str, Source] = field(default_factory=lambda: {number: Source() for number in NUMBERS})
    held: dict[tuple[str, str], Held] = field(default_factory=dict)
    kennungen: dict[str, str] = field(default_factory=dict)
    change: int = 0
    seen: set[str] = field(default_factory=set)

    def say(self, number: str) -> None:
        one = self.source[number]
        self.change += 1
        if not one.there:
            self.house.take(removal(number, self.change))
            return
        street = {"strasse": str(one.values["anschrift.strasse"])}
        person = {path: value for path, value in one.values.items() if "." not in path}
        person |= {"vornamen": GIVEN[number], "anschrift": (address() if one.here else AWAY) | street}
        more = {"eingeschraenkt": sorted(one.restricted)} if one.restricted else {}
        self.house.take(upsert(number, self.change, person=person, **more))

    def ask(self, application: str, number: str, *, reasons: bool) -> None:
        """A search, and a single query by what it gave; both are disclosures."""
        one, grant = self.source[number], self.house.grant(Operation.PERSON_SUCHEN, application)
        found = self.house.store.search(grant, Criteria(str(one.values["familienname"]), GIVEN[number]))
        assert len(found) == one.visible
        for told in found:
            self.learn(application, told.tree, told.kennung)
            if reasons:
                single = self.house.grant(Operation.PERSON_ABRUFEN, application)
                person = self.house.store.find(single, told.kennung)
                assert person is not None
                self.learn(application, person.tree, told.kennung)

    def read_stock(self) -> None:
        token: str | None = None
        while True:
            page = self.house.store.snapshot(
                self.house.grant(Operation.BESTAND_ABRUFEN, "stock"), token, 1, self.house.now
            )
            for told in page.persons:
                self.learn("stock", told.tree, told.kennung)
            if (token := page.token) is None:
                return

    def learn(self, application: str, tree: Tree, kennung: str) -> str:
        number = next(number for number, name in GIVEN.items() if tree["vornamen"] == name)
        self.kennungen[kennung] = number
        held = self.held.setdefault((application, number), {})
        for path in WATCHED:
            if (value := at(tree, path)) is not None:
                held[path] = value
            elif path in held:
                held[path] = None
        return number

    @staticmethod
    def withheld(application: str, one: Source) -> bool:
        """The person is only restricted as a whole: without a feed an application keeps it and must not use it."""
        return application not in FED and not one.visible and one.there and one.here and not one.erased

    def owed(self, number: str) -> dict[str, set[str]]:
        """The fields by application of which it must be notified now; for an erasure all it has."""
        one, found = self.source[number], {}
        for name in AGREEMENTS:
            held = self.held.get((name, number))
            if held is not None:
                changed = {path for path in held if held[path] != one.said(path)}
                if self.withheld(name, one):
                    changed = {path for path in held if held[path] is not None}
                elif not one.visible:
                    changed = set(held)
                if changed:
                    found[name] = changed
        return found

    def notified(self, number: str) -> dict[str, set[str]]:
        """What the house notifies of, by application; everybody confirms at once."""
        one, found = self.source[number], {}
        for name in FED:
            page = self.house.changes(100, name)
            assert len(page.changes) <= 1
            for entry in page.changes:
                held = self.held.get((name, number))
                if entry.person is not None:
                    bulk = [path for path in WATCHED if path in AGREEMENTS[name].fields and path not in SINGLE]
                    assert self.learn(name, entry.person.tree, entry.kennung) == number
                    self.held[name, number] |= dict.fromkeys(bulk) | {
                        path: at(entry.person.tree, path) for path in bulk
                    }
                if entry.kind is not ChangeKind.NEU:
                    assert held is not None
                    assert self.kennungen[entry.kennung] == number
                    found[name] = set(held) if entry.person is None else {"something"}
            self.house.acknowledge(page, name)
        for notice in self.house.store.notices():
            if notice.number in self.seen:
                continue
            self.seen.add(notice.number)
            opened = self.house.store.notice(notice.number)
            assert opened.kennung is not None
            assert self.kennungen[opened.kennung] == number
            fields = {path for path in named(notice.fields) if path in WATCHED}
            assert fields.isdisjoint(found.get(notice.application, set()))
            restricted = {path for path in fields if path in one.restricted and one.values[path] is not None}
            if one.visible:
                assert notice.kind.value == ("einschraenkung" if restricted else "berichtigung")
                assert restricted in (set(), fields)
            else:
                hidden = one.there and one.here and not one.erased
                assert notice.kind.value == ("einschraenkung" if hidden else "loeschung")
            found.setdefault(notice.application, set()).update(fields)
        return found

    def check(self, number: str) -> None:
        """Exactly who had it is notified, exactly once; from now on all of them know."""
        owed, one = self.owed(number), self.source[number]
        told = self.notified(number)
        assert told.keys() == owed.keys()
        for name in owed:
            assert name in FED or told[name] == owed[name]
            if self.withheld(name, one):
                self.held[name, number] = dict.fromkeys(self.held[name, number])
            elif one.visible:
                self.held[name, number] = {path: one.said(path) for path in self.held[name, number]}
            else:
                del self.held[name, number]
        assert not any(self.notified(other) for other in NUMBERS)


def at(tree: Value, path: str) -> Value | None:
    name, _, below = path.partition(".")
    value = tree.get(name) if isinstance(tree, dict) else None
    return at(value, below) if below and value is not None else value


def named(fields: int) -> set[str]:
    return {node.path for place, node in enumerate(grantable(Person)) if fields >> place & 1}


def changed(play: Play, number: str, path: str, draw: int) -> None:
    play.source[number].values[path] = VALUES[path][draw % len(VALUES[path])]


def restricted(play: Play, number: str, path: str, draw: int) -> None:
    paths = frozenset() if draw == 0 else frozenset({path, WATCHED[draw]})
    play.source[number].restricted = paths


def elsewhere(play: Play, number: str, path: str, draw: int) -> None:
    del path
    play.source[number].here = draw % 3 == 0


def removed(play: Play, number: str, path: str, draw: int) -> None:
    del path
    play.source[number].there = draw % 2 == 0


def erased(play: Play, number: str, path: str, draw: int) -> None:
    del path, draw
    if not play.source[number].erased:
        play.house.holding.erase(SOURCE, number, play.house.agreements, now=play.house.now, stichtag=play.house.today)
        play.source[number].erased = True


EVENTS = (changed, changed, changed, restricted, restricted, elsewhere, removed, erased)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(EVENTS),
        st.sampled_from(NUMBERS),
        st.sampled_from(WATCHED),
        st.integers(0, 2),
        st.sampled_from(("feed", "letters", "letters", "phone", "stock", "nobody")),
        st.booleans(),
    ),
    max_size=14,
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("notifying") / "template.sqlite"
    Database.open(f"sqlite:///{path}", create=True).close()
    upgrade(f"sqlite:///{path}")
    return path


@contextmanager
def play(template: Path) -> Iterator[Play]:
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="notifying", dir=shared if shared.is_dir() else None))
    shutil.copyfile(template, folder / "gateway.sqlite")
    database = Database.open(f"sqlite:///{folder / 'gateway.sqlite'}")
    try:
        made = Play(House(database, folder, dict(AGREEMENTS)))
        for number in NUMBERS:
            made.say(number)
            made.check(number)
        yield made
    finally:
        database.close()
        shutil.rmtree(folder)


SOME = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)


@SOME
@given(STEPS)
def test_exactly_those_who_had_it_are_notified_once(template: Path, steps: list[tuple[object, ...]]) -> None:
    """Whatever is corrected, restricted or erased: one notification for each application that had it, none else."""
    _run(template, steps)


@pytest.mark.long
@settings(SOME, max_examples=1_500, derandomize=False)
@given(STEPS)
def test_exactly_those_who_had_it_many_times(template: Path, steps: list[tuple[object, ...]]) -> None:
    """The same law over random histories."""
    _run(template, steps)


def _run(template: Path, steps: list[tuple[object, ...]]) -> None:
    with play(template) as it:
        for event, number, path, draw, application, reasons in steps:
            assert callable(event)
            if application == "stock":
                it.read_stock()
            elif application != "nobody":
                it.ask(str(application), str(number), reasons=bool(reasons))
            event(it, number, path, draw)
            it.say(str(number))
            it.check(str(number))
