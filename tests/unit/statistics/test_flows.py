"""Arrivals and departures of a month, and that stocks and flows agree."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.statistics.lives import LONG_AGO, counted, definition, document, life, status

STOCK = definition("bestand", "geschlecht")
IN = definition("zugang", "zugangsart", span="monat")
OUT = definition("abgang", "abgangsart", span="monat")
MARCH = date(2026, 3, 1)


def flows(*versions: Any) -> tuple[str, str]:
    """As what the person arrived in March, and as what it left; "-" for neither."""
    one = life(*versions)
    return tuple(next((code for (code,) in counted(way, MARCH, one).counts), "-") for way in (IN, OUT))  # type: ignore[return-value]  # two ways


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ({}, ("-", "-")),
        ({"zuzugsdatum": "2026-02-28"}, ("-", "-")),
        ({"zuzugsdatum": "2026-03-01"}, ("zuzug", "-")),
        ({"zuzugsdatum": "2026-03-31"}, ("zuzug", "-")),
        ({"zuzugsdatum": "2026-04-01"}, ("-", "-")),
        ({"zuzugsdatum": None, "geburt": {"datum": "2026-03-31"}}, ("geburt", "-")),
        ({"zuzugsdatum": "2026-03-09", "geburt": {"datum": "2026-03-05"}}, ("geburt", "-")),
        ({"fortzugsdatum": "2026-03-01", "fortzugsart": "ausland"}, ("-", "ausland")),
        ({"fortzugsdatum": "2026-03-31", "fortzugsart": "behoerde"}, ("-", "behoerde")),
        ({"fortzugsdatum": "2026-04-01", "fortzugsart": "behoerde"}, ("-", "-")),
        ({"sterbedatum": "2026-03-31"}, ("-", "verstorben")),
        ({"sterbedatum": "2026-03"}, ("-", "verstorben")),
        ({"aufenthaltsstatus": [status("BE05", "2026-03-10")]}, ("-", "sonstiges")),
        ({"zuzugsdatum": "2026-03-02", "fortzugsdatum": "2026-03-20", "fortzugsart": "unbekannt"},
         ("zuzug", "unbekannt")),
        ({"zuzugsdatum": "2026-03-01", "fortzugsdatum": "2026-03-02", "fortzugsart": "ausland"},
         ("zuzug", "ausland")),
        ({"zuzugsdatum": "2026-03-02", "fortzugsdatum": "2026-03-02", "fortzugsart": "ausland"}, ("-", "-")),
    ],
)  # fmt: skip
def test_arrivals_and_departures(stated: dict[str, Any], told: tuple[str, str]) -> None:
    """By the day, both ends of the month included; who comes and goes within it is in both; a day is no stay."""
    assert flows(document(**stated)) == told


def test_a_return_within_the_month_is_no_move() -> None:
    """Who was there before and is there at the end neither came nor went."""
    gone = (datetime(2026, 3, 6, tzinfo=UTC), document(fortzugsdatum="2026-03-05", fortzugsart="ausland"))
    back = (datetime(2026, 3, 21, tzinfo=UTC), document(zuzugsdatum="2026-03-20"))
    assert flows(document(), gone, back) == ("-", "-")


def test_a_return_after_months_is_an_arrival() -> None:
    """And the departure was one in its own month."""
    gone = (datetime(2025, 5, 2, tzinfo=UTC), document(fortzugsdatum="2025-05-01", fortzugsart="ausland"))
    back = (datetime(2026, 3, 21, tzinfo=UTC), document(zuzugsdatum="2026-03-20"))
    assert flows(document(), gone, back) == ("zuzug", "-")
    assert counted(OUT, date(2025, 5, 1), life(document(), gone, back)).counts == {("ausland",): 1}


DAYS = st.dates(date(2026, 2, 20), date(2026, 4, 10)).map(date.isoformat)
SAID = st.fixed_dictionaries(
    {"zuzugsdatum": st.none() | DAYS},
    optional={"fortzugsdatum": DAYS, "sterbedatum": DAYS, "fortzugsart": st.sampled_from(["ausland", "behoerde"])},
)
PEOPLE = st.lists(st.lists(SAID, min_size=1, max_size=3), max_size=8)


@settings(max_examples=60, deadline=None)
@given(PEOPLE)
def test_stocks_and_flows_agree(people: list[list[dict[str, Any]]]) -> None:
    """Stock on the eve + arrivals - departures = stock at the end, whatever the versions say."""
    there = []
    for versions in people:
        dated = [(LONG_AGO + timedelta(days=4100 + 9 * place), document(**said)) for place, said in enumerate(versions)]
        there.append(life(*dated))
    eve, end = (sum(counted(STOCK, day, *there).counts.values()) for day in (date(2026, 2, 28), date(2026, 3, 31)))
    came, went = (sum(counted(way, MARCH, *there).counts.values()) for way in (IN, OUT))
    assert eve + came - went == end
