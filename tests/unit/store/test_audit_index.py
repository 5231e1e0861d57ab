"""The index of the audit trail: what it finds is what reading every entry finds, whatever state it is in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.store import audit_index, audit_tables
from gateway.store.audit import AuditTrail, Disclosure, Entry, Kind, Receipt
from gateway.store.audit_index import IndexedEntry, catch_up, disclosures, prune, rebuild
from gateway.store.database import Database
from gateway.store.vault import Vault
from tests.unit.store.audit_kit import Chance, Clock
from tests.unit.store.store_kit import ring

PERSONS = [f"{number}e2c7a1e-9f4b-4c1d-8a54-3f1c2b7d9e60" for number in range(4)]
TABLES = (audit_tables.index, audit_tables.undelivered, audit_tables.index_mark)


class House:
    """An audit trail on a fresh database of each kind, and what can be done with it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = Clock()
        vault = Vault(ring(), Chance())
        self.trail = AuditTrail.open(database, vault, self.clock, Chance())
        self.receipts: list[Receipt] = []

    def write(self, *told: dict[int, int]) -> list[Receipt]:
        """A batch with one entry for each of `told`: person -> bits."""
        self.clock.forward(seconds=1)
        made = list(self.trail.record_all([an_entry(persons) for persons in told]))
        self.receipts += made
        return made

    def ask(self, *persons: int) -> tuple[IndexedEntry, ...]:
        with self.database.read() as connection:
            return disclosures(connection, [PERSONS[number] for number in persons])

    def numbers(self, *persons: int) -> list[str]:
        return [entry.number for entry in self.ask(*persons)]

    def rows(self) -> list[set[tuple[object, ...]]]:
        with self.database.read() as connection:
            return [{tuple(row) for row in connection.execute(sa.select(table))} for table in TABLES]

    def change(self, statement: sa.Executable) -> None:
        with self.database.write() as connection:
            connection.execute(statement)

    def drop_content(self, receipt: Receipt) -> None:
        """What retention does to old entries."""
        found = sa.update(audit_tables.entry).where(audit_tables.entry.c.number == receipt.number)
        self.change(found.values(content=b""))

    def forget(self) -> None:
        """As if nothing had ever been written."""
        self.forget_trail()
        for table in TABLES:
            self.change(sa.delete(table))

    def forget_trail(self) -> None:
        for table in (audit_tables.entry, audit_tables.batch, audit_tables.head):
            self.change(sa.delete(table))
        # A process that has seen an entry refuses to go on without it; this one is to take it as a new trail.
        self.trail.begin_anew()


@pytest.fixture
def house(database: Database) -> Iterator[House]:
    """An empty trail on a fresh database of each kind."""
    made = House(database)
    yield made
    made.trail.close()


def an_entry(persons: dict[int, int], kind: Kind = Kind.OFFENLEGUNG) -> Entry:
    named = tuple(Disclosure(PERSONS[number], fields) for number, fields in persons.items())
    return Entry(
        kind=kind,
        operation="personAbrufen",
        outcome="ok",
        application="wohnung2000",
        purpose="U1",
        legal_basis="DSV-2019-056",
        fassung=3,
        major=1,
        persons=named,
    )


def by_reading_everything(database: Database, ids: Sequence[str]) -> list[tuple[str, int, bool]]:
    """Number, bits and delivery of every entry that names one of `ids`, by brute force."""
    e = audit_tables.entry
    with database.read() as connection:
        contents = connection.execute(sa.select(e.c.content).order_by(e.c.batch, e.c.position)).scalars().all()
    trees = [json.loads(content) for content in contents if content]
    lost = {tree["bezug"] for tree in trees if tree["art"] == "nicht ausgeliefert"}
    found = []
    for tree in trees:
        bits = [int(one["felder"], 16) for one in tree.get("personen", ()) if one["person"] in ids]
        if bits:
            together = 0
            for one in bits:
                together |= one
            found.append((tree["protokollnummer"], together, tree["protokollnummer"] not in lost))
    return found


def test_an_entry_is_found_as_it_was_written(house: House) -> None:
    """Everything the trail says of one disclosure comes back, its time to the millisecond."""
    (receipt,) = house.write({0: 0b101, 1: 0b010})
    assert catch_up(house.database) == 1
    assert house.ask(0) == (
        IndexedEntry(
            number=receipt.number,
            time=receipt.time,
            kind=Kind.OFFENLEGUNG,
            operation="personAbrufen",
            application="wohnung2000",
            purpose="U1",
            legal_basis="DSV-2019-056",
            fassung=3,
            major=1,
            fields=0b101,
            outcome="ok",
            delivered=True,
        ),
    )
    assert house.ask(0, 1)[0].fields == 0b111
    assert house.ask(2) == house.ask() == ()


def test_what_did_not_leave_is_marked(house: House) -> None:
    """An entry that a later one calls undelivered is marked, whichever of the two is indexed."""
    first, second = house.write({0: 1}, {0: 2})
    catch_up(house.database)
    house.trail.undelivered(first)
    for _ in range(2):
        assert [(one.number, one.delivered) for one in house.ask(0)] == [(first.number, False), (second.number, True)]
        assert catch_up(house.database) in (0, 1)


ACTS = st.one_of(
    st.lists(st.dictionaries(st.integers(0, 3), st.integers(0, 2**130), max_size=4), min_size=1, max_size=3),
    st.integers(0, 9),
    st.sampled_from(["catch up", "rebuild", "prune", "clear"]),
)


@settings(
    derandomize=True,
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(ACTS, max_size=12))
def test_the_index_finds_what_reading_everything_finds(house: House, acts: list[object]) -> None:
    """Batches, losses, dropped contents, catching up, rebuilding, in any order: the answer is the brute force one."""
    house.forget()
    receipts: list[Receipt] = []
    for act in acts:
        if isinstance(act, list):
            receipts += house.write(*act)
        elif isinstance(act, int) and receipts:
            chosen = receipts[act % len(receipts)]
            house.trail.undelivered(chosen) if act % 2 else house.drop_content(chosen)
        elif act in DONE:
            DONE[act](house.database)  # type: ignore[index] # a text of ACTS
        for ids in ((0,), (1, 2), (0, 1, 2, 3)):
            found = [(one.number, one.fields, one.delivered) for one in house.ask(*ids)]
            assert found == by_reading_everything(house.database, [PERSONS[number] for number in ids])


DONE: dict[object, Callable[[Database], object]] = {
    "catch up": catch_up,
    "rebuild": rebuild,
    "prune": prune,
    "clear": audit_index._begin_anew,
}


def test_interrupted_anywhere_it_goes_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step is small and stands by itself: broken off after any of them, the next call does only the rest."""
    monkeypatch.setattr(audit_index, "_MOST_ENTRIES", 2)
    house.write(*({0: number, 1: 1} for number in range(1, 8)))
    steps = [audit_index._step(house.database) for _ in range(2)]
    assert steps == [2, 2]
    assert len(house.ask(0)) == 7
    assert catch_up(house.database) == 3
    assert catch_up(house.database) == 0
    assert len(house.rows()[0]) == 14


def test_a_step_ends_with_its_rows_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step writes hardly more pointers than its bound, however many persons an entry names."""
    monkeypatch.setattr(audit_index, "_MOST_POINTERS", 3)
    house.write({0: 1, 1: 1}, {2: 1, 3: 1}, {0: 1})
    assert [audit_index._step(house.database) for _ in range(3)] == [2, 1, None]


def test_several_at_once_make_one_index(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many catch up and rebuild at the same time, every entry is counted once by those who only catch up."""
    monkeypatch.setattr(audit_index, "_MOST_ENTRIES", 3)
    for number in range(20):
        house.write({number % 4: number, (number + 1) % 4: 1}, {})
    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(lambda _: catch_up(house.database), range(6))) == 40
        alone = house.rows()
        list(pool.map(lambda act: act(house.database), [rebuild, catch_up, prune, rebuild, catch_up, catch_up]))
    assert house.rows() == alone
    assert len(alone[0]) == 40


def test_a_trail_that_grew_anew_is_indexed_anew(house: House) -> None:
    """If what was indexed is no longer what stands there, catching up begins from the start."""
    house.write({0: 1}, {1: 1})
    house.write({0: 1})
    catch_up(house.database)
    house.forget_trail()
    house.clock.forward(seconds=9)
    kept = [one.number for one in house.write({1: 1}) + house.write({0: 2}, {0: 4})]
    assert catch_up(house.database) == 3
    assert house.numbers(0) == kept[1:]
    assert house.numbers(1) == kept[:1]


def test_the_index_claims_nothing(house: House) -> None:
    """A pointer to an entry that names somebody else, or to none, adds nothing; rebuilding takes it out."""
    house.write({0: 1}, {1: 1})
    catch_up(house.database)
    before = house.rows()
    wrong = [(PERSONS[2], 1, 0), (PERSONS[0], 0, 7)]
    for person, batch, position in wrong:
        house.change(sa.insert(audit_tables.index).values(person=person, batch=batch, position=position))
    assert house.ask(2) == ()
    assert len(house.ask(0)) == 1
    assert rebuild(house.database) == 2
    assert house.rows() == before


def test_nothing_points_to_what_was_dropped(house: House) -> None:
    """After pruning neither persons nor undelivered numbers of dropped contents are left, all others are."""
    dropped, kept = house.write({0: 1, 1: 1}, {0: 2})
    house.trail.undelivered(dropped)
    catch_up(house.database)
    house.drop_content(dropped)
    assert house.numbers(0, 1) == [kept.number]
    assert prune(house.database) == 3
    pointers, lost, _ = house.rows()
    assert (pointers, lost) == ({(PERSONS[0], 1, 1)}, set())
    assert prune(house.database) == 0


CONTENTS = (
    *(b"", b"{", b"[]", b"\xff", b'{"personen": 5}', b'{"personen": [5, {}, {"person": 5, "felder": "1"}]}'),
    *(b'{"personen": [{"person": "\\u0000", "felder": "1"}]}', b'{"art": "nicht ausgeliefert", "bezug": ["x"]}'),
    f'{{"personen": [{{"person": "{PERSONS[0]}", "felder": "-1"}}]}}'.encode(),
    f'{{"art": "?", "zeitpunkt": 5, "personen": [{{"person": "{PERSONS[0]}", "felder": "1"}}]}}'.encode(),
)


@pytest.mark.parametrize("content", CONTENTS)
def test_a_tampered_content_is_as_if_dropped(house: House, content: bytes) -> None:
    """What the trail cannot have written stops neither indexing nor asking; the other entries are found."""
    first, second = house.write({0: 1}, {0: 1})
    house.change(
        sa.update(audit_tables.entry).where(audit_tables.entry.c.number == first.number).values(content=content)
    )
    assert house.numbers(0) == [second.number]
    assert catch_up(house.database) == 2
    assert house.numbers(0) == [second.number]


def test_a_person_is_asked_for_among_many(house: House) -> None:
    """Far more ids than a statement takes are asked for together."""
    (receipt,) = house.write({3: 1})
    catch_up(house.database)
    many = [f"{number:036d}" for number in range(1_200)]
    with house.database.read() as connection:
        assert [one.number for one in disclosures(connection, [*many, PERSONS[3]])] == [receipt.number]


def test_nothing_on_the_way_of_an_answer_knows_the_index() -> None:
    """No answer waits for the index: neither trail nor exchange, operations or reading of persons imports it."""
    gateway = Path(audit_index.__file__).parents[1]
    hot = [*(gateway / "exchange").glob("*.py"), *(gateway / "operations").glob("*.py"), gateway / "store" / "audit.py"]
    hot += [
        gateway / "store" / f"{name}.py" for name in ("audit_chain", "audit_writer", "reading", "finding", "ingest")
    ]
    assert [path.name for path in hot if "audit_index" in path.read_text("utf-8")] == []
