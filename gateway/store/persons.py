"""The store as the rest of the house sees it: every read takes a Grant, every write is the one poller's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import TypeVar

import sqlalchemy as sa

from gateway.agreements.agreement import Agreement, Grant
from gateway.errors import NotFound
from gateway.model.statistic import Published
from gateway.store import (
    changes,
    discrepancies,
    erasing,
    feed,
    finding,
    notices,
    quarantine,
    reconciled,
    rekeying,
    released,
    reprojecting,
    snapshot,
    standing,
    subject_search,
    subjects,
    turns,
)
from gateway.store.audit import AuditTrail
from gateway.store.batch import Batch, Ingested, Position, Turn
from gateway.store.database import Database
from gateway.store.discrepancies import Discrepancy, Reported
from gateway.store.erasing import Eraser
from gateway.store.expiring import Expiring
from gateway.store.feed import Change, ChangeKind, ChangePage
from gateway.store.fragments import NO_FRAGMENTS, Disclosed, Fragments
from gateway.store.ingest import Intake, known
from gateway.store.keyed import KeyedDatabase, under_keys
from gateway.store.ledger import Ledger
from gateway.store.notices import Notice, NoticeKind, Outstanding
from gateway.store.progress import Progress, silent
from gateway.store.quarantine import QuarantineEntry
from gateway.store.reconciled import Reconciled
from gateway.store.reconciling import Comparison
from gateway.store.released import Registered
from gateway.store.reprojecting import Reprojected
from gateway.store.search import Criteria
from gateway.store.snapshot import SnapshotPage
from gateway.store.standing import Life
from gateway.store.subject_search import Found, Sought
from gateway.store.subjects import Subject
from gateway.store.tables import poll_run, position
from gateway.store.tenure import Tenure
from gateway.store.vault import Vault
from gateway.store.waiting import Waiting

__all__ = [
    "Batch",
    "Change",
    "ChangeKind",
    "ChangePage",
    "Criteria",
    "Disclosed",
    "Discrepancy",
    "Ingested",
    "Notice",
    "NoticeKind",
    "Outstanding",
    "Position",
    "QuarantineEntry",
    "Registered",
    "Reprojected",
    "SnapshotPage",
    "Store",
    "Subject",
]

_T = TypeVar("_T")


@under_keys
class Store:
    """Persons and their change feed. Reading is safe from any thread and process; writing takes a Tenure.

    `waiting` is what is done with refused records.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        ledger: Ledger,
        clock: Callable[[], datetime],
        trail: AuditTrail,
        fragments: Fragments = NO_FRAGMENTS,
    ) -> None:
        self._database = KeyedDatabase(database, vault)
        self._vault = vault
        self._ledger = ledger
        self._clock = clock
        self._trail = trail
        self._fragments = fragments
        self.waiting = Waiting(self._database, vault, ledger, clock, trail)

    # What an application asks.

    def find(self, grant: Grant, kennung: str) -> Disclosed | None:
        """The person this application knows as `kennung`; None if unknown, blocked, gone or out of scope alike."""
        return finding.find(self._database, self._vault, grant, kennung, self._clock, self._fragments)

    def search(self, grant: Grant, criteria: Criteria) -> tuple[Disclosed, ...]:
        """Visible persons that meet all criteria, exact in DIN 91379 search form; at most two."""
        return finding.find_all(self._database, self._vault, grant, criteria, self._clock)

    def snapshot(self, grant: Grant, token: str | None, limit: int, now: datetime) -> SnapshotPage:
        """A page of everyone this application sees as of N; TokenRefused for a token that does not fit."""
        return snapshot.snapshot(self._database, self._vault, grant, token, limit, now, self._fragments)

    def changes(self, grant: Grant, limit: int) -> ChangePage:
        """The oldest pending entries; the same again until acknowledged."""
        return changes.changes(self._database, self._vault, grant, limit, self._clock, self._fragments)

    def acknowledge(self, grant: Grant, up_to: int, epoch: str) -> int:
        """The number up to which all is settled now; TokenRefused beyond what was delivered, or after a restore."""
        return changes.acknowledge(self._database, feed.stream(grant.agreement), up_to, epoch, self._clock())

    def report(self, grant: Grant, kennung: str, field: str | None, text: str) -> Reported:
        """The discrepancy is taken; NotFound unless this application sees the person."""
        return discrepancies.report(self._database, self._vault, grant, kennung, field, text, self._clock())

    def statistics(self, grant: Grant) -> tuple[Registered, ...]:
        """The released statistics that this application may have, the oldest first, without their numbers."""
        with self._database.read_unkeyed() as connection:
            return _told(connection, grant)

    def statistic(self, grant: Grant, number: int) -> tuple[Registered, Published]:
        """One of them with its table; NotFound unless this application may have it."""
        with self._database.read_unkeyed() as connection:
            one = next((one for one in _told(connection, grant) if one.number == number), None)
            if one is None:
                raise NotFound("no such released table for this application", code="statistik-nicht-freigegeben")
            return one, released.load(connection, one)[0]

    def freshness(self) -> datetime | None:
        """The moment as of which every source has been read completely; None before the first complete poll."""
        (stand,) = self._database.glance_unkeyed(turns.OLDEST_STAND)
        return stand  # type: ignore[no-any-return]  # the column is of that type

    def epoch(self) -> str:
        """The epoch that every token carries."""
        with self._database.read() as connection:
            return changes.read_epoch(connection)

    # What the holder of the poll lock does; StoreError (code "abruf-abgeloest") once another has taken it.

    @contextmanager
    def poll_lock(self) -> Iterator[Tenure]:
        """The right to write persons; StoreError (code "abruf-laeuft") at once if another has it."""
        with self._database.poll_lock(self._vault.random) as tenure:
            yield tenure

    def knows(self, source: str, records: Sequence[tuple[str | None, int | None]]) -> frozenset[int]:
        """The places of those (person number, change number) of which `ingest` would say that they are stale."""
        with self._database.read() as connection:
            return known(connection, self._vault, source, records)

    def ingest(
        self, tenure: Tenure, batch: Batch, agreements: Mapping[str, Agreement], *, now: datetime, stichtag: date
    ) -> Ingested:
        """Afterwards the batch is stored with its feed entries, quarantine and position; old records are ignored.

        An erasure that broke off after the ledger is finished first.
        """
        self._eraser(agreements).finish(tenure, now=now, stichtag=stichtag)
        streams = feed.streams(agreements.values())
        intake = Intake(self._database, self._vault, self._ledger, self._trail, streams, self._fragments)
        return intake.take(tenure, batch, now=now, stichtag=stichtag)

    def reproject(
        self,
        tenure: Tenure,
        agreements: Mapping[str, Agreement],
        *,
        now: datetime,
        stichtag: date,
        progress: Progress = silent,
    ) -> Reprojected:
        """Afterwards every projection is what these agreements give on `stichtag`; cheap if nothing is due.

        An erasure that broke off is finished first: it waits for no source.
        """
        self._eraser(agreements).finish(tenure, now=now, stichtag=stichtag)
        streams = feed.streams(agreements.values())
        return reprojecting.reproject(
            tenure,
            self._database,
            self._vault,
            self._trail,
            streams,
            now=now,
            stichtag=stichtag,
            fragments=self._fragments,
            progress=progress,
        )

    def position(self, source: str) -> Position | None:
        """How far `source` has been stored; None if never."""
        query = sa.select(position).where(position.c.source == source)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Position(row.change_number, row.page_token, row.full_load)

    def comparison(self, source: str, *, at: int, known: int) -> Comparison:
        """A reconciliation with the stock of `source` at its change number `at`, when all up to `known` was read."""
        return Comparison(self._database, self._vault, self._ledger, self._trail, source=source, at=at, known=known)

    def note_reconciliation(self, source: str, one: Reconciled) -> None:
        """Afterwards it is remembered how a reconciliation ended."""
        with self._database.write() as connection:
            reconciled.note(connection, source, one)

    def reconciliations(self, source: str) -> list[Reconciled]:
        """How the latest reconciliations ended, the last one first."""
        with self._database.read() as connection:
            return reconciled.history(connection).get(source, [])

    def turn(self, source: str) -> Turn | None:
        """The last turn that any poller took at `source`; None before the first."""
        with self._database.read() as connection:
            return turns.read(connection, source)

    def keep_turn(self, tenure: Tenure, source: str, turn: Turn) -> None:
        """Afterwards every poller knows of this turn, and how it ended."""
        with tenure.write(self._database) as connection:
            turns.keep(connection, source, turn)

    def forget_numbers(self, tenure: Tenure, source: str, at: int) -> Position:
        """Afterwards a whole load of a source that went back to `at` is to be read, and overrules what is stored."""
        with tenure.write(self._database) as connection:
            if (turn := turns.read(connection, source)) is not None:
                turns.keep(connection, source, replace(turn, went_back=False))
            return turns.forget_numbers(connection, source, at)

    def finish_poll(self, tenure: Tenure, source: str, stand: datetime, now: datetime) -> None:
        """Afterwards `source` counts as completely read as of `stand`."""
        with tenure.write(self._database) as connection:
            connection.execute(sa.delete(poll_run).where(poll_run.c.source == source))
            connection.execute(sa.insert(poll_run), [{"source": source, "stand": stand, "finished_at": now}])

    def erase(
        self,
        tenure: Tenure,
        source: str,
        personennummer: str,
        agreements: Mapping[str, Agreement],
        *,
        now: datetime,
        stichtag: date,
    ) -> bool:
        """Afterwards the person is gone for good, also after a restore; whether there was one."""
        return self._eraser(agreements).erase(tenure, source, personennummer, now=now, stichtag=stichtag)

    def is_known(self, source: str, personennummer: str) -> bool:
        """True if this person number stands, or once stood, in the store, in quarantine or in the erasure ledger."""
        return self._eraser({}).is_known(source, personennummer)

    def after_restore(
        self,
        tenure: Tenure,
        agreements: Mapping[str, Agreement],
        *,
        now: datetime,
        stichtag: date,
        anchored: Callable[[], object] = lambda: None,
    ) -> int:
        """Afterwards old tokens are refused and the erasure ledger is applied again; how many persons it erased.

        `anchored` writes the restore checkpoint: before anything is added to the trail.
        """
        return self._eraser(agreements).after_restore(tenure, anchored, now=now, stichtag=stichtag)

    def require_erasures(self) -> None:
        """StoreError if an erasure broke off before it reached the database: nobody may be served before it has."""
        self._eraser({}).require_finished()

    def forget_versions(self, tenure: Tenure, before: datetime) -> int:
        """Afterwards no superseded version of a person recorded before that moment is left; how many went."""
        return erasing.forget_versions(tenure, self._database, before)

    def rewrap(self) -> int:
        """Afterwards every person's key is wrapped by the newest generation of the key ring; how many were not."""
        return rekeying.rewrap(self._database, self._vault)["persons"]

    def expiring(
        self,
        agreements: Mapping[str, Agreement],
        *,
        now: datetime,
        stichtag: date,
        dry: bool,
        lock: Callable[[], AbstractContextManager[Tenure]],
    ) -> Expiring:
        """Where the deletion rules work on this store; see `gateway.upkeep.retention`."""
        with self._database.read():
            pass  # here a change of keys is followed, also one that broke off; the steps themselves would refuse
        streams = feed.streams(agreements.values())
        return Expiring(self._database, self._vault, self._trail, streams, now, stichtag, dry, lock)

    # What is counted; see `gateway.statistics`.

    def count_standing(self, known: datetime) -> int:
        """How many persons were stored at that moment and are still: not merged into others, not gone."""
        return standing.count(self._database, known)

    def standing(self, known: datetime, *, total: int, progress: Progress = silent) -> Iterator[Life]:
        """Each of those with what was known at that moment; read page by page as the iterator is asked."""
        return standing.lives(self._database, self._vault, known, total=total, progress=progress)

    # What the office looks into.

    def notices(self, *, settled: bool = False) -> list[Notice]:
        """Whom the office must write to (DSGVO Art. 19), oldest first, without anything of a person."""
        with self._database.read() as connection:
            return notices.entries(connection, settled=settled)

    def notice(self, number: str) -> Notice:
        """One notice, opened; NotFound if there is no such number."""
        with self._database.read() as connection:
            return _found(notices.show(connection, self._vault, number))

    def settle_notice(self, number: str) -> None:
        """Afterwards the notice is done, leads to nobody, and the trail says so; NotFound if no such is open."""
        with self._database.write() as connection:
            application = _found(notices.settle(connection, number, self._clock()))
            self._trail.stage(connection, [notices.entry("mitteilungErledigen", application)])

    def outstanding(self) -> list[Outstanding]:
        """Which applications still have to be told of corrections, erasures and restrictions, since when."""
        with self._database.read() as connection:
            return notices.outstanding(connection)

    def subject(self, source: str, personennummer: str) -> Subject | None:
        """Everything held about one person (DSGVO Art. 15); None if nothing is."""
        with self._database.read() as connection:
            return subjects.subject(connection, self._vault, source, personennummer)

    def find_subject(self, sought: Sought) -> Found:
        """The one person a request under DSGVO Art. 15 is about, with everything held; of several only how many."""
        with self._database.read() as connection:
            return subject_search.find_subject(connection, self._vault, sought)

    def quarantine_entries(self, *, dropped: bool = False) -> list[QuarantineEntry]:
        """All refused records that wait (or were dropped), oldest first, without anything of a person."""
        with self._database.read() as connection:
            return quarantine.entries(connection, dropped=dropped)

    def quarantine_entry(self, number: str) -> QuarantineEntry:
        """One refused record, opened; NotFound if there is no such number."""
        with self._database.read() as connection:
            return _found(quarantine.show(connection, self._vault, number))

    def discrepancies(self) -> list[Discrepancy]:
        """All reports of applications, oldest first, without anything of a person."""
        with self._database.read() as connection:
            return discrepancies.entries(connection)

    def discrepancy(self, number: str) -> Discrepancy:
        """One report, opened; NotFound if there is no such number."""
        with self._database.read() as connection:
            return _found(discrepancies.show(connection, self._vault, number))

    def _eraser(self, agreements: Mapping[str, Agreement]) -> Eraser:
        return Eraser(self._database, self._vault, self._ledger, self._trail, feed.streams(agreements.values()))


def _told(connection: sa.Connection, grant: Grant) -> tuple[Registered, ...]:
    terms = grant.agreement.statistics
    return () if terms is None else released.read(connection).told(terms)


def _found(value: _T | None) -> _T:
    if value is None:
        raise NotFound
    return value
