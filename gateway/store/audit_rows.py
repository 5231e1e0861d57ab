"""The rows of an audit trail as its verification reads them: one by one, in order, and whatever stands in them.

A value of the wrong type (SQLite takes any) becomes one that no check accepts, so a tampered row is a finding
and never an error of the reader.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    Select,
    case,
    cast,
    func,
    select,
    type_coerce,
)
from sqlalchemy.types import NullType

from gateway.store import audit_tables as tables
from gateway.store.audit_entry import sha256

_ROWS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class HeadRow:
    """What the head says the end of the chain is; the one row there may be has `id` 1."""

    id: int
    chain: str
    number: int
    total: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One batch as it stands."""

    number: int
    previous: bytes
    root: bytes
    entries: int
    total: int
    time: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry as it stands.

    `content` is empty where retention dropped it. `segment` and `sealed`, the month and the SHA-256 of the sealed
    personal texts, are None if there are none.
    """

    batch: int
    position: int
    number: str
    hash: bytes
    content: bytes
    segment: str | None
    sealed: bytes | None


class TrailRows(Protocol):
    """Where verification reads a trail from: a database, or an exported file."""

    def heads(self) -> tuple[HeadRow, ...]:
        """All rows of the head; of an untouched trail there is one, or none before the first batch."""
        ...

    def batches(self) -> Iterator[BatchRow]:
        """All batches by number."""
        ...

    def entries(self) -> Iterator[EntryRow]:
        """All entries by batch and position."""
        ...

    def segments(self) -> Mapping[str, bool]:
        """Each month of personal texts, and whether its key is still there."""
        ...

    def strays(self) -> int:
        """How many sealed parts belong to no entry."""
        ...


class DatabaseRows:
    """The rows in a database, within one snapshot."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def heads(self) -> tuple[HeadRow, ...]:
        rows = self._stream(self._raw(*tables.head.c).order_by(tables.head.c.id).limit(2))
        return tuple(HeadRow(_int(r.id), _text(r.chain), _int(r.number), _int(r.total), _bytes(r.hash)) for r in rows)

    def batches(self) -> Iterator[BatchRow]:
        return map(_batch, self._stream(self._raw(*tables.batch.c).order_by(tables.batch.c.number)))

    def entries(self) -> Iterator[EntryRow]:
        return map(_entry, self._stream(self._entries().order_by(tables.entry.c.batch, tables.entry.c.position)))

    def segments(self) -> Mapping[str, bool]:
        rows = self._stream(self._raw(*tables.segment.c))
        return {_text(r.month): r.wrapped is not None for r in rows}

    def strays(self) -> int:
        e, p = tables.entry, tables.personal
        lonely = ~select(e.c.number).where(e.c.number == p.c.number).exists()
        return self._connection.execute(select(func.count()).select_from(p).where(lonely)).scalar_one()

    def batch(self, number: int) -> BatchRow | None:
        """The batch of that number."""
        row = self._first(self._raw(*tables.batch.c).where(tables.batch.c.number == number))
        return None if row is None else _batch(row)

    def entry(self, number: str) -> EntryRow | None:
        """The entry of that number (protokollnummer)."""
        row = self._first(self._entries().where(tables.entry.c.number == number))
        return None if row is None else _entry(row)

    def entries_of(self, batch: int) -> Iterator[EntryRow]:
        """The entries of one batch by position."""
        e = tables.entry
        return map(_entry, self._stream(self._entries().where(e.c.batch == batch).order_by(e.c.position)))

    def _entries(self) -> Select[Any]:
        e, p = tables.entry, tables.personal
        return self._raw(*e.c, p.c.segment, p.c.sealed).select_from(e.outerjoin(p, p.c.number == e.c.number))

    def _first(self, statement: Select[Any]) -> Any:
        """One row or None; not by a stream, whose cursor would stay open at the server."""
        return self._connection.execute(statement.limit(1)).first()

    def _stream(self, statement: Select[Any]) -> Iterator[Any]:
        return iter(self._connection.execute(statement, execution_options={"yield_per": _ROWS_AT_ONCE}))

    def _raw(self, *columns: Column[Any]) -> Select[Any]:
        """The columns as they stand: conversions would fail at tampered values instead of reporting them."""
        untyped = _untyped_sqlite if self._connection.dialect.name == "sqlite" else _unconverted
        return select(*(untyped(column).label(column.name) for column in columns))


def _batch(row: Any) -> BatchRow:
    return BatchRow(
        _int(row.number),
        _bytes(row.previous),
        _bytes(row.root),
        _int(row.entries),
        _int(row.total),
        _text(row.time),
        _bytes(row.hash),
    )


def _entry(row: Any) -> EntryRow:
    return EntryRow(
        _int(row.batch),
        _int(row.position),
        _text(row.number),
        _bytes(row.hash),
        _bytes(row.content),
        None if row.sealed is None else _text(row.segment),
        None if row.sealed is None else sha256(_bytes(row.sealed)),
    )


def _unconverted(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return type_coerce(column, NullType())


def _untyped_sqlite(column: Column[Any]) -> ColumnElement[Any]:
    """SQLite takes any value in any column; text that is no UTF-8 would break the driver in the middle of the trail."""
    if isinstance(column.type, Integer):
        return case((func.typeof(column) == "integer", _unconverted(column)))
    return _unconverted(cast(column, LargeBinary))


def _int(value: object) -> int:
    # RFC 8785, 3.2.2.3: beyond 2^53 there is no canonical form
    return value if type(value) is int and abs(value) < 2**53 else -1


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def _bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else b""
