"""Refused records as work: tried again once per rules, thrown away for good, and never a way to show who is hidden."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
import sqlalchemy as sa

from gateway.errors import NotFound, StoreError
from gateway.store import tables
from gateway.store.batch import Batch, Ingested, Quarantined, Withholding
from gateway.store.waiting import HIDING, DropReason, Meanwhile, Outcome
from tests.unit.store.retention_kit import forward, run
from tests.unit.store.store_kit import NOW, SOURCE, House, removal, upsert

REASONS = ("geschlecht: unbekannter Schlüssel der Quelle",)
OLD, NEW = b"o" * 32, b"n" * 32


def refused(
    number: str | None = "1", change: int | None = 5, content: str = "", basis: bytes = OLD, hides: bool = False
) -> Quarantined:
    text = content or f"{number} {change}"
    cut = {"personalien": {"famName": "Seltenheit"}}
    return Quarantined(
        number, change, REASONS, cut, hashlib.sha256(text.encode()).digest(), hides, None, "abgewiesen", basis
    )


def take(house: House, *records: Quarantined) -> Ingested:
    hidden = tuple(Withholding(str(one.personennummer), one.aenderungsnummer or 0) for one in records if one.hides)
    batch = Batch(SOURCE, hidden, records)
    return house.holding.ingest(batch, house.agreements, now=house.now, stichtag=house.today)


def due(house: House, basis: bytes = NEW, limit: int = 100) -> list[int]:
    return [one.change_number for one in house.store.waiting.due(SOURCE, basis, limit)]


def settle(house: House, *, delivered: bool, complete: bool = False) -> list[tuple[Outcome, tuple[str, ...]]]:
    """What became of all that were due, as if all of them had been delivered, or none."""
    tried, _ = house.store.waiting.chosen(SOURCE, None)
    numbers = [one.number for one in tried] if delivered else []
    fates = house.waiting.settle(tried, numbers, NEW, complete=complete)
    return [(fate.outcome, fate.reasons) for fate in fates]


def test_a_record_is_due_once_for_each_rules(house: House) -> None:
    """Judged by other rules it is due, in the order of change numbers and bounded; judged again it is not."""
    take(house, refused("2", 7), refused("1", 5), refused("3", 9, basis=b""), refused(None, None, "x"))
    assert due(house) == [5, 7, 9]
    assert due(house, limit=2) == [5, 7]
    assert due(house, OLD) == [9]
    assert take(house, refused("1", 5, basis=NEW)).quarantined == 0
    assert due(house) == [7, 9]
    settle(house, delivered=False)
    assert due(house) == []


def test_a_record_that_is_judged_again_keeps_its_age_and_says_why_today(light_house: House) -> None:
    """The same bytes under other rules: other reasons, the same number and day."""
    house = light_house
    take(house, refused())
    (before,) = house.store.quarantine_entries()
    house.now += timedelta(days=3)
    again = Quarantined("1", 5, ("ort: leer",), None, refused().sha256, False, None, "abgewiesen", NEW)
    assert take(house, again).quarantined == 0
    (after,) = house.store.quarantine_entries()
    assert (after.number, after.waiting_since, after.reasons) == (before.number, NOW, ("ort: leer",))


def test_a_newer_refused_record_does_not_begin_anew(light_house: House) -> None:
    """The age is the person's: three refused versions in three days are one case three days old."""
    house = light_house
    for day in range(3):
        take(house, refused("1", 5 + day))
        house.now += timedelta(days=1)
    (entry,) = house.store.quarantine_entries()
    assert (entry.change_number, entry.waiting_since, entry.recorded_at) == (7, NOW, NOW + timedelta(days=2))


def test_every_fate_is_told(house: House) -> None:
    """Taken, refused again, newer there already, changed at the source, gone from it."""
    take(house, refused("1", 5))
    assert settle(house, delivered=True) == [(Outcome.REFUSED, REASONS)]
    assert settle(house, delivered=False) == [(Outcome.CHANGED, ())]
    assert settle(house, delivered=False, complete=True) == [(Outcome.GONE, ())]
    tried, _ = house.store.waiting.chosen(SOURCE, None)
    house.take(upsert("1", 5))
    assert [fate.outcome for fate in house.waiting.settle(tried, (), NEW, complete=True)] == [Outcome.TAKEN]
    house.take(upsert("1", 6))
    assert [fate.outcome for fate in house.waiting.settle(tried, (), NEW, complete=True)] == [Outcome.NEWER]
    take(house, refused("2", 7))
    tried, _ = house.store.waiting.chosen(SOURCE, None)
    take(house, refused("2", 8))
    assert [fate.outcome for fate in house.waiting.settle(tried, (), NEW, complete=True)] == [Outcome.NEWER]


def test_what_has_no_number_needs_the_whole_load(light_house: House) -> None:
    """Without person number, or without change number, nothing can be asked for: it is said so."""
    house = light_house
    take(house, refused(None, 3, "a"), refused("4", None, "b"), refused("5", 0, "c"))
    tried, fates = house.store.waiting.chosen(SOURCE, None)
    assert tried == []
    assert [fate.outcome for fate in fates] == [Outcome.WHOLE_LOAD] * 3


def test_of_an_erased_person_nothing_is_fetched_and_nothing_told(light_house: House) -> None:
    """Also if its row is there still (a crash, a restore): it is as if there were no such record."""
    house = light_house
    take(house, refused("1", 5))
    (entry,) = house.store.quarantine_entries()
    house.ledger.add(SOURCE, "1")
    waiting = house.store.waiting
    assert waiting.due(SOURCE, NEW, 10) == []
    assert waiting.chosen(SOURCE, None) == ([], [])
    assert waiting.standing() == []
    for refusal in (
        lambda: waiting.chosen(SOURCE, [entry.number]),
        lambda: waiting.drop(entry.number, DropReason.DOPPELT),
    ):
        with pytest.raises(NotFound):
            refusal()


def test_a_dropped_record_does_not_wait_again(house: House) -> None:
    """Its content is gone; the same bytes of the next whole load change nothing, a newer record is a new case."""
    take(house, refused("1", 5))
    (entry,) = house.store.quarantine_entries()
    house.store.waiting.drop(entry.number, DropReason.TESTSATZ, "sb1")
    house.now += timedelta(days=1)
    assert take(house, refused("1", 5, basis=NEW)).quarantined == 0
    assert house.store.quarantine_entries() == []
    assert due(house, b"x" * 32) == []
    (dropped,) = house.store.quarantine_entries(dropped=True)
    assert (dropped.dropped_for, dropped.dropped_at) == ("testsatz", NOW)
    opened = house.store.quarantine_entry(entry.number)
    assert (opened.cut, opened.personennummer) == (None, None)
    with pytest.raises(NotFound):
        house.store.waiting.drop(entry.number, DropReason.TESTSATZ)
    assert take(house, refused("1", 6)).quarantined == 1
    (anew,) = house.store.quarantine_entries()
    assert anew.waiting_since == house.now
    assert house.store.quarantine_entries(dropped=True) == []


@pytest.mark.parametrize("later", [False, True])
def test_a_record_for_which_somebody_is_hidden_cannot_be_dropped(house: House, later: bool) -> None:
    """Nobody may forget why; nor if a newer refused record no longer names the block, for the person stays hidden."""
    house.take(upsert("1", 1))
    take(house, refused("1", 5, hides=True))
    if later:
        take(house, refused("1", 6))
    assert house.kennungen() == {}
    (entry,) = house.store.quarantine_entries()
    with pytest.raises(StoreError) as caught:
        house.store.waiting.drop(entry.number, DropReason.NICHT_BERICHTIGBAR)
    assert caught.value.code == HIDING
    assert house.kennungen() == {}
    assert [one.meanwhile for one in house.store.waiting.standing()] == [Meanwhile.HIDDEN]
    house.take(upsert("1", 7))
    assert len(house.kennungen()) == 1
    assert house.store.quarantine_entries() == []


def test_what_was_never_judged_by_this_version_may_hide_somebody(light_house: House) -> None:
    """A row from before this was noted cannot be dropped while the person is stored: it is retried first."""
    house = light_house
    house.take(upsert("1", 1))
    take(house, refused("1", 5, basis=b""))
    (entry,) = house.store.quarantine_entries()
    with pytest.raises(StoreError):
        house.store.waiting.drop(entry.number, DropReason.DOPPELT)
    take(house, refused("1", 5, basis=NEW))
    house.store.waiting.drop(entry.number, DropReason.DOPPELT)


def test_a_block_is_remembered_when_the_content_has_gone(light_house: House) -> None:
    """After thirty days the note still says that somebody is hidden, and is not dropped."""
    house = light_house
    house.take(upsert("1", 1))
    take(house, refused("1", 5, hides=True))
    forward(house, 31)
    assert run(house)["quarantaene-inhalt"] == 1
    (one,) = house.store.waiting.standing()
    assert (one.entry.emptied, one.entry.personennummer, one.meanwhile) == (True, None, Meanwhile.HIDDEN)
    with pytest.raises(StoreError):
        house.store.waiting.drop(one.entry.number, DropReason.DOPPELT)
    take(house, refused("1", 5, basis=NEW, hides=True))
    assert house.store.quarantine_entry(one.entry.number).cut is None
    (tried,) = house.store.waiting.due(SOURCE, OLD, 10)
    assert tried.concerns("1")
    assert not tried.concerns("2")


def test_what_a_refused_record_means(house: House) -> None:
    """Hidden, an older version told, told to nobody, not known at all, or not even that can be said."""
    for number in ("1", "2", "4"):
        house.take(upsert(number, 1))
    house.take(upsert("3", 1, person={"anschrift": None}), removal("4", 2))
    take(house, refused("1", 5, hides=True), *(refused(number, 5) for number in ("2", "3", "4", "5")))
    take(house, refused(None, 5, "x"))
    found = {one.entry.personennummer: one.meanwhile for one in house.store.waiting.standing()}
    assert found == {
        "1": Meanwhile.HIDDEN,
        "2": Meanwhile.OLDER,
        "3": Meanwhile.UNTOLD,
        "4": Meanwhile.UNKNOWN,
        "5": Meanwhile.UNKNOWN,
        None: Meanwhile.UNCLEAR,
    }


def test_what_the_whole_load_did_not_send_waits_no_longer(house: House) -> None:
    """A record without a number that the source has mended is not seen again; who is stored is reconciled elsewhere."""
    house.take(upsert("1", 1))
    take(house, refused(None, 3, "gone"), refused(None, 4, "there"), refused("1", 5), refused("2", 6))
    begun = house.now = house.now + timedelta(days=1)
    take(house, refused(None, 4, "there"))
    assert house.waiting.forget_vanished(SOURCE, begun) == 2
    assert sorted(entry.change_number or 0 for entry in house.store.quarantine_entries()) == [4, 5]
    assert house.waiting.forget_vanished(SOURCE, begun) == 0


def test_the_rows_say_nothing_of_a_block(light_house: House) -> None:
    """What a refused record says of a block stands sealed: two rows differ in nothing that could be read."""
    house = light_house
    take(house, refused("1", 5, hides=True), refused("2", 5))
    with house.database.read() as connection:
        found = connection.execute(sa.select(tables.quarantine)).mappings().all()
    plain = [{name: value for name, value in row.items() if name not in _HASHED} for row in found]
    assert plain[0] == plain[1]


_HASHED = {"number", "source_key", "sha256", "sealed"}
