"""The rows of an audit trail as its verification reads them: one by one, in order, and whatever stands in them.

A value of the wrong type (SQLite takes any) becomes one that no check accepts, so a tampered row is a finding
and never an error of the reader.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Column, ColumnElement, Connection, Select, func, select, type_coerce
from sqlalchemy.types import NullType

from gateway.store import audit_tables as tables

_ROWS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class HeadRow:
    """What the head says the end of the chain is."""

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
    """One entry as it stands, with its sealed personal texts; `segment` and `sealed` are None if there are none."""

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
        rows = self._connection.execute(_raw(*tables.head.c).limit(2))
        return tuple(HeadRow(_text(r.chain), _int(r.number), _int(r.total), _bytes(r.hash)) for r in rows)

    def batches(self) -> Iterator[BatchRow]:
        for r in self._stream(_raw(*tables.batch.c).order_by(tables.batch.c.number)):
            yield BatchRow(
                _int(r.number),
                _bytes(r.previous),
                _bytes(r.root),
                _int(r.entries),
                _int(r.total),
                _text(r.time),
                _bytes(r.hash),
            )

    def entries(self) -> Iterator[EntryRow]:
        e, p = tables.entry, tables.personal
        statement = (
            _raw(*e.c, p.c.segment, p.c.sealed)
            .select_from(e.outerjoin(p, p.c.number == e.c.number))
            .order_by(e.c.batch, e.c.position)
        )
        for r in self._stream(statement):
            yield EntryRow(
                _int(r.batch),
                _int(r.position),
                _text(r.number),
                _bytes(r.hash),
                _bytes(r.content),
                None if r.sealed is None else _text(r.segment),
                None if r.sealed is None else _bytes(r.sealed),
            )

    def segments(self) -> Mapping[str, bool]:
        rows = self._connection.execute(_raw(*tables.segment.c))
        return {_text(r.month): r.wrapped is not None for r in rows}

    def strays(self) -> int:
        e, p = tables.entry, tables.personal
        lonely = ~select(e.c.number).where(e.c.number == p.c.number).exists()
        return self._connection.execute(select(func.count()).select_from(p).where(lonely)).scalar_one()

    def _stream(self, statement: Select[Any]) -> Iterator[Any]:
        return iter(self._connection.execute(statement, execution_options={"yield_per": _ROWS_AT_ONCE}))


def _raw(*columns: Column[Any]) -> Select[Any]:
    """The columns as the driver gives them: conversions would fail at tampered values instead of reporting them."""
    return select(*(_unconverted(column) for column in columns))


def _unconverted(column: Column[Any]) -> ColumnElement[Any]:
    return type_coerce(column, NullType()).label(column.name)


def _int(value: object) -> int:
    return value if type(value) is int else -1


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else b""
