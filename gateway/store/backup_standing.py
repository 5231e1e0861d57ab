"""How it stands with backups, as far as it can be told truthfully from inside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from gateway.store import backup
from gateway.store.database import Database

LATE = timedelta(hours=26)
"""A daily backup that begins a little later than the day before is not late."""
_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class BackupStanding:
    """`grade` is 0 good, 1 to be looked at, 2 bad; `hours` since the last backup, or since the last archived WAL."""

    grade: int
    text: str
    hours: float | None = None


def backup_standing(database: Database, now: datetime) -> BackupStanding:
    """How old the last backup is that is known of here; StoreError if the database cannot be asked."""
    if database.path is not None:
        return _of_file(backup.last(database), now)
    with database.read() as connection:
        row = connection.execute(sa.text(_ARCHIVER)).one()
    return _of_archive(row.mode, row.archived, row.failed, now)


def _of_file(taken: datetime | None, now: datetime) -> BackupStanding:
    if taken is None:
        return BackupStanding(1, "none was made by gateway db backup; of others nothing is known here")
    age = now - taken
    hours = round(age / timedelta(hours=1), 1)
    if age < -_SKEW:
        return BackupStanding(1, f"the last one by gateway db backup is {-hours} hours in the future", hours)
    return BackupStanding(int(age > LATE), f"the last one by gateway db backup is {hours} hours old", hours)


def _of_archive(mode: str, archived: datetime | None, failed: datetime | None, now: datetime) -> BackupStanding:
    if mode == "off":
        return BackupStanding(1, "PostgreSQL archives no WAL; of dumps nothing is known here")
    if failed is not None and (archived is None or failed > archived):
        return BackupStanding(2, "PostgreSQL cannot archive its WAL: its disk fills up")
    if archived is None:
        return BackupStanding(1, "PostgreSQL archives its WAL, but has archived none yet")
    hours = round((now - archived) / timedelta(hours=1), 1)
    # Without traffic no segment is full, unless archive_timeout says so.
    return BackupStanding(int(now - archived > LATE), f"the last WAL was archived {hours} hours ago", hours)


_ARCHIVER = """\
SELECT current_setting('archive_mode') AS mode, last_archived_time AS archived, last_failed_time AS failed
FROM pg_stat_archiver"""
