"""What applications do with the feed in the middle of all that happens, and what must be true of it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from gateway.agreements.operation import Operation
from gateway.errors import TokenRefused
from gateway.store import dossier as d
from gateway.store.feed import ChangeKind, ChangePage
from gateway.store.search import Criteria
from tests.property.feed_client import Client, Run
from tests.property.feed_events import DAY, OFTEN, PAIRS, Events, numbers, streams
from tests.property.feed_world import NAMES, NARROW, STREAMS, seen, terms
from tests.unit.store.store_kit import SOURCE, grant


class Feed(Events):
    """In the end, and at every `synchronise`, each application holds what the model says it may know."""

    def teardown(self) -> None:
        for client in self.clients.values():
            client.run = None
        self.synchronise()
        self.database.close()
        shutil.rmtree(self.folder)

    @rule(stream=streams, limit=st.integers(1, 3))
    def application_fetches(self, stream: str, limit: int) -> None:
        if self.idle(stream):
            self.takes(stream, self.house.changes(limit, stream))

    @rule(limit=st.integers(1, 3))
    def application_fetches_from_an_older_process(self, limit: int) -> None:
        """A server that was started before the last change of the agreement: it grants less, of fewer persons."""
        stream = "wohnung/1"
        if self.idle(stream):
            older = grant(terms(stream, NARROW, 1), today=self.house.today)
            self.clients[stream].takes(self.house.store.changes(older, limit))
            self.drifted = True  # the current agreement is news again

    @rule(stream=streams, limit=st.integers(1, 3))
    def answer_is_lost(self, stream: str, limit: int) -> None:
        if stream in self.world.extents:
            self.clients[stream].arrives(self.house.changes(limit, stream))

    @rule(stream=streams, number=numbers, state=st.sampled_from(OFTEN), limit=st.integers(1, 3))
    def source_speaks_before_the_acknowledgement(self, stream: str, number: str, state: str, limit: int) -> None:
        """What was said meanwhile is not acknowledged."""
        if self.idle(stream):
            page = self.house.changes(limit, stream)
            self.takes(stream, page)
            self.says(number, state)
            self.acknowledges(stream, page.last_number)

    @rule(stream=streams, number=numbers, states=st.lists(st.sampled_from(OFTEN), min_size=1, max_size=3))
    def source_speaks_between_two_pages(self, stream: str, number: str, states: list[str]) -> None:
        """Who came, changed or went while the stock was read is told afterwards."""
        for state in states:
            self.says(number, state)
            self.application_reads_the_stock(stream, 1)

    @rule(pair=st.sampled_from(PAIRS))
    def two_known_become_one(self, pair: tuple[str, str]) -> None:
        """Everybody knows both, and then they are one record."""
        for number in pair:
            self.says(number, "here")
        self.synchronise()
        self.source_merges(pair)

    @rule(stream=streams, number=numbers, states=st.lists(st.sampled_from(OFTEN), min_size=2, max_size=2))
    def source_takes_back_what_was_found(self, stream: str, number: str, states: list[str]) -> None:
        """Told by a search or a lost answer, and then it is as it was before."""
        self.says(number, states[0])
        self.application_searches(stream, number)
        self.answer_is_lost(stream, 3)
        self.says(number, states[1])

    @rule(stream=streams)
    def application_acknowledges(self, stream: str) -> None:
        client = self.clients[stream]
        if stream in self.world.extents and client.page is not None:
            self.acknowledges(stream, client.page.last_number)

    @rule(stream=streams, draw=st.randoms(use_true_random=False))
    def application_acknowledges_a_part(self, stream: str, draw: Any) -> None:
        client = self.clients[stream]
        if stream in self.world.extents and client.taken:
            self.acknowledges(stream, draw.choice(client.taken).number)

    def acknowledges(self, stream: str, up_to: int) -> None:
        client = self.clients[stream]
        settled = self.house.store.acknowledge(self.house.grant(application=stream), up_to, self.house.store.epoch())
        client.acknowledged(up_to)
        assert settled == client.acked

    @rule(stream=streams, draw=st.randoms(use_true_random=False))
    def application_acknowledges_wrongly(self, stream: str, draw: Any) -> None:
        """Beyond what was handed out, or under another epoch: refused. What is settled already: nothing happens."""
        if stream not in self.world.extents:
            return
        client, house, before = self.clients[stream], self.house, self.pending()
        mine, epoch = house.grant(application=stream), house.store.epoch()
        for number, under in ((client.handed + draw.randint(1, 3), epoch), (client.acked, epoch[::-1] + "0")):
            with pytest.raises(TokenRefused):
                house.store.acknowledge(mine, number, under)
        assert house.store.acknowledge(mine, draw.randint(0, client.acked), epoch) == client.acked
        assert self.pending() == before

    @rule(stream=streams, limit=st.integers(1, 2))
    def application_reads_the_stock(self, stream: str, limit: int) -> None:
        """A page at a time, with anything between two pages; refused only for a reason."""
        if stream not in self.world.extents:
            return
        client, now = self.clients[stream], self.house.now
        client.paged = True
        try:
            page = self.page(stream, client.run.token if client.run else None, limit)
        except TokenRefused:
            run, client.run = client.run, None
            assert run is not None
            assert run.version != self.versions[stream] or now - run.begun > DAY
            return
        if client.run is None:
            client.run = Run(now, self.versions[stream], page.number)
        client.pages(page)

    def page(self, stream: str, token: str | None, limit: int) -> Any:
        grant = self.house.grant(Operation.BESTAND_ABRUFEN, stream)
        return self.house.store.snapshot(grant, token, limit, self.house.now)

    def reads_everything(self, stream: str) -> None:
        page, client = self.page(stream, None, 100), self.clients[stream]
        client.paged = True
        client.run = Run(self.house.now, self.versions[stream], page.number)
        client.pages(page)
        self.acknowledges(stream, page.number)

    @rule(stream=streams, number=numbers)
    def application_searches(self, stream: str, number: str) -> None:
        if self.idle(stream):
            family, given = NAMES[number]
            found = self.house.store.search(self.house.grant(Operation.PERSON_SUCHEN, stream), Criteria(family, given))
            for one in found:
                self.clients[stream].keeps(one.kennung, one.tree)

    @rule(stream=streams, draw=st.randoms(use_true_random=False))
    def application_finds(self, stream: str, draw: Any) -> None:
        client = self.clients[stream]
        if self.idle(stream) and client.told:
            kennung = draw.choice(sorted(client.told))
            if one := self.house.store.find(self.house.grant(Operation.PERSON_ABRUFEN, stream), kennung):
                client.keeps(kennung, one.tree)

    def idle(self, stream: str) -> bool:
        """An application that is not in the middle of a snapshot, and has an agreement."""
        return stream in self.world.extents and self.clients[stream].run is None

    def takes(self, stream: str, page: ChangePage) -> None:
        self.clients[stream].takes(page)
        for change in page.changes:
            if change.kind is ChangeKind.ZUSAMMENGEFUEHRT:
                leads = {self.kennung(stream, self.world.target(stream, one)) for one in self.world.merged}
                assert change.merged_into in leads - {None}
            if change.kind is ChangeKind.ENTFALLEN:
                leading = {self.kennung(stream, one) for one in self.world.merged if self.world.target(stream, one)}
                assert change.kennung not in leading - {None}, "merged into a visible record, and told as gone"

    def kennung(self, stream: str, number: str | None) -> str | None:
        """The identifier that this application has for the record of that number."""
        subject = self.house.store.subject(SOURCE, number) if number is not None else None
        for record in subject.records if subject is not None else ():
            if record.current is not None and d.control(record.current)["quellsystemPersonennummer"] == number:
                return dict(record.kennungen).get(stream.partition("/")[0])
        return None

    @rule()
    def synchronise(self) -> None:
        """Once all is fetched and acknowledged each copy is the projection, by the model and by a fresh snapshot."""
        self.house.reproject()
        self.drifted = False
        for stream in [one for one in STREAMS if self.idle(one)]:
            client = self.clients[stream]
            while True:
                page = self.house.changes(3, stream)
                self.takes(stream, page)
                self.acknowledges(stream, page.last_number)
                if not page.changes:
                    break
            views = self.world.views(stream)
            assert sorted(map(repr, map(seen, client.copy.values()))) == sorted(map(repr, views.values()))
            stock = self.page(stream, None, 100)
            assert {one.kennung: one.tree for one in stock.persons} == client.copy
            client.handed = max(client.handed, stock.number)
            assert client.copy.keys() == {self.kennung(stream, number) for number in views}
            client.known = set(client.copy)

    @precondition(lambda self: self.saved is not None)
    @rule()
    def the_backup_is_restored(self) -> None:
        """Whoever comes with a number or a token of before is refused, and begins anew with a snapshot."""
        assert self.saved is not None
        epoch = self.house.store.epoch()
        self.database.close()
        content, world = self.saved
        for file in self.folder.glob("gateway.sqlite*"):
            file.unlink()
        self.file.write_bytes(content)
        self.world = replace(
            world.copied(), today=self.world.today, extents=self.world.extents, erased=self.world.erased
        )
        now, today = self.house.now, self.house.today
        self.open()
        self.house.now, self.house.today = now, today
        self.house.holding.after_restore(self.house.agreements, now=now, stichtag=today)
        for one in self.world.erased:
            self.world.ends(one)
        self.house.reproject()
        for stream, client in self.clients.items():
            run, self.clients[stream] = client.run, Client()
            if stream in self.world.extents:
                with pytest.raises(TokenRefused):
                    self.house.store.acknowledge(self.house.grant(application=stream), client.acked, epoch)
                if run is not None:
                    with pytest.raises(TokenRefused):
                        self.page(stream, run.token, 1)
                self.reads_everything(stream)
