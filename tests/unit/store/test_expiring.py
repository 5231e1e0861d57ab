"""Deletion of persons by time: nobody is kept longer than the rules say, nobody goes earlier."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from gateway.errors import StoreError
from gateway.store import audit_index, tables
from gateway.store.audit_verify import verify
from gateway.store.retention_tables import person_end, retention_run
from tests.unit.store.retention_kit import (
    HEALTH,
    at,
    column,
    counts,
    everything,
    forward,
    living,
    refuse,
    retention,
    rules_with,
    run,
)
from tests.unit.store.store_kit import AWAY, BLOCK, SOURCE, House, agreement, merge, removal, upsert

MOTHER = [{"art": "elternteil", "personennummer": "1", "familienname": "Mutter"}]


def test_who_left_every_scope_goes_after_six_months(house: House) -> None:
    """23 November and six months: still there on 23 May, gone on 24 May, and never a day earlier."""
    house.take(upsert("1", 1), upsert("2", 2))
    house.take(upsert("1", 3, person={"anschrift": AWAY}))
    for day, there in ((date(2026, 11, 23), True), (date(2027, 5, 23), True), (date(2027, 5, 24), False)):
        at(house, day)
        run(house)
        assert living(house, "12") == ({"1", "2"} if there else {"2"})


def test_the_day_is_the_citys(house: House) -> None:
    """What left at half past midnight of 1 December in the city left in December, although UTC still has November."""
    house.take(upsert("1", 1))
    at(house, date(2026, 12, 1), hour=0)
    house.take(upsert("1", 2, person={"anschrift": AWAY}))
    at(house, date(2027, 6, 1))
    assert run(house) == {}
    at(house, date(2027, 6, 2), hour=0)
    assert run(house) == {"person-ausserhalb": 1}


def test_a_person_deleted_by_time_is_deleted_as_by_an_erasure(house: House) -> None:
    """Key, versions, tokens, reports and identifiers go, `entfallen` still comes; a tombstone stays."""
    house.take(upsert("1", 1))
    kennung = house.kennungen()["Musterb"]
    house.settle()
    house.store.report(house.grant(), kennung, None, "falsch")
    house.take(upsert("1", 2, person={"anschrift": AWAY}))
    forward(house, 200)
    assert run(house)["person-ausserhalb"] == 1
    assert column(house, tables.person.c.wrapped_key) == [None]
    assert column(house, tables.person.c.audit_cipher) == [None]
    assert column(house, tables.person.c.state) == ["removed"]
    for table in (tables.person_version, tables.search_index, tables.relation, tables.family, tables.discrepancy):
        assert column(house, table.c.person_id) == []
    assert column(house, person_end.c.person_id) == []
    assert house.kinds() == ["entfallen"]
    house.settle()
    assert column(house, tables.projection.c.person_id) == []


def test_who_was_deleted_by_time_comes_back_if_the_source_says_so(house: House) -> None:
    """No ledger line: a newer record in scope is taken in; the old one of a full load is not."""
    house.take(upsert("1", 1))
    house.take(upsert("1", 2, person={"anschrift": AWAY}))
    forward(house, 200)
    run(house)
    assert house.take(upsert("1", 2)).stale == 1
    assert house.take(upsert("1", 3)).stored == 1
    assert set(house.kennungen()) == {"Musterb"}


def test_who_came_back_in_time_stays_and_the_time_begins_anew(house: House) -> None:
    """A return into scope forgets the end; the next six months count from the next end."""
    house.take(upsert("1", 1))
    house.take(upsert("1", 2, person={"anschrift": AWAY}))
    forward(house, 170)
    house.take(upsert("1", 3))
    forward(house, 60)
    run(house)
    house.take(upsert("1", 4, person={"anschrift": AWAY}))
    forward(house, 180)
    run(house)
    assert living(house, "1") == {"1"}
    forward(house, 10)
    run(house)
    assert living(house, "1") == set()


@pytest.mark.parametrize("ended", [{"sterbedatum": "2026-11-20"}, {"fortzugsart": "verstorben"}])
def test_the_dead_have_a_rule_of_their_own(light_house: House, ended: dict[str, str]) -> None:
    """A record that states a death goes by the rule for the dead, not by that for others who left."""
    house = light_house
    house.take(upsert("1", 1), upsert("2", 2))
    house.take(upsert("1", 3, person={"anschrift": AWAY, **ended}), upsert("2", 4, person={"anschrift": AWAY}))
    forward(house, 70)
    assert run(house, rules=rules_with(person_verstorben="2 Monate")) == {"person-verstorben": 1}
    assert living(house, "12") == {"2"}


def test_one_scope_is_enough_to_stay(light_house: House) -> None:
    """Who left one application but not the other is kept."""
    house = light_house
    bonn = replace(agreement().scope[0], one_of=frozenset({"05313000"}))
    house.agreements["schule"] = agreement("schule", scope=(bonn,))
    house.take(upsert("1", 1))
    house.take(upsert("1", 2, person={"anschrift": AWAY}))
    forward(house, 400)
    assert "person-ausserhalb" not in run(house)
    assert living(house, "1") == {"1"}


def test_the_end_of_an_agreement_is_an_end(light_house: House) -> None:
    """When the last agreement expires nobody may be told anything any more: six months later all are gone."""
    house = light_house
    house.agreements = {"wohnung": agreement(valid_to=date(2026, 12, 31))}
    house.take(upsert("1", 1))
    at(house, date(2027, 1, 1))
    house.reproject()
    at(house, date(2027, 7, 1))
    assert run(house) == {}
    at(house, date(2027, 7, 2))
    assert run(house) == {"person-ausserhalb": 1}


def test_what_nobody_noticed_is_noticed_by_the_run(light_house: House) -> None:
    """Without any poll since, a run notes who has ended; from then on the time counts."""
    house = light_house
    house.take(upsert("1", 1))
    house.agreements = {}
    run(house)
    forward(house, 200)
    assert run(house) == {"person-ausserhalb": 1}


def test_a_block_is_no_end(house: House) -> None:
    """A person hidden by a block has not left its scope, however long the block lasts."""
    house.take(upsert("1", 1))
    house.take(upsert("1", 2, auskunftssperre=BLOCK))
    forward(house, 500)
    run(house)
    assert living(house, "1") == {"1"}


def test_what_passes_is_not_noted_as_an_end(house: House) -> None:
    """Neither a block nor a restriction of who is in scope, whether it comes later or with the first record."""
    house.take(upsert("1", 1), upsert("2", 2, auskunftssperre=BLOCK))
    house.take(upsert("1", 3, auskunftssperre=BLOCK), upsert("3", 4, eingeschraenkt=["anschrift"]))
    assert column(house, person_end.c.person_id) == []
    house.take(upsert("4", 5, person={"anschrift": AWAY}, auskunftssperre=BLOCK))
    assert len(column(house, person_end.c.person_id)) == 1


def test_the_blocked_stay_while_relatives_would_name_them(house: House) -> None:
    """With the blocked person's record the silence about it would go; without relatives it goes in time."""
    house.take(upsert("1", 1, person={"anschrift": AWAY}, auskunftssperre=BLOCK), upsert("2", 2, familie=MOTHER))
    house.take(upsert("3", 3, person={"anschrift": AWAY}, auskunftssperre=BLOCK))
    forward(house, 200)
    report = retention(house).run(house.now)
    assert (counts(report), report.held) == ({"person-ausserhalb": 1}, {"sperre": 1})
    assert living(house, "123") == {"1", "2"}
    house.take(removal("2", 9))
    run(house)
    assert living(house, "123") == set()


def test_who_disputes_is_kept_as_long_as_the_dispute_runs(house: House) -> None:
    """DSGVO Art. 18: while a field is restricted neither the person nor an older version goes."""
    house.take(upsert("1", 1))
    house.take(upsert("1", 2, person={"anschrift": AWAY}, eingeschraenkt=["familienname"]))
    forward(house, 900)
    report = retention(house).run(house.now)
    assert (counts(report), report.held) == ({}, {"einschraenkung": 1})
    house.take(upsert("1", 3, person={"anschrift": AWAY}))
    forward(house, 1)
    assert run(house) == {"person-ausserhalb": 1}


def test_a_redirect_goes_after_two_years(house: House) -> None:
    """A record merged into another is kept 24 months; the one it went into stays."""
    house.take(upsert("1", 1), upsert("2", 2))
    house.settle()
    house.take(merge("1", "2", 3))
    at(house, date(2028, 11, 23))
    run(house)
    assert column(house, tables.person.c.state, tables.person.c.change_number == 3) == ["merged"]
    at(house, date(2028, 11, 24))
    assert run(house) == {"person-zusammengefuehrt": 1}
    assert living(house, "2") == {"2"}
    assert house.kennungen().keys() == {"Musterc"}


def test_a_merge_is_an_end_of_its_own(house: House) -> None:
    """Who had left before its record was merged has the time of a redirect from then on, counted from the merge."""
    house.take(upsert("1", 1), upsert("2", 2))
    house.take(upsert("1", 3, person={"anschrift": AWAY}))
    forward(house, 170)
    house.take(merge("1", "2", 4))
    forward(house, 729)
    assert run(house) == {"personenfassung": 1}
    forward(house, 3)
    assert run(house) == {"person-zusammengefuehrt": 1}


def test_a_chain_of_redirects_is_not_torn(house: House) -> None:
    """When the middle of a chain goes, what led to it leads on to the end: an erasure there still reaches it."""
    house.take(upsert("1", 1), upsert("2", 2), upsert("3", 3))
    house.take(merge("2", "3", 4))
    forward(house, 400)
    house.take(merge("1", "2", 5))
    forward(house, 400)
    assert run(house) == {"person-zusammengefuehrt": 1}
    assert len([key for key in column(house, tables.person.c.wrapped_key) if key]) == 2
    house.holding.erase(SOURCE, "3", house.agreements, now=house.now, stichtag=house.today)
    assert set(column(house, tables.person.c.wrapped_key)) == {None}


def test_with_a_person_go_its_redirects_and_aliases(house: House) -> None:
    """Records merged into a person, and alias records of it, go with it, in whatever order they stand."""
    numbers = [str(number) for number in range(10, 22)]
    house.take(upsert("1", 1), upsert("2", 2), *(upsert(n, int(n), hauptdatensatz="1") for n in numbers))
    house.take(merge("2", "1", 30))
    house.take(upsert("1", 31, person={"anschrift": AWAY}))
    forward(house, 200)
    assert run(house) == {"person-ausserhalb": 14}
    assert set(column(house, tables.person.c.wrapped_key)) == {None}


def test_an_alias_stays_with_its_person(house: House) -> None:
    """An alias record is told to nobody and kept all the same; one whose main record never came has its own time."""
    house.take(upsert("1", 1), upsert("2", 2, hauptdatensatz="1"), upsert("3", 3, hauptdatensatz="99"))
    run(house)
    forward(house, 200)
    assert run(house) == {"person-ausserhalb": 1}
    assert living(house, "123") == {"1", "2"}


def test_what_the_source_removed_has_left_nothing(house: House) -> None:
    """The check finds what should not be there, and takes it."""
    house.take(upsert("1", 1), removal("1", 2))
    assert run(house) == {}
    with house.database.write() as connection:
        identity = column(house, tables.person.c.id)[0]
        row = {"person_id": identity, "version": 1, "recorded_at": house.now, "document": b"x"}
        connection.execute(tables.person_version.insert(), [row])
    assert run(house) == {"person-entfernt": 1}
    assert column(house, tables.person_version.c.version) == []


def test_superseded_versions_go_two_years_later(house: House) -> None:
    """A version goes two years after the next came, the current one stays however old it is."""
    house.take(upsert("1", 1))
    forward(house, 100)
    house.take(upsert("1", 2, person={"familienname": "Neu"}))
    at(house, date(2029, 3, 3))
    assert run(house) == {}
    at(house, date(2029, 3, 4))
    assert run(house) == {"personenfassung": 1}
    forward(house, 300)
    run(house)
    assert column(house, tables.person_version.c.version) == [2]
    assert set(house.kennungen()) == {"Neu"}


def test_every_deletion_stands_in_the_trail(house: House) -> None:
    """Rule, reason, count and the persons' audit identifiers are in entries; each person's deletion can be found."""
    house.take(upsert("1", 1), upsert("2", 2, person=HEALTH))
    before = house.store.subject(SOURCE, "1")
    assert before is not None
    house.take(upsert("1", 3, person={"anschrift": AWAY}))
    at(house, date(2027, 6, 1))
    run(house)
    audit_index.catch_up(house.database)
    with house.database.read() as connection:
        found = audit_index.disclosures(connection, before.audit_ids)
    last = found[-1]
    assert (last.kind.value, last.operation, last.outcome) == ("Löschung", "fristLoeschen", "geloescht")
    assert "DSGVO Art. 5" in str(last.legal_basis)
    assert verify(house.database).findings == ()


def test_a_dry_run_counts_the_same_and_changes_nothing(house: House) -> None:
    """Every row of every table is as before, and the run afterwards says what the dry one said."""
    house.take(upsert("1", 1, person=HEALTH), upsert("2", 2), upsert("3", 3, hauptdatensatz="1"), upsert("4", 4))
    house.store.report(house.grant(), house.kennungen()["Mustere"], None, "falsch")
    house.store.report(house.grant(), house.kennungen()["Musterb"], None, "falsch")
    refuse(house, "1", 8)
    refuse(house, "8", 9)
    house.take(upsert("4", 10, person={"rufname": "Neu"}))
    forward(house, 100)
    house.take(merge("2", "1", 11), upsert("1", 12, person={"anschrift": AWAY}))
    forward(house, 700)
    before = everything(house)
    expected = run(house, dry=True)
    assert everything(house) == before
    assert run(house) == expected
    assert expected == {
        "person-ausserhalb": 3,
        "personenfassung": 1,
        "quarantaene-vermerk": 1,
        "quarantaene-inhalt": 1,
        "unstimmigkeit": 1,
    }
    assert run(house) == {}


def test_a_clock_set_back_deletes_nothing(house: House) -> None:
    """If the clock goes back, what was noted lies in the future and stays."""
    house.take(upsert("1", 1, person={**HEALTH, "anschrift": AWAY}))
    forward(house, -900)
    assert run(house) == {}
    assert living(house, "1") == {"1"}


def test_a_broken_off_run_is_continued(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before any of its transactions, a run leaves a sound store, and the next one ends where it would have."""
    for number in range(1, 40):
        house.take(upsert(str(number), number, person={"anschrift": AWAY} if number % 2 else HEALTH))
    refuse(house, "77", 99)
    forward(house, 800)
    expected = run(house, dry=True)
    left, broken, write = [0], 0, house.database.write

    def limited() -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise StoreError("killed")
        return write()

    monkeypatch.setattr(house.database, "write", limited)
    while True:
        left[0] = broken
        try:
            run(house)
        except StoreError:
            broken += 1
        else:
            break
    monkeypatch.undo()
    assert broken >= 3
    assert run(house) == {}
    assert living(house, map(str, range(1, 40, 2))) == set()
    assert expected["person-ausserhalb"] == 20
    assert column(house, retention_run.c.finished_at) == [house.now]
    assert verify(house.database).findings == ()


def test_a_running_poll_is_waited_for_then_refused(light_house: House) -> None:
    """While a poll holds the lock nothing is deleted; if it lasts, the run ends readably and can be repeated."""
    house = light_house
    house.take(upsert("1", 1, person={"anschrift": AWAY}))
    forward(house, 200)
    pauses: list[float] = []
    work = retention(house)
    work._pause = pauses.append
    with house.store.poll_lock(), pytest.raises(StoreError, match="again later") as refused:
        work.run(house.now)
    assert refused.value.code == "abruf-laeuft"
    assert len(pauses) > 100
    assert living(house, "1") == {"1"}
    assert run(house) == {"person-ausserhalb": 1}
