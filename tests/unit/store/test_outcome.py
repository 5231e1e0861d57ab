"""Connections that break and transactions that are taken back: nothing is lost, nothing happens twice (PostgreSQL)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.errors import AuditError, OutcomeUnknown, StoreError, TransactionAborted
from gateway.store import audit_tables, postgresql
from gateway.store.audit_verify import verify
from gateway.store.database import Database
from gateway.store.keyed import KeyedDatabase, under_keys
from gateway.store.tables import epoch, person_version, position
from tests.cutting import Wire, wire
from tests.unit.store.audit_kit import an_entry
from tests.unit.store.store_kit import House, upsert

ROW = {"source": "okvisa", "change_number": 1, "page_token": None, "full_load": False}


@pytest.fixture
def line(postgresql: sa.URL, postgresql_url: str, folder: Path) -> Iterator[Wire]:
    """A wire to a fresh database."""
    assert postgresql_url
    with wire(postgresql, folder) as made:
        yield made


@pytest.fixture
def far(line: Wire, folder: Path) -> Iterator[House]:
    """A store at the other end of the wire that has told of two persons and knows two more."""
    database = Database.open(line.url)
    house = House(database, folder)
    house.take(upsert("1", 1), upsert("2", 2))
    house.settle()
    house.take(upsert("1", 3, person={"vornamen": "Eva"}), upsert("3", 4))
    record(house)  # what a process appends after its first batch goes another way
    yield house
    house.trail.close()
    database.close()


def record(house: House) -> None:
    house.trail.record(an_entry())


def take(house: House) -> None:
    house.take(upsert("4", 5), upsert("2", 6, person={"vornamen": "Eva"}))


def acknowledge(house: House) -> None:
    house.acknowledge(house.changes(1))


WORK: dict[str, Callable[[House], None]] = {"audit": record, "ingest": take, "acknowledge": acknowledge}


def traces(house: House) -> dict[str, int]:
    """What must be there once: entries of the trail, versions, and what the feed still says of whom."""
    with house.database.read() as connection:
        contents = connection.execute(sa.select(audit_tables.entry.c.content)).scalars().all()
        versions = connection.execute(sa.select(sa.func.count()).select_from(person_version)).scalar_one()
    page = house.changes()
    numbers = [change.number for change in page.changes]
    assert numbers == sorted(set(numbers))
    assert verify(house.database).intact
    assert len({change.kennung for change in page.changes}) == len(page.changes)
    return {"entries": len(contents), "versions": versions, "changes": len(page.changes)}


DONE = {
    "audit": {"entries": 5, "versions": 4, "changes": 2},
    "ingest": {"entries": 6, "versions": 6, "changes": 4},
    "acknowledge": {"entries": 4, "versions": 4, "changes": 1},
}


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("work", WORK)
def test_a_commit_of_which_nothing_is_known(far: House, line: Wire, work: str, answered: bool) -> None:
    """Whoever waits is told so; it is there wholly or not at all, and done again it is there once.

    Of the trail: an entry without an answer may stand beside that of the repeated request.
    """
    before, first = traces(far), far.changes(1)
    far.database.close()
    within = "INSERT INTO person_version" if work == "ingest" else "READ WRITE"  # the poller's term is a commit, too
    line.cut("COMMIT\0", within=within, answered=answered)
    with pytest.raises((OutcomeUnknown, AuditError)):
        WORK[work](far)
    assert line.cuts == 1
    once = traces(far)
    assert once == (DONE[work] if answered else before)
    if work == "acknowledge" and answered:
        assert far.acknowledge(first) == first.last_number
        assert traces(far) == once
        return
    WORK[work](far)
    twice = 1 if work == "audit" and answered else 0
    assert traces(far) == {**DONE[work], "entries": DONE[work]["entries"] + twice}


@pytest.mark.parametrize(
    ("work", "statement"),
    [
        ("audit", "INSERT INTO audit_entry"),
        ("ingest", "INSERT INTO person_version"),
        ("ingest", "UPDATE audit_head"),
        ("acknowledge", "UPDATE feed_counter"),
    ],
)
def test_what_breaks_before_the_commit_is_begun_again(far: House, line: Wire, work: str, statement: str) -> None:
    """Nothing of it was written, so the same again, at once and unasked, is right: nobody notices."""
    far.database.close()  # statements that a connection knows already have no text on the wire
    line.cut(statement)
    WORK[work](far)
    assert line.cuts == 1
    assert traces(far) == DONE[work]


def test_a_line_that_stays_cut_is_said(far: House, line: Wire) -> None:
    """After three times it is an error; the entry is nowhere, and the writer of the trail lives on."""
    far.database.close()
    for _ in range(4):
        line.cut("INSERT INTO audit_entry")
    with pytest.raises(AuditError, match="TransactionAborted"):
        record(far)
    assert line.cuts == 4
    record(far)
    assert traces(far) == DONE["audit"]


def test_a_commit_with_a_warning_is_not_believed(postgresql_url: str) -> None:
    """The server confirms a commit with a warning when it gave up waiting for its standbys: that is no confirmation."""
    database = Database.open(postgresql_url)
    with database.write() as connection:
        connection.execute(sa.text(_WARN))
        connection.execute(sa.text(_AT_COMMIT))
    with pytest.raises(OutcomeUnknown), database.write() as connection:
        connection.execute(sa.insert(position), [ROW])
    with database.write() as connection:
        connection.execute(sa.text("DROP TRIGGER warn ON position"))
        connection.execute(sa.text("DROP FUNCTION warn"))
    database.close()


@pytest.mark.parametrize(("state", "told"), [("40001", TransactionAborted), ("40003", OutcomeUnknown)])
def test_what_the_server_says_of_a_commit(postgresql_url: str, state: str, told: type[StoreError]) -> None:
    """Only what says that nothing was written is begun again; `statement_completion_unknown` does not say that."""
    database = Database.open(postgresql_url)
    with database.write() as connection:
        raising = f"EXCEPTION USING ERRCODE = '{state}', MESSAGE ="
        connection.execute(sa.text(_WARN.replace("WARNING", raising)))
        connection.execute(sa.text(_AT_COMMIT))
    with pytest.raises(StoreError) as raised, database.write() as connection:
        connection.execute(sa.insert(position), [ROW])
    assert type(raised.value) is told
    with database.write() as connection:
        connection.execute(sa.text("DROP TRIGGER warn ON position"))
        connection.execute(sa.text("DROP FUNCTION warn"))
    database.close()


_WARN = """CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE WARNING 'canceling wait for synchronous replication'; RETURN NULL; END $$"""
_AT_COMMIT = """CREATE CONSTRAINT TRIGGER warn AFTER INSERT ON position DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION warn()"""


def test_no_commit_is_a_silent_rollback(postgresql_url: str) -> None:
    """A block that swallows the error of a statement does not end as if it had written."""
    database = Database.open(postgresql_url)

    def swallow() -> None:
        with database.write() as connection:
            connection.execute(sa.insert(position), [ROW])
            with suppress(sa.exc.SQLAlchemyError):
                connection.execute(sa.text("SELECT nothing"))

    with pytest.raises(StoreError, match="nothing is committed"):
        swallow()
    database.close()


def test_a_deadlock_is_begun_again(postgresql_url: str) -> None:
    """Two methods that lock in crossing order both succeed, each once: the one taken back begins again."""
    meeting, begun = threading.Barrier(2), Counter[int]()

    @under_keys
    class Crossing:
        def __init__(self, number: int) -> None:
            self._number = number
            self._vault = House(Database.open(postgresql_url), Path()).vault
            self._database = KeyedDatabase(Database.open(postgresql_url), self._vault)

        def add(self) -> None:
            begun[self._number] += 1
            with self._database.write() as connection:
                for step in range(2):
                    name = "ab"[(self._number + step) % 2]
                    connection.execute(sa.update(position).where(position.c.source == name).values(change_number=_NEXT))
                    if step == 0 and begun[self._number] == 1:
                        meeting.wait(30)

    database = Database.open(postgresql_url)
    with KeyedDatabase(database, House(database, Path()).vault).write() as connection:
        connection.execute(sa.insert(position), [ROW | {"source": name} for name in "ab"])
    crossing = [threading.Thread(target=Crossing(number).add) for number in range(2)]
    for one in crossing:
        one.start()
    for one in crossing:
        one.join()
    with database.read() as connection:
        assert connection.execute(sa.select(position.c.change_number)).scalars().all() == [3, 3]
    assert sorted(begun.values()) == [1, 2]
    database.close()


_NEXT = position.c.change_number + 1
_IDLE = "idle_in_transaction_session_timeout"


def test_who_hangs_holds_up_nobody_for_ever(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stops amid a transaction loses it, and its locks; who waits too long for a lock is told."""
    database, other = Database.open(postgresql_url), Database.open(postgresql_url)
    count = sa.update(epoch).values(erasures=epoch.c.erasures + 1)
    with database.write() as held:
        held.execute(count)
        monkeypatch.setattr(postgresql, "LOCK_SECONDS", 0.05)
        with pytest.raises(StoreError, match="LockNotAvailable"), other.write() as waiting:
            waiting.execute(count)
    monkeypatch.setattr(postgresql, "LOCK_SECONDS", 30)
    monkeypatch.setattr(postgresql, "IDLE_SECONDS", 29)

    def hang() -> None:
        with database.write() as hanging:
            hanging.execute(count)
            assert hanging.execute(sa.text(f"SHOW {_IDLE}")).scalar_one() == "29s"
            # Shorter for the test, but only now: slow as a machine may be, up to here it does not hang.
            hanging.execute(sa.text(f"SET LOCAL {_IDLE} = '50ms'"))
            with other.write() as waiting:
                waiting.execute(count)  # waits until the server has ended the other one

    with pytest.raises((TransactionAborted, OutcomeUnknown)):
        hang()
    with database.read() as connection:
        assert connection.execute(sa.select(epoch.c.erasures)).scalar_one() == 2
    database.close()
    other.close()
