"""A draft that waits: as safe when it is released as if it were made then, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest

from gateway.errors import ReleaseRefused
from gateway.model.statistic import Category, Counted, Dimension, Period, Subject
from gateway.statistics.definition import Audience, Rule
from gateway.statistics.releasing import Earlier
from gateway.statistics.safety import hold_safe, make_safe
from gateway.store.released import Registered
from gateway.store.released_draft import EMPTY, Draft, Report, drafted
from tests.unit.store.store_kit import NOW

JANUARY, FEBRUARY, MONTH = (
    Period(date(2026, *first), date(2026, *last)) for first, last in (((1, 31),) * 2, ((2, 28),) * 2, ((2, 1), (2, 28)))
)
RULE = Rule(5, 4, zeros=True, base=1, noise=0, margins=((), ("a",)))
EXACT = replace(RULE, threshold=1, interval=1)


def a_draft(counts: Mapping[str, int], period: Period, population: str, *earlier: Earlier, rule: Rule = RULE) -> Draft:
    """A table of one feature, made safe beside the earlier ones."""
    feature = Dimension("a", "a", tuple(Category(code, code) for code in "pqrs"))
    cells = {(code,): count for code, count in counts.items()}
    counted = Counted(Subject(population, period), (feature,), cells, sum(counts.values()))
    table = make_safe(counted, rule, Audience.RAT, earlier)
    report = Report(population, 1, "Titel", "Zweck", ("DSG",), "rat", rule.told(), "x")
    return drafted(report, table, run="0" * 36, known=NOW, seen=EMPTY, now=NOW)


def entered(number: int, draft: Draft) -> Earlier:
    report = draft.report
    named = (report.name, report.version, report.title, report.purpose, report.legal_bases, report.audience)
    one = Registered(number, *named, draft.period, report.rule, report.digest, NOW, "0" * 36, "")
    return Earlier(one, draft.table)


def test_what_touches_no_proof_came_in_between() -> None:
    """Other persons, whom no flow links: the draft is held against them, and stays as it is."""
    one = a_draft({"p": 2, "q": 8, "r": 90}, JANUARY, "bestand")
    other = entered(1, a_draft({"p": 2, "q": 8, "r": 90}, JANUARY, "schulpflicht"))
    hold_safe(one, [other], [other])


@pytest.mark.parametrize("period", [JANUARY, FEBRUARY])
def test_what_the_proof_did_not_know_of_is_refused(period: Period) -> None:
    """A table of the same persons, on that day or another: what it withheld would have stayed withheld."""
    one = a_draft({"p": 6, "q": 8, "r": 90, "s": 70}, JANUARY, "bestand")
    other = entered(1, a_draft({"p": 2, "q": 8, "r": 90, "s": 70}, period, "bestand"))
    with pytest.raises(ReleaseRefused, match="told since the draft was made: release 1"):
        hold_safe(one, [other], [other])
    hold_safe(one, [], [])


def test_what_came_in_between_may_give_it_away() -> None:
    """Stocks and departures were told since: who came is what is left, and the draft that withholds it is refused."""
    came = a_draft({"p": 3, "q": 20}, MONTH, "zugang")
    assert came.table.margins["a",]["p",] is None
    before = entered(1, a_draft({"p": 10, "q": 30}, JANUARY, "bestand", rule=EXACT))
    gone = entered(2, a_draft({"p": 2}, MONTH, "abgang", rule=EXACT))
    after = entered(3, a_draft({"p": 11, "q": 50}, FEBRUARY, "bestand", rule=EXACT))
    hold_safe(came, [before, gone], [before, gone])
    with pytest.raises(ReleaseRefused, match="would follow"):
        hold_safe(came, [before, gone, after], [before, gone, after])
