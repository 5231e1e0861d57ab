"""Machines that work at one time on PostgreSQL: no update is lost, nobody deadlocks, whoever stands still wherever.

On SQLite writers follow each other as a whole, so there is nothing to meet.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.agreements.operation import Operation
from gateway.errors import NotFound, ReplayRefused, TokenRefused
from gateway.store import audit_tables, feed_rows
from gateway.store.audit_verify import verify
from gateway.store.changes import ChangePage
from gateway.store.database import Database
from gateway.store.snapshot import SnapshotPage
from gateway.store.tables import discrepancy, feed_counter, person
from gateway.store.waiting import DropReason
from tests.unit.store import test_waiting as waiting
from tests.unit.store.audit_kit import an_entry
from tests.unit.store.meeting import Machine, machines, meet
from tests.unit.store.store_kit import House, address, removal, upsert

STREETS = (f"Straße {number}" for number in count())
Two = tuple[Machine, Machine]
Work = Callable[[House], object]
Works = tuple[Work, Work]


class Copy:
    """What an application has made of what it was told; `up_to` was acknowledged with an answer."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.persons: dict[str, object] = {}
        self.changes = count(10)

    def take(self, page: object) -> None:
        assert isinstance(page, ChangePage)
        for change in page.changes:
            if change.person is None:
                self.persons.pop(change.kennung, None)
            else:
                self.persons[change.kennung] = change.person.tree

    def settle(self) -> None:
        """Reads and acknowledges what is left; afterwards it is what a fresh snapshot says."""
        while (page := self.house.changes()).changes:
            self.take(page)
            self.house.acknowledge(page)
        now = self.house.store.snapshot(self.house.grant(Operation.BESTAND_ABRUFEN), None, 1000, self.house.now)
        assert self.persons == {one.kennung: one.tree for one in now.persons}

    def moves(self, number: str = "1") -> object:
        """This person moves: what the source says next."""
        return upsert(number, next(self.changes), person={"anschrift": address(next(STREETS))})


@pytest.fixture
def two(postgresql_url: str, folder: Path) -> Iterator[Two]:
    """Two machines whose store holds three persons of which everything was told."""
    with machines(postgresql_url, folder) as made:
        made[0].house.take(upsert("1", 1), upsert("2", 2), upsert("3", 3))
        made[1].house.trail.record(an_entry())  # the chain, its month and the keys in use are there
        yield made
        assert verify(made[0].house.database).intact


@pytest.fixture
def copy(two: Two) -> Copy:
    made = Copy(two[0].house)
    made.settle()
    return made


@pytest.mark.parametrize("swapped", [False, pytest.param(True, marks=pytest.mark.long)])
def test_acknowledged_while_the_same_person_changes(two: Two, copy: Copy, swapped: bool) -> None:
    """What comes after the page that is acknowledged is told, whichever of the two is first or stands still."""

    def prepare() -> Works:
        copy.house.take(copy.moves(), copy.moves("2"))
        page, later = copy.house.changes(), copy.moves()
        copy.take(page)
        works: Works = (lambda house: house.acknowledge(page), lambda house: house.take(later))
        return works[::-1] if swapped else works

    def examine(*outcomes: object) -> None:
        _none_failed(outcomes)
        assert len(copy.house.changes().changes) == 1
        copy.settle()

    assert meet(*two, prepare, examine) > 4


@pytest.mark.long
def test_two_acknowledgements(two: Two, copy: Copy) -> None:
    """The higher one holds; neither fails, and nothing beyond it is settled."""

    def prepare() -> Works:
        copy.house.take(copy.moves("1"), copy.moves("2"))
        low = copy.house.changes(1)
        high = copy.house.changes()
        copy.take(high)
        copy.house.take(copy.moves("3"))
        return lambda house: house.acknowledge(high), lambda house: house.acknowledge(low)

    def examine(*outcomes: object) -> None:
        assert all(isinstance(one, int) for one in outcomes)
        assert len(copy.house.changes().changes) == 1
        copy.settle()

    assert meet(*two, prepare, examine) > 3


@pytest.mark.long
def test_a_page_is_read_while_its_person_changes(two: Two, copy: Copy) -> None:
    """What was on a page that had moved meanwhile is told again; nothing on it may be acknowledged away."""

    def prepare() -> Works:
        copy.house.take(copy.moves("1"), copy.moves("2"))
        later = copy.moves("2")
        return lambda house: house.changes(), lambda house: house.take(later)

    def examine(page: object, _taken: object) -> None:
        copy.take(page)
        assert isinstance(page, ChangePage)
        copy.house.acknowledge(page)
        copy.settle()

    assert meet(*two, prepare, examine) > 2


@pytest.mark.long
def test_a_snapshot_begins_while_persons_come_and_change(two: Two, copy: Copy) -> None:
    """Snapshot and feed after its number are the projection, wherever its beginning falls."""
    fresh = count(100)
    grant = two[0].house.grant(Operation.BESTAND_ABRUFEN)

    def prepare() -> Works:
        later = copy.moves("1"), upsert(str(next(fresh)), next(copy.changes)), copy.moves("2")
        return lambda house: house.store.snapshot(grant, None, 1000, house.now), lambda house: house.take(*later)

    def examine(page: object, _taken: object) -> None:
        assert isinstance(page, SnapshotPage)
        copy.persons = {one.kennung: one.tree for one in page.persons}
        copy.house.store.acknowledge(copy.house.grant(), page.number, page.epoch)
        copy.settle()

    assert meet(*two, prepare, examine) > 4


@pytest.mark.long
def test_told_in_a_single_answer_while_it_changes(two: Two, copy: Copy) -> None:
    """Who was told a state that is none any more, or is asked again too late, learns the next one by the feed."""
    kennung = copy.house.kennungen()["Musterb"]
    copy.settle()

    def prepare() -> Works:
        for machine in two:
            machine.house.now += timedelta(hours=25)  # no snapshot that could have shown it is still being paged
        copy.house.take(copy.moves("1"))  # pending: an answer must remember that it was told
        grant, later = copy.house.grant(Operation.PERSON_ABRUFEN), copy.moves("1")
        return lambda house: house.store.find(grant, kennung), lambda house: house.take(later)

    def examine(told: object, _taken: object) -> None:
        copy.persons[kennung] = getattr(told, "tree", None)
        copy.settle()

    assert meet(*two, prepare, examine) > 1


def test_entries_of_two_machines_are_one_chain(two: Two, copy: Copy) -> None:
    """Every entry is in it once, whether it was written alone or with what the source says."""
    for work in (lambda house: house.trail.record(an_entry()), lambda house: house.take(copy.moves())):
        written = _entries(copy.house)
        moments = meet(
            *two,
            lambda work=work: (work, lambda house: house.trail.record(an_entry())),
            lambda *outcomes: _none_failed(outcomes),
        )
        assert moments > 2
        assert _entries(copy.house) - written == 2 * (moments + 1)
        copy.settle()


def test_one_of_two_copies_of_a_request_is_refused(two: Two) -> None:
    """Two machines that take in the same signed request at one moment: exactly one spends its key."""

    def prepare() -> Works:
        once = os.urandom(32)
        return (lambda house: house.trail.record(an_entry(), once=once),) * 2

    def examine(*outcomes: object) -> None:
        assert [isinstance(one, ReplayRefused) for one in outcomes].count(True) == 1
        assert [isinstance(one, Exception) for one in outcomes].count(True) == 1

    assert meet(*two, prepare, examine) > 4


@pytest.mark.long
def test_a_report_about_somebody_who_goes(two: Two, copy: Copy) -> None:
    """No report is left of a person that is none any more; the reporter hears either that it was taken or no such."""
    fresh = count(200)

    def prepare() -> Works:
        number = next(fresh)
        copy.house.take(upsert(str(number), next(copy.changes), person={"familienname": f"Weg{'x' * (number - 199)}"}))
        kennung = copy.house.kennungen()[f"Weg{'x' * (number - 199)}"]
        grant, gone = copy.house.grant(Operation.UNSTIMMIGKEIT_MELDEN), removal(str(number), next(copy.changes))
        return lambda house: house.store.report(grant, kennung, None, "falsch"), lambda house: house.take(gone)

    def examine(told: object, taken: object) -> None:
        assert not isinstance(told, Exception) or isinstance(told, NotFound)
        assert not isinstance(taken, Exception)
        with copy.house.database.read() as connection:
            left = sa.select(discrepancy).join(person).where(person.c.wrapped_key.is_(None))
            assert connection.execute(left).all() == []
        copy.settle()

    assert meet(*two, prepare, examine) > 1


def test_counters_that_are_made_meanwhile_deadlock_nobody(two: Two, postgresql_url: str) -> None:
    """Streams of which some have no counter yet are locked in one order by all, whoever makes the missing one."""
    third = Database.open(postgresql_url)
    names = count()

    def lock(house: House, streams: list[str]) -> None:
        with house.database.write() as connection:
            feed_rows.lock(connection, streams)

    def prepare() -> Works:
        missing, there = f"a{next(names)}/1", "z/1"

        def others(house: House) -> None:
            with third.write() as connection:
                feed_rows.lock(connection, [missing])
            lock(house, [missing, there])

        with third.write() as connection:
            feed_rows.lock(connection, [there])
        return lambda house: lock(house, [there, missing]), others

    assert meet(*two, prepare, lambda *outcomes: _none_failed(outcomes)) > 3
    third.close()


def test_a_refused_record_is_dropped_while_it_is_judged_again(two: Two) -> None:
    """What somebody dropped has lost its content for good: judging the same bytes again does not bring it back."""
    changes = count(10)

    def prepare() -> Works:
        change = next(changes)
        waiting.take(two[0].house, waiting.refused("9", change))
        (entry,) = two[0].house.store.quarantine_entries()
        again = waiting.refused("9", change, basis=waiting.NEW)
        return (
            lambda house: waiting.take(house, again),
            lambda house: house.store.waiting.drop(entry.number, DropReason.TESTSATZ),
        )

    def examine(*outcomes: object) -> None:
        _none_failed(outcomes)
        (dropped,) = two[0].house.store.quarantine_entries(dropped=True)
        opened = two[0].house.store.quarantine_entry(dropped.number)
        assert (opened.emptied, opened.personennummer, opened.cut) == (True, None, None)

    assert meet(*two, prepare, examine) > 2


@pytest.mark.long
def test_an_acknowledgement_beyond_what_was_delivered(two: Two, copy: Copy) -> None:
    """It stays refused, also if the page that would allow it is just being delivered: until then nobody has it."""

    def prepare() -> Works:
        copy.house.take(copy.moves("1"))
        with copy.house.database.read() as connection:
            last = connection.execute(sa.select(feed_counter.c.last)).scalar_one()
        epoch = copy.house.store.epoch()
        return lambda house: house.changes(), lambda house: house.store.acknowledge(house.grant(), last, epoch)

    def examine(page: object, told: object) -> None:
        assert isinstance(told, TokenRefused | int)
        copy.take(page)
        copy.settle()

    assert meet(*two, prepare, examine) > 2


def _none_failed(outcomes: tuple[object, ...]) -> None:
    assert not [one for one in outcomes if isinstance(one, Exception)]


def _entries(house: House) -> int:
    with house.database.read() as connection:
        found: int = connection.execute(sa.select(sa.func.count()).select_from(audit_tables.entry)).scalar_one()
        return found
