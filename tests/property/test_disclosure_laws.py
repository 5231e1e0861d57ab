"""Laws of disclosure control: whoever computes with everything that was told learns no withheld cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import chain, combinations, pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, DrawFn

from gateway import shipped
from gateway.errors import ReleaseRefused
from gateway.model.statistic import Category, Cell, Counted, Dimension, Margin, Period, Subject
from gateway.statistics import protecting
from gateway.statistics.asked import Asked, Told
from gateway.statistics.attacking import Attacker, Target, flows
from gateway.statistics.definition import Audience, load_definitions
from gateway.statistics.differencing import require_safe
from gateway.statistics.protecting import protect
from gateway.statistics.solving import least

Person = dict[str, str]
JANUARY, FEBRUARY = (Period(day, day) for day in (date(2026, 1, 31), date(2026, 2, 28)))
MONTHS = (JANUARY, FEBRUARY, Period(date(2026, 3, 31), date(2026, 3, 31)))
FAST = settings(
    phases=[Phase.explicit, Phase.generate], deadline=None, max_examples=6, suppress_health_check=list(HealthCheck)
)
DEEP = settings(
    phases=[Phase.explicit, Phase.generate], deadline=None, max_examples=1500, suppress_health_check=list(HealthCheck)
)


def dimension(name: str, count: int) -> Dimension:
    return Dimension(name, name, tuple(Category(f"{name}{n}", f"{name}{n}") for n in range(count)))


FEATURES = {name: dimension(name, count) for name, count in (("a", 3), ("b", 3), ("c", 2), ("d", 4))}


def margins_of(names: Sequence[str]) -> list[Margin]:
    return list(chain.from_iterable(combinations(names, size) for size in range(len(names) + 1)))


def counted(persons: Iterable[Person], dimensions: Sequence[Dimension], period: Period = JANUARY) -> Counted:
    """The exact counts of these persons; each has a record key."""
    counts, keys = Counter[Cell](), Counter[Cell]()
    everybody = list(persons)
    for number, person in enumerate(everybody):
        cell = tuple(person[one.name] for one in dimensions)
        counts[cell] += 1
        keys[cell] += (number + 1) * 2654435761 % 2**32
    return Counted(Subject("bestand", period), tuple(dimensions), counts, len(everybody), keys)


def population(features: dict[str, Dimension] = FEATURES, most: int = 60) -> st.SearchStrategy[list[Person]]:
    """Few persons, most of them alike: so that there are empty cells, cells of one and cells of many."""
    codes = {name: [one.code for one in feature.categories] for name, feature in features.items()}
    person = st.fixed_dictionaries({name: st.sampled_from(found[:1] * 3 + found) for name, found in codes.items()})
    return st.lists(person, min_size=1, max_size=most)


@st.composite
def rules(draw: DrawFn, audience: str = "oeffentlich") -> Asked:
    noise = draw(st.sampled_from([0, 0, 0, 1, 2]))
    base = draw(st.sampled_from([1, 1, 1, 3, 5, 10]))
    return Asked(audience, draw(st.integers(2, 6)), draw(st.integers(2, 6)), draw(st.booleans()), base, noise)


@st.composite
def reports(draw: DrawFn, names: Sequence[str] = ("a", "b", "c")) -> list[Margin]:
    """Some margins of a table, the finest among them or not."""
    return draw(st.lists(st.sampled_from(margins_of(names)), min_size=1, unique=True))


def released(tables: Iterable[tuple[Counted, Sequence[Margin], Asked]]) -> list[Told]:
    """One table after the other is made safe and told, unless it is refused."""
    told: list[Told] = []
    for number, (table, margins, asked) in enumerate(tables):
        try:
            one = Told(f"release {number}", asked, protect(table, margins, asked, told))
            require_safe(one, told)
        except ReleaseRefused:
            assert told, "a first table can always be made safe"
            continue
        told.append(one)
    return told


def withheld(told: Iterable[Told]) -> list[Target]:
    return [
        Target(one, margin, cell)
        for one in told
        for margin, cells in one.table.margins.items()
        for cell, number in cells.items()
        if number is None
    ]


def given_away(told: Sequence[Told], audience: str) -> list[Target]:
    """What an attacker of this audience learns more narrowly than its tables ask."""
    order = ("oeffentlich", "rat", "intern")
    seen = [one for one in told if order.index(one.asked.audience) <= order.index(audience)]
    return Attacker(seen).narrow(withheld(one for one in seen if one.asked.audience == audience))


def law_of_one_table(persons: list[Person], margins: list[Margin], asked: Asked) -> None:
    dimensions = [FEATURES[name] for name in "abc"]
    table = counted(persons, dimensions)
    told = released([(table, margins, asked)])
    assert given_away(told, asked.audience) == []
    for margin in margins_of("abc"):
        sums = Counter[Cell]()
        for person in persons:
            sums[tuple(person[name] for name in margin)] += 1
        for cell, count in sums.items():
            shown = told[0].table.margins.get(margin, {}).get(cell)
            if count < asked.threshold:
                assert shown is None
                low, high = Attacker(told).interval(table.subject, margin, cell)
                assert high - low > asked.interval - 1e-6
            elif shown is not None:
                assert abs(shown - count) <= asked.base / 2 + asked.noise
    for cells in told[0].table.margins.values():
        assert asked.zeros or 0 not in cells.values() or asked.base > 1 or asked.noise


@given(population(), reports(), rules())
@FAST
def test_no_small_cell_follows_from_a_table(persons: list[Person], margins: list[Margin], asked: Asked) -> None:
    """From one table nobody computes a withheld cell, or a small cell that was not published, more narrowly than asked;
    what is told is true but for noise and rounding.
    """
    law_of_one_table(persons, margins, asked)


@pytest.mark.long
@given(population(), reports(), rules())
@DEEP
def test_no_small_cell_follows_from_a_table_long(persons: list[Person], margins: list[Margin], asked: Asked) -> None:
    """The same, longer."""
    law_of_one_table(persons, margins, asked)


def law_of_many_tables(data: DataObject) -> None:
    persons = data.draw(population())
    internal, public = data.draw(rules("intern")), data.draw(rules("oeffentlich"))
    movers = data.draw(st.lists(population(most=1).map(lambda some: some[0]), max_size=4))
    gone = data.draw(st.sets(st.integers(0, len(persons) - 1), max_size=3))
    later = [person for number, person in enumerate(persons) if number not in gone] + movers
    kinds = st.tuples(
        st.sampled_from([("a", "b", "c"), ("a", "b"), ("c", "d"), ("b", "d")]),
        st.sampled_from([internal, public]),
        st.booleans(),
    )
    tables = []
    for names, asked, second in data.draw(st.lists(kinds, min_size=2, max_size=4)):
        day, people = (FEBRUARY, later) if second else (JANUARY, persons)
        tables.append((counted(people, [FEATURES[name] for name in names], day), data.draw(reports(names)), asked))
    told = released(tables)
    for audience in ("intern", "oeffentlich"):
        assert given_away(told, audience) == []


@given(st.data())
@FAST
def test_no_cell_follows_from_many_tables(data: DataObject) -> None:
    """Several reports of the same persons, for two audiences, in two months: what was told never gives a cell away."""
    law_of_many_tables(data)


@pytest.mark.long
@given(st.data())
@DEEP
def test_no_cell_follows_from_many_tables_long(data: DataObject) -> None:
    """The same, longer."""
    law_of_many_tables(data)


def law_of_flows(data: DataObject) -> None:
    asked, feature = Asked("oeffentlich", 4, 4, zeros=True), {"d": FEATURES["d"]}
    codes = [one.code for one in feature["d"].categories]
    stock = {code: data.draw(st.sampled_from([0, 1, 2, 3, 5, 9, 30])) for code in codes}
    tables = [flow("bestand", MONTHS[0], stock, "d")]
    for before, end in pairwise(MONTHS):
        came = {code: data.draw(st.sampled_from([0, 0, 1, 2, 3, 6, 9])) for code in codes}
        gone = {code: data.draw(st.integers(0, min(stock[code], 10))) for code in codes}
        stock = {code: stock[code] + came[code] - gone[code] for code in codes}
        month = Period(before.first + timedelta(days=1), end.last)
        tables += [flow("zugang", month, came, "d"), flow("abgang", month, gone, "d"), flow("bestand", end, stock, "d")]
    told = released((table, [(), ("d",)], asked) for table in data.draw(st.permutations(tables)))
    links = flows(told)
    attacker = next(one for filled in (True, False) if (one := Attacker(told, links, filled=filled)).possible())
    assert attacker.narrow(withheld(told)) == []


def flow(population: str, period: Period, counts: dict[str, int], name: str) -> Counted:
    cells = {(code,): count for code, count in counts.items() if count}
    return Counted(Subject(population, period), (FEATURES[name],), cells, sum(counts.values()))


@given(st.data())
@FAST
def test_no_cell_follows_from_stocks_and_flows(data: DataObject) -> None:
    """Stocks of three months and who came and went between them, released in any order: no cell is given away."""
    law_of_flows(data)


@pytest.mark.long
@given(st.data())
@DEEP
def test_no_cell_follows_from_stocks_and_flows_long(data: DataObject) -> None:
    """The same, longer."""
    law_of_flows(data)


@given(population(most=40), rules())
@FAST
def test_nobody_learns_by_trying_all_tables(persons: list[Person], asked: Asked) -> None:
    """Also who looks at whole numbers only, and who is alone in a cell and knows it, learns no more."""
    dimensions = [FEATURES[name] for name in "abc"]
    told = released([(counted(persons, dimensions), margins_of("abc"), asked)])
    attacker = Attacker(told)
    alone = [cell for cell, count in counted(persons, dimensions).counts.items() if count == 1]
    for knows in [None, *alone[:2]]:
        low, high = (one.copy() for one in attacker._bounds)
        extra = [] if knows is None else [("abc", knows)]
        for names, cell in extra:
            places = attacker._places(told[0].table.subject, tuple(names), cell)
            attacker._box[0][places] = attacker._box[1][places] = 1
        for one in withheld(told)[:6]:
            if knows is not None and set(zip(one.margin, one.cell, strict=True)) <= set(zip("abc", knows, strict=True)):
                continue
            costs = np.zeros(attacker._columns)
            costs[attacker._places(told[0].table.subject, one.margin, one.cell)] = 1
            ends = [
                least(sign * costs, attacker._matrix, (low, high), attacker._box, whole=np.ones(len(costs)))
                for sign in (1, -1)
            ]
            assert ends[0] is not None
            assert ends[1] is not None
            assert costs @ ends[1] - costs @ ends[0] > asked.interval - 1e-6
        for _, cell in extra:
            places = attacker._places(told[0].table.subject, ("a", "b", "c"), cell)
            attacker._box[0][places], attacker._box[1][places] = 0, 10_000


DEFINITIONS = load_definitions(shipped.schemas())


QUICK = {"auszug", "flueag", "volljaehrigkeit"}
"""Those that are looked at in seconds; the others in make long."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.long]) for name in sorted(DEFINITIONS)]
)
def test_shipped_definitions_give_nobody_away(name: str) -> None:
    """For a small population every shipped definition, for each of its audiences in turn, gives no cell away."""
    definition = DEFINITIONS[name]
    dimensions = definition.dimensions
    lots = np.random.default_rng(7)
    persons = [
        {d.name: d.categories[min(int(lots.exponential(1.2)), len(d.categories) - 1)].code for d in dimensions}
        for _ in range(40)
    ]
    tables = [
        (counted(persons, dimensions), rule.margins, Asked.read(audience.value, rule.told()))
        for audience in Audience
        if (rule := definition.rules.get(audience))
    ]
    told = released(tables)
    assert told
    for audience in Audience:
        assert given_away(told, audience.value) == []


def test_without_secondary_suppression_cells_are_given_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attacker finds what is not protected, and the last look refuses it."""
    monkeypatch.setattr(protecting, "_make_safe", lambda *_: None)
    persons = [{"a": f"a{n % 3}", "b": f"b{n % 2}"} for n in range(60)] + [{"a": "a0", "b": "b2"}]
    table = counted(persons, [FEATURES["a"], FEATURES["b"]])
    asked = Asked("oeffentlich", 3, 3, zeros=True)
    unsafe = Told("unsafe", asked, protect(table, margins_of("ab"), asked))
    assert given_away([unsafe], "oeffentlich")
    with pytest.raises(ReleaseRefused, match="would follow"):
        require_safe(unsafe, [])
