"""Everybody who is stored, as known at a moment: for counting."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.store import standing
from gateway.store.standing import Life
from tests.unit.store.store_kit import NOW, House, merge, removal, upsert


def everybody(house: House, known: object = NOW) -> list[Life]:
    total = house.store.count_standing(known)
    found = list(house.store.standing(known, total=total))
    assert len(found) == total
    return found


def test_each_person_is_read_once_over_pages(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """All pages together hold everybody who is stored, once, with the newest version; who is gone is not there."""
    monkeypatch.setattr(standing, "PAGE", 2)
    house.take(*(upsert(str(number), 1) for number in range(1, 8)))
    house.take(removal("1", 2), merge("2", "3", 2))
    numbers = [life.document(-1)["steuerung"]["quellsystemPersonennummer"] for life in everybody(house)]
    assert sorted(numbers) == ["3", "4", "5", "6", "7"]


def test_what_was_recorded_later_is_not_known(house: House) -> None:
    """A version after the moment of knowledge is not among the known ones, a person after it is not read at all."""
    house.take(upsert("1", 1))
    before, house.now = house.now, house.now + timedelta(days=30)
    house.take(upsert("1", 2, person={"geschlecht": "m"}), upsert("2", 2))
    [early] = everybody(house, before)
    assert early.known == 1
    assert early.document(early.at(before))["person"]["geschlecht"] == "w"
    assert early.document(-1)["person"]["geschlecht"] == "m"
    late = [life for life in everybody(house, house.now) if life.known == 2]
    assert [life.at(before) for life in late] == [0]
    assert [life.at(house.now) for life in late] == [1]


def test_a_person_keeps_its_key(house: House) -> None:
    """The record key is another for everyone and the same at each reading."""
    house.take(*(upsert(str(number), 1) for number in range(1, 6)))
    first = [life.key for life in everybody(house)]
    assert len(set(first)) == 5
    assert [life.key for life in everybody(house)] == first
    assert all(0 <= key < 2**32 for key in first)


def test_nothing_is_opened_before_it_is_asked_for(house: House) -> None:
    """Progress is told from nothing to everybody, and ends at the total."""
    house.take(*(upsert(str(number), 1) for number in range(1, 4)))
    told: list[tuple[str, int, int | None]] = []
    list(house.store.standing(NOW, total=3, progress=lambda *words: told.append(words)))
    assert told[0] == (standing.WHAT, 0, 3)
    assert told[-1] == (standing.WHAT, 3, 3)
