"""The audit trail: nothing leaves before its entry is durable, and only here is the proof of that made."""

from __future__ import annotations

import hmac
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from gateway.errors import AuditError, TransactionAborted, VaultError
from gateway.store import audit_chain, audit_personal
from gateway.store.audit_anchor import Anchor, Checkpoint
from gateway.store.audit_chain import Head, Prepared, Transactions, translated
from gateway.store.audit_entry import Disclosure, Entry, Kind, Personal, sha256
from gateway.store.audit_number import Numbers
from gateway.store.audit_schedule import CheckpointSchedule
from gateway.store.audit_writer import BatchWriter

__all__ = ["AuditTrail", "Disclosure", "Entry", "Kind", "Personal", "Receipt"]

_ISSUED = object()
_SALT_BYTES = 32
_AGAIN = 3
"""How often a batch is begun again that the database took back."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that an entry is durable in the audit trail; only `AuditTrail` can make one.

    `number` is the protokollnummer (UUIDv7), `entry_hash` the SHA-256 of the entry's canonical bytes. `salt` is
    stored nowhere: it goes into the signed `quittung`, and without it nobody can guess the answer from the log.
    The last four are what a second entry says, too; nothing personal is here.
    """

    number: str
    entry_hash: bytes
    salt: bytes = field(repr=False)
    time: datetime
    commitment: bytes | None
    operation: str
    application: str | None
    fassung: int | None
    major: int | None
    issued: InitVar[object]

    def __post_init__(self, issued: object) -> None:
        if issued is not _ISSUED:
            raise AuditError("a Receipt is made by the audit trail only")

    def covers(self, body: bytes) -> bool:
        """Whether the entry commits to exactly these bytes of an answer."""
        return self.commitment is not None and hmac.compare_digest(sha256(self.salt, body), self.commitment)


class AuditTrail:
    """Writes the trail of one process; all processes of an installation keep one chain in the database."""

    def __init__(
        self,
        database: Transactions,
        vault: audit_personal.Sealing,
        clock: Callable[[], datetime],
        randomness: Callable[[int], bytes],
        *,
        anchor: Anchor | None,
        patience: float,
    ) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._randomness = randomness
        self._anchor = anchor
        self._patience = patience
        self._guard = threading.Lock()
        self._of_process: _OfProcess | None = None
        self._closed = False

    @classmethod
    def open(
        cls,
        database: Transactions,
        vault: audit_personal.Sealing,
        clock: Callable[[], datetime],
        randomness: Callable[[int], bytes],
        *,
        anchor: Anchor | None = None,
        patience: float = 15.0,
    ) -> AuditTrail:
        """A trail that has touched nothing yet: neither thread nor connection before the first entry.

        `patience` (seconds) is the longest that anyone waits for the database. With `anchor`, signed checkpoints
        go to its file.
        """
        return cls(database, vault, clock, randomness, anchor=anchor, patience=patience)

    def record(
        self, entry: Entry, body: bytes | Sequence[bytes] | None = None, *, once: bytes | None = None
    ) -> Receipt:
        """The entry is durable, and with it the commitment to `body`, given whole or in pieces; here is the Receipt.

        `once` (32 bytes) is the replay key of a signed request: if it was recorded before, ReplayRefused and no
        entry. AuditError if the entry cannot be made durable: then nothing may leave. Not to be called inside a
        writing transaction of the same database (see `stage`).
        """
        state = self._state()
        draft = self._draft(state, entry, body, once=once)
        state.writer.write([draft.prepared])
        return draft.receipt()

    def record_all(self, entries: Sequence[Entry]) -> tuple[Receipt, ...]:
        """All entries are durable in one batch, or none is (AuditError)."""
        state = self._state()
        drafts = [self._draft(state, entry, None) for entry in entries]
        if drafts:
            state.writer.write([draft.prepared for draft in drafts])
        return tuple(draft.receipt() for draft in drafts)

    def stage(self, connection: Connection, entries: Sequence[Entry]) -> tuple[str, ...]:
        """The entries become one batch with the caller's own writing transaction, or not at all; their numbers.

        For ingest: what changed and that it changed stand or fall together. There is no Receipt, because
        nothing is durable yet. Other writers of the trail wait until this transaction ends: stage last.
        What the database refuses is the caller's to translate: it is his transaction.
        """
        state = self._state()
        try:
            prepared = [self._draft(state, entry, None, connection=connection).prepared for entry in entries]
            if prepared:
                audit_chain.append(
                    connection, prepared, now=self._clock(), randomness=self._randomness, after=state.seen
                )
        except VaultError as error:
            raise AuditError(f"the audit trail cannot be written ({type(error).__name__})") from None
        return tuple(one.number for one in prepared)

    def undelivered(self, receipt: Receipt, reason_code: str = "nicht-ausgeliefert") -> Receipt:
        """A second entry says that the answer of `receipt` did not leave, and why (a code)."""
        second = Entry(
            kind=Kind.NICHT_AUSGELIEFERT,
            operation=receipt.operation,
            outcome=reason_code,
            application=receipt.application,
            fassung=receipt.fassung,
            major=receipt.major,
            refers_to=receipt.number,
        )
        return self.record(second)

    def seen(self, once: bytes) -> bool:
        """Whether a signed request with this replay key was recorded before; AuditError if that cannot be told."""
        with translated("read"):
            return self._seen(once)

    def _seen(self, once: bytes, again: int = _AGAIN) -> bool:
        try:
            with self._database.view() as view:
                return bool(audit_chain.seen_keys(view, [once]))
        except TransactionAborted:  # a connection that was kept is no more
            if not again:
                raise
            return self._seen(once, again - 1)

    def personal(self, connection: Connection, number: str) -> Personal | None:
        """Who an entry says it was, as long as it can be opened; None if time has taken it. AuditError as in `read`."""
        return audit_personal.read(connection, self._vault, number)

    def erase_segment(self, month: str) -> str:
        """The personal texts of that calendar month (`2025-01`) are erased, and an entry says so; its number.

        The key is gone from the database with the commit; pages of files follow the store's secure deletion.
        AuditError for the current month, a later one, or one without texts.
        """
        if month >= audit_personal.month_of(self._clock()):
            raise AuditError(f"segment {month} is not over yet")
        entry = Entry(kind=Kind.LOESCHUNG, operation="protokollsegmentLoeschen", outcome="geloescht", segment=month)
        with translated("written"), self._database.write() as connection:
            audit_personal.erase(connection, month)
            return self.stage(connection, [entry])[0]

    def check_anchor(self) -> None:
        """The database continues the last checkpoint, to be asked before serving; AuditError if it does not.

        Then entries were removed or the database was rolled back. After a legitimate restore
        `checkpoint(restored=True)` comes first, before any new entry. Nothing is asked without an anchor.
        """
        if self._anchor is not None:
            self._anchor.check(self._read_head, self._hash_of)

    def checkpoint(self, *, restored: bool = False) -> Checkpoint | None:
        """A signed checkpoint of everything durable now is in the anchor file; None while there is no entry.

        For a one-off run (poll, command line) and, with `restored`, after a legitimate restore of the database: then
        also of a database without any entry, whose chain begins with this.
        AuditError without an anchor, or if the database does not continue the last checkpoint.
        """
        if self._anchor is None:
            raise AuditError("this audit trail has no anchor file")
        read_head = self._begin_chain if restored else self._read_head
        return self._anchor.append(read_head, self._hash_of, restored=restored)

    def restored_at(self) -> datetime | None:
        """When the database was last restored, as the anchor file knows; None if never, or without an anchor."""
        return None if self._anchor is None else self._anchor.restored_at()

    def begin_anew(self) -> None:
        """What this process knows of the trail counts no more: the database was restored on purpose."""
        state = self._of_process
        if state is not None:
            state.keys, state.seen = {}, None

    def close(self) -> None:
        """What was queued is written or refused, the thread has ended; every later record() raises AuditError."""
        self._closed = True
        state = self._of_process
        if state is not None and state.writer.pid == os.getpid():
            state.writer.close()

    def checkpoint_problem(self) -> str | None:
        """Why the last checkpoint of this process could not be written, for health; None if all is well."""
        state = self._of_process
        return state.schedule.problem if state is not None and state.schedule is not None else None

    def _state(self) -> _OfProcess:
        """Threads and counters of this process, made anew after a fork."""
        state = self._of_process
        if state is not None and state.writer.pid == os.getpid():
            return state
        if not self._guard.acquire(timeout=self._patience):
            raise AuditError("the audit trail cannot be started in this process")
        try:
            state = self._of_process
            if state is None or state.writer.pid != os.getpid():
                if self._closed:
                    raise AuditError("the audit trail is closed")
                state = self._of_process = self._begin()
            return state
        finally:
            self._guard.release()

    def _begin(self) -> _OfProcess:
        schedule = CheckpointSchedule(self.checkpoint, self._clock) if self._anchor is not None else None
        writer = BatchWriter(
            self._flush,
            schedule.tick if schedule is not None else _never,
            patience=self._patience,
        )
        return _OfProcess(Numbers(self._clock, self._randomness), writer, schedule)

    def _flush(self, entries: Sequence[Prepared]) -> frozenset[str]:
        """One batch, durable when this returns: the commit is the fsync."""
        state = self._state()
        with translated("written"):
            head, refused = self._appended(entries, state.seen)
        state.seen = head
        if state.schedule is not None:
            state.schedule.written(head.total)
        return refused

    def _appended(
        self, entries: Sequence[Prepared], seen: Head | None, again: int = _AGAIN
    ) -> tuple[Head, frozenset[str]]:
        """The batch is committed; begun again if the database took it back, never if nobody knows whether it did."""
        try:
            # The first batch of a process may have to begin the chain.
            with self._database.write() if seen is None else self._database.append() as connection:
                return audit_chain.append(
                    connection, entries, now=self._clock(), randomness=self._randomness, after=seen
                )
        except TransactionAborted:
            if not again:
                raise
            return self._appended(entries, seen, again - 1)

    def _draft(
        self,
        state: _OfProcess,
        entry: Entry,
        body: bytes | Sequence[bytes] | None,
        *,
        once: bytes | None = None,
        connection: Connection | None = None,
    ) -> _Draft:
        """The entry with its number, sealed and hashed; nothing is written but, once a month, a segment's key."""
        number, time = state.numbers.next()
        salt = self._randomness(_SALT_BYTES)
        commitment = None if body is None else sha256(salt, *([body] if isinstance(body, bytes) else body))
        sealed = self._seal(state, entry.personal, number, time, connection)
        content = entry.content(
            number=number, time=time, commitment=commitment, personal=sealed.commitments if sealed else None
        )
        prepared = Prepared(
            number=number,
            hash=sha256(content),
            content=content,
            segment=sealed.segment if sealed else None,
            sealed=sealed.sealed if sealed else None,
            once=once,
        )
        return _Draft(prepared, entry, salt, time, commitment)

    def _seal(
        self, state: _OfProcess, personal: Personal | None, number: str, time: datetime, within: Connection | None
    ) -> audit_personal.SealedTexts | None:
        if personal is None or not personal.texts():
            return None
        month = audit_personal.month_of(time)
        key = state.keys.get(month)
        if key is None and within is not None:
            # Not kept: if the caller's transaction is rolled back, this key was never there.
            key = audit_personal.segment_key(within, self._vault, month, self._randomness)
        elif key is None:
            with translated("written"), self._database.write() as connection:
                key = audit_personal.segment_key(connection, self._vault, month, self._randomness)
            state.keys = {month: key}
        return audit_personal.seal(
            personal, self._vault, key, number=number, segment=month, randomness=self._randomness
        )

    def _read_head(self) -> Head | None:
        with translated("read"), self._database.read() as connection:
            return audit_chain.read_head(connection)

    def _begin_chain(self) -> Head:
        with translated("written"), self._database.write() as connection:
            return audit_chain.begin(connection, self._randomness)

    def _hash_of(self, number: int) -> bytes | None:
        with translated("read"), self._database.read() as connection:
            return audit_chain.hash_of(connection, number)


@dataclass(slots=True)
class _OfProcess:
    """What belongs to one process: numbers, the writer's thread, the keys of the months in use."""

    numbers: Numbers
    writer: BatchWriter
    schedule: CheckpointSchedule | None
    keys: dict[str, bytes] = field(default_factory=dict)
    seen: Head | None = None
    """What this process has last made of the chain: it must still be there when it writes again."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """An entry that is not durable yet, and what its Receipt will say."""

    prepared: Prepared
    entry: Entry
    salt: bytes
    time: datetime
    commitment: bytes | None

    def receipt(self) -> Receipt:
        """To be called only when the entry is durable."""
        prepared, told = self.prepared, self.entry
        proof = (prepared.number, prepared.hash, self.salt, self.time, self.commitment)
        return Receipt(*proof, told.operation, told.application, told.fassung, told.major, issued=_ISSUED)


def _never(_final: bool) -> float | None:  # the shape of Tick
    return None
