"""A database that went back, or away, is not used: by no process, whether it starts or has long been running."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.errors import AuditError, StoreError
from gateway.store import audit_tables
from gateway.store.audit import AuditTrail, Entry, Kind
from gateway.store.audit_anchor import Anchor, CheckpointKey
from gateway.store.continuity import OPEN_RESTORE, continuing
from gateway.store.database import Database
from gateway.store.tables import epoch
from gateway.store.vault import Vault
from tests.unit.store.store_kit import Chance, ring

AN_ENTRY = Entry(kind=Kind.BETRIEB, operation="probe", outcome="ok")
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


class Office:
    """A database with an anchored trail, opened as every process of the house opens it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.anchor = Anchor(folder / "anchor", CheckpointKey.create(folder), lambda: NOW)
        self.opened: list[Database] = []
        self.trails: list[AuditTrail] = []

    def process(self) -> tuple[Database, AuditTrail]:
        """What another process would have."""
        database = Database.open(self.url, guard=continuing(self.anchor))
        trail = AuditTrail.open(database, Vault(ring(), Chance(len(self.trails) * 1000)), lambda: NOW, os.urandom)
        self.opened.append(database)
        self.trails.append(trail)
        return database, trail

    def checkpoint(self) -> None:
        trail = AuditTrail.open(self.opened[0], Vault(ring(), Chance()), lambda: NOW, os.urandom, anchor=self.anchor)
        trail.checkpoint()

    def roll_back(self, batches: int) -> None:
        """The trail as it was when it had so many batches; connections of others stay open."""
        database = Database.open(self.url)
        with database.write() as connection:
            connection.execute(sa.delete(audit_tables.entry).where(audit_tables.entry.c.batch > batches))
            connection.execute(sa.delete(audit_tables.batch).where(audit_tables.batch.c.number > batches))
            if batches:
                row = connection.execute(sa.select(audit_tables.batch).where(audit_tables.batch.c.number == batches))
                last = row.one()
                values = {"number": batches, "total": last.total, "hash": last.hash}
                connection.execute(sa.update(audit_tables.head).values(values))
            else:
                connection.execute(sa.delete(audit_tables.head))
        database.close()


@pytest.fixture
def office(database_url: str, folder: Path) -> Iterator[Office]:
    made = Office(database_url, folder)
    yield made
    for trail in made.trails:
        trail.close()
    for database in made.opened:
        database.close()


def asked(database: Database) -> str:
    with database.read() as connection:
        value: str = connection.execute(sa.select(epoch.c.value)).scalar_one()
        return value


@pytest.mark.parametrize("batches", [2, 0], ids=["to a backup", "to before the first checkpoint"])
def test_a_database_that_went_back_is_used_by_nobody(office: Office, batches: int) -> None:
    """Who starts is refused, who needs another connection is, and who still has one can record nothing."""
    database, trail = office.process()
    for _ in range(3):
        trail.record(AN_ENTRY)
    office.checkpoint()
    office.roll_back(batches)
    with pytest.raises(AuditError, match="does not continue"):
        office.process()
    with pytest.raises(AuditError):
        trail.record(AN_ENTRY)
    database.close()
    with pytest.raises(AuditError, match="does not continue"):
        asked(database)


def test_what_a_process_has_written_must_still_be_there(office: Office) -> None:
    """Also behind the last checkpoint: no entry follows upon one that this process knows and the database does not."""
    _, trail = office.process()
    trail.record(AN_ENTRY)
    office.checkpoint()
    trail.record(AN_ENTRY)
    office.roll_back(1)
    database, other = office.process()
    with pytest.raises(AuditError, match="went back"):
        trail.record(AN_ENTRY)
    with pytest.raises(AuditError, match="went back"), database.write() as connection:
        trail.stage(connection, [AN_ENTRY])
    assert other.record(AN_ENTRY).number, "nobody can tell this from a younger database: docs/audit.md says so"


def test_others_may_write_meanwhile(office: Office) -> None:
    """That the chain has grown by other processes' entries is no rolling back."""
    _, trail = office.process()
    _, other = office.process()
    for _ in range(3):
        trail.record(AN_ENTRY)
        other.record(AN_ENTRY)
        office.checkpoint()
        office.process()


def test_nobody_is_let_in_before_a_restore_is_finished(office: Office) -> None:
    """The mark of a restore closes the database for every new connection, whatever the anchor says."""
    database, _ = office.process()
    with database.write() as connection:
        connection.execute(sa.update(epoch).values(restoring=True))
    with pytest.raises(StoreError) as caught:
        office.process()
    assert caught.value.code == OPEN_RESTORE
    with database.write() as connection:
        connection.execute(sa.update(epoch).values(restoring=False))
    office.process()


def test_an_anchor_that_cannot_be_read_lets_nobody_in(office: Office) -> None:
    """Without it nobody knows whether the database went back."""
    database, trail = office.process()
    trail.record(AN_ENTRY)
    office.checkpoint()
    (office.folder / "anchor").unlink()
    (office.folder / "anchor").mkdir()
    database.close()
    with pytest.raises(AuditError, match="cannot be read"):
        asked(database)


@pytest.fixture
def filed(sqlite_template: Path, folder: Path) -> Iterator[Office]:
    path = folder / "gateway.sqlite"
    shutil.copyfile(sqlite_template, path)
    made = Office(f"sqlite:///{path}", folder)
    yield made
    for trail in made.trails:
        trail.close()
    for database in made.opened:
        database.close()


def test_a_file_that_is_away_is_used_no_more_and_again_when_it_is_back(filed: Office) -> None:
    """No entry goes into a file that was moved away, though connections to it are open; it needs no restart."""
    path = filed.folder / "gateway.sqlite"
    database, trail = filed.process()
    trail.record(AN_ENTRY)
    path.rename(filed.folder / "elsewhere")
    with pytest.raises(AuditError):
        trail.record(AN_ENTRY)
    with pytest.raises(StoreError):
        asked(database)
    assert not path.exists()
    (filed.folder / "elsewhere").rename(path)
    assert trail.record(AN_ENTRY).number
    assert asked(database)


def test_another_file_in_its_place_is_looked_at_anew(filed: Office) -> None:
    """An older copy put in the place of the file under a running process is refused, the newer one is not."""
    path = filed.folder / "gateway.sqlite"
    database, trail = filed.process()
    trail.record(AN_ENTRY)
    assert database.scrub()
    shutil.copyfile(path, filed.folder / "older")
    trail.record(AN_ENTRY)
    filed.checkpoint()
    assert database.scrub()
    shutil.copyfile(path, filed.folder / "newer")
    os.replace(filed.folder / "older", path)
    with pytest.raises(AuditError):
        trail.record(AN_ENTRY)
    with pytest.raises(AuditError, match="does not continue"):
        asked(database)
    os.replace(filed.folder / "newer", path)
    assert asked(database)
    assert trail.record(AN_ENTRY).number
