"""Persons in the store: taken in, found, changed, gone."""

from __future__ import annotations

from tests.unit.store.store_kit import House, removal, upsert


def test_smoke(house: House) -> None:
    """x"""
    counts = house.take(upsert("1", 1), upsert("2", 2))
    assert counts.stored == 2
    page = house.changes()
    print(page)
    assert house.kinds() == ["neu", "neu"]
    house.acknowledge(page)
    assert house.kinds() == []
    house.take(removal("1", 3))
    assert house.kinds() == ["entfallen"]
    house.settle()
    assert len(house.kennungen()) == 1
