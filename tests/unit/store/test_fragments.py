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
from gateway.errors import StoreError
from gateway.model.types import Fragment, Tree
from gateway.store import dossier as d
from gateway.store import fragments, projecting, reading, snapshot
from gateway.store.fragments import Fragments
from gateway.store.key_check import KeyCheck
from gateway.store.keyed import KeyedDatabase
from gateway.store.persons import Store
from gateway.store.tables import person, projection
from tests.unit.store.store_kit import AWAY, FIELDS, TODAY, House, address, agreement, upsert
from tests.unit.store.twice import Plain, Twice, whole

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


@pytest.mark.parametrize("untold", [{"stand"}, {"datensatzversion"}, {"stand", "datensatzversion"}])
def test_of_the_stores_own_fields_those_are_told_that_are_granted(light_house: House, untold: set[str]) -> None:
    """Whichever of them an application may not have, the rest is told as the person itself would say it."""
    light_house.agreements = {"wohnung": agreement(fields=tuple(name for name in FIELDS if name not in untold))}
    light_house.take(upsert("1", 1), upsert("2", 2))
    assert told(light_house) == 2


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


def test_what_was_written_in_an_earlier_form_is_written_anew(house: House) -> None:
    """It is not told, and what is told meanwhile is right; once the poller was there it is, without an entry."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fragments, "_FORM", b"")
        patched.setattr(fragments, "packed", packed_earlier)
        house.reproject()
        house.take(upsert("1", 3, person={"familienname": "Neu"}))
    house.settle()
    assert set(written(house).values()) == {False}
    assert "Neu" in opened(house).replace("\\", "")
    assert told(house) == 0
    assert set(house.kennungen()) == {"Neu", "Musterc"}
    house.reproject()
    assert told(house) == 2
    assert "fragment" not in opened(house)
    assert house.kinds() == []


def packed_earlier(text: Tree, kept: fragments.Kept | None = None) -> bytes:
    """As it once was: the fragment in the JSON, without the identifier."""
    return d.packed(text if kept is None else {**text, "fragment": [*kept[:6], *kept[7:]]})


def test_a_page_is_told_in_its_order_by_whatever_holds(light_house: House) -> None:
    """Where one fragment of a page does not hold, that person is opened, and the page is the same as without any."""
    light_house.take(*(upsert(str(n), n, person=PUPIL if n == 4 else {}) for n in range(1, 8)))
    light_house.reproject()
    light_house.today = ADULT_AFTER
    grant = light_house.grant(Operation.BESTAND_ABRUFEN)
    pages, opened = [], list[int]()  # which page the pupil is on depends on the bytes of the rules
    for shelves in (fragments.Fragments({"wohnung/1": Plain()}), fragments.NO_FRAGMENTS):
        parts = (light_house.database, light_house.vault, light_house.ledger, lambda: light_house.now)
        store, marks = Store(*parts, light_house.trail, shelves), [None]
        while marks[-1] is not None or len(marks) == 1:
            page = store.snapshot(grant, marks[-1], 3, light_house.now)
            marks.append(page.token)
            pages.append([(one.audit_id, one.kennung, whole(one), one.fields) for one in page.persons])
            opened.append(sum(not isinstance(one.tree, Fragment) for one in page.persons))
    assert [len(page) for page in pages] == [3, 3, 1] * 2
    assert (sum(opened[:3]), sum(opened[3:])) == (1, 7)
    assert pages[:3] == pages[3:]


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
        patched.setattr(fragments.Terms, "hold", lambda *_: True)
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


@pytest.mark.parametrize(
    ("table", "changed"),
    [(projection, {"told_fields": b"x"}), (person, {"state": "merged"}), (person, {"wrapped_key": None})],
)
def test_of_whom_no_fragment_may_be_told_none_is_read(house: House, table: sa.Table, changed: dict[str, Any]) -> None:
    """Who was told more, is not active, or has no key any more comes without the sealed text."""

    def read() -> list[bool]:
        with house.database.view() as view:
            rows = snapshot._PAGE.values(view, {"stream": "wohnung/1", "number": 9, "after": b"", "most": 9})
        return [len(row) > 32 for row in rows]

    assert read() == [True, True]
    with house.database.write() as connection:
        connection.execute(sa.update(table).values(changed))
    assert read() == [False, False]


@pytest.mark.parametrize("stand", ["", "2026-11-23T10:00:00Z", "2026-11-23T10:00:00.0000000Z"])
def test_what_stands_in_another_form_is_told_to_nobody(house: House, stand: str) -> None:
    """A moment that is shorter or longer than it is written moves what is behind it: an error, and no octet in it."""
    kennung = house.kennungen()["Musterb"]
    with house.database.write() as connection:
        connection.execute(sa.update(projection).values(stand=sa.literal(stand, sa.String)))
    for ask in (House.kennungen, lambda one: one.store.find(one.grant(Operation.PERSON_ABRUFEN), kennung)):
        with pytest.raises(StoreError, match=r"^a projection is stored in another form$"):
            told(house, ask)


def test_without_a_feed_there_are_none(light_house: House) -> None:
    """Of an application that is written to it is remembered what it was told: each telling begins with the person."""
    terms = {name: one for name, one in agreement().operations.items() if name is not Operation.AENDERUNGEN_ABRUFEN}
    light_house.agreements = {"wohnung": agreement(operations=terms)}
    light_house.take(upsert("1", 1))
    assert told(light_house) == 0


def test_it_is_as_safe_as_the_person(house: House) -> None:
    """Nothing of it stands in the database in clear, and nothing opens it elsewhere or without the person's key."""
    house.take(upsert("1", 3, person={"anschrift": address("Geheimweg")}))
    assert not any(b"Geheimweg" in text or b"familienname" in text for text in sealed(house).values())
    house.now += timedelta(days=1)
    assert told(house) == 2


def written(house: House, stream: str = "wohnung/1") -> dict[str, bool]:
    """Identifier -> whether anything of the person is written beside it."""
    with house.database.read() as connection:
        rows = connection.execute(reading.FEED_ROWS, {"stream": stream}).mappings().all()
    found = {}
    for row in rows:
        key = house.vault.unwrap(row["wrapped_key"], "person-key", row["id"])
        content = projecting.opened(house.vault, key, row["sealed"], stream, row["id"])
        text, kept = fragments.unpacked(content)
        found[str(text["kennung"])] = kept is not None
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
    assert '"familienname"' in kept
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


def test_who_is_told_does_not_show_in_a_message(house: House) -> None:
    """Whoever prints a person that goes out sees no word of it, nor by what the application knows it."""
    page = house.store.snapshot(house.grant(Operation.BESTAND_ABRUFEN), None, 10, house.now)
    for one in page.persons:
        assert one.audit_id in repr(one)
        assert one.kennung not in repr(one)
        assert str(one.tree["familienname"]) not in repr(one)


def test_who_is_told_alone_before_the_feed_told_it_is_remembered(house: House) -> None:
    """Only who counts as told already is told by the fragment alone: else the feed would not announce the end."""
    house.take(upsert("1", 3, person={"familienname": "Neu"}))
    kennung = house.kennungen()["Neu"]
    parts = (house.database, house.vault, house.ledger, lambda: house.now, house.trail)
    store = Store(*parts, Fragments({"wohnung/1": Plain()}))
    with house.database.write() as connection:
        connection.execute(sa.update(projection).values(told=False))
    for _ in range(2):
        found = store.find(house.grant(Operation.PERSON_ABRUFEN), kennung)
        assert found is not None
        assert isinstance(found.tree, Fragment)
        query = sa.select(projection.c.told).where(projection.c.number.is_not(None))
        with house.database.read() as connection:
            assert connection.execute(query).scalars().all() == [True]
    assert store.find(house.grant(Operation.PERSON_ABRUFEN), "unknown") is None
