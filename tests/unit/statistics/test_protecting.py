"""Tables by hand: what is withheld beside what was told before, and for whoever is alone in a cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from gateway.errors import ReleaseRefused
from gateway.model.statistic import Category, Counted, Dimension, Period, Published, Subject
from gateway.statistics.asked import Asked, Told
from gateway.statistics.attacking import Attacker
from gateway.statistics.differencing import require_safe
from gateway.statistics.lattice import Lattice
from gateway.statistics.perturbing import number, possible
from gateway.statistics.protecting import protect
from gateway.statistics.proving import Proof
from gateway.statistics.solving import FAR

JANUARY, FEBRUARY = Period(date(2026, 1, 31), date(2026, 1, 31)), Period(date(2026, 2, 28), date(2026, 2, 28))
PUBLIC, INTERNAL = Asked("oeffentlich", 5, 4, zeros=True), Asked("intern", 3, 3, zeros=True)
ROW = [(), ("a",)]


def counted(counts: Mapping[str, int], period: Period = JANUARY, population: str = "bestand") -> Counted:
    """A table of one feature."""
    feature = Dimension("a", "a", tuple(Category(code, code) for code in "pqrstu"))
    cells = {(code,): count for code, count in counts.items()}
    return Counted(Subject(population, period), (feature,), cells, sum(counts.values()))


def withheld(told: Told) -> str:
    return "".join(code for (code,), shown in told.table.margins["a",].items() if shown is None)


def told(table: Counted, asked: Asked = PUBLIC, *earlier: Told) -> Told:
    one = Told(f"release {len(earlier) + 1}", asked, protect(table, ROW, asked, earlier))
    require_safe(one, earlier)
    return one


def test_a_partner_is_withheld_beside_a_small_number() -> None:
    """One small number needs another, and zeros stay true."""
    one = told(counted({"p": 2, "q": 8, "r": 90, "s": 70}))
    assert withheld(one) == "pq"
    assert one.table.margins["a",]["t",] == 0


def test_what_was_withheld_stays_withheld() -> None:
    """A cell whose number was withheld in January is not told in February, though it is large: it would tell January's
    small number to whoever knows that it is as it was.
    """
    first = told(counted({"p": 2, "q": 8, "r": 90, "s": 70}))
    later = counted({"p": 6, "q": 8, "r": 90, "s": 70}, FEBRUARY)
    assert withheld(told(later)) == ""
    assert withheld(told(later, PUBLIC, first)) == "pq"


def test_what_is_as_it_was_is_no_partner() -> None:
    """Of what was told in January and has not changed nothing hides a small number: another partner is withheld."""
    first = told(counted({"p": 2, "q": 9, "r": 10, "s": 70, "t": 50}))
    assert withheld(first) == "pq"
    later = counted({"p": 2, "r": 10, "s": 70, "t": 60}, FEBRUARY)
    assert withheld(told(later)) == "pr"
    assert "t" in withheld(told(later, PUBLIC, first))


def test_other_numbers_of_the_same_day_are_refused() -> None:
    """Two tables of the same persons and days that contradict each other would tell who was corrected."""
    first = told(counted({"p": 12, "q": 8}))
    with pytest.raises(ReleaseRefused, match="other numbers"):
        told(counted({"p": 13, "q": 8}), PUBLIC, first)


def test_who_is_alone_learns_nothing() -> None:
    """Beside somebody who is alone in his cell two more are withheld: he would know the other one."""
    assert withheld(told(counted({"p": 2, "q": 8, "r": 90, "s": 70}))) == "pq"
    assert withheld(told(counted({"p": 1, "q": 8, "r": 90, "s": 70}))) == "pqs"


def test_an_internal_table_keeps_a_public_one_from_telling_more() -> None:
    """What the internal table withholds the public one withholds, too; and the other way round nothing is lost."""
    table = counted({"p": 2, "q": 8, "r": 4, "s": 70, "t": 50})
    first = told(table, INTERNAL)
    assert set(withheld(first)) <= set(withheld(told(table, PUBLIC, first)))


def test_another_report_that_gives_a_cell_away_is_refused() -> None:
    """The last look sees what a second table of the same persons tells of the first."""
    first = told(counted({"p": 2, "q": 8, "r": 90, "s": 70}))
    margin = {**first.table.margins["a",], ("q",): 8}
    second = Told("second", PUBLIC, replace(first.table, margins={("a",): margin}))
    with pytest.raises(ReleaseRefused, match="release 1"):
        require_safe(second, [first])


def test_flows_are_known() -> None:
    """Who came is what was there, less what was before, and who went."""
    month = Period(date(2026, 2, 1), date(2026, 2, 28))
    tables = [
        Told(name, Asked("intern", 1, 1, zeros=True), protect(table, ROW, Asked("intern", 1, 1, zeros=True)))
        for name, table in (
            ("before", counted({"p": 10}, JANUARY)),
            ("after", counted({"p": 11}, FEBRUARY)),
            ("gone", counted({"p": 2}, month, "abgang")),
        )
    ]
    came = Told("came", PUBLIC, protect(counted({"p": 3}, month, "zugang"), [("a",)], PUBLIC))
    assert withheld(came) == "p"
    with pytest.raises(ReleaseRefused, match="would follow"):
        require_safe(came, [replace(one, asked=replace(one.asked, audience="oeffentlich")) for one in tables])
    assert Attacker([came]).interval(came.table.subject, ("a",), ("p",))[1] > 100


def said(population: str, month: int, p: int | None, q: int | None, both: int) -> Told:
    """A table by hand: two cells and their sum, of the stock at a month's end or of the flow in a month."""
    last = date(2026, month + 1, 1) - timedelta(days=1)
    period = Period(last if population == "bestand" else last.replace(day=1), last)
    cells = {(code,): {"p": p, "q": q}.get(code, 0) for code in "pqrstu"}
    table = counted({}, period, population)
    margins = {(): {(): both}, ("a",): cells}
    return Told(f"{population} {month}", PUBLIC, Published(table.subject, table.dimensions, margins))


def test_what_follows_over_a_stock_in_between_is_refused() -> None:
    """Who came in March tells who was there in February, and that who came in February: 3 to 6 instead of 0 to 6."""
    before = [said("bestand", 1, 10, 20, 30), said("abgang", 2, 0, 0, 0), said("bestand", 2, None, None, 36)]
    march = [said("bestand", 3, 19, 23, 42), said("abgang", 3, 0, 0, 0), said("zugang", 3, None, None, 6)]
    came = said("zugang", 2, None, None, 6)
    require_safe(came, before)
    with pytest.raises(ReleaseRefused, match="withheld cells of zugang 2"):
        require_safe(came, [*before, *march])


def test_a_cell_that_is_withheld_for_another_reason_may_be_empty() -> None:
    """January's stock, which no flow links, has p withheld; so March withholds it, though it is empty: who takes that
    for a contradiction would look no further, and others see that it follows from February's stock and the flows.
    """
    earlier = [said("bestand", 2, 9, 20, 29), said("zugang", 3, 0, 5, 5), said("abgang", 3, 9, 5, 14)]
    stock = said("bestand", 3, None, None, 20)
    with pytest.raises(ReleaseRefused, match="would follow"):
        require_safe(stock, earlier)


def test_numbers_are_moved_alike_and_within_what_is_said() -> None:
    """The same cell has the same number in every table; nobody stays nobody; every count is one of the possible."""
    for base in (1, 3, 5, 10):
        asked = Asked("rat", 3, 3, zeros=True, base=base, noise=3)
        assert number(0, 12345, asked) == 0
        for count in range(3, 40):
            for key in range(0, 2**32, 2**27):
                shown = number(count, key, asked)
                assert shown == number(count, key + 2**32, asked)
                assert possible(shown, asked)[0] <= count <= possible(shown, asked)[1]


def test_noise_without_keys_is_refused() -> None:
    """Nobody is told unmoved numbers because nothing was counted to move them."""
    with pytest.raises(ReleaseRefused, match="noise"):
        protect(counted({"p": 9}), ROW, replace(PUBLIC, noise=2))


def test_nobody_needs_no_key() -> None:
    """Where nobody was counted nothing is moved, and that nobody is there can be told."""
    assert protect(counted({}), ROW, replace(PUBLIC, noise=2)).margins[()] == {(): 0}


def test_a_number_that_is_told_to_be_nothing_cannot_be_hidden() -> None:
    """Everybody is gone, and a cell that was withheld before would stay so: refused, because the total tells it."""
    first = told(counted({"p": 1, "q": 8, "r": 90}))
    with pytest.raises(ReleaseRefused, match="follows from what was told before"):
        told(counted({}, FEBRUARY), PUBLIC, first)


def test_tables_are_looked_for_around_the_cell() -> None:
    """In a large table the cells that may differ are drawn around the row: at least one of them belongs to it. Else
    nothing would be found near by, and whole margins be withheld for it.
    """
    lattice = Lattice(tuple(Dimension(n, n, tuple(Category(f"{n}{i}", "") for i in range(6))) for n in "abcd"))
    truth = np.arange(lattice.size, dtype=np.int64) % 7
    bounds = (np.zeros(lattice.count), np.full(lattice.count, FAR))
    proof = Proof(lattice, truth, bounds, (bounds[0].copy(), bounds[1].copy()), 3)
    for row in range(0, lattice.count, 37):
        cells = lattice.matrix[[row]].indices
        assert np.isin(proof._block(row, 100), cells).any()
