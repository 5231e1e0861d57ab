"""What one duty leaves behind must not break another: erasure, deletion by time, keys, agreements, the trail."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from gateway.model.types import Tree
from gateway.store import audit_index, audit_tables
from gateway.store.audit_personal import read as read_texts
from gateway.store.batch import Batch, Quarantined
from tests.unit.store.audit_kit import A_CLERK, an_entry
from tests.unit.store.retention_kit import at, column, forward, living, run
from tests.unit.store.store_kit import AWAY, SOURCE, House, merge, removal, upsert


def erase(house: House, number: str) -> bool:
    return house.holding.erase(SOURCE, number, house.agreements, now=house.now, stichtag=house.today)


def refuse_alias(house: House, number: str, of: str, change: int) -> None:
    cut: Tree = {"satzart": "A", "personalien": {"famName": "Geheim"}, "hauptPersonennummer": of}
    bad = Quarantined(number, change, ("geburt.datum: kein Datum",), cut, change.to_bytes(32), hauptdatensatz=of)
    house.holding.ingest(Batch(SOURCE, (), (bad,)), house.agreements, now=house.now, stichtag=house.today)


def test_an_erasure_that_broke_off_is_not_forgotten_by_the_next(house: House) -> None:
    """Who stands in the ledger only is erased at the latest together with the next person."""
    house.take(upsert("1", 1), upsert("2", 2), upsert("3", 3))
    house.ledger.add(SOURCE, "1")  # killed here
    erase(house, "2")
    assert living(house, "123") == {"3"}
    house.store.require_erasures()


def test_an_erasure_that_broke_off_does_not_wait_for_the_source(house: House) -> None:
    """The first step of a round, before the source is asked, finishes it."""
    house.take(upsert("1", 1), upsert("2", 2))
    house.reproject()
    house.ledger.add(SOURCE, "1")  # killed here
    house.reproject()
    assert living(house, "12") == {"2"}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_refused_alias_goes_with_the_erased(house: House, when: str) -> None:
    """A record in quarantine that says that it is an alias of the erased person is about the erased person."""
    house.take(upsert("1", 1), upsert("2", 2))
    if when == "before":
        refuse_alias(house, "8", "1", 5)
    refuse_alias(house, "9", "2", 6)
    erase(house, "1")
    if when == "after":
        refuse_alias(house, "8", "1", 5)
    (left,) = house.store.quarantine_entries()
    assert house.store.quarantine_entry(left.number).personennummer == "9"


def test_a_refused_alias_is_among_what_is_held_of_a_person(light_house: House) -> None:
    """DSGVO Art. 15: also what waits in quarantine under another number, if it says whose it is."""
    light_house.take(upsert("1", 1), upsert("2", 2))
    refuse_alias(light_house, "8", "1", 5)
    found = [light_house.store.subject(SOURCE, number) for number in "12"]
    assert [[record.state for record in one.records] for one in found if one is not None] == [
        ["active", "waiting"],
        ["active"],
    ]


@pytest.mark.parametrize("how", ["erased", "removed", "expired"])
@pytest.mark.parametrize("acknowledged", [True, False])
def test_an_agreement_that_returns_finds_a_feed_it_can_read(house: House, how: str, acknowledged: bool) -> None:
    """Who went while an application had no agreement harms nobody when it has one again."""
    whole = dict(house.agreements)
    house.take(upsert("1", 1), upsert("2", 2))
    if acknowledged:
        house.settle()
    house.agreements = {}
    house.reproject()
    if how == "erased":
        erase(house, "1")
    elif how == "removed":
        house.take(removal("1", 9))
    else:
        at(house, date(2026, 12, 1))
        house.take(upsert("1", 9, person={"anschrift": AWAY}))
        run(house)
        at(house, date(2029, 1, 2))
        run(house)
    house.agreements = whole
    house.reproject()
    assert "1" not in living(house, "12") or how == "expired"
    house.changes()
    house.settle()
    assert not house.kinds()
    assert len(house.store.notices()) <= (2 if how == "expired" else 1)


def test_a_chain_of_redirects_keeps_its_end(house: House) -> None:
    """Whatever redirects go, and in whatever order, who is left points to the person: it is erased with it."""
    for number in range(1, 5):
        house.take(upsert(str(number), number))
    house.take(upsert("4", 5, eingeschraenkt=["familienname"]))
    house.take(merge("4", "3", 10))
    house.take(merge("3", "2", 11))
    house.take(merge("2", "1", 12))
    run(house)
    forward(house, 4000)
    run(house)
    assert living(house, "1234") == {"1", "4"}
    erase(house, "1")
    assert living(house, "1234") == set()


def test_texts_that_time_took_are_no_fault_of_the_trail(house: House) -> None:
    """Reading the personal texts of an entry whose month, or whose content, is deleted finds none."""
    number = house.trail.record(an_entry(personal=A_CLERK)).number
    assert _texts(house, number) == A_CLERK
    at(house, date(2028, 12, 2))
    assert run(house)["protokoll-angaben"] >= 1
    assert _texts(house, number) is None
    at(house, date(2040, 1, 2))
    assert run(house)["protokoll-inhalt"] >= 1
    assert _texts(house, number) is None


def _texts(house: House, number: str) -> object:
    with house.database.read() as connection:
        return read_texts(connection, house.vault, number)


def test_an_index_row_never_outlives_its_entry(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is killed before it has cleaned the index is made good by the next one."""

    class Killed(BaseException):
        pass

    def killed(_database: object) -> int:
        raise Killed

    house.trail.record(an_entry())
    audit_index.catch_up(house.database)
    at(house, date(2040, 1, 2))
    with monkeypatch.context() as patch:
        patch.setattr(audit_index, "prune", killed)
        with pytest.raises(Killed):
            run(house)
    run(house)
    audit_index.catch_up(house.database)
    i, e = audit_tables.index, audit_tables.entry
    gone = sa.select(e.c.batch).where(e.c.content == b"")
    assert not column(house, i.c.person, i.c.batch.in_(gone))
