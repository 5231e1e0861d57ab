"""From every released schema to this one, on both databases: the tables are right, and what was stored is understood.

What an old database is stands in `released/`: the statements of each step as they were executed then (`freeze`), and
the rows of a store that was written at revision 0006, cut to the columns of the revision. All under `store_kit.ring`.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime import migration
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from gateway.agreements.operation import Operation
from gateway.errors import StoreError
from gateway.store import audit_tables, migrating, released_tables
from gateway.store.audit import AuditTrail
from gateway.store.audit_verify import verify
from gateway.store.database import Database
from gateway.store.vault import Vault
from tests.unit.store.freeze import RELEASED, revisions, statements
from tests.unit.store.store_kit import SOURCE, House, agreement, ring, upsert
from tests.unit.store.twice import store_of

FILLED = "0006"
ROWS: dict[str, list[dict[str, Any]]] = json.loads((RELEASED / "rows.json").read_text("utf-8"))
FEEDLESS = agreement(
    "standesamt",
    operations={
        operation: terms
        for operation, terms in agreement().operations.items()
        if operation not in (Operation.AENDERUNGEN_ABRUFEN, Operation.AENDERUNGEN_QUITTIEREN)
    },
)
PENDING = [
    *((8, "entfallen", None), (9, "zusammengefuehrt", None), (10, "entfallen", None)),
    *((11, "geaendert", "Ina"), (13, "neu", "Ada"), (14, "geaendert", "Ida")),
]
SEEN = {
    "Musterb": "c6efe5e7-0ce8-4038-af15-729f7a65dfc9",
    "Musterc": "a36447e6-a52a-4eb0-9f0e-9de2ff36c861",
    "Musterd": "05e61d6c-50e7-4275-a61d-f1d1945ef1ef",
    "Mustere": "220b2f8d-3e09-4fab-8feb-349a5a0876dc",
    "Musteri": "76a87201-6c45-45ed-94d9-33a2e45ccf4e",
}


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def fresh(request: pytest.FixtureRequest, kind: str) -> Iterator[Database]:
    """A new database of this version."""
    template = "sqlite_template" if kind == "sqlite" else "postgresql_url"
    found = request.getfixturevalue(template)
    opened = Database.open(f"sqlite:///{found}" if kind == "sqlite" else found)
    yield opened
    opened.close()


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, kind: str, folder: Path) -> Iterator[str]:
    """The URL of a database, or of a schema of its own in one, without a table."""
    if kind == "sqlite":
        url = f"sqlite:///{folder / 'old.sqlite'}"
        Database.open(url, create=True).close()
        yield url
        return
    whole: sa.URL = request.getfixturevalue("postgresql")
    name, engine = f"old_{secrets.token_hex(6)}", sa.create_engine(whole, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {name}")
    yield whole.update_query_dict({"options": f"-csearch_path={name}"}).render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")


def made(url: str, revision: str) -> Database:
    """The database as it was at that revision, filled."""
    database = Database.open(url)
    with database.write() as connection:
        for step in revisions():
            if step > revision:
                break
            for statement in statements(step, database.dialect):
                connection.exec_driver_sql(statement)
            if step == min(revision, FILLED):
                _fill(connection)
        connection.exec_driver_sql(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
            "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
        connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{revision}')")
    return database


def _fill(connection: sa.Connection) -> None:
    found = sa.MetaData()
    found.reflect(connection)
    for table in found.sorted_tables:
        for row in ROWS.get(table.name, ()):
            values = {name: _value(value) for name, value in row.items() if name in table.c}
            connection.execute(sa.insert(table), [values])


def _value(value: Any) -> Any:
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value


def described(database: Database) -> set[tuple[Any, ...]]:
    """Every column, constraint and index as the database itself tells it."""
    with database.read() as connection:
        if database.dialect == "sqlite":
            rows = connection.exec_driver_sql("SELECT tbl_name, name, sql FROM sqlite_master").all()
            return {(table, name, "".join((text or "").split())) for table, name, text in rows}
        rows = connection.execute(_DESCRIBED).all()
        return {tuple(str(part) for part in row) for row in rows}


_DESCRIBED = sa.text("""
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' '
        || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
    UNION ALL
    SELECT c.relname, o.conname, pg_get_constraintdef(o.oid)
    FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid WHERE o.connamespace = current_schema()::regnamespace
    UNION ALL
    SELECT tablename, indexname, replace(indexdef, schemaname || '.', '') FROM pg_indexes
    WHERE schemaname = current_schema()
""")


def _marked(revision: str) -> Any:
    """The first, the one that was filled as it stands, and the last are tried always, all others in `make long`."""
    always = revision in (revisions()[0], FILLED, revisions()[-1])
    return pytest.param(revision, marks=() if always else pytest.mark.long)


def test_every_step_is_frozen_without_a_hole() -> None:
    """What is frozen begins with the first revision; each stands there for both databases."""
    assert revisions() == [f"{number:04}" for number in range(1, len(revisions()) + 1)]
    names = {path.name for path in RELEASED.glob("*.sql")}
    assert names == {f"{revision}.{kind}.sql" for revision in revisions() for kind in ("sqlite", "postgresql")}


@pytest.mark.parametrize("revision", [_marked(revision) for revision in revisions()])
def test_from_every_released_schema(empty_url: str, revision: str, folder: Path, fresh: Database) -> None:
    """The tables become those of a new database, and the store goes on where it was: nothing is lost or unreadable."""
    old = made(empty_url, revision)
    old.upgrade()
    assert old.is_current()
    assert described(old) == described(fresh)
    with old.read() as connection:
        # Alembic cannot compare an empty text as default on SQLite.
        strict = {"compare_type": True, "compare_server_default": old.dialect == "postgresql"}
        context = MigrationContext.configure(connection, opts=strict)
        assert compare_metadata(context, released_tables.metadata) == []
    _goes_on(House(old, folder, vault=Vault(ring(), os.urandom)), with_trail=revision >= "0002")
    old.close()


def _goes_on(house: House, *, with_trail: bool) -> None:
    house.trail = AuditTrail.open(house.database, house.vault, lambda: house.now, os.urandom)
    house.store = store_of(house.database, house.vault, house.ledger, lambda: house.now, house.trail)
    house.agreements = {"wohnung": agreement(), "standesamt": FEEDLESS}
    pending = [
        (change.number, change.kind.value, change.person and change.person.tree["vornamen"])
        for change in house.changes().changes
    ]
    assert pending == PENDING
    assert house.kennungen() == SEEN
    (report,) = house.store.discrepancies()
    assert house.store.discrepancy(report.number).text == "falsch geschrieben"
    (waiting,) = house.store.quarantine_entries()
    assert house.store.quarantine_entry(waiting.number).personennummer == "9"
    assert house.store.freshness() == house.now
    person = house.store.subject(SOURCE, "1")
    assert person is not None
    assert [version.datensatz["person"]["vornamen"] for version in person.versions][-1] == "Ida"  # type: ignore[index,call-overload]  # a tree
    if with_trail:
        verdict = verify(house.database)
        assert (verdict.intact, verdict.entries) == (True, len(ROWS["audit_entry"]))
    house.settle()
    house.take(upsert("2", 30, person={"vornamen": "Uta"}))
    assert house.kinds() == ["geaendert"]
    assert verify(house.database).intact
    house.trail.close()


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_the_tables_are_those_of_the_metadata(fresh: Database, empty_url: str) -> None:
    """What the steps have made and what the code declares is the same to the last constraint (PostgreSQL tells it)."""
    declared = Database.open(empty_url)
    with declared.write() as connection:
        audit_tables.metadata.create_all(connection)
    mine = {row for row in described(fresh) if row[0] != "alembic_version"}
    assert mine == described(declared)
    declared.close()


def in_child(work: Callable[[], object]) -> int:
    """A process of its own does it; its number."""
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except BaseException:  # noqa: BLE001  # the exit status says it
        os._exit(1)


def ended(child: int) -> int:
    """Its exit status, negative if a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def upgrade_and_die(url: str, step: int, after: bool) -> None:
    """An upgrade that is killed at its n-th step, before or after that is noted as done."""
    done, told = [], migration.HeadMaintainer.update_to_step

    def update(self: Any, step_done: Any) -> None:
        if len(done) == step and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        told(self, step_done)
        if len(done) == step:
            os.kill(os.getpid(), signal.SIGKILL)
        done.append(step_done)

    migration.HeadMaintainer.update_to_step = update  # type: ignore[method-assign]  # in a process that ends here
    Database.open(url).upgrade()


@pytest.mark.parametrize(("step", "after"), [(0, False), (4, True)])
def test_a_killed_upgrade_is_none(empty_url: str, step: int, after: bool) -> None:
    """Killed between any two steps it leaves the old version as it was, and the next upgrade goes through."""
    old = made(empty_url, "0003")
    before = described(old)
    old.close()
    assert ended(in_child(lambda: upgrade_and_die(empty_url, step, after))) == -signal.SIGKILL
    assert described(old) == before
    assert not old.is_current()
    old.upgrade()
    assert old.is_current()
    old.close()


def test_two_upgrades_at_once(empty_url: str) -> None:
    """One waits for the other and finds nothing left to do."""
    made(empty_url, "0002").close()
    both = [in_child(lambda: Database.open(empty_url).upgrade()) for _ in range(2)]
    assert [ended(child) for child in both] == [0, 0]
    database = Database.open(empty_url)
    assert database.is_current()
    database.close()


def test_the_newest_is_known_without_alembic() -> None:
    """What a server compares the tables with, without loading Alembic, is what Alembic says."""
    scripts = ScriptDirectory.from_config(migrating.config())
    assert migrating.newest() == " ".join(sorted(scripts.get_heads()))
    assert migrating.revisions() == {one.revision for one in scripts.walk_revisions()}


def test_a_newer_schema_is_left_alone(empty_url: str) -> None:
    """Tables of a version that this one does not know are not current, and an upgrade to this one refuses."""
    database = made(empty_url, revisions()[-1])
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    before = described(database)
    assert not database.is_current()
    with pytest.raises(StoreError, match="newer"):
        database.upgrade()
    assert described(database) == before
    database.close()
