"""What was told outside the feed is covered from then on, and whatever happens at the same moment is not lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.agreements.agreement import OperationTerms
from gateway.agreements.operation import Operation
from gateway.errors import StoreError
from gateway.store import changes, feed_told, ingest, projecting, snapshot, tables
from gateway.store.batch import Removal
from gateway.store.feed import Change
from gateway.store.search import Criteria
from tests.unit.store.store_kit import AWAY, FIELDS, House, agreement, removal, upsert

FILE = "aktenzeichenAuslaenderakte"
HOME = "familienstand"
HINT = "verarbeitungEingeschraenkt"
SINGLE = frozenset({FILE, HOME})


def single(name: str = "wohnung", *fields: str) -> Any:
    return agreement(name, fields=(*FIELDS, *SINGLE, *fields), single_only=SINGLE)


def letters(*operations: Operation) -> Any:
    terms = {operation: OperationTerms() for operation in operations}
    return agreement("briefe", operations=terms, fields=(*FIELDS, *SINGLE, HINT), single_only=SINGLE)


@pytest.fixture
def asked(light_house: House) -> House:
    """Two applications know the person; the first has also asked singly, and got its file number."""
    house = light_house
    house.agreements = {"wohnung": single(), "other": single("other")}
    house.take(upsert("1", 1, person={FILE: "A 1"}))
    house.settle()
    house.settle("other")
    told = find(house)
    assert told[FILE] == "A 1"
    return house


def find(house: House, application: str = "wohnung") -> dict[str, Any]:
    (found,) = house.store.search(house.grant(Operation.PERSON_SUCHEN, application), Criteria("Musterb", "Ada"))
    person = house.store.find(house.grant(Operation.PERSON_ABRUFEN, application), found.kennung)
    assert person is not None
    return dict(person.tree)


def pending(house: House) -> dict[str, list[str]]:
    return {name: house.kinds(application=name) for name in house.agreements}


def row(house: House, column: sa.Column[Any]) -> Any:
    with house.database.read() as connection:
        query = sa.select(column).where(tables.projection.c.stream == "wohnung/1")
        return connection.execute(query).scalar_one()


def test_telling_makes_no_entry(asked: House) -> None:
    """A single query announces nothing to anybody, however often it is asked."""
    find(asked)
    assert pending(asked) == {"wohnung": [], "other": []}
    assert asked.take(upsert("1", 2, person={FILE: "A 1"})).entries == 0


@pytest.mark.parametrize(
    "then",
    [
        upsert("1", 2, person={FILE: "A 2"}),
        upsert("1", 2),
        upsert("1", 2, person={FILE: "A 1"}, eingeschraenkt=[FILE]),
    ],
    ids=["corrected", "gone", "restricted"],
)
def test_a_field_is_announced_to_exactly_who_was_told_it(asked: House, then: Any) -> None:
    """Corrected, gone or restricted: an entry without the value for who had it, none for who may ask and did not."""
    asked.take(then)
    assert pending(asked) == {"wohnung": ["geaendert"], "other": []}
    (entry,) = asked.changes().changes
    assert entry.person is not None
    assert FILE not in entry.person.tree
    assert find(asked).get(FILE) == ("A 2" if "A 2" in str(then.datensatz.person) else None)
    asked.settle()
    assert pending(asked) == {"wohnung": [], "other": []}


def test_a_field_that_had_no_value_is_not_announced(asked: House) -> None:
    """Who asked and got nothing has nothing to correct."""
    asked.take(upsert("1", 2, person={FILE: "A 1", HOME: "LD"}))
    assert pending(asked) == {"wohnung": [], "other": []}


def test_what_takes_itself_back_before_anybody_reads_is_no_news(asked: House) -> None:
    """Changed and changed back between two polls of the application: nothing to tell."""
    asked.take(upsert("1", 2, person={FILE: "A 2"}))
    asked.take(upsert("1", 3, person={FILE: "A 1"}))
    assert pending(asked) == {"wohnung": [], "other": []}


def test_it_is_announced_again_and_again(asked: House) -> None:
    """Each later change of what was told once is announced, also if nobody has asked singly since."""
    for number, value in enumerate(("A 2", "A 3", None, "A 4"), start=2):
        asked.take(upsert("1", number, person={FILE: value} if value else {}))
        assert pending(asked) == {"wohnung": ["geaendert"], "other": []}
        asked.settle()


@pytest.mark.parametrize("gone", [removal("1", 2), upsert("1", 2, person={"anschrift": AWAY})], ids=["gone", "away"])
def test_who_has_deleted_is_forgotten_to_have_been_told(asked: House, gone: Any) -> None:
    """After `entfallen` is acknowledged a new life of the person begins without what was told before."""
    asked.take(gone)
    assert pending(asked) == {"wohnung": ["entfallen"], "other": ["entfallen"]}
    kept = row(asked, tables.projection.c.told_fields)
    assert kept is None or not isinstance(gone, Removal), "not even a hash of what was told of the erased is kept"
    asked.settle()
    asked.take(upsert("1", 3, person={FILE: "A 1"}))
    asked.settle()
    asked.take(upsert("1", 4, person={FILE: "A 2"}))
    assert pending(asked)["wohnung"] == []


def test_a_change_while_it_is_being_told_is_announced(asked: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The poller has computed and not yet written, when the application is told the old value: it learns of the new."""
    asked.take(upsert("1", 2, person={FILE: "A 1", HOME: "LD"}))
    asked.agreements["late"] = single("late")
    asked.reproject()
    asked.settle("late")
    project = projecting.project

    def while_computing(*arguments: Any, **named: Any) -> Any:
        outcome = project(*arguments, **named)
        monkeypatch.setattr(ingest.projecting, "project", project)
        assert find(asked, "late")[FILE] == "A 1"
        return outcome

    monkeypatch.setattr(ingest.projecting, "project", while_computing)
    asked.take(upsert("1", 3, person={FILE: "A 2", HOME: "LD"}))
    assert pending(asked) == {"wohnung": ["geaendert"], "other": [], "late": ["geaendert"]}


def test_a_change_just_before_it_is_remembered_is_told(asked: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record changes between reading and remembering: the answer holds the new value, and nothing is pending."""
    remember, calls = changes.remember, []

    def after_a_change(*arguments: Any) -> bool:
        if arguments[-1] and not calls:
            calls.append(True)
            asked.take(upsert("1", 2, person={FILE: "A 2"}))
        return remember(*arguments)

    monkeypatch.setattr("gateway.store.finding.remember", after_a_change)
    assert find(asked, "other")[FILE] == "A 2"
    assert calls
    assert pending(asked)["other"] == []
    asked.take(upsert("1", 3, person={FILE: "A 3"}))
    assert pending(asked)["other"] == ["geaendert"]


def test_nothing_is_told_that_cannot_be_remembered(asked: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the store never gets to remember, the answer is an error, singly and in the stock."""
    monkeypatch.setattr("gateway.store.finding.remember", lambda *_: False)
    with pytest.raises(StoreError, match="faster"):
        find(asked, "other")
    asked.agreements["briefe"] = letters(Operation.BESTAND_ABRUFEN)
    asked.reproject()
    monkeypatch.setattr(snapshot, "remember", lambda *_: False)
    with pytest.raises(StoreError, match="faster"):
        asked.store.snapshot(asked.grant(Operation.BESTAND_ABRUFEN, "briefe"), None, 10, asked.now)


def test_since_when_an_application_must_learn_is_known(asked: House) -> None:
    """From the first change it does not know to its acknowledgement; a later change does not make it younger."""
    hours = [asked.now + timedelta(hours=hour) for hour in range(5)]

    def owed(change: Change | None = None) -> Any:
        del change
        return {one.application: one.oldest for one in asked.store.outstanding()}

    assert owed() == {}
    asked.now = hours[1]
    asked.take(upsert("1", 2, person={FILE: "A 2"}))
    page = asked.changes()
    asked.now = hours[2]
    asked.take(upsert("1", 3, person={FILE: "A 3"}))
    assert owed() == {"wohnung/1": hours[1]}
    asked.now = hours[3]
    asked.acknowledge(page)
    assert owed() == {"wohnung/1": hours[2]}, "what was superseded is settled, what came then is not"
    asked.settle()
    assert owed() == {}
    asked.now = hours[4]
    asked.take(upsert("2", 4))
    assert owed() == {}, "somebody new is no correction"
    asked.take(removal("1", 5))
    assert set(owed().values()) == {hours[4]}


@pytest.mark.parametrize("before", [{}, {3: b"12345678"}, {0: feed_told.GONE, 93: b"abcdefgh", 300: b"xxxxxxxx"}])
def test_what_was_told_is_packed_and_unpacked(before: feed_told.Told) -> None:
    """Nothing is lost in the row; nothing told is NULL."""
    packed = feed_told.packed(before)
    assert feed_told.unpacked(packed) == before
    assert (packed is None) == (not before)


Step = Callable[[House], object]


def ask_singly(house: House) -> None:
    find(house, "briefe")


def read_stock(house: House) -> None:
    house.store.snapshot(house.grant(Operation.BESTAND_ABRUFEN, "briefe"), None, 10, house.now)


@pytest.mark.parametrize("ask", [ask_singly, read_stock], ids=["singly", "stock"])
def test_an_application_without_a_feed_is_written_to(house: House, ask: Step) -> None:
    """What it was told and what has changed since becomes a notice with the fields, under its own identifier."""
    house.agreements = {"briefe": letters(Operation.PERSON_ABRUFEN, Operation.PERSON_SUCHEN, Operation.BESTAND_ABRUFEN)}
    house.take(upsert("1", 1), upsert("2", 1))
    house.take(upsert("1", 2, person={"familienname": "Musterb", "geschlecht": "m"}))
    assert house.store.notices() == [], "nobody was told anything"
    ask(house)
    house.take(upsert("1", 3, person={"geschlecht": "x", HOME: "LD"}))
    (notice,) = house.store.notices()
    assert (notice.application, notice.kind.value) == ("briefe", "berichtigung")
    assert notice.fields == 1 << feed_told.bit("geschlecht")
    assert notice.kennung is None
    opened = house.store.notice(notice.number)
    assert opened.kennung is not None
    assert opened.kennung not in repr(opened)
    house.take(upsert("1", 4, person={"geschlecht": "x"}, eingeschraenkt=["geburt.datum"]))
    house.take(removal("1", 5))
    kinds = [one.kind.value for one in house.store.notices()]
    assert kinds == ["loeschung"], "an erasure replaces what was open about the same person"
    (last,) = house.store.notices()
    assert house.store.notice(last.number).kennung == opened.kennung
    with house.database.read() as connection:
        assert connection.execute(sa.select(tables.projection.c.kennung_index)).scalars().all().__len__() == 1


def test_a_restriction_is_told_as_one(light_house: House) -> None:
    """DSGVO Art. 18: the restricted fields and the hint in one notice, what else changed in another."""
    house = light_house
    house.agreements = {"briefe": letters(Operation.PERSON_ABRUFEN, Operation.PERSON_SUCHEN)}
    house.take(upsert("1", 1, person={FILE: "A 1"}))
    ask_singly(house)
    house.take(upsert("1", 2, person={FILE: "A 1", "geschlecht": "m"}, eingeschraenkt=[FILE]))
    found = {one.kind.value: feed_told.paths(_places(one.fields)) for one in house.store.notices()}
    assert found == {"einschraenkung": {FILE, HINT}, "berichtigung": {"geschlecht"}}
    house.take(upsert("1", 3, person={FILE: "A 1", "geschlecht": "m"}))
    assert sorted(one.kind.value for one in house.store.notices()) == ["berichtigung", "berichtigung", "einschraenkung"]


def test_an_application_learns_how_a_restriction_of_the_whole_person_ends(light_house: House) -> None:
    """Withheld once, then told anew, or erased though nobody sees it: each is written once, and nothing in between."""
    house = light_house
    house.agreements = {"briefe": letters(Operation.PERSON_ABRUFEN, Operation.PERSON_SUCHEN)}
    house.take(upsert("1", 1), upsert("2", 1))
    ask_singly(house)
    for number, restricted in enumerate((["familienname"], ["familienname"], [], ["familienname"]), start=2):
        house.now += timedelta(minutes=1)
        house.take(upsert("1", number, **({"eingeschraenkt": restricted} if restricted else {})))
    kinds = ["einschraenkung", "berichtigung", "einschraenkung"]
    assert [one.kind.value for one in house.store.notices()] == kinds
    house.take(upsert("1", 9, person={"anschrift": AWAY}, eingeschraenkt=["familienname"]))
    assert [one.kind.value for one in house.store.notices()] == ["loeschung"]


def _places(fields: int) -> list[int]:
    return [place for place in range(fields.bit_length()) if fields >> place & 1]
