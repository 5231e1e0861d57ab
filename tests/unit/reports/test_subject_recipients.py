"""Who was told what: bulk deliveries as one line, single queries one by one, each with its law and purpose."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from gateway.model.person import Person
from gateway.model.structure import grantable
from gateway.reports.subject_page import render_page
from gateway.reports.subject_recipients import Recipient
from gateway.store.audit import Kind
from tests.unit.reports.people import NOW, Town, town
from tests.unit.store.store_kit import record

FIELDS = 0b1011


@pytest.fixture
def small_town() -> Iterator[Town]:
    with town(populated=False) as made:
        made.take(record("1", 1), record("2", 2))
        yield made


def told(of: Town) -> dict[str, Recipient]:
    return {one.application: one for one in of.report(of.find("1")).recipients}


def audit_id(of: Town, number: str = "1") -> str:
    person = of.find(number)
    assert person is not None
    return person.audit_ids[0]


def test_bulk_deliveries_of_the_same_fields_are_one_line(small_town: Town) -> None:
    """First, last and number stand for all; other fields or another purpose make another line."""
    person = audit_id(small_town)
    for day in range(3):
        small_town.now = NOW + timedelta(days=day)
        small_town.disclose(person, FIELDS)
    small_town.disclose(person, FIELDS | 1 << 7)
    small_town.disclose(person, FIELDS, purpose="U2")
    lines = told(small_town)["wohnung2000"].disclosed
    assert [line.count for line in lines] == [3, 1, 1]
    assert lines[0].last - lines[0].first == timedelta(days=2)
    assert [line.field_set for line in lines] == [1, 2, 1]
    assert lines[2].why == "Auszug (Unterbringung)"


def test_single_queries_stand_one_by_one(small_town: Town) -> None:
    """Each query about this person has a line of its own."""
    for _ in range(2):
        small_town.disclose(audit_id(small_town), FIELDS, operation="personAbrufen")
    assert [line.count for line in told(small_town)["wohnung2000"].disclosed] == [1, 1]


def test_the_fields_are_those_of_the_bitmap(small_town: Town) -> None:
    """A field is named exactly if its bit is set."""
    small_town.disclose(audit_id(small_town), FIELDS)
    (fields,) = told(small_town)["wohnung2000"].field_sets
    assert fields == tuple(grantable(Person)[index] for index in (0, 1, 3))


def test_the_law_is_that_of_the_version_then_in_force(small_town: Town) -> None:
    """Norms and purpose come from the very version; of one that is gone the reference stands alone."""
    small_town.disclose(audit_id(small_town), FIELDS)
    small_town.disclose(audit_id(small_town), FIELDS, fassung=1)
    known, gone = told(small_town)["wohnung2000"].grounds
    assert (known.fassung, gone.fassung) == (3, 1)
    assert "FlüAG NRW § 1 Abs. 1" in known.norms
    assert gone.norms == ()


def test_what_did_not_leave_is_marked(small_town: Town) -> None:
    """An answer that was recorded but not delivered is told as that."""
    from gateway.store.audit import Disclosure, Entry

    entry = Entry(
        kind=Kind.OFFENLEGUNG,
        operation="personAbrufen",
        outcome="ok",
        application="wohnung2000",
        persons=(Disclosure(audit_id(small_town), FIELDS),),
    )
    small_town.trail.undelivered(small_town.trail.record(entry))
    (line,) = told(small_town)["wohnung2000"].disclosed
    assert not line.delivered
    assert "nicht ausgeliefert" in render_page(small_town.report(small_town.find("1"))).decode()


def test_what_others_were_told_of_is_not_told(small_town: Town) -> None:
    """Deliveries about somebody else, entries without fields and our own operations disclose nothing of this person."""
    small_town.disclose(audit_id(small_town, "2"), FIELDS)
    small_town.disclose(audit_id(small_town), 0)
    small_town.disclose(audit_id(small_town), FIELDS, kind=Kind.VERAENDERUNG, operation="abrufen")
    assert all(one.disclosed == () for one in told(small_town).values())


def test_earlier_reports_are_named(small_town: Town) -> None:
    """That the person was told before is part of the answer."""
    small_town.disclose(audit_id(small_town), FIELDS, kind=Kind.ABFRAGE, operation="auskunftErteilen")
    assert len(small_town.report(small_town.find("1")).earlier) == 1
