"""Deletion by time of what is no person: quarantine, reports, notices, and the audit trail month by month."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from gateway.errors import StoreError
from gateway.store import audit_index, audit_tables, tables
from gateway.store import released as register
from gateway.store.audit import Disclosure, Entry, Kind, Personal
from gateway.store.audit_verify import verify
from gateway.store.expiring import last_run
from gateway.upkeep.retention_standing import standing
from tests.unit.store.released_kit import a_table, release
from tests.unit.store.retention_kit import CITY, RULES, at, column, counts, forward, refuse, retention, run
from tests.unit.store.store_kit import AWAY, SOURCE, House, upsert

PERSON = "5e2c7a1e-9f4b-4c1d-8a54-3f1c2b7d9e60"


def test_a_refused_record_loses_its_content_after_thirty_days(house: House) -> None:
    """On day 30 it can be shown, on day 31 only that there was one and why; the run says so to be passed on."""
    refuse(house, "7", 1)
    number = house.store.quarantine_entries()[0].number
    forward(house, 30)
    assert run(house) == {}
    assert house.store.quarantine_entry(number).cut is not None
    forward(house, 1)
    report = retention(house).run(house.now)
    assert counts(report) == {"quarantaene-inhalt": 1}
    assert report.escalated == ((number, ("geburt.datum: kein Datum",)),)
    entry = house.store.quarantine_entry(number)
    assert (entry.cut, entry.personennummer, entry.reasons) == (None, None, ("geburt.datum: kein Datum",))
    assert run(house) == {}


def test_the_note_of_a_refused_record_goes_with_the_following_year(house: House) -> None:
    """Refused in November 2026, noted until the end of 2027; a good record takes the note away at once."""
    refuse(house, "7", 1)
    refuse(house, "8", 2)
    at(house, date(2027, 12, 31))
    run(house)
    house.take(upsert("8", 3))
    assert len(house.store.quarantine_entries()) == 1
    at(house, date(2028, 1, 1))
    assert run(house) == {"quarantaene-vermerk": 1}
    assert house.store.quarantine_entries() == []


def test_reports_go_after_a_year(house: House) -> None:
    """What an application reported on 23 November is there on that day a year later, and gone the day after."""
    house.take(upsert("1", 1))
    house.store.report(house.grant(), house.kennungen()["Musterb"], None, "falsch")
    at(house, date(2027, 11, 23))
    assert run(house) == {}
    at(house, date(2027, 11, 24))
    assert run(house) == {"unstimmigkeit": 1}
    assert house.store.discrepancies() == []


def test_settled_notices_go_after_fourteen_days_and_open_ones_stay(house: House) -> None:
    """What was written and confirmed is kept two weeks more; what is open is kept until it is settled."""
    rows = [
        {"number": str(number), "application": "a", "kind": "loeschung", "created_at": house.now, "fields": "0"}
        for number in (1, 2)
    ]
    with house.database.write() as connection:
        connection.execute(sa.insert(tables.notice), [rows[0] | {"settled_at": house.now}])
        connection.execute(sa.insert(tables.notice), rows[1:])
    forward(house, 14)
    assert run(house) == {}
    forward(house, 1)
    assert run(house) == {"zustellung": 1}
    assert column(house, tables.notice.c.number) == ["2"]


def test_what_the_feed_delivered_does_not_outlive_its_quittung(house: House) -> None:
    """An acknowledged `entfallen` of a deleted person leaves no row of the feed."""
    house.take(upsert("1", 1), upsert("2", 2))
    house.changes()
    house.take(upsert("1", 3, person={"anschrift": AWAY}), upsert("2", 4, person={"rufname": "Neu"}))
    forward(house, 200)
    run(house)
    house.settle()
    assert column(house, tables.feed_shown.c.number) == []
    assert len(column(house, tables.projection.c.person_id)) == 1


def disclose(house: House, moment: datetime, *, texts: bool = True) -> str:
    """An entry of that moment, with a person and what the caller wrote; its number."""
    house.now = moment
    personal = Personal(kennung="sb-17", aktenzeichen="56-1") if texts else None
    entry = Entry(
        kind=Kind.OFFENLEGUNG,
        operation="personAbrufen",
        outcome="ok",
        persons=(Disclosure(PERSON, 3),),
        personal=personal,
    )
    return house.trail.record(entry, b"<Body/>").number


def content(house: House, number: str) -> bytes:
    return bytes(column(house, audit_tables.entry.c.content, audit_tables.entry.c.number == number)[0])


def texts(house: House) -> list[str]:
    return column(house, audit_tables.personal.c.segment)


@pytest.mark.parametrize("second", ["2025-01-01T00:00:00", "2025-12-31T23:59:59"])
def test_personal_texts_go_with_the_following_year(house: House, second: str) -> None:
    """Written at any moment of 2025 (UTC), readable to the end of 2026, gone on 1 January 2027; facts stay."""
    number = disclose(house, datetime.fromisoformat(second).replace(tzinfo=UTC))
    house.now = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)  # the city has 2027 already
    run(house)
    assert len(texts(house)) == 1
    house.now = datetime(2027, 1, 1, tzinfo=UTC)
    assert run(house) == {"protokoll-angaben": 1}
    assert texts(house) == []
    assert column(house, audit_tables.segment.c.wrapped) == [None]
    assert json.loads(content(house, number))["personen"] == [{"person": PERSON, "felder": "3"}]
    assert verify(house.database).findings == ()
    assert run(house) == {}


def test_contents_go_with_the_tenth_year_and_the_chain_stays(house: House) -> None:
    """Of an entry of 2025 its number and hash remain in 2036, an entry tells of it, and all verifies."""
    old = disclose(house, datetime(2025, 6, 15, tzinfo=UTC))
    young = disclose(house, datetime(2026, 2, 1, tzinfo=UTC))
    house.now = datetime(2035, 12, 31, 12, tzinfo=UTC)
    assert run(house) == {"protokoll-angaben": 2}
    audit_index.catch_up(house.database)
    house.now = datetime(2036, 1, 1, tzinfo=UTC)
    assert run(house) == {"protokoll-inhalt": 1}
    assert content(house, old) == b""
    assert content(house, young)
    verdict = verify(house.database)
    assert verdict.findings == ()
    told = [json.loads(one) for one in column(house, audit_tables.entry.c.content) if one]
    assert [(one["art"], one["segment"]) for one in told if one["operation"] == "protokollinhaltLoeschen"] == [
        ("Löschung", "2025-06")
    ]
    with house.database.read() as connection:
        assert [one.number for one in audit_index.disclosures(connection, [PERSON])] == [young]
    assert column(house, audit_tables.index.c.person, audit_tables.index.c.person == PERSON) == [PERSON]
    assert run(house) == {}


def test_what_tells_of_a_deletion_is_never_dropped(house: House) -> None:
    """Thirty years on the entries that tell of erased texts and dropped contents still say so, and all verifies."""
    disclose(house, datetime(2025, 6, 15, tzinfo=UTC))
    for year in range(2027, 2060, 3):
        house.now = datetime(year, 1, 2, tzinfo=UTC)
        run(house)
    told = [json.loads(one)["operation"] for one in column(house, audit_tables.entry.c.content) if one]
    assert told.count("protokollsegmentLoeschen") == 1
    assert told.count("protokollinhaltLoeschen") >= 2
    assert verify(house.database).findings == ()


def test_what_tells_of_a_released_statistic_is_never_dropped(house: House) -> None:
    """Thirty years on the register can still be read, which needs the entry that tells of its last row."""
    house.now = datetime(2025, 6, 15, tzinfo=UTC)
    release(house, a_table())
    for year in range(2027, 2060, 3):
        house.now = datetime(year, 1, 2, tzinfo=UTC)
        run(house)
    with house.database.read() as connection:
        assert len(register.read(connection).tables) == 1
    verdict = verify(house.database)
    assert (verdict.findings, verdict.left) == ((), ())


def test_dropping_can_be_broken_off_anywhere(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before any transaction the trail verifies, the deletion is told once, and the next run ends it."""
    for minute in range(3):
        disclose(house, datetime(2025, 6, 15, 0, minute, tzinfo=UTC))
    house.now = datetime(2036, 1, 1, tzinfo=UTC)
    left, allowed, write = [0], 0, house.database.write

    def limited() -> object:
        left[0] -= 1
        if left[0] < 0:
            raise StoreError("killed")
        return write()

    monkeypatch.setattr(house.database, "write", limited)
    while True:
        left[0] = allowed
        try:
            run(house)
            break
        except Exception:  # noqa: BLE001 - the trail has an error of its own for a database that fails
            allowed += 1
            assert verify(house.database).findings == ()
    monkeypatch.undo()
    assert allowed >= 4
    told = [json.loads(one)["operation"] for one in column(house, audit_tables.entry.c.content) if one]
    assert told.count("protokollinhaltLoeschen") == 1
    assert run(house) == {}
    assert verify(house.database).findings == ()


def test_health_learns_what_is_overdue(house: House) -> None:
    """Without a run what is due counts up; after one nothing is due and the run is known."""
    house.take(upsert("1", 1))
    house.take(upsert("1", 2, person={"anschrift": AWAY}))
    refuse(house, "7", 3)
    forward(house, 184)
    early = standing(house.database, RULES, house.now, CITY)
    assert (early.last, early.due, early.late, early.missing) == (None, 2, 2, 1)
    forward(house, 7)
    assert standing(house.database, RULES, house.now, CITY).missing == 2
    run(house)
    after = standing(house.database, RULES, house.now, CITY)
    assert (after.due, after.age, after.grade) == (0, timedelta(), 0)
    found = last_run(house.database)
    assert found is not None
    assert found.finished_at == house.now
    assert house.store.subject(SOURCE, "1") is None
