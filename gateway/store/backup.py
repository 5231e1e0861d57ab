"""A consistent copy of a SQLite database in use, found whole, with a signed manifest; never with the keys.

Keys, erasure ledger and anchor file are kept apart on purpose: who has a backup and the keys can read everybody who was
erased since, and an anchor that is restored with the database says that nothing is missing.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from gateway.errors import StoreError
from gateway.store import backup_manifest, key_check
from gateway.store.audit_anchor import CheckpointKey
from gateway.store.audit_anchor_file import AnchorFile
from gateway.store.audit_chain import read_head
from gateway.store.audit_entry import rfc3339
from gateway.store.audit_rows import DatabaseRows
from gateway.store.audit_verdict import Verdict
from gateway.store.audit_walk import Walk
from gateway.store.backup_manifest import DATABASE, Manifest
from gateway.store.database import Database
from gateway.store.durable import sync_folder
from gateway.store.keyed import KeyedDatabase, in_use
from gateway.store.progress import Progress, silent
from gateway.store.tables import backup_run, epoch
from gateway.store.vault import Vault

_BUSY_SECONDS = 30
_PAGES = 4096
"""Copied at once: 16 MB."""


def take(
    database: Database,
    folder: Path,
    *,
    vault: Vault,
    anchor: Path,
    key: CheckpointKey,
    clock: Callable[[], datetime],
    progress: Progress = silent,
) -> Manifest:
    """A backup lies in `folder` (0700, files 0600), durable and read back; `folder` must not exist before.

    Other processes read and write meanwhile; only the write-ahead log cannot be emptied. StoreError on PostgreSQL, if
    there is no room, or if the copy is not whole: then nothing is left.
    """
    path, now = require_file(database), clock()
    with _beside(folder) as fresh:
        # Measured before the copy is made: what is anchored meanwhile speaks of entries that are not in it.
        checkpoints = AnchorFile(anchor, key.public)
        _copy(path, fresh / DATABASE, progress)
        manifest = _described(fresh / DATABASE, checkpoints, vault, now, progress)
        backup_manifest.write(fresh, manifest, key)
    return manifest


def require_file(database: Database) -> Path:
    """The SQLite file; StoreError on PostgreSQL."""
    if database.path is None:
        raise StoreError(
            "PostgreSQL has its own tools: pg_dump, or pg_basebackup with a WAL archive; docs/sicherung.md"
        )
    return database.path


def remember(database: Database, taken_at: datetime) -> None:
    """Afterwards the database says when it was last backed up."""
    with database.write() as connection:
        connection.execute(sa.delete(backup_run))
        connection.execute(sa.insert(backup_run), [{"id": 1, "taken_at": taken_at}])


def last(database: Database) -> datetime | None:
    """When `gateway db backup` last made a copy of this database; None if it never did."""
    with database.read() as connection:
        found: datetime | None = connection.execute(sa.select(backup_run.c.taken_at)).scalar_one_or_none()
    return found


def require_whole(path: Path) -> None:
    """StoreError unless SQLite finds the file whole and every row belongs to another."""
    try:
        with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as raw:
            broken = raw.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok"
            lone = raw.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"the copy cannot be read ({type(error).__name__})") from None
    if broken or lone is not None:
        raise StoreError("the copy is not whole: the database itself may be damaged")


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A folder that becomes `folder` if all goes well, and leaves nothing if not."""
    if folder.exists() or folder.is_symlink():
        raise StoreError("there is something of that name already: a backup is never written over another")
    fresh = folder.with_name(f".{folder.name}.unfinished")
    try:
        shutil.rmtree(fresh, ignore_errors=True)  # of one that was killed
        fresh.mkdir(mode=0o700)
        yield fresh
        sync_folder(fresh)
        fresh.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise StoreError(f"the backup cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _copy(source: Path, target: Path, progress: Progress) -> None:
    """All pages of one moment are in `target`, durably."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=rw", uri=True, timeout=_BUSY_SECONDS)) as from_raw,
            closing(sqlite3.connect(target)) as to_raw,
        ):
            # In one read transaction: without it SQLite would begin again whenever another process has written.
            from_raw.execute("BEGIN")
            from_raw.execute("SELECT 1 FROM sqlite_schema").fetchone()
            from_raw.backup(
                to_raw,
                pages=_PAGES,
                progress=lambda _state, left, total: progress("pages of the database", total - left, total),
            )
    except sqlite3.Error as error:
        raise StoreError(f"the database cannot be copied ({error.sqlite_errorname})") from None
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _described(path: Path, checkpoints: AnchorFile, vault: Vault, now: datetime, progress: Progress) -> Manifest:
    """What is true of the copy; StoreError if it is not whole or its audit trail is not intact."""
    progress("is the copy whole?", 0, None)
    require_whole(path)
    copy = Database.open(f"sqlite:///{path}")
    try:
        if not copy.is_current():
            raise StoreError("the tables are of another version (gateway db upgrade)")
        verdict = _verdict(copy, checkpoints, progress)
        if not verdict.intact:
            raise StoreError("the audit trail in the copy is violated: gateway audit verify")
        with copy.read() as connection:
            revision, said = copy.revision(), connection.execute(sa.select(epoch)).one()
            head = read_head(connection)
        progress("which keys does it need?", 0, None)
        needed = _needed(copy, vault)
    finally:
        copy.close()
    sha256, size = backup_manifest.digest(path)
    return Manifest(
        zeitpunkt=rfc3339(now),
        sha256=sha256,
        groesse=size,
        revision=revision,
        epoche=said.value,
        kette=None if head is None else head.chain,
        bloecke=verdict.batches,
        eintraege=verdict.entries,
        loeschungen=said.erasures,
        schluessel=needed,
    )


def _verdict(copy: Database, checkpoints: AnchorFile, progress: Progress) -> Verdict:
    with copy.read() as connection:
        return Walk(DatabaseRows(connection), [checkpoints], progress=progress).run()


def _needed(copy: Database, vault: Vault) -> dict[str, list[int]]:
    """Which generation of each key opens something in the copy, or is what its rows are hashed with."""
    with copy.read() as connection:
        found = {purpose: list(range(1, use[0] + 1)) for purpose, use in in_use(connection).items()}
    keyed = KeyedDatabase(copy, vault)
    keyed.follow()
    opened = key_check.usage(keyed, vault)
    return found | {purpose: sorted(counts) for purpose, counts in opened.items()}
