"""Rules that change while a request is under way: it keeps to those that held when it came in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.unit.exchange.house import House, code, message
from tests.unit.exchange.house import house as make_house

TODAY, TOMORROW = date(2026, 11, 23), date(2026, 11, 24)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """The city's next day begins while the store is asked."""
    made = make_house(tmp_path, valid_to=TODAY)

    def midnight() -> None:
        made.moment[0] += timedelta(hours=13)

    made.persons.trouble = midnight
    return made


def test_a_version_that_begins_midway_changes_nothing_of_the_answer(house: House) -> None:
    """Answer, quittung and audit entry are of one version, the one of the day on which the request came in."""
    first = house.service
    following = replace(first.agreement, version=4, valid_from=TOMORROW, valid_to=date(2027, 12, 31))
    house.swap(agreement=following, earlier=first)
    told = [house.verified(house.ask(message())) for _ in range(2)]
    assert [one.findtext(".//{*}fassung") for one in told] == ["3", "4"]
    assert [entry.fassung for entry in house.trail.entries] == [3, 4]
    assert [code(one) for one in told] == [None, None]


def test_an_agreement_that_ends_midway_answers_this_request_and_no_other(house: House) -> None:
    """The last request of the last day is answered as on that day; the next one meets the end."""
    told = [code(house.verified(house.ask(message()))) for _ in range(2)]
    assert told == [None, "vereinbarung-nicht-in-kraft"]
    assert house.persons.asked == 1
