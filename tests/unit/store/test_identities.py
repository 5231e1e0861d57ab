"""Who is who over time: what each application is told when records end, return, merge, part, or are aliases.

The table of these histories is docs/identities.md.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
import sqlalchemy as sa

from gateway.agreements.agreement import Condition
from gateway.agreements.operation import Operation
from gateway.store import tables
from gateway.store.database import Database
from gateway.store.ingest import CIRCULAR
from gateway.store.search import Criteria
from tests.unit.store.store_kit import AWAY, BLOCK, House, address, agreement, merge, removal, upsert

Told = dict[str, tuple[str, str | None]]


def told(house: House, application: str = "wohnung") -> Told:
    """What is pending: identifier -> kind and, of a merge, into whom."""
    return {one.kennung: (one.kind.value, one.merged_into) for one in house.changes(application=application).changes}


def known(house: House, application: str = "wohnung") -> dict[str, str]:
    """Family name -> identifier of everyone seen; afterwards nothing is pending."""
    house.settle(application)
    return house.kennungen(application)


def find(house: House, kennung: str) -> bool:
    """Whether the application gets a person under this identifier."""
    return house.store.find(house.grant(Operation.PERSON_ABRUFEN), kennung) is not None


@pytest.fixture
def two(house: House) -> House:
    """1 (Musterb) and 2 (Musterc) are known to the application."""
    house.take(upsert("1", 1), upsert("2", 2))
    return house


# Ends and returns.


def test_removed_and_back_between_two_polls_is_a_change(two: House) -> None:
    """The source gives out only the last state of a person: who was gone meanwhile never was, for us and for all."""
    before = known(two)
    two.take(upsert("1", 9, person={"familienname": "Neu"}))
    assert told(two) == {before["Musterb"]: ("geaendert", None)}
    assert known(two) == {"Neu": before["Musterb"], "Musterc": before["Musterc"]}


def test_removed_and_back_in_one_page_keeps_the_identifier(two: House) -> None:
    """Tombstone and return before anything was told: the application keeps its identifier, and hears of a change."""
    before = known(two)
    two.take(removal("1", 3), upsert("1", 4))
    assert set(told(two)) <= {before["Musterb"]}
    assert all(kind == "geaendert" for kind, _ in told(two).values())
    assert known(two) == before


def test_who_returns_under_another_number_is_another(two: House) -> None:
    """A second record of the same human being, after a tombstone of the first, is a new person and identifier."""
    before = known(two)
    two.take(removal("1", 3), upsert("7", 4, person={"familienname": "Musterb"}))
    found = told(two)
    assert found.pop(before["Musterb"]) == ("entfallen", None)
    assert [kind for kind, _ in found.values()] == ["neu"]
    assert before["Musterb"] not in known(two).values()


# The number in the AZR.


def test_a_changed_azr_number_is_a_change_and_the_old_one_finds_nobody(house: House) -> None:
    """Who is known under a number keeps the identifier when it changes; a late message with the old one is ignored."""
    house.take(upsert("1", 1, person={"azrNummer": "991300000001"}))
    kennung = known(house)["Musterb"]
    house.take(upsert("1", 5, person={"azrNummer": "991300000002"}))
    assert told(house) == {kennung: ("geaendert", None)}
    assert house.take(upsert("1", 4, person={"azrNummer": "991300000001"})).stale == 1
    (change,) = house.changes().changes
    assert change.person is not None
    assert change.person.tree["azrNummer"] == "991300000002"
    grant = house.grant(Operation.PERSON_SUCHEN)
    for number, hits in (("991300000001", 0), ("991300000002", 1)):
        assert len(house.store.search(grant, Criteria("Musterb", "Ada", azr_nummer=number))) == hits


# Merges.


def test_a_redirect_is_no_second_door(two: House) -> None:
    """Who knew only A gets B's identifier once; under A's nobody is found any more, under B's B."""
    before = known(two)
    two.take(merge("1", "2", 3))
    assert told(two) == {before["Musterb"]: ("zusammengefuehrt", before["Musterc"])}
    assert not find(two, before["Musterb"])
    assert find(two, before["Musterc"])
    assert known(two) == {"Musterc": before["Musterc"]}


def test_each_application_is_told_what_it_may_see(database: Database, folder: object) -> None:
    """Of a merge A -> B: B's identifier to who sees both, an end to who sees only A, nothing to who sees only B."""
    street = {
        "both": agreement("both"),
        "first": agreement("first", scope=(Condition("anschrift.strasse", one_of=frozenset({"Astraße"})),)),
        "second": agreement("second", scope=(Condition("anschrift.strasse", one_of=frozenset({"Bstraße"})),)),
    }
    house = House(database, folder, street)  # type: ignore[arg-type]  # a Path, as the fixture gives it
    people = {"1": "Astraße", "2": "Bstraße"}
    house.take(*(upsert(one, int(one), person={"anschrift": address(name)}) for one, name in people.items()))
    seen = {name: known(house, name) for name in street}
    house.take(merge("1", "2", 3))
    both, first = seen["both"], seen["first"]
    assert told(house, "both") == {both["Musterb"]: ("zusammengefuehrt", both["Musterc"])}
    assert told(house, "first") == {first["Musterb"]: ("entfallen", None)}
    assert told(house, "second") == {}


def test_merged_into_somebody_who_comes_later(house: House) -> None:
    """While the one merged into is unknown it is an end; if that one comes before it was read, it is a merge."""
    house.take(upsert("1", 1))
    kennung = known(house)["Musterb"]
    house.take(merge("1", "2", 3))
    assert told(house) == {kennung: ("entfallen", None)}
    house.take(upsert("2", 4))
    found = told(house)
    (into,) = found.keys() - {kennung}
    assert found == {kennung: ("zusammengefuehrt", into), into: ("neu", None)}


@pytest.mark.parametrize("together", [True, False])
def test_a_circle_of_merges_loses_nobody(house: House, together: bool) -> None:
    """A -> B -> C -> A is nonsense: the merge that closes it is refused and waits, C stays, A and B go on under C."""
    house.take(upsert("1", 1), upsert("2", 2), upsert("3", 3))
    before = known(house)
    page = [merge("1", "2", 4), merge("2", "3", 5), merge("3", "1", 6)]
    for changes in [page] if together else [[one] for one in page]:
        house.take(*changes)
    into = ("zusammengefuehrt", before["Musterd"])
    assert told(house) == {before["Musterb"]: into, before["Musterc"]: into}
    assert known(house) == {"Musterd": before["Musterd"]}
    (waiting,) = house.store.quarantine_entries()
    assert (waiting.code, waiting.change_number) == (CIRCULAR, 6)
    assert house.take(merge("3", "1", 6)).quarantined == 0, "read again it waits once"
    house.take(upsert("1", 7))
    house.take(merge("3", "1", 8))
    assert house.store.quarantine_entries() == []
    assert set(known(house)) == {"Musterb"}


def test_a_circle_through_somebody_unknown_loses_nobody(house: House) -> None:
    """A -> X -> A with an X that never came: A is told as ended, X is refused, and A comes back when X is parted."""
    house.take(upsert("1", 1))
    known(house)
    house.take(merge("1", "77", 3), merge("77", "1", 4))
    assert [kind for kind, _ in told(house).values()] == ["entfallen"]
    house.take(upsert("1", 5))
    assert set(known(house)) == {"Musterb"}


@pytest.mark.parametrize("read", [True, False])
def test_parted_again_is_the_same_person(two: House, read: bool) -> None:
    """Z and then N: the record is a person of its own again, with the identifier it had if nobody took in the end."""
    before = known(two)
    two.now += timedelta(days=2)  # nobody can still page through the stock that was read for `before`
    two.take(merge("1", "2", 3))
    if read:
        known(two)
    two.take(upsert("1", 4))
    kinds = [kind for kind, _ in told(two).values()]
    assert kinds == (["neu"] if read else [])
    after = known(two)
    assert after.keys() == before.keys()
    assert after["Musterb"] == before["Musterb"], "the record still has its key: it is the same one for everybody"


def test_parted_from_somebody_who_is_gone(two: House) -> None:
    """A merged into B goes with B; stated again it is collected anew, under a new identifier."""
    before = known(two)
    two.take(merge("1", "2", 3))
    known(two)
    two.take(removal("2", 4))
    assert told(two) == {before["Musterc"]: ("entfallen", None)}
    known(two)
    two.take(upsert("1", 5))
    assert known(two)["Musterb"] != before["Musterb"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_two_merges_and_a_block_in_one_page(light_house: House, order: tuple[int, ...]) -> None:
    """A -> B, C -> B, and B blocked, in any order: three ends, and nothing tells who went where, or why."""
    house = light_house
    house.take(upsert("1", 1), upsert("2", 2), upsert("3", 3))
    before = known(house)
    page = (("1", None), ("3", None), ("2", BLOCK))
    changes = [
        merge(number, "2", 4 + place) if block is None else upsert(number, 4 + place, auskunftssperre=block)
        for place, (number, block) in enumerate(page[index] for index in order)
    ]
    house.take(*changes)
    assert told(house) == dict.fromkeys(before.values(), ("entfallen", None))
    assert known(house) == {}


# Alias records.


def test_an_alias_that_becomes_a_person_and_back(house: House) -> None:
    """Told as `neu` when it is a person, `entfallen` when it is an alias again, and never found in between."""
    house.take(upsert("1", 1, hauptdatensatz="9"))
    assert told(house) == {}
    house.take(upsert("1", 2))
    assert [kind for kind, _ in told(house).values()] == ["neu"]
    kennung = known(house)["Musterb"]
    house.take(upsert("1", 3, hauptdatensatz="9"))
    assert told(house) == {kennung: ("entfallen", None)}
    assert house.store.search(house.grant(Operation.PERSON_SUCHEN), Criteria("Musterb", "Ada")) == ()
    house.settle()
    house.take(upsert("1", 4))
    assert set(known(house)) == {"Musterb"}


@pytest.mark.parametrize("fate", ["merged", "removed", "blocked", "away"])
def test_an_alias_is_nobody_whatever_becomes_of_its_person(house: House, fate: str) -> None:
    """Whether the person is merged, removed, blocked or leaves: the alias record is never told, found or linked."""
    house.take(upsert("1", 1), upsert("2", 2), upsert("5", 3, hauptdatensatz="1"))
    before = known(house)
    change = {
        "merged": merge("1", "2", 4),
        "removed": removal("1", 4),
        "blocked": upsert("1", 4, auskunftssperre=BLOCK),
        "away": upsert("1", 4, person={"anschrift": AWAY}),
    }[fate]
    house.take(change)
    assert told(house).keys() == {before["Musterb"]}
    house.take(upsert("5", 5, hauptdatensatz="1", person={"familienname": "Anders"}))
    assert known(house) == {"Musterc": before["Musterc"]}
    assert house.store.search(house.grant(Operation.PERSON_SUCHEN), Criteria("Anders", "Ada")) == ()
    with house.database.read() as connection:
        rows = connection.execute(sa.select(tables.projection.c.stream)).all()
    assert len(rows) <= 2, "an alias record has no row under any application"


def test_a_relative_named_by_an_alias_record_is_no_person(house: House) -> None:
    """Somebody whose record names an alias record as relative is told the name, and no identifier."""
    kin = [{"art": "elternteil", "personennummer": "5", "familienname": "Anders", "vornamen": "Eva"}]
    house.take(upsert("1", 1, familie=kin), upsert("5", 2, hauptdatensatz="9"))
    (change,) = house.changes().changes
    assert change.person is not None
    assert "personenkennung" not in str(change.person.tree["familienbeziehung"])
    assert "Anders" in str(change.person.tree["familienbeziehung"])


def test_a_merge_into_an_alias_record_is_an_end(two: House) -> None:
    """A record merged into one that is an alias, or becomes one, leads to no person: an end, not a merge."""
    before = known(two)
    two.take(merge("1", "2", 3), upsert("2", 4, hauptdatensatz="9"))
    assert told(two) == dict.fromkeys(before.values(), ("entfallen", None))


def test_an_alias_of_the_erased_is_not_taken_in(two: House) -> None:
    """Art. 17: whoever is erased comes back under no alias record either, before or after."""
    two.take(upsert("5", 3, hauptdatensatz="1"))
    with two.store.poll_lock() as tenure:
        two.store.erase(tenure, "okvisa", "1", two.agreements, now=two.now, stichtag=two.today)
    counts = two.take(upsert("5", 4, hauptdatensatz="1"), upsert("6", 5, hauptdatensatz="1"))
    assert (counts.stored, counts.erased) == (0, 2)


# Time.


def test_after_the_redirect_is_deleted_nothing_is_told(two: House) -> None:
    """24 months after a merge the redirect goes silently; the person it led to is as before."""
    before = known(two)
    two.take(merge("1", "2", 3))
    known(two)
    from tests.unit.store.retention_kit import run  # the runs of the deletion rules have a kit of their own

    run(two)
    two.now += timedelta(days=740)
    two.today += timedelta(days=740)
    assert run(two)["person-zusammengefuehrt"] == 1
    assert told(two) == {}
    assert known(two) == {"Musterc": before["Musterc"]}
    with two.database.read() as connection:
        states = connection.execute(sa.select(tables.person.c.state)).scalars().all()
    assert sorted(states) == ["active", "removed"]
