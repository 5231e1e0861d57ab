"""The feed as an application reads it: in pages, again until acknowledged, and only what concerns it."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from gateway.agreements.agreement import Condition
from gateway.agreements.operation import Operation
from gateway.errors import NotFound, TokenRefused
from gateway.store import changes, feed, feed_rows, reading
from gateway.store.fragments import Shelf
from gateway.store.search import Criteria
from tests.patience import PATIENCE
from tests.unit.store.store_kit import AWAY, FIELDS, House, address, agreement, grant, removal, upsert

RENAMED = {"familienname": "Neu"}


def test_pages_are_in_order_and_complete(house: House) -> None:
    """Pages of two give every entry once, in ascending order, and say whether more follows."""
    house.take(*(upsert(str(number), number) for number in range(1, 6)))
    found, more = [], []
    for _ in range(3):
        page = house.changes(2)
        found += [change.number for change in page.changes]
        more.append(page.more)
        house.acknowledge(page)
    assert (found, more) == ([1, 2, 3, 4, 5], [True, True, False])


def test_what_is_not_acknowledged_comes_again(house: House) -> None:
    """Reading twice gives the same twice; acknowledging twice changes nothing."""
    house.take(upsert("1", 1), upsert("2", 2))
    first, second = house.changes(1), house.changes(1)
    assert [change.number for change in first.changes] == [change.number for change in second.changes]
    assert [house.acknowledge(first), house.acknowledge(first)] == [1, 1]
    assert [change.number for change in house.changes().changes] == [2]


def test_an_old_acknowledgement_takes_nothing_back(house: House) -> None:
    """Acknowledging less than before answers how far everything is settled."""
    house.take(upsert("1", 1), upsert("2", 2))
    first = house.changes(1)
    house.settle()
    assert house.acknowledge(first) == 2


def test_an_empty_page_can_be_acknowledged(house: House) -> None:
    """The last number of a page is always accepted, also when there is nothing, or nothing new."""
    assert house.acknowledge(house.changes()) == 0
    house.take(upsert("1", 1))
    house.settle()
    assert house.acknowledge(house.changes()) == 1


@pytest.mark.parametrize("number", [-1, 2, 3, 10**12])
def test_beyond_the_delivered_is_refused(house: House, number: int) -> None:
    """Numbers that were never delivered are not acknowledged, though they exist."""
    house.take(upsert("1", 1), upsert("2", 2))
    page = house.changes(1)
    with pytest.raises(TokenRefused):
        house.store.acknowledge(house.grant(), number, page.epoch)


def test_another_epoch_is_refused(house: House) -> None:
    """After a restore what was read before cannot be acknowledged."""
    house.take(upsert("1", 1))
    page = house.changes()
    house.holding.after_restore(house.agreements, now=house.now, stichtag=house.today)
    with pytest.raises(TokenRefused):
        house.acknowledge(page)
    assert house.store.epoch() != page.epoch


def test_after_a_restore_the_feed_waits_for_a_snapshot(house: House) -> None:
    """Nobody knows what an application was told since the backup: its feed goes on when it has fetched its stock."""
    house.take(upsert("1", 1), upsert("2", 2))
    house.settle()
    house.holding.after_restore(house.agreements, now=house.now, stichtag=house.today)
    house.take(upsert("3", 3))
    with pytest.raises(TokenRefused):
        house.changes()
    grant = house.grant(Operation.BESTAND_ABRUFEN)
    first = house.store.snapshot(grant, None, 1, house.now)
    with pytest.raises(TokenRefused):
        house.changes()
    last = house.store.snapshot(grant, first.token, 2, house.now)
    assert last.token is None
    assert house.store.acknowledge(house.grant(), last.number, last.epoch) == last.number
    assert house.changes().changes == ()
    house.take(upsert("4", 4))
    assert house.kinds() == ["neu"]


def test_a_feed_begun_after_the_backup_waits_too(house: House) -> None:
    """An application that the backup does not know at all may have been told something all the same."""
    house.holding.after_restore(house.agreements, now=house.now, stichtag=house.today)
    with pytest.raises(TokenRefused):
        house.changes()


def test_a_change_outside_the_agreement_is_not_announced(house: House) -> None:
    """A change in a field that is not granted makes no entry, and neither version nor stand move."""
    house.take(upsert("1", 1))
    (before,) = house.changes().changes
    house.settle()
    counts = house.take(upsert("1", 2, person={"telefonnummer": ["0221 1"]}))
    assert (counts.stored, counts.entries, house.kinds()) == (1, 0, [])
    after = house.store.find(house.grant(Operation.PERSON_ABRUFEN), before.kennung)
    assert before.person is not None
    assert after is not None
    assert after.tree == before.person.tree


def test_a_field_for_single_queries_is_not_announced(light_house: House) -> None:
    """A field that goes out in single queries only makes no entry, and stands in the single query."""
    house = light_house
    house.agreements = {
        "wohnung": agreement(fields=(*FIELDS, "telefonnummer"), single_only=frozenset({"telefonnummer"}))
    }
    house.take(upsert("1", 1))
    kennung = house.changes().changes[0].kennung
    house.settle()
    house.take(upsert("1", 2, person={"telefonnummer": ["0221 1"]}))
    assert house.kinds() == []
    found = house.store.find(house.grant(Operation.PERSON_ABRUFEN), kennung)
    assert found is not None
    assert found.tree["telefonnummer"] == ["0221 1"]


def test_version_and_stand_count_what_was_told(house: House) -> None:
    """Each announced change is one version further; one that took itself back never was."""
    house.take(upsert("1", 1))
    house.settle()
    house.take(upsert("1", 2, person=RENAMED))
    house.take(upsert("1", 3))
    assert house.kinds() == []
    house.take(upsert("1", 4, person={"vornamen": "Eva"}))
    (change,) = house.changes().changes
    assert change.person is not None
    assert (change.person.tree["datensatzversion"], change.person.tree["stand"]) == (2, "2026-11-23T08:00:04Z")


def test_the_latest_wins_and_the_old_number_is_gone(house: House) -> None:
    """Several changes before the next fetch are one entry under the last number."""
    house.take(upsert("1", 1))
    house.take(upsert("1", 2, person=RENAMED))
    (change,) = house.changes().changes
    assert (change.number, change.kind) == (2, "neu")


def test_acknowledging_a_superseded_entry_leaves_the_newer(house: House) -> None:
    """What changed after it was read is still announced, as `geaendert`, once the older entry is acknowledged."""
    house.take(upsert("1", 1))
    page = house.changes()
    house.take(upsert("1", 2, person=RENAMED))
    house.acknowledge(page)
    assert [(one.number, one.kind) for one in house.changes().changes] == [(2, "geaendert")]


def test_back_to_the_old_after_it_was_shown(house: House) -> None:
    """If a change was delivered and taken back, the old state is announced again; undelivered, nothing is."""
    house.take(upsert("1", 1))
    house.settle()
    house.take(upsert("1", 2, person=RENAMED))
    house.take(upsert("1", 3))
    assert house.kinds() == []
    house.take(upsert("1", 4, person=RENAMED))
    assert house.kinds() == ["geaendert"]
    house.take(upsert("1", 5))
    (change,) = house.changes().changes
    assert change.person is not None
    assert change.person.tree["familienname"] == "Musterb"


def show_by_search(house: House, kennung: str) -> None:
    del kennung
    assert house.store.search(house.grant(Operation.PERSON_SUCHEN), Criteria("Musterb", "Ada"))


def show_by_find(house: House, kennung: str) -> None:
    assert house.store.find(house.grant(Operation.PERSON_ABRUFEN), kennung)


def show_by_snapshot(house: House, kennung: str) -> None:
    assert kennung in house.kennungen().values()


def show_by_feed(house: House, kennung: str) -> None:
    assert kennung in {change.kennung for change in house.changes().changes}


@pytest.mark.parametrize("show", [show_by_search, show_by_find, show_by_snapshot, show_by_feed])
def test_who_was_shown_never_vanishes_silently(house: House, show: Any) -> None:
    """A person shown by whatever way, and never acknowledged, ends with `entfallen`."""
    house.take(upsert("1", 1))
    with house.database.read() as connection:
        row = connection.execute(reading.VISIBLE_ROWS, {"stream": "wohnung/1"}).mappings().one()
    kennung = reading.render(house.vault, house.grant(), row, Shelf(house.agreements["wohnung"])).kennung
    show(house, kennung)
    house.take(removal("1", 2))
    assert [(one.kind, one.kennung) for one in house.changes().changes] == [("entfallen", kennung)]


def test_many_entries_are_settled_in_steps(light_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """An acknowledgement of more than a step settles all of it."""
    monkeypatch.setattr(changes, "_STEP", 3)
    light_house.take(*(upsert(str(number), number) for number in range(1, 11)))
    page = light_house.changes()
    assert light_house.acknowledge(page) == 10
    assert light_house.kinds() == []


def older(house: House, **less: Any) -> Any:
    """A grant as a process still gives it that was started before the agreement changed."""
    return grant(replace(house.agreements["wohnung"], **less), today=house.today)


def test_what_todays_rules_hide_is_not_shown(house: House) -> None:
    """A person that is stored as visible but is not under today's grant comes as `entfallen`, or not at all."""
    only_bonn = (Condition("anschrift.gemeindeschluessel", one_of=frozenset({"05314000"})),)
    house.take(upsert("1", 1), upsert("2", 2))
    house.settle()
    house.take(upsert("1", 3, person=RENAMED), upsert("3", 4))
    page = house.store.changes(older(house, scope=only_bonn), 10)
    assert [change.kind for change in page.changes] == ["entfallen"]
    house.acknowledge(page)
    house.reproject()
    assert sorted(house.kinds()) == ["neu", "neu"]


def test_what_todays_rules_change_is_announced_as_shown(house: House) -> None:
    """What goes out is what the digest says: a narrower answer is corrected back by the next poll."""
    house.take(upsert("1", 1))
    fields = tuple(field for field in FIELDS if field != "vornamen")
    page = house.store.changes(older(house, fields=fields), 10)
    assert page.changes[0].person is not None
    assert "vornamen" not in page.changes[0].person.tree
    house.acknowledge(page)
    assert house.kinds() == []
    house.reproject()
    (change,) = house.changes().changes
    assert change.person is not None
    assert (change.kind, change.person.tree["vornamen"]) == ("geaendert", "Ada")


@pytest.mark.parametrize("operation", [Operation.PERSON_ABRUFEN, Operation.PERSON_SUCHEN])
def test_what_a_single_query_shows_is_what_the_feed_knows(house: House, operation: Operation) -> None:
    """A narrower answer of a find or search is announced back, too: the application may have kept it."""
    house.take(upsert("1", 1))
    kennung = house.changes().changes[0].kennung
    house.settle()
    narrower = grant(agreement(fields=tuple(field for field in FIELDS if field != "vornamen")), operation)
    if operation is Operation.PERSON_ABRUFEN:
        found = house.store.find(narrower, kennung)
    else:
        (found,) = house.store.search(narrower, Criteria("Musterb", "Ada"))
    assert found is not None
    assert "vornamen" not in found.tree
    house.reproject()
    (change,) = house.changes().changes
    assert change.person is not None
    assert (change.kind, change.person.tree["vornamen"]) == ("geaendert", "Ada")


def test_while_rules_fight_only_the_agreed_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a correction never holds, the page ends before the first entry in dispute."""
    house.take(upsert("1", 1))
    house.take(upsert("2", 2, person={"anschrift": address("Ringstraße")}))
    monkeypatch.setattr(changes, "correct", lambda *_: None)
    narrower = older(house, scope=(Condition("anschrift.strasse", one_of=frozenset({"Domstraße"})),))
    page = house.store.changes(narrower, 10)
    assert [(change.number, page.more, page.last_number) for change in page.changes] == [(1, True, 1)]


def test_between_reading_and_marking_an_entry_may_move(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What changes after it was read for a page is left out of it, and comes once, in its new state."""
    house.take(upsert("1", 1), upsert("2", 2))
    marked = changes._marked  # the seam between both steps has no other name

    def change_and_mark(*args: Any) -> Any:
        house.take(upsert("1", 3, person=RENAMED))
        return marked(*args)

    monkeypatch.setattr(changes, "_marked", change_and_mark)
    page = house.changes()
    monkeypatch.setattr(changes, "_marked", marked)
    assert (len(page.changes), page.more) == (1, True)
    house.acknowledge(page)
    (late,) = house.changes().changes
    assert late.person is not None
    assert (late.kind, late.person.tree["familienname"]) == ("neu", "Neu")


def test_a_find_that_meets_a_change_answers_what_stands(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change taken back between reading and marking was never shown: find answers the old state, no entry stays."""
    house.take(upsert("1", 1))
    kennung = house.changes().changes[0].kennung
    house.settle()
    house.take(upsert("1", 2, person=RENAMED))
    render = reading.render

    def render_and_take_back(*args: Any) -> Any:
        monkeypatch.setattr(reading, "render", render)
        rendered = render(*args)
        house.take(upsert("1", 3))
        return rendered

    monkeypatch.setattr(reading, "render", render_and_take_back)
    found = house.store.find(house.grant(Operation.PERSON_ABRUFEN), kennung)
    assert found is not None
    assert found.tree["familienname"] == "Musterb"
    assert house.kinds() == []


def test_find_knows_nobody_it_should_not(house: House) -> None:
    """Unknown, out of scope, gone and malformed identifiers are all the same: nobody."""
    house.take(upsert("1", 1), upsert("2", 2))
    known = house.kennungen()
    house.take(upsert("1", 3, person={"anschrift": AWAY}), removal("2", 4))
    wanted = house.grant(Operation.PERSON_ABRUFEN)
    for kennung in (*known.values(), "", "00000000-0000-4000-8000-000000000000", "ä" * 500):
        assert house.store.find(wanted, kennung) is None
        with pytest.raises(NotFound):
            house.store.report(house.grant(Operation.UNSTIMMIGKEIT_MELDEN), kennung, None, "falsch")


def test_the_first_two_to_need_a_counter_both_get_it(house: House) -> None:
    """Poller and application meet at a stream that has no counter yet: one makes it, the other waits for that."""
    names = feed.stream(house.agreements["wohnung"])
    got: list[object] = []

    def second() -> None:
        with house.database.write() as connection:
            got.append(feed_rows.lock(connection, [names])[names].last)

    with house.database.write() as connection:
        feed_rows.lock(connection, [names])
        other = threading.Thread(target=second)
        other.start()
        other.join(0.3)
        assert got == []
    other.join(PATIENCE)
    assert got == [0]


def test_poller_and_application_at_the_same_time(house: House) -> None:
    """While the poller writes, an application that fetches, acknowledges and finds loses nothing and blocks nobody."""
    copy: dict[str, Any] = {}
    errors: list[BaseException] = []

    def poll() -> None:
        try:
            for change in range(1, 41):
                name = "Neu" if change % 3 else "Alt"
                house.take(upsert(str(change % 4 + 1), change, person={"familienname": name}))
        except BaseException as error:  # noqa: BLE001  # handed to the test's own thread
            errors.append(error)

    def fetch() -> None:
        page = house.changes(2)
        for one in page.changes:
            copy[one.kennung] = one.person and one.person.tree
        for kennung in list(copy)[:1]:
            house.store.find(house.grant(Operation.PERSON_ABRUFEN), kennung)
        house.acknowledge(page)

    poller = threading.Thread(target=poll)
    poller.start()
    while poller.is_alive():
        fetch()
    poller.join()
    while house.changes().changes:
        fetch()
    assert errors == []
    page = house.store.snapshot(house.grant(Operation.BESTAND_ABRUFEN), None, 10, house.now)
    assert copy == {one.kennung: one.tree for one in page.persons}
