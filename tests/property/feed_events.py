"""What happens to the feed: the source speaks, time passes, agreements change, an operator does his work."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from gateway.store.audit import AuditTrail
from gateway.store.batch import Change as Said
from gateway.store.database import Database
from gateway.store.keyring import KeyRing
from gateway.store.vault import Vault
from gateway.upkeep.rekeying import Rekeying
from tests.property.feed_client import Client
from tests.property.feed_world import NAMES, NARROW, SAME, STATES, STREAMS, WIDE, World, said, terms
from tests.unit.store.retention_kit import run as delete_by_time
from tests.unit.store.store_kit import SOURCE, Chance, House, merge, removal
from tests.unit.store.twice import store_of

NUMBERS = tuple(NAMES)
PAIRS = tuple(permutations(NUMBERS, 2))
OFTEN = ("here", "ungranted", "married", "away")
"""Few states often: what is told and what is taken back must meet."""
DAY = timedelta(days=1)
numbers, streams = st.sampled_from(NUMBERS), st.sampled_from(STREAMS)


class Events(RuleBasedStateMachine):
    """A store, the model of it, and everything that happens to both."""

    fresh: ClassVar[Callable[[Path], str]]
    """Gives the URL of a fresh migrated database, in the folder if it is a file."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="feed", dir=_memory()))
        self.url = type(self).fresh(self.folder)
        self.chance = Chance()
        self.vault = Vault(KeyRing.create(self.folder / "keys"), self.chance)
        self.world, self.change = World(), 0
        self.versions = dict.fromkeys(STREAMS, 1)
        self.clients = {stream: Client() for stream in STREAMS}
        self.sent: dict[str, list[Said]] = {number: [] for number in NUMBERS}
        self.drifted = False
        self.saved: tuple[bytes, World] | None = None
        self.open()

    def open(self) -> None:
        """The house on its database, as after a start."""
        self.database = Database.open(self.url)
        agreements = {name: terms(name, extent, self.versions[name]) for name, extent in self.world.extents.items()}
        self.house = House(self.database, self.folder, agreements, vault=self.vault)
        # What it draws must not be drawn again after a restore: numbers of entries, for example.
        self.house.trail = AuditTrail.open(self.database, self.vault, lambda: self.house.now, self.chance)
        self.house.store = store_of(
            self.database, self.vault, self.house.ledger, lambda: self.house.now, self.house.trail
        )

    # The source.

    @rule(number=numbers, state=st.sampled_from(OFTEN))
    def source_says_what_it_often_does(self, number: str, state: str) -> None:
        self.says(number, state)

    @rule(number=numbers, state=st.sampled_from(sorted(STATES)))
    def source_says_something(self, number: str, state: str) -> None:
        self.says(number, state)

    def says(self, number: str, state: str) -> None:
        before = self.world.states.get(number)
        change = said(number, self.next(), state)
        entries = self.house.take(change).entries
        counted = self.world.says(number, self.change, state)
        self.sent[number].append(change)
        if not counted or ({before, state} <= SAME and not self.drifted):
            assert entries == 0, "a change was announced that no application may see"

    @rule(number=numbers, draw=st.randoms(use_true_random=False))
    def source_repeats_itself(self, number: str, draw: Any) -> None:
        """Overlap and lateness: what was sent before comes again, in any order."""
        if self.sent[number]:
            again = draw.sample(self.sent[number], min(3, len(self.sent[number])))
            entries = self.house.take(*again).entries
            known = self.world.changes.get(number, -1)
            if all(one.aenderungsnummer <= known for one in again):  # after a restore it may be news
                assert entries == 0, "an old record was announced"
            for one in again:
                self.follows(one)

    def follows(self, change: Any) -> None:
        """The model takes a record that was sent before."""
        number = change.personennummer
        for state in STATES:
            if change == said(number, change.aenderungsnummer, state):
                self.world.says(number, change.aenderungsnummer, state)
                return
        raise AssertionError("nothing but records is repeated")

    @rule(number=numbers)
    def source_removes(self, number: str) -> None:
        self.house.take(removal(number, self.next()))
        self.world.removes(number, self.change)

    @rule(pair=st.sampled_from(PAIRS))
    def source_merges(self, pair: tuple[str, str]) -> None:
        number, into = pair
        self.house.take(merge(number, into, self.next()))
        self.world.merges(number, into, self.change)

    def next(self) -> int:
        self.change += 1
        return self.change

    # Clock and operator.

    @rule(hours=st.sampled_from([1, 30]))
    def time_passes(self, hours: int) -> None:
        self.house.now += timedelta(hours=hours)

    @rule()
    def a_day_passes(self) -> None:
        self.sleeps(1)

    def sleeps(self, days: int) -> None:
        self.house.now += days * DAY
        self.house.today += days * DAY
        self.world.today = self.house.today

    @rule()
    def poller_has_nothing_new(self) -> None:
        self.house.reproject()
        self.drifted = False

    @rule(stream=streams, extent=st.sampled_from([WIDE, NARROW]))
    def agreement_gets_another_version(self, stream: str, extent: str) -> None:
        """The next version, the first one of another major beside, or one after the agreement had ended."""
        self.versions[stream] += 1
        self.world.extents[stream] = extent
        self.house.agreements[stream] = terms(stream, extent, self.versions[stream])
        self.drifted = True

    @rule(stream=st.sampled_from(["wohnung/1", "wohnung/2"]))
    def agreement_ends(self, stream: str) -> None:
        if self.world.extents.pop(stream, None) is not None:
            del self.house.agreements[stream]
            self.clients[stream].run = None
            self.drifted = True

    @precondition(lambda self: len(self.world.erased) < len(NUMBERS) - 2)
    @rule(number=numbers)
    def office_erases(self, number: str) -> None:
        self.house.holding.erase(SOURCE, number, self.house.agreements, now=self.house.now, stichtag=self.house.today)
        assert self.house.ledger.holds(SOURCE, number)
        self.world.erased |= {one for one in NUMBERS if self.house.ledger.holds(SOURCE, one)}
        for one in self.world.erased:
            self.world.ends(one)

    @rule(days=st.sampled_from([1, 200]))
    def deletion_run(self, days: int) -> None:
        """Nobody whom anybody may know goes by time."""
        self.sleeps(days)
        delete_by_time(self.house)
        held = {number for number in NUMBERS if self.house.store.subject(SOURCE, number) is not None}
        for number in (set(self.world.states) | set(self.world.merged)) - held:
            assert not any(self.world.visible(stream, number) for stream in STREAMS)
            into = self.world.merged.get(number)
            if into is not None:
                for other in [one for one, to in self.world.merged.items() if to == number]:
                    self.world.merged[other] = into
            self.world.states.pop(number, None)
            self.world.merged.pop(number, None)
            self.world.gone.add(number)

    @rule(purpose=st.sampled_from(["index", "digest", "feed", "vault"]))
    def keys_are_changed(self, purpose: str) -> None:
        """By another process: this one learns of it as it goes on. The feed has nothing to say about it."""
        keys = self.folder / "keys"
        before = self.pending()
        Rekeying(
            self.database, Vault(KeyRing.load(keys), os.urandom), self.house.trail, keys, lambda _seconds: None
        ).rotate(purpose)
        assert self.pending() == before

    def pending(self) -> list[tuple[object, ...]]:
        """What is pending under which number, in which version, told or not."""
        with self.database.read() as connection:
            rows = connection.exec_driver_sql(
                "SELECT stream, person_id, number, version, told, digest IS NULL, acked_digest IS NULL,"
                " digest = acked_digest FROM projection ORDER BY stream, person_id"
            )
            return [tuple(row) for row in rows]

    @precondition(lambda self: self.url.startswith("sqlite"))
    @rule()
    def a_backup_is_made(self) -> None:
        self.database.close()
        assert self.database.scrub()
        self.saved = (self.file.read_bytes(), self.world.copied())

    @property
    def file(self) -> Path:
        return self.folder / "gateway.sqlite"


def _memory() -> Path | None:
    shared = Path("/dev/shm")
    return shared if shared.is_dir() else None
