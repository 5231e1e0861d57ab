"""What every answer asks of the database: statements made once, run by the driver itself on connections that are kept.

What SQLAlchemy does around a statement costs several times the statement. It still makes the text, and says how values
are converted; everything that is not asked all day goes through it as ever.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from operator import itemgetter
from types import TracebackType
from typing import Any, TypeAlias, cast

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect

from gateway.errors import StoreError

Row: TypeAlias = dict[str, Any]
Core: TypeAlias = sa.Select[Any] | sa.CompoundSelect[Any] | sa.Insert | sa.Update | sa.Delete
_Convert: TypeAlias = Callable[[Any], Any]

_AS_IT_IS = sa.LargeBinary
"""Of a type that both drivers take and give as bytes."""


class View:
    """A consistent snapshot of the whole database; nothing can be written. Only a Statement is run in it."""

    __slots__ = ("dialect", "raw")

    def __init__(self, raw: Any, dialect: Dialect) -> None:
        self.raw = raw
        self.dialect = dialect


class Writing(View):
    """A writing transaction, durable when its block has ended without an error."""

    __slots__ = ()


class Statement:
    """A statement with named parameters; of a SELECT the columns have different names, of an INSERT they are `columns`.

    In a View the driver runs it as it is; in a transaction of SQLAlchemy's it is a statement like any other.
    """

    def __init__(self, statement: Core, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns
        self._made: dict[str, _Made] = {}

    def rows(self, connection: View | sa.Connection, given: Mapping[str, Any] | None = None) -> list[Row]:
        """All rows, each by the names of its columns."""
        if not isinstance(connection, View):
            return [dict(row) for row in connection.execute(self._statement, given or {}).mappings()]
        return self._for(connection.dialect).rows(connection.raw, given or {})

    def tuples(
        self, connection: View | sa.Connection, given: Mapping[str, Any] | None = None
    ) -> Sequence[tuple[Any, ...]]:
        """All rows, each with its columns in their order: a dict of one costs as much as fetching it."""
        if not isinstance(connection, View):
            return [tuple(row) for row in connection.execute(self._statement, given or {})]
        return self._for(connection.dialect).tuples(connection.raw, given or {})

    def values(self, connection: View | sa.Connection, given: Mapping[str, Any] | None = None) -> list[Any]:
        """The first column of all rows."""
        return [row[0] for row in self.tuples(connection, given)]

    def row(self, connection: View | sa.Connection, given: Mapping[str, Any] | None = None) -> Row | None:
        """The one row there is at most."""
        found = self.rows(connection, given)
        if len(found) > 1:
            raise sa.exc.MultipleResultsFound("a row that there is once was found twice")
        return found[0] if found else None

    def run(self, connection: Writing | sa.Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Afterwards it was executed once for each of `rows`; how many rows of the table a single one has met."""
        if not isinstance(connection, Writing):
            return connection.execute(self._statement, list(rows)).rowcount
        return self._for(connection.dialect).run(connection.raw, rows)

    def fill(self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """As `run`, for the many rows of a transaction of SQLAlchemy's, which are handed to the driver as they are.

        StoreError, and none is written, if one has other columns than the statement: nothing is left out in silence.
        """
        columns = set(self._columns or ())
        if any(row.keys() != columns for row in rows):
            raise StoreError("a row to be written has other columns than its statement")
        if rows:
            made = self._for(connection.dialect)
            connection.exec_driver_sql(made.text, made.all_told(rows))

    def _for(self, dialect: Dialect) -> _Made:
        made = self._made.get(dialect.name)
        if made is None:
            made = self._made[dialect.name] = _Made(self._statement, dialect, self._columns)
        return made


class _Made:
    """A statement for one kind of database."""

    def __init__(self, statement: Core, dialect: Dialect, columns: Sequence[str] | None) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        self.text = str(compiled)
        self._given = dict(compiled.params)
        self._order: Sequence[str] | None = compiled.positiontup
        self._picked = itemgetter(*self._order) if self._order and len(self._order) > 1 else None
        self._into = {
            name: convert
            for name, part in compiled.binds.items()
            if (convert := _conversion(part.type, dialect, "bind_processor")) is not None
        }
        selected = [] if isinstance(statement, sa.UpdateBase) else list(statement.selected_columns)
        self._names = [column.name for column in selected]
        self._outof = [
            (place, convert)
            for place, column in enumerate(selected)
            if (convert := _conversion(column.type, dialect, "result_processor", None)) is not None
        ]

    def rows(self, raw: Any, given: Mapping[str, Any]) -> list[Row]:
        names = self._names
        return [dict(zip(names, row, strict=True)) for row in self.tuples(raw, given)]

    def tuples(self, raw: Any, given: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = raw.execute(self.text, self._told(given)).fetchall()
        return [self._converted(row) for row in found] if self._outof else found

    def _converted(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        values = list(row)
        for place, convert in self._outof:
            values[place] = convert(values[place])
        return tuple(values)

    def run(self, raw: Any, rows: Sequence[Mapping[str, Any]]) -> int:
        cursor = raw.cursor()
        if len(rows) == 1:
            cursor.execute(self.text, self._told(rows[0]))
        else:
            cursor.executemany(self.text, [self._told(row) for row in rows])
        return int(cursor.rowcount)

    def all_told(self, rows: Sequence[Mapping[str, Any]]) -> Any:
        """What a driver is given; each row a tuple or a dict, as SQLAlchemy asks."""
        if self._order is None:
            return [self._told(row) for row in rows]
        columns = [(name, self._into.get(name)) for name in self._order]
        return [
            tuple([row[name] if convert is None else convert(row[name]) for name, convert in columns]) for row in rows
        ]

    def _told(self, given: Mapping[str, Any]) -> Mapping[str, Any] | Sequence[Any]:
        values = given
        if self._into or not self._given.keys() <= given.keys():
            values = {**self._given, **given}
            for name, convert in self._into.items():
                values[name] = convert(values[name])
        if self._picked is not None:
            return cast("Sequence[Any]", self._picked(values))
        return values if self._order is None else [values[name] for name in self._order]


def _conversion(kind: sa.types.TypeEngine[Any], dialect: Dialect, which: str, *more: object) -> _Convert | None:
    if isinstance(kind, _AS_IT_IS):
        return None
    convert: _Convert | None = getattr(kind.dialect_impl(dialect), which)(dialect, *more)
    return convert


@dataclass(frozen=True, slots=True)
class Manner:
    """How transactions of one kind are made: `prepare` makes a new connection fit for them, `begin` begins one.

    `commit` ends it; what was not committed is rolled back. `kind` is what its block is given.
    """

    kind: type[View]
    prepare: Callable[[Any], object]
    begin: Callable[[Any], object]
    commit: Callable[[Any], object]


class Lines:
    """The connections of one engine for one kind of transactions, each for one thread at a time.

    `current` is asked each time, with what the pool knew of a connection, whether it may still be used.
    """

    def __init__(self, engine: sa.Engine, manner: Manner, current: Callable[[Mapping[Any, Any]], bool]) -> None:
        self._engine = engine
        self._manner = manner
        self._current = current
        self._idle: deque[_Line] = deque()
        self._closed = False

    def open(self) -> AbstractContextManager[Any]:
        """One transaction; errors are those of SQLAlchemy or of the driver."""
        return _Transaction(self, self._manner.begin)

    def alone(self) -> AbstractContextManager[Any]:
        """The same for a single statement, before which nothing need be begun."""
        return _Transaction(self, _nothing)

    def close(self) -> None:
        """None is open but those in use, which are closed when they end."""
        self._closed = True
        self._forget()

    def _begun(self, begin: Callable[[Any], object]) -> tuple[_Line, View]:
        line = self._taken() or self._connected()
        try:
            begin(line.raw)
        except BaseException:
            self._end(line)
            raise
        return line, self._manner.kind(line.raw, self._engine.dialect)

    def _taken(self) -> _Line | None:
        while self._idle:
            with suppress(IndexError):  # another thread was quicker
                line = self._idle.pop()
                if self._current(line.known):
                    return line
                line.raw.close()
        return None

    def _connected(self) -> _Line:
        # As the pool makes it, with all that a new connection must prove; from here on it is none of the pool's.
        connection = self._engine.connect()
        raw = connection.connection.driver_connection
        connection.detach()
        try:
            self._manner.prepare(raw)
        except BaseException:
            connection.close()
            raise
        return _Line(raw, connection.connection.info)

    def _ended(self, line: _Line, *, commit: bool) -> None:
        try:
            if commit:
                self._manner.commit(line.raw)
        finally:
            self._end(line)

    def _end(self, line: _Line) -> None:
        """Nothing of a transaction is open; what its block has said stands, also if the connection is gone."""
        try:
            line.raw.rollback()
        except Exception:  # noqa: BLE001 -- a COMMIT of which nothing is known must not become "to be begun again"
            # What has ended this one may have ended those that are idle, too.
            line.raw.close()
            self._forget()
            return
        except BaseException:
            line.raw.close()
            raise
        self._idle.append(line)
        if self._closed:
            self._forget()

    def _forget(self) -> None:
        while self._idle:
            with suppress(IndexError):
                self._idle.pop().raw.close()


class _Transaction(AbstractContextManager[Any]):
    """One transaction on one of the lines. Not made of a generator, which costs as much as a small statement."""

    __slots__ = ("_begin", "_line", "_lines")

    def __init__(self, lines: Lines, begin: Callable[[Any], object]) -> None:
        self._lines = lines
        self._begin = begin

    def __enter__(self) -> View:
        self._line, view = self._lines._begun(self._begin)
        return view

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines._ended(self._line, commit=kind is None)


def _nothing(_raw: object) -> None:
    """Begins nothing."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A connection, and what the pool knew of it."""

    raw: Any
    known: Mapping[Any, Any]
