"""Quarantine: what could not be taken waits sealed, never older than what the store has, until it is mended."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
import sqlalchemy as sa

from gateway.store.audit_tables import entry as audit_entry
from gateway.store.batch import Batch, Ingested, Quarantined, Withholding
from gateway.store.tables import person, person_version, quarantine
from tests.unit.store.store_kit import NOW, SOURCE, House, merge, removal, upsert

CUT = {"person": {"familienname": "Seltenheit"}}
REASONS = ("person.geschlecht: unbekannter Code",)


def refused(number: str | None = "1", change: int | None = 5, content: str = "a") -> Quarantined:
    return Quarantined(number, change, REASONS, CUT, hashlib.sha256(content.encode()).digest())


def take(house: House, *records: Quarantined) -> Ingested:
    batch = Batch(SOURCE, (), records)
    return house.holding.ingest(batch, house.agreements, now=house.now, stichtag=house.today)


def test_a_refused_record_waits(house: House) -> None:
    """It is listed by number, reasons and time; who it is, and what was left of it, only when it is opened."""
    assert take(house, refused()).quarantined == 1
    (listed,) = house.store.quarantine_entries()
    assert (listed.reasons, listed.change_number, listed.recorded_at) == (REASONS, 5, NOW)
    assert listed.personennummer is listed.cut is None
    opened = house.store.quarantine_entry(listed.number)
    assert (opened.personennummer, opened.cut) == ("1", CUT)
    assert "Seltenheit" not in repr(opened)


def test_an_unreadable_record_waits_by_its_hash(house: House) -> None:
    """Without person number, change number and tree the hash is enough."""
    record = Quarantined(None, None, ("datensatz: kein XML",), None, b"\x01" * 32)
    assert take(house, record).quarantined == 1
    opened = house.store.quarantine_entry(house.store.quarantine_entries()[0].number)
    assert (opened.personennummer, opened.cut, opened.sha256) == (None, None, b"\x01" * 32)


def test_the_same_record_waits_once(house: House) -> None:
    """Read again, in the same page or a later one, the same bytes make no second entry."""
    assert take(house, refused(), refused()).quarantined == 1
    assert take(house, refused()).quarantined == 0
    assert len(house.store.quarantine_entries()) == 1


def test_only_the_newest_of_a_person_waits(house: House) -> None:
    """A newer refused version replaces the older; an older one does not come back."""
    take(house, refused(change=5, content="a"))
    take(house, refused(change=7, content="b"))
    take(house, refused(change=6, content="c"))
    assert [entry.change_number for entry in house.store.quarantine_entries()] == [7]


@pytest.mark.parametrize("change", [None, 4, 5, 6])
@pytest.mark.parametrize("number", [None, "1", "2", "3", "4"])
def test_what_is_known_leaves_no_trace_whatever_it_says(house: House, number: str | None, change: int | None) -> None:
    """A record is passed over unread only if it could change nothing: valid or refused, of a living, gone or merged."""
    house.take(upsert("1", 5), removal("2", 5), merge("3", "1", 5))
    known = house.store.knows(SOURCE, [(None, 9), (number, change), ("4", 1)])
    assert known == ({1} if number in ("1", "2", "3") and change in (4, 5) else set())
    if number is None or change is None or not known:
        return
    before = everything(house)
    assert take(house, replace(refused(number, change), hides=True)).quarantined == 0
    for one in (
        Withholding(number, change),
        upsert(number, change),
        removal(number, change),
        merge(number, "4", change),
    ):
        assert house.take(one).stale == 1
    assert everything(house) == before


def everything(house: House) -> list[list[object]]:
    """All that is stored of persons, and what the audit trail says."""
    with house.database.read() as connection:
        return [list(connection.execute(sa.select(one))) for one in (person, person_version, quarantine, audit_entry)]


def test_a_version_the_store_has_is_not_quarantined(house: House) -> None:
    """A refused record that is not newer than the stored one is of no interest."""
    house.take(upsert("1", 5))
    assert take(house, refused(change=5)).quarantined == 0
    assert take(house, refused(change=6)).quarantined == 1


@pytest.mark.parametrize("mended", [upsert("1", 5), upsert("1", 6), removal("1", 6)])
def test_a_mended_record_waits_no_longer(house: House, mended: object) -> None:
    """Once the same or a newer version is stored, or the person is gone, nothing of it waits."""
    take(house, refused(change=5), refused(number="2", content="b"))
    house.take(mended)  # type: ignore[arg-type]  # one of the changes above
    assert len(house.store.quarantine_entries()) == 1


def test_an_older_version_mends_nothing(house: House) -> None:
    """Storing an older version leaves the newer, refused one waiting."""
    take(house, refused(change=5))
    house.take(upsert("1", 4))
    assert len(house.store.quarantine_entries()) == 1


def test_a_refused_block_hides_all_the_same(house: House) -> None:
    """What a record says of a block does not wait until the rest is mended; a record that can be taken lifts it."""
    house.take(upsert("1", 5))
    house.settle()
    assert house.kinds() == []
    house.take(Withholding("1", 6))
    assert house.kinds() == ["entfallen"]
    assert house.kennungen() == {}
    house.take(Withholding("1", 6))
    assert house.store.subject(SOURCE, "1").versions[-1].version == 2  # type: ignore[union-attr] # it is there
    house.settle()
    house.take(upsert("1", 6))
    assert house.kinds() == ["neu"]


def test_a_block_of_somebody_unknown_or_older_hides_nobody(house: House) -> None:
    """Only a person that is stored, and only a newer record of it, can be withheld."""
    house.take(upsert("1", 5))
    house.take(Withholding("1", 5), Withholding("2", 9))
    assert house.kinds() == ["neu"]
