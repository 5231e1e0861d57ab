"""What every answer reads: one snapshot, nothing written, the same values as ever, and no connection that is over."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from gateway.agreements.operation import Operation
from gateway.errors import OutcomeUnknown, StoreError, TransactionAborted
from gateway.store import changes, feed_rows, finding, keyed, snapshot, turns
from gateway.store.database import Database
from gateway.store.statements import Statement
from gateway.store.tables import epoch, feed_counter
from tests.unit.store.store_kit import AWAY, NOW, SOURCE, House, upsert

STREAM = {"stream": "wohnung/1"}
READ: dict[str, tuple[Statement, dict[str, Any]]] = {
    "page": (snapshot._PAGE, STREAM | {"number": 9, "after": b"", "most": 9}),
    "known": (finding._KNOWN, STREAM | {"index": b""}),
    "meeting": (finding._meeting(2), STREAM | {"token_0": b"a", "token_1": b"b"}),
    "counter": (feed_rows._COUNTER, {"wanted": "wohnung/1"}),
    "epoch": (changes._EPOCH, {}),
    "kept": (finding._KEPT, STREAM | {"index": b""}),
    "stand": (turns.OLDEST_STAND, {}),
    "standing": (snapshot._STANDING, {"wanted": "wohnung/1"}),
    "keys": (keyed._IN_USE, {}),
}
VALUE = Statement(sa.select(epoch.c.value))


@pytest.mark.parametrize("name", READ)
def test_a_view_gives_what_a_transaction_gives(house: House, name: str) -> None:
    """Names, values and their types are those of SQLAlchemy."""
    house.take(upsert("1", 1), upsert("2", 2), upsert("3", 3, person={"anschrift": AWAY}))
    with house.store.poll_lock() as tenure:
        house.store.finish_poll(tenure, SOURCE, NOW, NOW)
    house.store.snapshot(house.grant(Operation.BESTAND_ABRUFEN), None, 1, NOW)
    prepared, given = READ[name]
    with house.database.view() as view, house.database.read() as connection:
        found, wanted = prepared.rows(view, given), prepared.rows(connection, given)
    assert found == wanted
    assert [list(map(type, row.values())) for row in found] == [list(map(type, row.values())) for row in wanted]
    assert found or name in ("known", "kept", "meeting")


def test_nothing_is_written_in_a_view(database: Database) -> None:
    """Whatever the statement is: the database refuses it."""
    with pytest.raises(StoreError), database.view() as view:
        view.raw.execute("UPDATE epoch SET value = 'x'")
    with database.view() as view:
        assert VALUE.rows(view) != [{"value": "x"}]


def test_at_a_glance_nothing_is_begun_and_nothing_is_written(database: Database) -> None:
    """Of a single statement one sees what was committed by then; the next one sees what came after it."""
    before = database.glance(VALUE)
    with database.write() as connection:
        connection.execute(sa.update(epoch).values(value="f" * 32))
        assert database.glance(VALUE) == before
    assert database.glance(VALUE) == ["f" * 32] != before
    with pytest.raises(StoreError):
        database.glance(Statement(sa.update(epoch).values(value="x").returning(epoch.c.value)))
    assert database.glance(VALUE) == ["f" * 32]


def test_a_view_is_one_snapshot(database: Database) -> None:
    """What others commit meanwhile is not in it, but in the next."""
    with database.view() as view:
        before = VALUE.rows(view)
        with database.write() as connection:
            connection.execute(sa.update(epoch).values(value="f" * 32))
        assert VALUE.rows(view) == before
    with database.view() as view:
        assert VALUE.rows(view) == [{"value": "f" * 32}]


def test_an_error_says_nothing_and_hinders_nobody(database: Database) -> None:
    """What the driver says stays behind, and the connection can be used again."""
    with (
        pytest.raises(StoreError, match=r"^the database refused a statement \(\w+\)$") as refused,
        database.view() as v,
    ):
        v.raw.execute("SELECT secret FROM nowhere")
    assert refused.value.__suppress_context__
    with database.view() as view:
        assert VALUE.rows(view)


def test_rows_that_are_filled_in_are_those_of_sqlalchemy(database: Database) -> None:
    """Many rows or one, with moments and truth values; none are no statement at all."""
    given: dict[str, Any] = {"last": 3, "delivered": 2, "acked": 1, "snapshot": 0, "snapshot_done": 0, "anew": True}
    given |= {"snapshot_until": NOW, "waiting_since": None}
    insert = Statement(sa.insert(feed_counter), ("stream", *given))
    with database.write() as connection:
        insert.fill(connection, [{"stream": "a"} | given, {"stream": "b"} | given])
        insert.fill(connection, [{"stream": "c"} | given])
        insert.fill(connection, [])
        connection.execute(sa.insert(feed_counter), [{"stream": "d"} | given])
    with database.read() as connection:
        rows = [dict(row) for row in connection.execute(sa.select(feed_counter)).mappings()]
        raw = sa.select(sa.cast(feed_counter.c.snapshot_until, sa.String)).distinct()
        assert len(connection.execute(raw).all()) == 1
    assert {row.pop("stream") for row in rows} == {"a", "b", "c", "d"}
    assert [row for row in rows if row != rows[0]] == []
    assert rows[0]["snapshot_until"] == NOW


@pytest.mark.parametrize("change", [{"acked": 1}, {"last": None}])
def test_a_row_of_other_columns_is_not_filled_in(database: Database, change: dict[str, Any]) -> None:
    """Nothing is left out or written as NULL because somebody forgot to name a column; the whole is refused."""
    insert = Statement(sa.insert(feed_counter), ("stream", "last"))
    whole = {"stream": "a", "last": 1}
    other = {name: value for name, value in ({"stream": "b", "last": 1} | change).items() if value is not None}
    with pytest.raises(StoreError, match="other columns"), database.write() as connection:
        insert.fill(connection, [whole, other])
    with database.read() as connection:
        assert connection.execute(sa.select(feed_counter)).all() == []


def test_a_row_that_cannot_be_filled_in_is_not_quoted(database: Database) -> None:
    """The whole transaction is refused, in the house's own words."""
    insert = Statement(sa.insert(feed_counter), ("stream", "last"))
    with pytest.raises(StoreError) as refused, database.write() as connection:
        insert.fill(connection, [{"stream": "secret", "last": None}])
    assert "secret" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_what_is_appended_is_there_as_a_whole_or_not_at_all(database: Database) -> None:
    """Also on a connection that was read on before; an error in the block takes back what it has written."""
    with database.read() as connection:
        connection.execute(sa.select(epoch.c.value)).one()
    change = Statement(sa.update(epoch).values(value=sa.bindparam("new")))

    def fail() -> None:
        with database.append() as writing:
            assert change.run(writing, [{"new": "e" * 32}]) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.view() as view:
        assert VALUE.rows(view) != [{"value": "e" * 32}]
    with database.append() as writing:
        change.run(writing, [{"new": "d" * 32}, {"new": "f" * 32}])
    with database.view() as view:
        assert VALUE.rows(view) == [{"value": "f" * 32}]


def test_a_row_that_is_there_twice_is_none(database: Database) -> None:
    """Of a row that can only be there once no second one is passed over."""
    twice = Statement(sa.union_all(sa.select(epoch.c.value), sa.select(epoch.c.value)))
    with pytest.raises(StoreError), database.view() as view:
        twice.row(view)


def test_who_reads_notices_nothing_of_connections_that_were_cut(postgresql_url: str, folder: Path) -> None:
    """All that were kept are gone, and the next answer is given all the same."""
    house = House(Database.open(postgresql_url), folder)
    house.take(upsert("1", 1))
    with ExitStack() as several:
        for _ in range(6):  # more than anybody begins again
            VALUE.rows(several.enter_context(house.database.view()))
    with psycopg.connect(postgresql_url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gateway'")
    with pytest.raises(TransactionAborted), house.database.view() as view:
        VALUE.rows(view)
    assert house.store.epoch()
    assert house.store.freshness() is None
    house.database.close()


def test_a_signed_request_is_answered_though_connections_were_cut(postgresql_url: str, folder: Path) -> None:
    """Whether it came before is asked again, on another connection."""
    house = House(Database.open(postgresql_url), folder)
    assert not house.trail.seen(b"1" * 32)
    with psycopg.connect(postgresql_url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gateway'")
    assert not house.trail.seen(b"1" * 32)
    house.database.close()


def test_a_closed_database_keeps_no_view(database: Database) -> None:
    """One that is still open ends as ever, and its connection with it."""
    with database.view() as view:
        database.close()
        assert VALUE.rows(view)
    with pytest.raises(Exception, match="closed"):
        view.raw.execute("SELECT 1")


def test_a_commit_of_which_nothing_is_known_is_told_as_such(postgresql_url: str, folder: Path) -> None:
    """The connection is cut while it is awaited: whoever writes must not begin again, it may have been committed."""
    house = House(Database.open(postgresql_url), folder)
    with (
        psycopg.connect(postgresql_url.replace("+psycopg", ""), autocommit=True) as admin,
        pytest.raises(OutcomeUnknown),
        house.database.append() as writing,
    ):
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [writing.raw.info.backend_pid])
    with house.database.append() as writing:
        assert VALUE.rows(writing)
    house.database.close()


def test_an_error_is_told_though_its_connection_is_gone_too(postgresql_url: str, folder: Path) -> None:
    """What went wrong first is what is told; the connection is not kept."""
    house = House(Database.open(postgresql_url), folder)

    def fail() -> None:
        with house.database.append() as writing:
            writing.raw.close()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with house.database.append() as writing:
        assert VALUE.rows(writing)
    house.database.close()
