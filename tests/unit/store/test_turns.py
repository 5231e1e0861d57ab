"""What all pollers remember together, and what a whole load means after the source has lost changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from gateway.store.batch import Position, Turn
from tests.unit.store.store_kit import NOW, SOURCE, House, removal, upsert

TURN = Turn(3, NOW, 54.25, 2, NOW, 7, NOW - timedelta(days=1), "quelle-zu-langsam", went_back=True)


def test_a_turn_is_remembered_as_it_was(house: House) -> None:
    """Every part of it, and only the last one."""
    assert house.store.turn(SOURCE) is None
    house.holding.keep_turn(SOURCE, TURN)
    assert house.store.turn(SOURCE) == TURN
    house.holding.keep_turn(SOURCE, Turn(4, NOW, 1.0))
    assert house.store.turn(SOURCE) == Turn(4, NOW, 1.0)
    assert house.store.turn("anderes") is None


def test_after_the_source_went_back_a_whole_load_overrules(house: House) -> None:
    """What it says now is taken although its numbers are lower than ours; before, it would have been called old."""
    house.take(upsert("1", 50), upsert("2", 51), position=Position(60, None, full_load=False))
    assert house.take(upsert("1", 40, person={"familienname": "Neu"})).stale == 1
    house.holding.keep_turn(SOURCE, TURN)
    assert house.holding.forget_numbers(SOURCE, 45) == Position(45, None, full_load=True)
    assert house.store.position(SOURCE) == Position(45, None, full_load=True)
    assert house.store.turn(SOURCE) == replace(TURN, went_back=False)
    assert house.take(upsert("1", 40, person={"familienname": "Neu"})).stored == 1
    assert house.take(upsert("1", 39, person={"familienname": "Alt"})).stale == 1
    assert "Neu" in house.kennungen()


def test_who_was_deleted_stays_deleted_if_the_source_still_knows_it(house: House) -> None:
    """A tombstone from before what the source lost keeps its number; one from after it does not."""
    house.take(upsert("1", 1), upsert("2", 2), removal("1", 40), removal("2", 50))
    house.holding.forget_numbers(SOURCE, 45)
    counts = house.take(upsert("1", 30), upsert("2", 31))
    assert (counts.stale, counts.stored) == (1, 1)


def test_stand_is_told_only_when_every_source_was_read(house: House) -> None:
    """The oldest counts; none while one was begun and never read to its end."""
    assert house.store.freshness() is None
    house.holding.finish_poll(SOURCE, NOW, NOW)
    house.holding.finish_poll("anderes", NOW - timedelta(hours=1), NOW)
    assert house.store.freshness() == NOW - timedelta(hours=1)
    house.holding.keep_turn("drittes", Turn(1, NOW, 60.0))
    assert house.store.freshness() is None
    house.holding.finish_poll("drittes", NOW, NOW)
    assert house.store.freshness() == NOW - timedelta(hours=1)
