"""Who is in the stock on a day, and in which category."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from gateway import shipped
from gateway.errors import StatisticError
from gateway.model.statistic import Period
from gateway.statistics.counting import count, period_of
from gateway.statistics.definition import Span, load_definitions
from tests.unit.statistics.lives import TOWN, counted, definition, document, life, status

DAY = date(2026, 3, 31)
STOCK = definition("bestand", "geschlecht")


def present(*versions: Any, day: date = DAY, known: int | None = None) -> bool:
    """Whether this one person is in the stock on the day."""
    return sum(counted(STOCK, day, life(*versions, known=known)).counts.values()) == 1


@pytest.mark.parametrize(
    ("person", "there"),
    [
        ({}, True),
        ({"zuzugsdatum": "2026-03-31"}, True),
        ({"zuzugsdatum": "2026-04-01"}, False),
        ({"zuzugsdatum": None}, True),
        ({"geburt": {"datum": "2026-03-31"}}, True),
        ({"geburt": {"datum": "2026-04-01"}, "zuzugsdatum": None}, False),
        ({"fortzugsdatum": "2026-03-31", "fortzugsart": "ausland"}, False),
        ({"fortzugsdatum": "2026-04-01", "fortzugsart": "ausland"}, True),
        ({"fortzugsart": "unbekannt"}, False),
        ({"sterbedatum": "2026-03-31"}, False),
        ({"sterbedatum": "2026-04"}, True),
        ({"sterbedatum": "2026"}, False),
        ({"aufenthaltsstatus": [status("BE02", "2026-03-31")]}, False),
        ({"aufenthaltsstatus": [status("BE02", "2026-04-01")]}, True),
    ],
)
def test_who_is_in_the_stock(person: dict[str, Any], there: bool) -> None:
    """Born and arrived by the day, neither gone nor dead: the day of leaving is the first without the person."""
    assert present(document(**person)) is there


def test_a_later_version_corrects_an_earlier_day() -> None:
    """A departure that was recorded after the day counts for the day, unless it was not known yet."""
    april = datetime(2026, 4, 20, tzinfo=UTC)
    gone = document(fortzugsdatum="2026-03-15", fortzugsart="ausland")
    assert not present(document(), (april, gone))
    assert present(document(), (april, gone), known=1)


def test_a_return_does_not_hide_the_earlier_stay() -> None:
    """Who left and came back is in the stock before and after, and not in between."""
    left = (datetime(2025, 5, 10, tzinfo=UTC), document(fortzugsdatum="2025-05-01", fortzugsart="ausland"))
    back = (datetime(2026, 2, 10, tzinfo=UTC), document(zuzugsdatum="2026-02-01"))
    days = (date(2025, 4, 30), date(2025, 5, 5), date(2025, 12, 31), date(2026, 2, 1))
    assert [present(document(), left, back, day=day) for day in days] == [True, False, False, True]


def test_what_has_no_date_is_as_it_was_on_the_day() -> None:
    """Sex, nationality, dwelling are those of the version of the day; who was recorded later is as first recorded."""
    changed = (datetime(2026, 4, 1, 12, tzinfo=UTC), document(geschlecht="m"))
    assert counted(STOCK, DAY, life(document(), changed)).counts == {("w",): 1}
    assert counted(STOCK, date(2026, 4, 1), life(document(), changed)).counts == {("m",): 1}
    assert counted(STOCK, DAY, life(changed)).counts == {("m",): 1}


def test_what_is_contested_today_is_unknown() -> None:
    """A field whose processing is restricted is not used, whichever version says it; the person counts (Art. 18)."""
    contested = (datetime(2026, 6, 1, tzinfo=UTC), document(control={"eingeschraenkt": ["geschlecht"]}))
    assert counted(STOCK, DAY, life(document(), contested)).counts == {("dx",): 1}


def test_an_alias_record_is_nobody() -> None:
    """The main record counts; one that became an alias later is no second person of an earlier day either."""
    alias = (datetime(2026, 6, 1, tzinfo=UTC), document(control={"hauptdatensatz": "2"}))
    assert not present(document(), alias)


def test_a_period_must_be_one_of_the_definition() -> None:
    """A Stichtag is a day, a month a whole month of the calendar, also in February of a leap year."""
    assert period_of(Span.MONAT, date(2028, 2, 3)) == Period(date(2028, 2, 1), date(2028, 2, 29))
    assert period_of(Span.QUARTAL, date(2026, 11, 30)) == Period(date(2026, 10, 1), date(2026, 12, 31))
    assert period_of(Span.JAHR, DAY) == Period(date(2026, 1, 1), date(2026, 12, 31))
    with pytest.raises(StatisticError, match="this is none"):
        count(STOCK, Period(date(2026, 3, 1), DAY), lambda _what: iter(()), TOWN)


def test_the_shipped_stock_counts_by_four_features() -> None:
    """Report (a): a title stands before a procedure, age is in completed years, each person in one cell."""
    report = load_definitions(shipped.schemas())["bestand"]
    people = [
        life(document(aufenthaltsstatus=[status("AE11", "2020"), status("AG01", "2016")])),
        life(document(aufenthaltsstatus=[status("DU01"), status("AG02")], geburt={"datum": "2010-04-01"})),
        life(document(staatsangehoerigkeit=["998"], geburt={}, geschlecht="d")),
    ]
    assert counted(report, DAY, *people).counts == {
        ("2", "475", "w", "35-59"): 1,
        ("1", "475", "w", "10-15"): 1,
        ("unbekannt", "unbekannt", "dx", "unbekannt"): 1,
    }
    assert counted(report, DAY, *people).read == 3
