"""The chain of batches: how entries become a Merkle root, and a root the next link.

    leaf  = SHA-256(0x00 || entry hash)                   RFC 6962, 2.1, over the entries of one batch in order
    node  = SHA-256(0x01 || left || right)
    batch = SHA-256(RFC 8785 JSON of number, previous, root, entries, total, time)
    first batch's previous = SHA-256(RFC 8785 JSON of the chain's random id)

Who holds a receipt knows the entry hash and can prove from it, with the sibling hashes alone, that it is in a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import AuditError, StoreError, VaultError
from gateway.store import audit_tables as tables
from gateway.store.audit_entry import FORMAT, rfc3339, sha256
from gateway.store.audit_number import milliseconds
from gateway.store.inserting import unless_there
from gateway.store.joined import GAP, Joined
from gateway.store.packing import octets, packed, quoted
from gateway.store.statements import Statement, View, Writing

REPLAY_KEPT = timedelta(minutes=15)
_HEAD = 1


class Transactions(Protocol):
    """What the audit trail needs of `store.database.Database`."""

    def write(self) -> AbstractContextManager[Connection]: ...

    def read(self) -> AbstractContextManager[Connection]: ...

    def view(self) -> AbstractContextManager[View]: ...

    def append(self) -> AbstractContextManager[Writing]: ...


@contextmanager
def translated(done: str) -> Iterator[None]:
    """Errors of the database become AuditError("… cannot be `done`"); their text, which may quote, stays behind."""
    try:
        yield
    except (SQLAlchemyError, StoreError, VaultError, OSError) as error:
        raise AuditError(f"the audit trail cannot be {done} ({type(error).__name__})") from None


@dataclass(frozen=True, slots=True)
class Head:
    """The last batch of a chain: its number (0: none yet), how many entries there are up to it, and its hash."""

    chain: str
    number: int
    total: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Prepared:
    """An entry ready to be chained: canonical bytes, sealed personal texts, and the request's replay key."""

    number: str
    hash: bytes
    content: bytes
    segment: str | None = None
    sealed: bytes | None = None
    once: bytes | None = None


class MerkleTree:
    """Merkle tree hash of RFC 6962, 2.1, over leaves added one by one; needs one hash per level."""

    def __init__(self) -> None:
        self._levels: list[tuple[int, bytes]] = []
        self.leaves = 0

    def add(self, entry_hash: bytes) -> None:
        """The next leaf is there; full subtrees are folded at once."""
        self.leaves += 1
        level, node = 0, sha256(b"\x00", entry_hash)
        while self._levels and self._levels[-1][0] == level:
            node = sha256(b"\x01", self._levels.pop()[1], node)
            level += 1
        self._levels.append((level, node))

    def root(self) -> bytes:
        """The root over all leaves so far; of none it is SHA-256 of nothing, as in RFC 6962."""
        if not self._levels:
            return sha256()
        node = self._levels[-1][1]
        for _, left in reversed(self._levels[:-1]):
            node = sha256(b"\x01", left, node)
        return node


def first_link(chain: str) -> bytes:
    """What the first batch of the chain has as its previous hash."""
    return sha256(packed({"format": FORMAT, "kette": chain}))


def batch_content(*, number: int, previous: bytes, root: bytes, entries: int, total: int, time: str) -> bytes:
    """Everything a batch's row says, in the form that is hashed (RFC 8785)."""
    return octets(
        f'{{"anzahl":{entries},"block":{number},"format":{FORMAT},"gesamt":{total},'
        f'"vorgaenger":"{previous.hex()}","wurzel":"{root.hex()}","zeitpunkt":{quoted(time)}}}'
    )


def batch_hash(*, number: int, previous: bytes, root: bytes, entries: int, total: int, time: str) -> bytes:
    """The hash of a batch over everything its row says."""
    return sha256(batch_content(number=number, previous=previous, root=root, entries=entries, total=total, time=time))


def read_head(connection: Connection | View, *, lock: bool = False) -> Head | None:
    """The head of the chain, or None before the first batch; `lock` keeps other writers out until the commit."""
    found = (_READ_AND_LOCK if lock else _READ).values(connection)
    if not found:
        return None
    chain, number, total, last = found[0].split(b" ", 3)
    return Head(chain.decode(), int(number), int(total), last)


def hash_of(connection: Connection | View, number: int) -> bytes | None:
    """The hash of batch `number` as it stands in its row, or None if there is no such batch."""
    if number == 0:
        head = read_head(connection)
        return None if head is None else first_link(head.chain)
    row = _HASH.row(connection, {"wanted": number})
    return None if row is None else row["hash"]


def append(
    connection: Connection | Writing,
    entries: Sequence[Prepared],
    *,
    now: datetime,
    randomness: Callable[[int], bytes],
    after: Head | None = None,
) -> tuple[Head, frozenset[str]]:
    """The entries are the next batch, once the caller's transaction commits; returns the new head.

    An entry whose replay key was seen before is not written; the numbers of those are returned beside the head.
    The transaction must be a writing one; other writers wait until it ends. AuditError if the chain does not hold
    `after`, a head that the caller has seen: the database went back under it.
    """
    old = begin(connection, randomness)
    if after is not None and (old.chain, _hash_up_to(connection, old, after.number)) != (after.chain, after.hash):
        raise AuditError("the audit trail went back while this process was running: restart it")
    refused = _spend(connection, entries, now)
    kept = [one for one in entries if one.number not in refused]
    if not kept:
        return old, refused
    tree = MerkleTree()
    for one in kept:
        tree.add(one.hash)
    link = {
        "number": old.number + 1,
        "previous": old.hash,
        "root": tree.root(),
        "entries": len(kept),
        "total": old.total + len(kept),
        "time": rfc3339(now),
    }
    new = Head(old.chain, old.number + 1, old.total + len(kept), batch_hash(**link))  # type: ignore[arg-type]  # one dict serves hash and row
    _ADD_BATCH.run(connection, [{**link, "hash": new.hash}])
    _insert_entries(connection, new.number, kept)
    _move_head(connection, old, new)
    return new, refused


def _hash_up_to(connection: Connection | Writing, head: Head, number: int) -> bytes | None:
    """As `hash_of`; of the last batch the head says it, too."""
    return head.hash if number == head.number else hash_of(connection, number)


def begin(connection: Connection | Writing, randomness: Callable[[int], bytes]) -> Head:
    """The head of the chain, locked until the commit; a chain that had none begins now, with a new random id.

    The transaction must be a writing one. AuditError if the head is gone although there are batches.
    """
    return read_head(connection, lock=True) or _begin_chain(connection, randomness)


def _begin_chain(connection: Connection | Writing, randomness: Callable[[int], bytes]) -> Head:
    if _ANY_BATCH.rows(connection):
        # PostgreSQL shows each statement what others have committed by then: the chain may have begun just now.
        if (begun := read_head(connection, lock=True)) is not None:
            return begun
        raise AuditError("the head of the audit chain is missing although there are batches: verify the trail")
    if isinstance(connection, Writing):
        raise AuditError("the audit trail is gone under a process that wrote it: restart it")
    chain = str(UUID(bytes=randomness(16), version=4))
    first = {"id": _HEAD, "chain": chain, "number": 0, "total": 0, "hash": first_link(chain)}
    insert_unless_there(connection, tables.head, first)
    begun = read_head(connection, lock=True)
    if begun is None:
        raise AuditError("the audit chain cannot be begun")
    return begun


def insert_unless_there(connection: Connection, table: Table, row: Mapping[str, object]) -> None:
    """A row with that primary key is there; if another writer was first, it is the other's."""
    connection.execute(unless_there(connection, table).values(**row))


def _spend(connection: Connection | Writing, entries: Sequence[Prepared], now: datetime) -> frozenset[str]:
    """Replay keys are spent; returns the numbers of entries whose key was spent before. The head lock is held."""
    keyed = [one for one in entries if one.once is not None]
    if not keyed:
        return frozenset()
    _FORGET_KEYS.run(connection, [{"now": milliseconds(now)}])
    seen = seen_keys(connection, [one.once for one in keyed if one.once is not None])
    until = milliseconds(now + REPLAY_KEPT)
    refused: set[str] = set()
    fresh: list[dict[str, object]] = []
    for one in keyed:
        if one.once in seen:
            refused.add(one.number)
        elif one.once is not None:
            seen.add(one.once)
            fresh.append({"key": one.once, "until": until})
    if fresh:
        _ADD_KEYS.run(connection, fresh)
    return frozenset(refused)


def seen_keys(connection: Connection | View, keys: Sequence[bytes]) -> set[bytes]:
    """Those of the replay keys that were spent before."""
    return {key for key in keys if _KEY.rows(connection, {"wanted": key})}


def _insert_entries(connection: Connection | Writing, batch: int, entries: Sequence[Prepared]) -> None:
    _ADD_ENTRIES.run(
        connection,
        [
            {"batch": batch, "position": position, "number": one.number, "hash": one.hash, "content": one.content}
            for position, one in enumerate(entries)
        ],
    )
    sealed = [
        {"number": one.number, "segment": one.segment, "sealed": one.sealed}
        for one in entries
        if one.sealed is not None
    ]
    if sealed:
        _ADD_PERSONAL.run(connection, sealed)


def _move_head(connection: Connection | Writing, old: Head, new: Head) -> None:
    values = {"old": old.number, "new": new.number, "new_total": new.total, "new_hash": new.hash}
    if _MOVE.run(connection, [values]) != 1:
        raise AuditError("the head of the audit chain moved under a writer that held its lock")


_HEAD_ROW = Joined(tables.head.c.chain, GAP, tables.head.c.number, GAP, tables.head.c.total, GAP, tables.head.c.hash)
_FOUND = select(_HEAD_ROW.label("head"))
_READ = Statement(_FOUND.where(tables.head.c.id == _HEAD))
_READ_AND_LOCK = Statement(_FOUND.where(tables.head.c.id == _HEAD).with_for_update())
_HASH = Statement(select(tables.batch.c.hash).where(tables.batch.c.number == bindparam("wanted")))
_ANY_BATCH = Statement(select(tables.batch.c.number).limit(1))
_ADD_BATCH, _ADD_ENTRIES, _ADD_PERSONAL, _ADD_KEYS = (
    Statement(insert(table), table.c.keys()) for table in (tables.batch, tables.entry, tables.personal, tables.replay)
)
_KEY = Statement(select(tables.replay.c.key).where(tables.replay.c.key == bindparam("wanted")))
_FORGET_KEYS = Statement(delete(tables.replay).where(tables.replay.c.until < bindparam("now")))
_MOVE = Statement(
    update(tables.head)
    .where(tables.head.c.id == _HEAD, tables.head.c.number == bindparam("old"))
    .values(number=bindparam("new"), total=bindparam("new_total"), hash=bindparam("new_hash"))
)
