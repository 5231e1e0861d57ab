"""What another version would mean is counted person by person, and nothing is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from gateway.agreements.agreement import Condition
from gateway.store import comparing, ingest
from tests.unit.store.store_kit import AWAY, BLOCK, FIELDS, House, address, agreement, upsert


def test_the_effect_is_counted(house: House) -> None:
    """Newly and no longer visible, newly told fields only of those who have them; blocked persons in no number."""
    ringstrasse = address("Ringstraße")
    house.take(
        upsert("1", 1, person={"telefonnummer": ["0221 1"]}),
        upsert("2", 2),
        upsert("3", 3, person={"anschrift": ringstrasse, "telefonnummer": ["0221 3"]}),
        upsert("4", 4, person={"anschrift": AWAY}),
        upsert("5", 5, person={"telefonnummer": ["0221 5"]}, auskunftssperre=BLOCK),
    )
    old = agreement()
    new = replace(
        old,
        fields=(*(path for path in FIELDS if path != "vornamen"), "telefonnummer"),
        scope=(Condition("anschrift.strasse", none_of=frozenset({"Ringstraße"})),),
    )
    before = house.changes().last_number
    found = comparing.effect(house.database, house.vault, old, new, stichtag=house.today)
    assert (found.before, found.after, found.gained, found.lost) == (3, 3, 1, 1)
    assert found.fields == {"telefonnummer": 1}
    assert found.withdrawn == {"vornamen": 3}
    assert house.changes().last_number == before
    assert house.reproject() == 0


def test_both_versions_are_counted_as_if_in_force(light_house: House) -> None:
    """A version that begins next year is counted in today's store as if it held today, and so is one that has ended."""
    house = light_house
    house.take(upsert("1", 1))
    ended = agreement(valid_to=date(2026, 1, 31))
    coming = agreement(valid_from=date(2027, 1, 1), version=2)
    found = comparing.effect(house.database, house.vault, ended, coming, stichtag=house.today)
    assert (found.before, found.after, found.gained, found.lost) == (1, 1, 0, 0)


def test_more_than_one_piece_is_counted(light_house: House) -> None:
    """Everyone counts once, however many pieces there are and however related they are."""
    house = light_house
    family = [{"art": "elternteil", "personennummer": "1"}]
    house.take(upsert("1", 1), *(upsert(str(number), number, familie=family) for number in range(2, ingest.PIECE + 5)))
    found = comparing.effect(house.database, house.vault, agreement(), agreement(), stichtag=house.today)
    assert (found.before, found.after, found.gained, found.lost) == (ingest.PIECE + 4, ingest.PIECE + 4, 0, 0)
    assert found.fields == found.withdrawn == {}
