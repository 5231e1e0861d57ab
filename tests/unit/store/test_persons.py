"""Persons in the store: taken in once, never in clear, gone without a trace."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.agreements.operation import Operation
from gateway.errors import StoreError
from gateway.store import ingest, tables
from gateway.store.batch import Batch, Position
from gateway.store.database import Database
from tests.unit.store.store_kit import AWAY, BLOCK, NOW, SOURCE, House, agreement, merge, removal, upsert


def rows(house: House, table: sa.Table) -> list[dict[str, Any]]:
    with house.database.read() as connection:
        return [dict(row) for row in connection.execute(sa.select(table)).mappings()]


def names(house: House) -> set[str]:
    return set(house.kennungen())


def test_what_the_source_says_is_told(house: House) -> None:
    """A person in scope is announced as `neu` with exactly the granted fields."""
    assert house.take(upsert("1", 1)).stored == 1
    (change,) = house.changes().changes
    assert change.person is not None
    assert change.person.tree == {
        "personenkennung": change.kennung,
        "familienname": "Musterb",
        "vornamen": "Ada",
        "geburt": {"datum": "1990-05-17"},
        "geschlecht": "w",
        "anschrift": {"strasse": "Domstraße", "art": "wohnung"},
        "stand": "2026-11-23T08:00:01Z",
        "datensatzversion": 1,
    }
    assert change.kind == "neu"


def test_twice_late_or_out_of_order_changes_nothing(house: House) -> None:
    """A record whose change number is not above the stored one is ignored."""
    house.take(upsert("1", 5, person={"familienname": "Neu"}))
    counts = house.take(upsert("1", 5), upsert("1", 4), removal("1", 3))
    assert (counts.stored, counts.removed, counts.stale) == (0, 0, 3)
    assert names(house) == {"Neu"}


def test_a_late_record_does_not_undo_a_removal(house: House) -> None:
    """A removal is remembered even of a person never seen: an older record cannot bring it in."""
    house.take(removal("1", 5))
    assert house.take(upsert("1", 4)).stale == 1
    assert names(house) == set()


def test_one_page_may_speak_of_a_person_several_times(house: House) -> None:
    """Changes of one page are taken in their order, each as a version of its own."""
    house.take(upsert("1", 1), upsert("1", 2, person={"familienname": "Neu"}), removal("2", 1), upsert("2", 2))
    assert names(house) == {"Neu", "Musterc"}
    subject = house.store.subject(SOURCE, "1")
    assert subject is not None
    assert [version.version for version in subject.versions] == [1, 2]


def test_a_page_longer_than_a_piece_is_complete(house: House) -> None:
    """A page is cut into pieces; afterwards all of it and its position are stored."""
    people = [upsert(str(number), number) for number in range(1, 2 * ingest.PIECE + 4)]
    at = Position(99, "weiter", full_load=True)
    house.take(*people, position=at)
    assert len(rows(house, tables.person)) == len(people)
    assert house.store.position(SOURCE) == at


def test_after_a_crash_in_a_page_it_can_be_taken_again(light_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever piece breaks off, the position stays behind, and the page taken again gives each entry once."""
    house, written = light_house, ingest.write_outcome
    people = [upsert(str(number), number) for number in range(1, 2 * ingest.piece_size(1) + 2)]
    for broken in range(3):
        calls = iter(range(9))

        def breaking(*args: Any, broken: int = broken, calls: Any = calls) -> int:
            if next(calls) == broken:
                raise StoreError("power cut")
            return written(*args)

        monkeypatch.setattr(ingest, "write_outcome", breaking)
        with pytest.raises(StoreError, match="power cut"):
            house.take(*people, position=Position(99, None, full_load=False))
        assert house.store.position(SOURCE) is None
    monkeypatch.setattr(ingest, "write_outcome", written)
    house.take(*people, position=Position(99, None, full_load=False))
    numbers = [change.number for change in house.changes(1000).changes]
    assert numbers == list(range(1, len(people) + 1))


def test_nothing_stands_in_clear(light_house: House) -> None:
    """No name, number, street or identifier can be read in the database file or its log."""
    house = light_house
    person = {"familienname": "Unverwechselbar", "azrNummer": "987654321012"}
    family = [{"art": "kind", "personennummer": "ZZ-4711", "familienname": "Seltenheit"}]
    house.take(upsert("QX-0815", 1, person=person, familie=family, familienverband="FV-3333"))
    kennung = house.changes().changes[0].kennung
    house.store.report(house.grant(Operation.UNSTIMMIGKEIT_MELDEN), kennung, "familienname", "falschgeschrieben")
    disk = b"".join(path.read_bytes() for path in house.folder.glob("gateway.sqlite*"))
    words = ("Unverwechselbar", "987654321012", "Seltenheit", "ZZ-4711", "QX-0815", "FV-3333", "1990-05-17", "Domstra")
    for word in (*words, "falschgeschrieben", kennung, kennung.replace("-", "")):
        assert word.encode() not in disk, word


def test_a_removal_leaves_a_tombstone_only(house: House) -> None:
    """After a removal key, versions, tokens, relations and reports are gone, from the SQLite log too."""
    family = [{"art": "kind", "personennummer": "2", "familienname": "M"}]
    house.take(upsert("1", 1, familie=family, familienverband="F"))
    kennung = house.changes().changes[0].kennung
    house.store.report(house.grant(Operation.UNSTIMMIGKEIT_MELDEN), kennung, None, "falsch")
    wrapped = rows(house, tables.person)[0]["wrapped_key"]
    house.take(removal("1", 2))
    (tombstone,) = rows(house, tables.person)
    assert (tombstone["state"], tombstone["change_number"]) == ("removed", 2)
    assert tombstone["wrapped_key"] is tombstone["audit_cipher"] is tombstone["ring_key_id"] is tombstone["due"] is None
    gone = (tables.person_version, tables.search_index, tables.relation, tables.family, tables.discrepancy)
    for table in (*gone, tables.family_kennung):
        assert rows(house, table) == [], table.name
    disk = b"".join(path.read_bytes() for path in house.folder.glob("gateway.sqlite*"))
    assert wrapped not in disk


def test_who_was_told_is_told_of_the_end(house: House) -> None:
    """A removed person comes as `entfallen` with its identifier, until acknowledged; then nothing is kept of it."""
    house.take(upsert("1", 1))
    page = house.changes()
    house.acknowledge(page)
    house.take(removal("1", 2))
    (end,) = house.changes().changes
    assert (end.kind, end.kennung, end.person) == ("entfallen", page.changes[0].kennung, None)
    assert house.changes().changes == (end,)
    house.settle()
    assert rows(house, tables.projection) == rows(house, tables.feed_shown) == []


def test_who_was_never_told_goes_without_a_word(house: House) -> None:
    """A person removed before anyone was shown it leaves no entry and no identifier."""
    house.take(upsert("1", 1))
    house.take(removal("1", 2))
    assert house.kinds() == []
    assert rows(house, tables.projection) == []


def test_who_comes_back_is_another(house: House) -> None:
    """A removed person that the source states again gets a new key, a new identifier and a new audit identifier."""
    house.take(upsert("1", 1))
    (first,) = house.changes().changes
    house.settle()
    house.take(removal("1", 2))
    house.settle()
    house.take(upsert("1", 3))
    (second,) = house.changes().changes
    assert first.person is not None
    assert second.person is not None
    assert second.kind == "neu"
    assert first.kennung != second.kennung
    assert first.person.audit_id != second.person.audit_id


def test_who_comes_back_before_the_end_was_taken_in_is_the_same(house: House) -> None:
    """Before `entfallen` is acknowledged the identifier still stands for this person."""
    house.take(upsert("1", 1))
    kennung = house.changes().changes[0].kennung
    house.settle()
    house.take(removal("1", 2))
    assert house.kinds() == ["entfallen"]
    house.take(upsert("1", 3))
    (again,) = house.changes().changes
    assert (again.kind, again.kennung) == ("geaendert", kennung)


def test_gone_and_back_in_one_page(house: House) -> None:
    """A person removed with its main record and stated again in the same page keeps only what is new."""
    house.take(upsert("1", 1), upsert("2", 2))
    house.take(merge("2", "1", 3))
    house.take(removal("1", 4), upsert("2", 5, person={"familienname": "Neu"}))
    assert names(house) == {"Neu"}
    subject = house.store.subject(SOURCE, "2")
    assert subject is not None
    assert len(subject.versions) == 1


def test_an_alias_record_is_no_person(house: House) -> None:
    """A record that belongs to a main record is never seen, found or announced."""
    house.take(upsert("1", 1, hauptdatensatz="2"))
    assert house.kinds() == []
    assert rows(house, tables.search_index) == rows(house, tables.projection) == []


def test_a_record_that_becomes_an_alias_ends(house: House) -> None:
    """Once the source calls a record an alias, applications that had it are told `entfallen`."""
    house.take(upsert("1", 1))
    house.settle()
    house.take(upsert("1", 2, hauptdatensatz="9"))
    assert house.kinds() == ["entfallen"]


def test_blocked_and_out_of_scope_have_no_identifier(house: House) -> None:
    """Who was never visible has no row under any application."""
    house.take(upsert("1", 1, auskunftssperre=BLOCK), upsert("2", 2, person={"anschrift": AWAY}))
    assert rows(house, tables.projection) == []


def test_every_application_knows_a_person_by_another_name(database: Database, tmp_path: Path) -> None:
    """Identifiers of one person differ between applications, the audit identifier from all of them."""
    house = House(database, tmp_path, {name: agreement(name) for name in ("wohnung", "schule")})
    house.take(upsert("1", 1))
    first, second = (house.changes(application=name).changes[0] for name in ("wohnung", "schule"))
    assert first.person is not None
    assert second.person is not None
    assert first.person.audit_id == second.person.audit_id
    assert len({first.kennung, second.kennung, first.person.audit_id}) == 3
    grant = house.grant(Operation.PERSON_ABRUFEN, "schule")
    assert house.store.find(grant, first.kennung) is None
    assert house.store.find(grant, second.kennung) is not None


def test_while_a_contract_changes_over_the_identifier_stays(light_house: House) -> None:
    """Two majors of one application have a feed each, and one identifier for a person."""
    house = light_house
    house.agreements = {"wohnung/1": agreement(), "wohnung/2": agreement(major=2, version=2)}
    house.take(upsert("1", 1))
    first, second = (house.store.changes(house.grant(application=key), 9) for key in house.agreements)
    assert first.changes[0].kennung == second.changes[0].kennung
    house.acknowledge(first, "wohnung/1")
    assert house.kinds(application="wohnung/1") == []
    assert house.kinds(application="wohnung/2") == ["neu"]


def test_merged_into_whom_the_application_sees(house: House) -> None:
    """A merged record comes as `zusammengefuehrt` with the identifier of the one it went into, over several steps."""
    house.take(upsert("1", 1), upsert("2", 2), upsert("3", 3))
    known = house.kennungen()
    house.settle()
    house.take(merge("1", "2", 4), merge("2", "3", 5))
    found = {change.kennung: (change.kind, change.merged_into, change.person) for change in house.changes().changes}
    into = ("zusammengefuehrt", known["Musterd"], None)
    assert found == {known["Musterb"]: into, known["Musterc"]: into}


def test_merged_into_whom_the_application_does_not_see(house: House) -> None:
    """Into a blocked or unknown record a merge is `entfallen`: the other's existence is not told."""
    house.take(upsert("1", 1), upsert("2", 2), upsert("3", 3, auskunftssperre=BLOCK))
    house.settle()
    house.take(merge("1", "3", 4), merge("2", "77", 5))
    assert {(change.kind, change.merged_into) for change in house.changes().changes} == {("entfallen", None)}


def test_a_merged_record_goes_with_its_main_record(house: House) -> None:
    """Removing a person destroys the keys of all records once merged into it, and of later ones at once."""
    house.take(upsert("1", 1, familienverband="F"), upsert("2", 2), upsert("3", 3))
    house.take(merge("1", "2", 4), merge("2", "3", 5))
    assert len({row["person_id"] for row in rows(house, tables.search_index)}) == 1
    assert rows(house, tables.family) == []
    subject = house.store.subject(SOURCE, "3")
    assert subject is not None
    assert len(set(subject.audit_ids)) == 3
    house.take(upsert("4", 6), removal("3", 7), merge("4", "3", 8))
    assert {row["wrapped_key"] for row in rows(house, tables.person)} == {None}
    assert rows(house, tables.person_version) == []


def test_freshness_is_the_oldest_of_the_sources(house: House) -> None:
    """Data is as fresh as the source read longest ago; without a complete poll there is no freshness."""
    assert house.store.freshness() is None
    house.holding.finish_poll("okvisa", NOW, NOW)
    house.holding.finish_poll("anderes", NOW - timedelta(hours=1), NOW)
    assert house.store.freshness() == NOW - timedelta(hours=1)
    house.holding.finish_poll("anderes", NOW + timedelta(minutes=1), NOW)
    assert house.store.freshness() == NOW


def test_nothing_personal_shows_when_printed(house: House) -> None:
    """What the store hands out and takes in can be logged by mistake without naming anyone."""
    given = Batch(SOURCE, (upsert("1", 1), removal("47110815", 2), merge("47110815", "47110816", 3)))
    assert "Muster" not in repr(given)
    assert "4711" not in repr(given)
    house.take(upsert("1", 1))
    page = house.changes()
    assert "Muster" not in repr(page)
    assert page.changes[0].kennung not in repr(page)
