"""Finds a person's entries in the audit trail: an index beside the chain, made from the entries and nothing else.

It says no more than who stands where; what happened is read from the entries themselves. So the index can leave
something out but never claim anything, and what retention has dropped from the trail is not in it either. Nothing
writes it on the way of an answer: whoever asks calls `catch_up` first. What is not indexed yet is read from the trail,
so `disclosures` is whole in any case, only slower.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

import sqlalchemy as sa

from gateway.store import audit_tables as tables
from gateway.store.audit_chain import Transactions, hash_of, insert_unless_there, translated
from gateway.store.audit_check import tree_of
from gateway.store.audit_entry import Kind
from gateway.store.inserting import unless_there

_MARK = 1
_MOST_ENTRIES = 1_000
_MOST_POINTERS = 2_000
"""Entries read and rows written in one step: its writing transaction stays below 50 ms."""
_MOST_DELETED = 2_000
_MOST_ASKED = 500
_PERSON = re.compile(r"[0-9A-Za-z_-]{1,64}")
_NUMBER = re.compile(r"[0-9a-f-]{36}")
_UNDELIVERED = Kind.NICHT_AUSGELIEFERT.value

_Place = tuple[int, int]
"""Batch and position of an entry."""


@dataclass(frozen=True, slots=True)
class IndexedEntry:
    """An entry that names a person asked for; `fields` are the bits of all of them together.

    `delivered` is False if a later entry says that the answer did not leave.
    """

    number: str
    time: datetime
    kind: Kind
    operation: str
    application: str | None
    purpose: str | None
    legal_basis: str | None
    fassung: int | None
    major: int | None
    fields: int
    outcome: str
    delivered: bool = True


def catch_up(database: Transactions) -> int:
    """Afterwards every entry that was durable at the call is indexed; how many were not.

    It goes on where an earlier call, perhaps of another process, stopped. If the trail is not the one that was
    indexed (its end was cut off and grew anew), the index is made anew. AuditError if the database fails.
    """
    done = 0
    with translated("indexed"):
        while (step := _step(database)) is not None:
            done += step
    return done


def rebuild(database: Transactions) -> int:
    """Afterwards the index is what the entries say, whatever stood in it before; how many entries were indexed."""
    with translated("indexed"):
        _begin_anew(database)
    return catch_up(database)


def prune(database: Transactions) -> int:
    """Afterwards nothing in the index points to an entry whose content has been dropped; how many rows went."""
    with translated("indexed"):
        return _drop_dangling(database, tables.index, _there(tables.index)) + _drop_dangling(
            database, tables.undelivered, _there(tables.undelivered)
        )


def disclosures(connection: sa.Connection, audit_ids: Iterable[str]) -> tuple[IndexedEntry, ...]:
    """Every entry that names one of `audit_ids` and still has its content, oldest first.

    True of the trail as `connection` sees it; AuditError if it cannot be read.
    """
    ids = frozenset(audit_ids)
    with translated("read"):
        mark, found = _indexed(connection, ids)
        undelivered = _undelivered_among(connection, [entry.number for entry in found.values()])
        for place, content in _after(connection, mark):
            undelivered |= _naming(content).undelivered
            if (entry := _entry(content, ids)) is not None:
                found[place] = entry
    in_order = (found[place] for place in sorted(found))
    return tuple(replace(entry, delivered=entry.number not in undelivered) for entry in in_order)


# What an entry says; a part that the trail could not have written counts as not there: verification finds it.


@dataclass(frozen=True, slots=True)
class _Naming:
    """The persons that an entry names with their bits, and the number of the entry it calls undelivered."""

    persons: Mapping[str, int] = field(default_factory=dict)
    undelivered: frozenset[str] = frozenset()


def _naming(content: bytes) -> _Naming:
    tree = tree_of(content) or {}
    told = tree.get("bezug")
    if tree.get("art") == _UNDELIVERED and isinstance(told, str) and _NUMBER.fullmatch(told):
        return _Naming(_persons(tree), frozenset({told}))
    return _Naming(_persons(tree))


def _persons(tree: Mapping[str, object]) -> dict[str, int]:
    found: dict[str, int] = {}
    named = tree.get("personen")
    for one in named if isinstance(named, list) else ():
        person, fields = (one.get("person"), one.get("felder")) if isinstance(one, dict) else (None, None)
        if isinstance(person, str) and isinstance(fields, str) and _PERSON.fullmatch(person):
            found[person] = found.get(person, 0) | _bits(fields)
    return found


def _bits(text: str) -> int:
    return int(text, 16) if re.fullmatch(r"[0-9a-f]{1,100}", text) else 0


def _entry(content: bytes, ids: frozenset[str]) -> IndexedEntry | None:
    tree: Mapping[str, Any] = tree_of(content) or {}
    named = [fields for person, fields in _persons(tree).items() if person in ids]
    if not named:
        return None
    try:
        return IndexedEntry(
            number=str(tree["protokollnummer"]),
            time=datetime.fromisoformat(tree["zeitpunkt"]),
            kind=Kind(tree["art"]),
            operation=str(tree["operation"]),
            application=tree.get("anwendung"),
            purpose=tree.get("zweck"),
            legal_basis=tree.get("rechtsgrundlage"),
            fassung=tree.get("fassung"),
            major=tree.get("vertrag"),
            fields=reduce(or_, named),
            outcome=str(tree["ergebnis"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


# Reading the index, and the trail beyond it.


def _indexed(connection: sa.Connection, ids: frozenset[str]) -> tuple[_Place, dict[_Place, IndexedEntry]]:
    """Up to where the index was used, and the entries found in it.

    Mark and pointers come from one statement: in a writing transaction of PostgreSQL each statement sees its own
    state, and a rebuild may begin between two.
    """
    i, e, m = tables.index, tables.entry, tables.index_mark
    first: _Place | None = None
    found: dict[_Place, IndexedEntry] = {}
    for some in _blocks(sorted(ids)) or [[]]:
        here = sa.and_(i.c.person.in_(some), sa.tuple_(i.c.batch, i.c.position) <= sa.tuple_(m.c.batch, m.c.position))
        entry = sa.and_(e.c.batch == i.c.batch, e.c.position == i.c.position)
        query = sa.select(m.c.batch.label("to_batch"), m.c.position.label("to"), i.c.batch, i.c.position, _CONTENT)
        rows = connection.execute(query.select_from(m.outerjoin(i, here).outerjoin(e, entry))).all()
        to = (rows[0].to_batch, rows[0].to) if rows else (0, -1)
        first = to if first is None else min(first, to)
        for row in rows:
            if (one := _entry(row.content or b"", ids)) is not None:
                found[row.batch, row.position] = one
    return first or (0, -1), found


def _undelivered_among(connection: sa.Connection, numbers: Sequence[str]) -> frozenset[str]:
    n = tables.undelivered.c.number
    found = (connection.execute(sa.select(n).where(n.in_(some))).scalars() for some in _blocks(numbers))
    return frozenset(number for some in found for number in some)


def _after(connection: sa.Connection, place: _Place) -> Generator[tuple[_Place, bytes]]:
    """The entries behind `place` in order; of one whose content was dropped it is empty."""
    e = tables.entry
    behind = sa.tuple_(e.c.batch, e.c.position) > sa.tuple_(*map(sa.literal, place))
    query = sa.select(e.c.batch, e.c.position, _CONTENT).where(behind).order_by(e.c.batch, e.c.position)
    with connection.execute(query, execution_options={"yield_per": 200}) as rows:
        for row in rows:
            yield (row.batch, row.position), row.content or b""


# SQLite takes any value in any column; as bytes each is one that can be looked into.
_CONTENT = sa.cast(tables.entry.c.content, sa.LargeBinary).label("content")


# Writing the index.


@dataclass(frozen=True, slots=True)
class _Mark:
    """The last entry indexed, and the hash of its batch; while `clearing`, old rows must go first."""

    batch: int = 0
    position: int = -1
    hash: bytes | None = None
    clearing: bool = False


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one step writes: pointers, undelivered numbers, and the mark that holds then."""

    entries: int
    pointers: list[dict[str, object]]
    undelivered: list[dict[str, object]]
    mark: _Mark


def _step(database: Transactions) -> int | None:
    """One piece is indexed, or a piece of the old index is gone; entries indexed, None if nothing is left to do."""
    with database.read() as connection:
        mark = _read_mark(connection)
        same = mark.batch == 0 or hash_of(connection, mark.batch) == mark.hash
        piece = _piece(connection, mark) if same and not mark.clearing else None
    if not same:
        _begin_anew(database)
    elif mark.clearing:
        _clear_some(database)
    elif piece is None:
        return None
    else:
        return _write(database, mark, piece)
    return 0


def _piece(connection: sa.Connection, mark: _Mark) -> _Piece | None:
    pointers: list[dict[str, object]] = []
    undelivered: list[dict[str, object]] = []
    entries, last = 0, (mark.batch, mark.position)
    with closing(_after(connection, last)) as contents:
        for place, content in contents:
            naming = _naming(content)
            pointers += [{"person": person, "batch": place[0], "position": place[1]} for person in naming.persons]
            undelivered += [{"number": number} for number in naming.undelivered]
            entries, last = entries + 1, place
            if entries == _MOST_ENTRIES or len(pointers) >= _MOST_POINTERS:
                break
    if not entries:
        return None
    return _Piece(entries, pointers, undelivered, _Mark(*last, hash_of(connection, last[0])))


def _write(database: Transactions, mark: _Mark, piece: _Piece) -> int:
    """Nothing is written if another process was faster."""
    with database.write() as connection:
        if _lock_mark(connection) != mark:
            return 0
        for table, rows in ((tables.index, piece.pointers), (tables.undelivered, piece.undelivered)):
            if rows:
                connection.execute(unless_there(connection, table), rows)
        _move_mark(connection, piece.mark)
    return piece.entries


def _begin_anew(database: Transactions) -> None:
    with database.write() as connection:
        _lock_mark(connection)
        _move_mark(connection, _Mark(clearing=True))


def _clear_some(database: Transactions) -> None:
    """Some of the old rows are gone; when none is left, indexing may begin."""
    with database.write() as connection:
        if not _lock_mark(connection).clearing:
            return
        gone = 0
        for table in (tables.index, tables.undelivered):
            keys = sa.tuple_(*table.primary_key.columns)
            some = sa.select(*table.primary_key.columns).limit(_MOST_DELETED)
            gone += connection.execute(sa.delete(table).where(keys.in_(some))).rowcount
        if not gone:
            _move_mark(connection, _Mark())


def _read_mark(connection: sa.Connection, *, lock: bool = False) -> _Mark:
    m = tables.index_mark
    query = sa.select(m.c.batch, m.c.position, m.c.hash, m.c.clearing).where(m.c.id == _MARK)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return _Mark() if row is None else _Mark(*row)


def _lock_mark(connection: sa.Connection) -> _Mark:
    """The mark; other processes wait until this transaction ends."""
    first = {"id": _MARK, "batch": 0, "position": -1, "hash": None, "clearing": False}
    insert_unless_there(connection, tables.index_mark, first)
    return _read_mark(connection, lock=True)


def _move_mark(connection: sa.Connection, mark: _Mark) -> None:
    values = {"batch": mark.batch, "position": mark.position, "hash": mark.hash, "clearing": mark.clearing}
    connection.execute(sa.update(tables.index_mark).values(values))


def _there(table: sa.Table) -> sa.ColumnElement[bool]:
    """True of a row of the index whose entry still has its content."""
    e, i = tables.entry, tables.index
    if table is i:
        same = sa.and_(e.c.batch == i.c.batch, e.c.position == i.c.position)
    else:
        same = e.c.number == tables.undelivered.c.number
    return sa.exists().where(same, sa.func.length(e.c.content) > 0)


def _drop_dangling(database: Transactions, table: sa.Table, there: sa.ColumnElement[bool]) -> int:
    keys = list(table.primary_key.columns)
    gone, query = 0, sa.select(*keys, there.label("there")).order_by(*keys).limit(_MOST_DELETED)
    rows: Sequence[Any] = []
    while True:
        behind = query.where(sa.tuple_(*keys) > sa.tuple_(*map(sa.literal, rows[-1][:-1]))) if rows else query
        with database.read() as connection:
            rows = connection.execute(behind).all()
        if not rows:
            return gone
        if dangling := [tuple(row[:-1]) for row in rows if not row.there]:
            with database.write() as connection:
                gone += connection.execute(sa.delete(table).where(sa.tuple_(*keys).in_(dangling))).rowcount


def _blocks(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[start : start + _MOST_ASKED] for start in range(0, len(values), _MOST_ASKED)]
