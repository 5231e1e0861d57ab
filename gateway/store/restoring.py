"""Putting a backup of SQLite in the place of the database, so that at no instant an old state could be served.

The copy is made ready beside the database: it is read against its manifest, brought to the tables of this version, and
marked as a restore that is not finished; so marked nobody is let in (`continuity`). Then the old file is set aside and
the copy takes its name. What a restore requires comes after that (`erasing`), and takes the mark away as its last step.
Killed anywhere, either the old database is in place, or none, or a marked one; the whole can be repeated.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import sqlalchemy as sa

from gateway.errors import StoreError
from gateway.store import backup
from gateway.store.alone import sole_use
from gateway.store.backup_manifest import DATABASE, Manifest
from gateway.store.database import Database
from gateway.store.durable import sync_folder
from gateway.store.progress import Progress, silent
from gateway.store.tables import epoch

_PIECE = 1 << 20
_BESIDE = ("-wal", "-shm")


def restore(
    path: Path, folder: Path, manifest: Manifest, randomness: Callable[[int], bytes], progress: Progress = silent
) -> Path | None:
    """The backup in `folder` stands at `path`, marked; where the old database was set aside, None if there was none.

    StoreError if the backup is not what its manifest says, if anybody uses the database (code "in-betrieb"), or if one
    that was set aside earlier still lies there.
    """
    unfinished = _is_marked(path)
    aside = path.with_name(f"{path.name}.replaced")
    if path.exists() and not unfinished and aside.exists():
        raise StoreError(f"{aside.name} of an earlier restore lies there: keep it elsewhere, or delete it")
    try:
        with sole_use(path):
            prepare(path, folder, manifest, randomness, progress)
            if unfinished:
                drop(path)
            else:
                set_aside(path, aside)
            put_in_place(path)
    except OSError as error:
        raise StoreError(f"the backup cannot be put in place: {error.strerror}") from error
    return aside if aside.exists() else None


def prepare(
    path: Path, folder: Path, manifest: Manifest, randomness: Callable[[int], bytes], progress: Progress = silent
) -> None:
    """Beside `path` lies a copy of the backup, whole, with the tables of this version and a new epoch, and marked."""
    fresh = _fresh(path)
    for left in (fresh, *_companions(fresh)):
        left.unlink(missing_ok=True)
    if _copied(folder / DATABASE, fresh, progress) != (manifest.sha256, manifest.groesse):
        raise StoreError("the backup is not the one its manifest speaks of: it was changed, or cut off")
    progress("is the copy whole?", 0, None)
    backup.require_whole(fresh)
    copy = Database.open(f"sqlite:///{fresh}")
    try:
        if not copy.knows(manifest.revision):
            raise StoreError("the backup was made by a newer version of the gateway")
        copy.upgrade(randomness)
        with copy.write() as connection:
            connection.execute(sa.update(epoch).values(value=randomness(16).hex(), restoring=True))
        backup.remember(copy, manifest.moment)
        emptied = copy.scrub()
    finally:
        copy.close()
    if not emptied or any(one.exists() for one in _companions(fresh)):
        raise StoreError("the copy cannot be closed: somebody has opened it")


def drop(path: Path) -> None:
    """What a restore that broke off had put in place is gone; the mark is in the file itself, so that goes last."""
    for one in (*_companions(path), path):
        one.unlink(missing_ok=True)
    sync_folder(path.parent)


def set_aside(path: Path, aside: Path) -> None:
    """The old database and its log have the name `aside`; first the database: without its log it would be another."""
    for one, other in ((path, aside), (_companions(path)[0], _companions(aside)[0])):
        with suppress(FileNotFoundError):
            one.rename(other)
    _companions(path)[1].unlink(missing_ok=True)
    sync_folder(path.parent)


def put_in_place(path: Path) -> None:
    """The copy has the name of the database, durably."""
    _fresh(path).rename(path)
    sync_folder(path.parent)


def _fresh(path: Path) -> Path:
    return path.with_name(f"{path.name}.restoring")


def _companions(path: Path) -> list[Path]:
    """The write-ahead log and its index."""
    return [path.with_name(path.name + ending) for ending in _BESIDE]


def _copied(source: Path, target: Path, progress: Progress) -> tuple[str, int]:
    """SHA-256 and size of what is in `target` now, durably, mode 0600."""
    found, size = hashlib.sha256(), 0
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with source.open("rb") as reading, os.fdopen(descriptor, "wb") as writing:
        total = os.fstat(reading.fileno()).st_size
        while piece := reading.read(_PIECE):
            found.update(piece)
            size += writing.write(piece)
            progress("bytes of the database", size, total)
        writing.flush()
        os.fsync(writing.fileno())
    return found.hexdigest(), size


def _is_marked(path: Path) -> bool:
    """True if a restore has put this file in place and was not finished."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True)) as raw:
            return raw.execute("SELECT 1 FROM epoch WHERE restoring").fetchone() is not None
    except sqlite3.Error:
        return False  # damaged, or of an older version: set aside like any other
