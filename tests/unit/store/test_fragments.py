"""What is told from what was written before is what the person itself would say, and only as long as that is sure.

Every test of the store reads twice (`twice`): here is shown that fragments are used, and when they are not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.agreements.agreement import Condition
from gateway.agreements.operation import Operation
from gateway.store import fragments, projecting, reading
from gateway.store.key_check import KeyCheck
from gateway.store.keyed import KeyedDatabase
from gateway.store.persons import Store
from gateway.store.tables import projection
from tests.unit.store.store_kit import AWAY, FIELDS, TODAY, House, address, agreement, upsert
from tests.unit.store.twice import Plain, Twice

PUPIL = {"geburt": {"datum": "2022-05-17"}}
"""School duty begins on 1 August 2028, which nobody here is told of."""
ADULT_AFTER = date(2028, 8, 2)


@pytest.fixture
def house(light_house: House) -> House:
    """Two persons, told and acknowledged."""
    light_house.take(upsert("1", 1), upsert("2", 2, person=PUPIL))
    light_house.settle()
    return light_house


def told(house: House, ask: Callable[[House], object] = House.kennungen, counted: Twice | None = None) -> int:
    """How many persons are told from fragments, of the whole stock unless something else is asked."""
    counted = counted or Twice()
    parts = (house.database, house.vault, house.ledger, lambda: house.now, house.trail)
    store, house.store = house.store, Store(*parts, counted)  # type: ignore[arg-type]  # it has all that is asked of it
    try:
        ask(house)
    finally:
        house.store = store
    return counted.told


def sealed(house: House) -> dict[bytes, bytes]:
    """The sealed text of each projection."""
    with house.database.read() as connection:
        rows = connection.execute(sa.select(projection.c.person_id, projection.c.sealed)).all()
    return {row.person_id: row.sealed for row in rows}


def test_stock_feed_and_single_persons_are_told_from_fragments(house: House) -> None:
    """Each way of reading but the search takes what is there; the fields of the store itself are added."""
    kennung = house.kennungen()["Musterb"]
    assert told(house) == 2
    assert told(house, lambda one: one.store.find(one.grant(Operation.PERSON_ABRUFEN), kennung)) == 1
    house.take(upsert("1", 3, person={"familienname": "Neu"}))
    assert told(house, House.changes) == 1
    assert told(house) == 2


def test_a_fragment_ends_when_time_may_change_something(house: House) -> None:
    """From the first day on which a projection may change it is opened until it is computed anew, without an entry."""
    house.today = ADULT_AFTER
    assert told(house) == 1
    assert house.reproject() == 0
    assert told(house) == 2
    house.today = TODAY  # a clock that was ahead is set back
    assert told(house) == 1


def test_an_earlier_day_that_nobody_sees_is_noticed(house: House) -> None:
    """A change of which nothing is told shortens the life of a fragment, if it brings a day nearer."""
    house.take(upsert("1", 3, auskunftssperre=[{"art": "1", "bis": "2027-01-31"}]))
    assert house.kinds() == []
    house.today = date(2027, 1, 31)
    assert told(house) == 2
    house.today = date(2027, 2, 1)
    assert told(house) == 1


def test_a_change_that_nobody_sees_writes_nothing(house: House) -> None:
    """What is not granted may change without a trace in the projection, and the fragment holds on."""
    before = sealed(house)
    house.take(upsert("1", 3, person={"telefonnummer": ["0221 1"]}))
    assert sealed(house) == before
    assert told(house) == 2


def test_what_neighbours_contribute_is_in_it(house: House) -> None:
    """A blocked person at the same address masks it in the fragments of the others at once."""
    kin = [{"art": "ehegatte", "personennummer": "1", "familienname": "Musterb", "vornamen": "Ada"}]
    house.take(upsert("2", 3, familie=kin))
    house.take(upsert("1", 4, auskunftssperre=[{"art": "3"}]))
    assert told(house) == 1
    page = house.store.snapshot(house.grant(Operation.BESTAND_ABRUFEN), None, 10, house.now)
    assert [one.tree["anschrift"] for one in page.persons] == [{"art": "sonstige"}]


@pytest.mark.parametrize("changed", [{"fields": FIELDS[1:]}, {"valid_to": date(2029, 1, 1)}, {"scope": ()}])
def test_other_rules_open_the_person(house: House, changed: dict[str, Any]) -> None:
    """Under another agreement nothing that was written under the old one is told, before the feed has caught up."""
    house.agreements = {"wohnung": replace(agreement(), **changed)}
    assert told(house) == 0
    house.reproject()
    assert told(house) == 2


def test_what_another_renderer_wrote_is_not_told(house: House) -> None:
    """Nor what was written for another schema; once the poller was there, all is written anew, without an entry."""
    house.reproject()
    assert told(house, counted=Twice(Plain(b"another"))) == 0
    told(house, House.reproject, Twice(Plain(b"another")))
    assert told(house, counted=Twice(Plain(b"another"))) == 2
    assert house.kinds() == []


def test_another_digest_is_not_told(house: House) -> None:
    """If the feed says that something else was told last, the person decides, and the feed is corrected first."""
    with house.database.write() as connection:
        connection.execute(sa.update(projection).values(digest=b"d" * 32))
    with pytest.raises(AssertionError):  # what was told is not what the feed says; without the check it would be told
        told_carelessly(house)
    assert digests(house) == {b"d" * 32}
    assert told(house) == 2
    assert b"d" * 32 not in digests(house)


def digests(house: House) -> set[bytes]:
    """What the feed compares by."""
    with house.database.read() as connection:
        return set(connection.execute(sa.select(projection.c.digest)).scalars())


def told_carelessly(house: House) -> None:
    """As if a fragment were told without looking at the digest it was made for."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fragments, "_lifted", lambda *_: b"d" * 32)
        told(house)


def test_what_was_told_alone_is_remembered_by_the_person(light_house: House) -> None:
    """Who was told a field for single queries is opened from then on: the digest covers that field too."""
    single = frozenset({"telefonnummer"})
    light_house.agreements = {"wohnung": agreement(fields=(*FIELDS, *single), single_only=single)}
    light_house.take(upsert("1", 1, person={"telefonnummer": ["0221 1"]}))
    kennung = light_house.kennungen()["Musterb"]
    assert told(light_house) == 1
    light_house.store.find(light_house.grant(Operation.PERSON_ABRUFEN), kennung)
    assert told(light_house) == 0


def test_without_a_feed_there_are_none(light_house: House) -> None:
    """Of an application that is written to it is remembered what it was told: each telling begins with the person."""
    terms = {name: one for name, one in agreement().operations.items() if name is not Operation.AENDERUNGEN_ABRUFEN}
    light_house.agreements = {"wohnung": agreement(operations=terms)}
    light_house.take(upsert("1", 1))
    assert told(light_house) == 0


def test_it_is_as_safe_as_the_person(house: House) -> None:
    """Nothing of it stands in the database in clear, and nothing opens it elsewhere or without the person's key."""
    house.take(upsert("1", 3, person={"anschrift": address("Geheimweg")}))
    assert not any(b"Geheimweg" in text or b"fragment" in text for text in sealed(house).values())
    house.now += timedelta(days=1)
    assert told(house) == 2


def written(house: House, stream: str = "wohnung/1") -> dict[str, bool]:
    """Identifier -> whether anything of the person is written beside it."""
    with house.database.read() as connection:
        rows = connection.execute(reading.FEED_ROWS, {"stream": stream}).mappings().all()
    found = {}
    for row in rows:
        key = house.vault.unwrap(row["wrapped_key"], "person-key", row["id"])
        text = projecting.open_links(house.vault, key, row["sealed"], stream, row["id"])
        found[str(text["kennung"])] = fragments.FRAGMENT in text
    return found


def test_nothing_is_left_of_it_when_the_agreement_ends(house: House) -> None:
    """What was written for an application goes with its agreement: a later correction or deletion would miss it."""
    house.reproject()
    ended, house.agreements = house.agreements, {}
    house.reproject()
    assert list(written(house).values()) == [False, False]
    house.agreements = ended
    house.reproject()
    assert told(house) == 2


def test_nothing_is_left_of_it_of_whom_a_reader_found_gone(house: House) -> None:
    """Who is out of scope, and was found so by a reader, has no fragment once the poller was there."""
    house.agreements = {"wohnung": agreement(scope=(Condition("anschrift.gemeindeschluessel", one_of=frozenset()),))}
    assert house.kennungen() == {}
    house.reproject()
    assert list(written(house).values()) == [False, False]


def opened(house: House, stream: str = "wohnung/1") -> str:
    """Everything that stands sealed in the projections of a stream, in clear."""
    with house.database.read() as connection:
        rows = connection.execute(reading.FEED_ROWS, {"stream": stream}).mappings().all()
    keys = [house.vault.unwrap(row["wrapped_key"], "person-key", row["id"]) for row in rows]
    texts = (
        house.vault.open(key, row["sealed"], f"links/{stream}", row["id"]) for key, row in zip(keys, rows, strict=True)
    )
    return b"".join(texts).decode()


def test_nothing_is_kept_that_may_no_longer_be_told(light_house: House) -> None:
    """What expires, is restricted, or belongs to somebody who is out of scope now is gone from the store."""
    light_house.agreements = {"wohnung": agreement(fields=(*FIELDS, "gesundheitsuntersuchung"))}
    light_house.take(
        upsert("1", 1, person={"gesundheitsuntersuchung": [{"art": "ASYL62", "datum": "2026-03-05"}]}),
        upsert("2", 2, person={"rufname": "Ida", "anschrift": address("Sperrweg")}),
        upsert("3", 3, person={"vornamen": "Fortgezogene"}),
    )
    assert all(word in opened(light_house) for word in ("2026-03-05", "Sperrweg", "Fortgezogene"))
    light_house.take(
        upsert("2", 4, person={"anschrift": address("Sperrweg")}, eingeschraenkt=["anschrift.strasse"]),
        upsert("3", 5, person={"vornamen": "Fortgezogene", "anschrift": AWAY}),
    )
    light_house.today = date(2027, 4, 1)  # twelve months after the end of its quarter (AZRG-DV § 18 Abs. 3)
    light_house.reproject()
    kept = opened(light_house)
    assert "fragment" in kept
    assert not any(word in kept for word in ("2026-03-05", "Sperrweg", "Fortgezogene"))


def test_whoever_checks_keys_recomputes_what_was_written_by_another_renderer(light_house: House) -> None:
    """The digests of a stream are tried as long as the rules are the same, whoever writes its fragments."""
    light_house.take(upsert("1", 1))
    light_house.reproject()
    database = KeyedDatabase(light_house.database, light_house.vault)
    check = KeyCheck(database, light_house.vault, {"wohnung/1": light_house.agreements["wohnung"]}, TODAY)
    assert {one.what: (one.count, one.failed) for one in check.run(None)}["digests"] == (1, 0)


@pytest.mark.parametrize(
    ("person", "contested", "art"),
    [
        ({"aufenthaltsstatus": [{"art": "AG01", "ende": "2027-05"}]}, "aufenthaltsstatus.ende", "AG01"),
        (
            {"wohnsitzauflage": [{"art": "W12A1", "befristetBis": "2027-05-31"}]},
            "wohnsitzauflage.befristetBis",
            "W12A1",
        ),
    ],
)
def test_a_contested_bound_ends_a_fragment_too(
    light_house: House, person: dict[str, Any], contested: str, art: str
) -> None:
    """A status whose end is contested (DSGVO Art. 18) decides who is seen only until then: nobody is told of after."""
    scope = (Condition(f"{contested.partition('.')[0]}.art", one_of=frozenset({art})),)
    light_house.agreements = {"wohnung": agreement(scope=scope)}
    light_house.take(upsert("1", 1, person=person, eingeschraenkt=[contested]))
    light_house.reproject()
    light_house.today = date(2027, 5, 31)
    assert told(light_house) == 1
    light_house.today = date(2027, 6, 1)
    assert told(light_house) == 0
    assert light_house.kennungen() == {}
