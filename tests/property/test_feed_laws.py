"""The laws of the change feed, against an application that does nothing but what the contract tells it to do."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from gateway.agreements.agreement import Condition
from gateway.agreements.operation import Operation
from gateway.errors import TokenRefused
from gateway.model.types import Tree
from gateway.store.database import Database, upgrade
from gateway.store.feed import Change, ChangeKind, ChangePage
from gateway.store.keyring import KeyRing
from gateway.store.search import Criteria
from gateway.store.vault import Vault
from gateway.upkeep.rekeying import Rekeying
from tests.unit.store.store_kit import (
    AWAY,
    BLOCK,
    FIELDS,
    TODAY,
    Chance,
    House,
    address,
    agreement,
    grant,
    merge,
    removal,
    upsert,
)

NUMBERS = ("1", "2", "3")
NAMES = {"1": "Musterb", "2": "Musterc", "3": "Musterd"}
KIN = [{"art": "elternteil", "personennummer": "1", "familienname": "Mustern", "vornamen": "Eva"}]
VISIBLE: dict[str, dict[str, Any]] = {
    "here": {},
    "ungranted": {"person": {"telefonnummer": ["0221 1"]}},
    "married": {"person": {"familienname": "Neu"}},
    "moved": {"person": {"anschrift": address("Ringstraße")}},
    "kin": {"familie": KIN},
    "blocked until tonight": {"auskunftssperre": [{"art": "3", "bis": TODAY.isoformat()}]},
}
INVISIBLE: dict[str, dict[str, Any]] = {
    "away": {"person": {"anschrift": AWAY}},
    "blocked": {"auskunftssperre": BLOCK},
    "alias": {"hauptdatensatz": "9"},
}
STATES = {**VISIBLE, **INVISIBLE}
OFTEN = ("here", "married", "away")
"""Few states often: what is told and what is taken back must meet."""
OLDER = agreement(
    fields=tuple(field for field in FIELDS if field != "geburt.datum"),
    scope=(*agreement().scope, Condition("anschrift.strasse", none_of=frozenset({"Ringstraße"}))),
)
"""The agreement as a process still has it that was started before the last change: less of fewer persons."""


class Application:
    """Keeps a copy of what it is told; `known` are identifiers whose latest acknowledged entry said they exist."""

    def __init__(self) -> None:
        self.copy: dict[str, Tree] = {}
        self.seen: set[str] = set()
        self.known: set[str] = set()
        self.taken: list[Change] = []
        self.page: ChangePage | None = None

    def take(self, page: ChangePage) -> None:
        for change in page.changes:
            assert change.kind is not ChangeKind.NEU or change.kennung not in self.known
            self.taken.append(change)
            if change.person is not None:
                self.keep(change.kennung, change.person.tree)
            else:
                self.copy.pop(change.kennung, None)
        self.page = page

    def keep(self, kennung: str, tree: Tree) -> None:
        self.copy[kennung] = tree
        self.seen.add(kennung)

    def acknowledged(self, up_to: int) -> None:
        for change in [change for change in self.taken if change.number <= up_to]:
            (self.known.discard if change.person is None else self.known.add)(change.kennung)
        self.taken = [change for change in self.taken if change.number > up_to]


class Feed(RuleBasedStateMachine):
    """Source, clock and application act in any order; in the end the application must hold the projection."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="feed"))
        shutil.copyfile(self.template, self.folder / "gateway.sqlite")
        self.database = Database.open(f"sqlite:///{self.folder / 'gateway.sqlite'}")
        vault = Vault(KeyRing.create(self.folder / "keys"), Chance())
        self.house = House(self.database, self.folder, vault=vault)
        self.app = Application()
        self.change = 0
        self.state: dict[str, str] = {}
        self.read_by_older: set[str] = set()
        self.run: tuple[str | None, dict[str, Tree]] | None = None

    def visible(self, state: str) -> bool:
        return state in VISIBLE and (state != "blocked until tonight" or self.house.today > TODAY)

    def lives_with_blocked(self, number: str) -> bool:
        """Next of kin of the first person at her address, which is masked while she is blocked."""
        first = self.state.get("1", "here")
        hidden = first == "blocked" or (first == "blocked until tonight" and not self.visible(first))
        return self.state[number] == "kin" and number != "1" and hidden

    def expected(self, number: str) -> tuple[str, str | None]:
        state = self.state[number]
        name = "Neu" if state == "married" else NAMES[number]
        street = "Ringstraße" if state == "moved" else "Domstraße"
        return name, None if self.lives_with_blocked(number) else street

    def teardown(self) -> None:
        self.run = None
        self.synchronise()
        self.database.close()
        shutil.rmtree(self.folder)

    @rule(state=st.sampled_from(OFTEN))
    def source_says_of_the_first(self, state: str) -> None:
        self.source_says("1", state)

    @rule(number=st.sampled_from(NUMBERS), state=st.sampled_from(sorted(STATES)))
    def source_says_something(self, number: str, state: str) -> None:
        self.source_says(number, state)

    def source_says(self, number: str, state: str) -> None:
        self.change += 1
        counts = self.house.take(upsert(number, self.change, **STATES[state]))
        if {self.state.get(number), state} <= {"here", "ungranted"} and number not in self.read_by_older:
            assert counts.entries == 0
        self.read_by_older.discard(number)
        self.state[number] = state

    @rule(number=st.sampled_from(NUMBERS))
    def source_removes(self, number: str) -> None:
        self.change += 1
        self.house.take(removal(number, self.change))
        self.state.pop(number, None)

    @rule(number=st.sampled_from(NUMBERS), into=st.sampled_from(NUMBERS))
    def source_merges(self, number: str, into: str) -> None:
        if number != into:
            self.change += 1
            self.house.take(merge(number, into, self.change))
            self.state.pop(number, None)

    @rule(hours=st.sampled_from([1, 30]))
    def time_passes(self, hours: int) -> None:
        self.house.now += timedelta(hours=hours)

    @rule(limit=st.integers(1, 3))
    def application_fetches(self, limit: int) -> None:
        if self.run is None:
            self.app.take(self.house.changes(limit))

    @rule()
    def a_day_passes(self) -> None:
        self.house.now += timedelta(days=1)
        self.house.today += timedelta(days=1)

    @rule(purpose=st.sampled_from(["index", "digest"]))
    def keys_are_changed(self, purpose: str) -> None:
        """By another process: this one learns of it as it goes on."""
        keys = self.folder / "keys"
        vault = Vault(KeyRing.load(keys), os.urandom)
        before = self.numbers()
        Rekeying(self.database, vault, self.house.trail, keys, lambda _seconds: None).rotate(purpose)
        assert self.numbers() == before

    def numbers(self) -> list[tuple[object, ...]]:
        """What is pending under which number, in which version, told or not."""
        with self.database.read() as connection:
            rows = connection.exec_driver_sql(
                "SELECT stream, person_id, number, version, told, digest IS NULL, acked_digest IS NULL,"
                " digest = acked_digest FROM projection ORDER BY stream, person_id"
            )
            return [tuple(row) for row in rows]

    @rule()
    def poller_has_nothing_new(self) -> None:
        self.house.reproject()

    @rule(limit=st.integers(1, 3))
    def application_fetches_from_an_older_process(self, limit: int) -> None:
        if self.run is None:
            self.app.take(self.house.store.changes(grant(OLDER, today=self.house.today), limit))
            self.read_by_older = set(NUMBERS)  # read under the older agreement: the current one is news again

    @rule(limit=st.integers(1, 3))
    def answer_is_lost(self, limit: int) -> None:
        self.house.changes(limit)

    @precondition(lambda self: self.app.page is not None)
    @rule()
    def application_acknowledges(self) -> None:
        if self.app.page is not None:
            self.house.acknowledge(self.app.page)
            self.app.acknowledged(self.app.page.last_number)

    @rule(limit=st.integers(1, 2))
    def application_reads_the_stock(self, limit: int) -> None:
        token, collected = self.run or (None, {})
        grant = self.house.grant(Operation.BESTAND_ABRUFEN)
        try:
            page = self.house.store.snapshot(grant, token, limit, self.house.now)
        except TokenRefused:
            self.run = None
            return
        collected |= {one.kennung: one.tree for one in page.persons}
        self.run = (page.token, collected)
        if page.token is None:
            self.run = None
            self.app.copy = dict(collected)
            self.app.seen |= set(collected)
            self.app.taken = []
            self.app.page = ChangePage((), page.number, False, page.epoch)

    @rule(number=st.sampled_from(NUMBERS))
    def application_searches(self, number: str) -> None:
        if self.run is None:
            grant = self.house.grant(Operation.PERSON_SUCHEN)
            for one in self.house.store.search(grant, Criteria(NAMES[number], "Ada")):
                self.app.keep(one.kennung, one.tree)

    @rule(draw=st.randoms(use_true_random=False))
    def application_finds(self, draw: Any) -> None:
        if self.run is None and self.app.seen:
            kennung = draw.choice(sorted(self.app.seen))
            if one := self.house.store.find(self.house.grant(Operation.PERSON_ABRUFEN), kennung):
                self.app.keep(kennung, one.tree)

    @rule()
    def synchronise(self) -> None:
        """Once all is fetched and acknowledged, the copy is the projection: names, streets, versions, identifiers."""
        if self.run is not None:
            return
        self.house.reproject()
        while True:
            page = self.house.changes(3)
            assert [change.number for change in page.changes] == sorted({change.number for change in page.changes})
            self.app.take(page)
            self.house.acknowledge(page)
            self.app.acknowledged(page.last_number)
            if not page.changes:
                break
        held = Counter(_seen(tree) for tree in self.app.copy.values())
        assert held == Counter(self.expected(number) for number, state in self.state.items() if self.visible(state))
        grant = self.house.grant(Operation.BESTAND_ABRUFEN)
        stock = self.house.store.snapshot(grant, None, 100, self.house.now)
        assert {one.kennung: one.tree for one in stock.persons} == self.app.copy
        self.app.known = set(self.app.copy)


def _seen(tree: Tree) -> tuple[object, object]:
    place = tree["anschrift"]
    return tree["familienname"], place.get("strasse") if isinstance(place, dict) else None


SOME = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""The same every time: what is found by chance belongs into the long run, not into somebody else's commit."""
MANY = settings(SOME, derandomize=False, max_examples=2_000)


def _run(folder: Path, how: settings) -> None:
    Feed.template = folder / "template.sqlite"
    Database.open(f"sqlite:///{Feed.template}", create=True).close()
    upgrade(f"sqlite:///{Feed.template}")
    run_state_machine_as_test(Feed, settings=how)  # type: ignore[no-untyped-call]  # hypothesis has no annotation here


def test_the_copy_of_an_application_is_the_projection(tmp_path: Path) -> None:
    """Whatever happens in between: snapshot(N) + feed(> N) = projection, and nothing is `neu` twice."""
    _run(tmp_path, SOME)


@pytest.mark.long
def test_the_copy_is_the_projection_many_times(tmp_path: Path) -> None:
    """The same law over random histories."""
    _run(tmp_path, MANY)
