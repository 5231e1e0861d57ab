"""A projection stays what it is until the day that was named: on this rest the feed and what is written beforehand."""

from __future__ import annotations

import contextlib
import functools
import itertools
import operator
from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import shipped
from gateway.agreements import projection as rules
from gateway.agreements.agreement import Agreement, Condition
from gateway.errors import RecordRefused
from gateway.model import codelists
from gateway.model.days import first_day, last_day
from gateway.model.derived import derive
from gateway.model.person import Person
from gateway.model.structure import grantable, nodes
from gateway.model.trees import to_tree
from gateway.model.types import Tree
from gateway.simulator.population import Population
from gateway.simulator.record import read_shape, render
from gateway.sources.okvisa_record import map_record
from gateway.store.batch import Upsert
from gateway.store.packing import joined, packed
from gateway.wire.xml import parse
from tests.unit.store.store_kit import agreement, record

EVERY = tuple(node.path for node in grantable(Person))
DECIDING = {
    **{f"{name}.art": tuple(codelists.load(name).codes) for name in ("aufenthaltsstatus", "wohnsitzauflage")},
    "unterbringungsanspruch.art": ("P53", "FLUEAG", "KEINER", "ORDNUNG"),
    "niederlassungserlaubnisErteilt.erteilt": ("true",),
    "sperrvermerk": ("true",),
}
"""Fields that time changes, each with values that a scope may ask for."""
STATUSES, DUTIES = DECIDING["aufenthaltsstatus.art"], DECIDING["wohnsitzauflage.art"]
CONTESTED = (
    *("aufenthaltsstatus.art", "aufenthaltsstatus.beginn", "aufenthaltsstatus.ende"),
    *("wohnsitzauflage.art", "wohnsitzauflage.befristetBis", "fortzugsdatum", "impfung.datum"),
)
CONDITIONS = [
    *(Condition(name, one_of=frozenset(values)) for name, values in DECIDING.items()),
    Condition("anschrift.gemeindeschluessel", one_of=frozenset({"05315000"})),
    Condition("anschrift.gemeindeschluessel", none_of=frozenset({"05315000"})),
    Condition("fortzugsdatum", present=True),
    Condition("zuzugsdatum", earliest=date(2026, 1, 1)),
]
DAYS = st.dates(date(2025, 1, 1), date(2029, 12, 31)).map(date.isoformat)
DATES = st.tuples(DAYS, st.sampled_from((4, 7, 10))).map(lambda drawn: drawn[0][: drawn[1]])


def group(optional: dict[str, st.SearchStrategy[str]], **required: st.SearchStrategy[str]) -> st.SearchStrategy[Tree]:
    """A group of a record."""
    return st.fixed_dictionaries(required, optional=optional)  # type: ignore[arg-type]  # texts are Values


@st.composite
def people(draw: st.DrawFn) -> Tree:
    """Records full of bounds, some of them contested."""
    status = group({"beginn": DATES, "ende": DATES}, art=st.sampled_from(STATUSES))
    person = {
        "aufenthaltsstatus": draw(st.lists(status, min_size=1, max_size=2)),
        "wohnsitzauflage": draw(st.lists(group({"befristetBis": DAYS}, art=st.sampled_from(DUTIES)), max_size=2)),
        "impfung": draw(
            st.just([]) | st.lists(group({"datum": DAYS}, art=st.sampled_from(tuple(codelists.load("impfung").codes))))
        ),
        "geburt": {"datum": draw(st.sampled_from(("1990-05-17", "2020-08-01")))},
        "fortzugsdatum": draw(st.none() | DAYS),
    }
    control = {
        "eingeschraenkt": draw(st.just([]) | st.lists(st.sampled_from(CONTESTED), min_size=1, max_size=3, unique=True)),
        "auskunftssperre": draw(st.just([]) | st.lists(group({"bis": DAYS}, art=st.sampled_from("1356")), max_size=1)),
    }
    return to_tree(record("1", 1, person=person, **control))


def whole_people() -> st.SearchStrategy[Tree]:
    """Records with an address, a guardian and whatever else the model has, as the simulated source tells them."""
    return st.sampled_from(_simulated())


@functools.cache
def _simulated() -> list[Tree]:
    shape = read_shape(shipped.schemas() / "okvisa" / "okvisa-1.xsd")
    found = []
    for satz in Population(seed=3, persons=150, canaries=False).records():
        with contextlib.suppress(RecordRefused):
            change = map_record(parse(render(satz, shape).encode()).root)
            found += [change.tree] if isinstance(change, Upsert) else []
    return found


@st.composite
def scopes(draw: st.DrawFn) -> tuple[Condition, ...]:
    """One condition on what time changes."""
    field = draw(st.sampled_from(("aufenthaltsstatus.art", "wohnsitzauflage.art")) | st.sampled_from(sorted(DECIDING)))
    values = draw(st.frozensets(st.sampled_from(DECIDING[field]), min_size=1))
    tests = ({"present": True}, {"one_of": values}, {"none_of": values})
    return (Condition(field, **draw(st.sampled_from(tests))),)  # type: ignore[arg-type]  # one of three


@settings(deadline=None, max_examples=300, derandomize=True)
@given(people(), scopes(), DAYS.map(date.fromisoformat), st.integers(0, 2000))
def test_nothing_that_is_told_changes_before_its_day(
    tree: Tree, scope: tuple[Condition, ...], day: date, on: int
) -> None:
    """Who is seen, and as what, is the same on every day before the next one named, whatever of it is contested."""
    whole = agreement(fields=EVERY, scope=scope, valid_from=date(2000, 1, 1), valid_to=date(2090, 1, 1))
    end = rules.next_day(whole, derive(tree, stichtag=day), stichtag=day)
    assert end is not None
    near = {bound + timedelta(days=more) for bound in bounds(tree["person"]) for more in (0, 1)}
    for other in {end - timedelta(days=1), min(end - timedelta(days=1), day + timedelta(days=on)), *near}:
        if day < other < end:
            assert shown(whole, tree, other) == shown(whole, tree, day)


FIELDS = st.frozensets(st.sampled_from([one for one in EVERY if one not in ("personenkennung", "stand")]), min_size=1)
LINKS = st.builds(
    rules.Links,
    familienverbandskennung=st.none() | st.uuids(version=4).map(str),
    address_masked=st.booleans(),
    nameless=st.booleans(),
)
ORDER = [node.name for node in nodes(Person)]


@settings(deadline=None, max_examples=200, derandomize=True)
@given(whole_people(), st.lists(st.tuples(FIELDS | st.just(frozenset(EVERY)), LINKS), min_size=2, max_size=5))
def test_what_agreements_share_is_what_each_would_get_alone(
    tree: Tree, asked: list[tuple[frozenset[str], rules.Links]]
) -> None:
    """Whoever was told of the person before, with whichever fields and neighbours; also what was made of the parts.

    On no other day and of no other record is it told what was made of the first.
    """
    whole, known = agreement(fields=EVERY), rules.Known()
    days = (date(2026, 11, 23), date(2036, 11, 23))
    other: Tree = {**tree, "person": {**tree["person"], "familienname": "Anders"}}
    derived = [derive(tree, stichtag=day) for day in days]
    for (fields, links), ableitung, said in itertools.product(asked * 2, derived, (tree, other)):
        alone = rules.project(whole, fields, said, ableitung, links)
        parts = rules.parts(whole, fields, said, ableitung, links, known)
        assert [(part.name, part.value) for part in parts] == list(alone.items())
        assert [part.name for part in parts] == sorted(alone, key=ORDER.index)
        assert joined(parts) == packed(alone)
        assert functools.reduce(operator.or_, (part.made(rules.bits) for part in parts), 0) == rules.field_bits(alone)


def test_what_was_taken_for_one_is_never_told_to_another() -> None:
    """Also if whatever selected it is made anew each time: what comes after it may not pass for it."""
    whole, known, tree = agreement(fields=EVERY), rules.Known(), _simulated()[0]
    ableitung, links = derive(tree, stichtag=date(2026, 11, 23)), rules.Links()
    for field in EVERY:
        alone = rules.project(whole, frozenset({field}), tree, ableitung, links)
        for selections in (rules._selections, rules._steps, rules._some):
            selections.cache_clear()
        parts = rules.parts(whole, frozenset({field}), tree, ableitung, links, known)
        assert {part.name: part.value for part in parts} == alone


SCOPES = st.lists(st.lists(st.sampled_from(CONDITIONS), max_size=3).map(tuple), min_size=2, max_size=5)


@settings(deadline=None, max_examples=200, derandomize=True)
@given(whole_people(), SCOPES)
def test_whoever_was_asked_about_before_each_sees_whom_it_would_see_alone(
    tree: Tree, scopes: list[tuple[Condition, ...]]
) -> None:
    """What was found out of a person for one agreement holds for another one, of this record and on this day only."""
    known, days = rules.Known(), (date(2026, 11, 23), date(2036, 11, 23))
    other: Tree = {**tree, "person": {**tree["person"], "anschrift": {"gemeindeschluessel": "05111000"}}}
    restricted: Tree = {**tree, "steuerung": {**tree["steuerung"], "eingeschraenkt": ["anschrift", "fortzugsdatum"]}}
    derived = {day: derive(tree, stichtag=day) for day in days}
    # From one to the next only one of the three is another.
    turns = [(tree, 0, 0), (other, 0, 0), (restricted, 0, 0), (tree, 0, 0), (tree, 0, 1), (tree, 1, 1), (tree, 1, 0)]
    for (said, of, on), scope in itertools.product([*turns, (other, 1, 0), (tree, 1, 0), (tree, 0, 0)], scopes * 2):
        by, day = days[of], days[on]
        asking = replace(agreement(fields=EVERY), scope=scope, valid_to=date(2099, 1, 1))
        alone = rules.visible(asking, said, derived[by], stichtag=day)
        assert rules.visible(asking, said, derived[by], stichtag=day, known=known) is alone


def shown(whole: Agreement, tree: Tree, day: date) -> Tree | None:
    """What the application would be told on that day; None if it does not see the person."""
    ableitung = derive(tree, stichtag=day)
    seen = rules.visible(whole, tree, ableitung, stichtag=day)
    return rules.project(whole, frozenset(EVERY), tree, ableitung, rules.Links()) if seen else None


def bounds(value: object) -> set[date]:
    """The first and the last day of every date in a person."""
    if isinstance(value, dict):
        return {day for item in value.values() for day in bounds(item)}
    if isinstance(value, list):
        return {day for item in value for day in bounds(item)}
    ends = (first_day(value), last_day(value)) if isinstance(value, str) and value[:2] == "20" else ()
    return {day for day in ends if day is not None}
