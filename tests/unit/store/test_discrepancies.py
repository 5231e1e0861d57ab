"""Reports of applications: sealed with the person, opened for the office, gone with the person."""

from __future__ import annotations

import pytest

from gateway.agreements.operation import Operation
from gateway.errors import NotFound
from tests.unit.store.store_kit import NOW, House, removal, upsert


def test_a_report_can_be_opened(house: House) -> None:
    """The list names number, application and time; opened, the report names person, field and text."""
    house.take(upsert("4711", 1))
    (kennung,) = house.kennungen().values()
    wanted = house.grant(Operation.UNSTIMMIGKEIT_MELDEN)
    first = house.store.report(wanted, kennung, "familienname", "Schreibweise").number
    second = house.store.report(wanted, kennung, None, "verzogen").number
    assert {(one.number, one.application, one.recorded_at) for one in house.store.discrepancies()} == {
        (first, "wohnung", NOW),
        (second, "wohnung", NOW),
    }
    opened = house.store.discrepancy(first)
    assert (opened.personennummer, opened.path, opened.text) == ("4711", "familienname", "Schreibweise")
    assert house.store.discrepancy(second).path is None
    assert "4711" not in repr(opened)
    assert "Schreibweise" not in repr(opened)


def test_a_report_says_whom_it_concerns(house: House) -> None:
    """For the audit trail a report names its person by the id that answers have too, and no field of it."""
    house.take(upsert("1", 1))
    (kennung,) = house.kennungen().values()
    told = house.store.find(house.grant(Operation.PERSON_ABRUFEN), kennung)
    concerned = house.store.report(house.grant(Operation.UNSTIMMIGKEIT_MELDEN), kennung, None, "falsch").concerned
    assert told is not None
    assert (concerned.audit_id, concerned.fields, concerned.tree) == (told.audit_id, 0, {})


def test_a_report_goes_with_its_person(house: House) -> None:
    """After a removal nothing of the reports is left."""
    house.take(upsert("1", 1))
    (kennung,) = house.kennungen().values()
    number = house.store.report(house.grant(Operation.UNSTIMMIGKEIT_MELDEN), kennung, None, "falsch").number
    house.take(removal("1", 2))
    assert house.store.discrepancies() == []
    with pytest.raises(NotFound):
        house.store.discrepancy(number)
