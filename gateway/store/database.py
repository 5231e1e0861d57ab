"""The database: opened only if it is durable, written in short immediate transactions, read in consistent snapshots."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from gateway.errors import StoreError
from gateway.store import guarding, migrating, postgresql, sqlite
from gateway.store.guarding import Guard
from gateway.store.statements import Lines, Statement, View, Writing
from gateway.store.tables import epoch
from gateway.store.tenure import Tenure, begin

_READING: Mapping[str, Mapping[str, Any]] = {
    "sqlite": {},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}
# READ COMMITTED whatever role or server say by default: who waited for a lock must read what its holder committed.
_WRITING: Mapping[str, Mapping[str, Any]] = {
    "sqlite": {"gateway_write": True},
    "postgresql": {"isolation_level": "READ COMMITTED", "postgresql_readonly": False},
}
_POLL_LOCK = 0x464C444D  # "FLDM": the advisory lock of the one poller (PostgreSQL)
_MIGRATION_LOCK = 0x464C444E
_COUNTING: Mapping[str, Mapping[str, Any]] = {"postgresql": {"isolation_level": "AUTOCOMMIT"}}


class Database:
    """One database under its URL; connections are made lazily and never survive a fork."""

    def __init__(self, url: sa.URL, guard: Guard | None = None) -> None:
        self._url = url
        self._guard = guard
        self._lock = threading.Lock()
        self._made: tuple[int, sa.Engine, tuple[Lines, Lines]] | None = None
        self._inherited: list[tuple[int, sa.Engine, tuple[Lines, Lines]]] = []

    @classmethod
    def open(cls, url: str, *, create: bool = False, guard: Guard | None = None) -> Database:
        """The database behind `url`, read back to be durable; no connection stays open (fork-safe).

        With `create` a missing SQLite file is made with mode 0600. Raises StoreError if the file is missing,
        the URL is neither SQLite (a file) nor PostgreSQL, or a durability setting does not hold. Every connection, now
        and later, is shown to `guard` first.
        """
        database = cls(_accepted(url), guard)
        path = database.path
        if path is not None:
            _ensure_file(path, create=create)
        try:
            with database.read():
                pass
        finally:
            database.close()
        return database

    @property
    def url(self) -> sa.URL:
        """Where it is, password included: not to be printed."""
        return self._url

    @property
    def dialect(self) -> str:
        return self._url.get_backend_name()

    @property
    def path(self) -> Path | None:
        """The SQLite file; None on PostgreSQL."""
        return Path(self._url.database) if self.dialect == "sqlite" and self._url.database else None

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A consistent snapshot of the whole database; nothing can be written."""
        with self._transaction(_READING) as connection:
            yield connection

    def view(self) -> AbstractContextManager[View]:
        """As `read`, for statements that were prepared: what every answer reads."""
        engine, (reading, _) = self._opened()
        return _Translated(reading.open(), engine.dialect)

    def glance(self, statement: Statement, given: Mapping[str, Any] | None = None) -> list[Any]:
        """The first column of all rows that one statement finds, which by itself is one consistent snapshot."""
        engine, (reading, _) = self._opened()
        with _Translated(reading.alone(), engine.dialect) as view:
            return statement.values(view, given)

    def append(self) -> AbstractContextManager[Writing]:
        """As `write`, for statements that were prepared: what every answer writes."""
        engine, (_, writing) = self._opened()
        return _Translated(writing.open(), engine.dialect)

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that is durable when the block has ended without an error.

        SQLite: it holds the one write lock from its start. PostgreSQL: it holds what it locks, row by row (see
        docs/postgresql.md). TransactionAborted if nothing was written and it may be begun again, OutcomeUnknown if
        the commit was not confirmed.
        """
        with self._transaction(_WRITING) as connection:
            if self.dialect == "postgresql":
                postgresql.begin_write(connection)
            yield connection

    @contextmanager
    def tally(self) -> Iterator[sa.Connection]:
        """PostgreSQL: each statement is a transaction of its own, for counts that need not be durable by themselves."""
        with self._transaction(_COUNTING) as connection:
            yield connection

    def scrub(self) -> bool:
        """True if afterwards no erased page stands in the write-ahead log; False if a reader keeps it (SQLite).

        PostgreSQL: always True; what its files keep, and until when, stands in docs/betroffenenrechte.md.
        """
        if self.dialect != "sqlite":
            return True
        try:
            with _translated():
                raw = self._engine().raw_connection()
            try:
                busy = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                raw.close()
        except sqlite3.Error as error:
            # SQLAlchemy translates what it executes itself; this is, say, a full disk.
            raise StoreError(f"the write-ahead log cannot be emptied ({type(error).__name__})") from None
        return not busy

    @contextmanager
    def poll_lock(self, randomness: Callable[[int], bytes] = os.urandom) -> Iterator[Tenure]:
        """The right to write persons; StoreError (code "abruf-laeuft") at once if another has the lock.

        Whoever had it before and does not know that it has lost it cannot write any more: see `tenure`.
        """
        with _file_lock(self.path) if self.path else self._advisory_lock():
            yield begin(self, randomness)

    def close(self) -> None:
        """Afterwards this process holds no connection; the next use opens new ones."""
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            _dispose(*made)

    def upgrade(self, randomness: Callable[[int], bytes] = os.urandom) -> None:
        """Afterwards the tables are those of this version (Alembic, one transaction), and there is an epoch."""
        with self.write() as connection:
            if self.dialect == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            migrating.to_newest(connection)
            if connection.execute(sa.select(epoch.c.id)).first() is None:
                row = {"id": 1, "value": randomness(16).hex(), "erasures": 0}
                connection.execute(sa.insert(epoch), [row])

    def is_current(self) -> bool:
        """True if every migration of this version, and no other, has been applied."""
        return self.revision() == migrating.newest()

    def revision(self) -> str:
        """Which version of the tables this is: the last migration that was applied; nothing without tables."""
        with self.read() as connection:
            return migrating.applied(connection)

    def knows(self, revision: str) -> bool:
        """True if this is a migration that leads to the tables of this version."""
        return revision in migrating.revisions()

    def require_reachable(self) -> None:
        """StoreError if nothing can be read; on PostgreSQL also if nothing can be written, as on a standby."""
        with self.write() if self.dialect == "postgresql" else self.read() as connection:
            connection.execute(sa.select(sa.literal(1)))

    def require_writable(self) -> None:
        """StoreError if it can only be read: the file, or the server. Nothing is written."""
        with self.write() as connection:
            connection.execute(sa.delete(epoch).where(sa.false()))

    def _engine(self) -> sa.Engine:
        return self._opened()[0]

    def _opened(self) -> tuple[sa.Engine, tuple[Lines, Lines]]:
        with self._lock:
            if self._made is None or self._made[0] != os.getpid():
                if self._made is not None:
                    # The parent still uses its connections: from here they are neither used nor ever closed.
                    self._inherited.append(self._made)
                engine = _engine(self._url, self._guard)
                self._made = (os.getpid(), engine, _lines(engine, self.path))
                weakref.finalize(self, _dispose, *self._made)
            return self._made[1:]

    @contextmanager
    def _transaction(self, options: Mapping[str, Mapping[str, Any]]) -> Iterator[sa.Connection]:
        mode, engine = options[self.dialect], self._engine()
        confirmed = postgresql.commit if mode.get("postgresql_readonly") is False else nullcontext
        with _translated(), engine.connect().execution_options(**mode) as connection, connection.begin() as transaction:
            yield connection
            with confirmed(connection):
                transaction.commit()

    @contextmanager
    def _advisory_lock(self) -> Iterator[None]:
        # A connection of its own, outside any transaction: the lock lives exactly as long as this connection.
        engine = sa.create_engine(
            self._url,
            poolclass=sa.NullPool,
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",
        )
        with _translated():
            connection = engine.connect()
        try:
            with _translated():
                connection.execute(sa.text(postgresql.WATCHED))
                held = connection.execute(sa.select(sa.func.pg_try_advisory_lock(_POLL_LOCK))).scalar_one()
            if not held:
                raise _already_polling()
            yield
        finally:
            # A connection that was cut says so here; what was done under the lock was proved elsewhere.
            with suppress(SQLAlchemyError):
                connection.close()


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    try:
        descriptor = os.open(f"{path}.poll", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"the poll lock cannot be taken: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _already_polling() from None
        except OSError as error:
            raise StoreError(f"the poll lock cannot be taken: {error.strerror}") from error
        yield
    finally:
        os.close(descriptor)


def _dispose(pid: int, engine: sa.Engine, lines: tuple[Lines, Lines]) -> None:
    """Connections go with their Database, but never from a forked child: the parent still uses them."""
    if os.getpid() == pid:
        for line in lines:
            line.close()
        engine.dispose()


def without_password(url: str) -> str:
    """The URL as it may be shown; StoreError if it is none."""
    accepted = _accepted(url)
    hidden = {key: "***" for key in accepted.query if "pass" in key.lower()}
    return accepted.update_query_dict(hidden).render_as_string(hide_password=True)


def upgrade(url: str) -> None:
    """Afterwards the database behind `url` has the tables of this version; StoreError if it is missing."""
    database = Database.open(url)
    try:
        database.upgrade()
    finally:
        database.close()


def is_current(url: str) -> bool:
    """True if the database behind `url` has exactly the migrations of this version."""
    database = Database.open(url)
    try:
        return database.is_current()
    finally:
        database.close()


def located(url: str) -> Database:
    """The database behind `url`, whether or not it is there; StoreError for a URL of another kind."""
    return Database(_accepted(url))


def _accepted(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(postgresql.spelled_out(url))
    except (SQLAlchemyError, ValueError):
        raise StoreError("the database URL cannot be read") from None
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return postgresql.accepted(parsed)
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:" and not parsed.query:
        return parsed.set(drivername="sqlite+pysqlite", database=str(Path(parsed.database).absolute()))
    raise StoreError("the database must be a SQLite file (sqlite:///...) or PostgreSQL (postgresql://...)")


def _ensure_file(path: Path, *, create: bool) -> None:
    if path.is_file():
        return
    if not create:
        raise StoreError("the database file is missing (gateway init makes it)")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(f"the database file cannot be made: {error.strerror}") from error


def _engine(url: sa.URL, guard: Guard | None) -> sa.Engine:
    made = postgresql.engine(url) if url.get_backend_name() == "postgresql" else sqlite.engine(url)
    if guard is not None:
        guarding.watch(made, guard)
    return made


def _lines(engine: sa.Engine, path: Path | None) -> tuple[Lines, Lines]:
    return postgresql.lines(engine) if path is None else sqlite.lines(engine, path)


def _already_polling() -> StoreError:
    return StoreError("another poller holds the lock", code="abruf-laeuft")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise _ours(error) from None


def _ours(error: SQLAlchemyError) -> StoreError:
    # Drivers quote rows in their messages ("Key (...)=(...) already exists"): the class name must do.
    cause = type(getattr(error, "orig", None) or error).__name__
    if isinstance(error, DBAPIError):
        return postgresql.translated(error, cause)
    return StoreError(f"the database refused a statement ({cause})")


class _Translated(AbstractContextManager[Any]):
    """A transaction whose errors, those of its block included, are ours: SQLAlchemy's, and the driver's own."""

    __slots__ = ("_dialect", "_inner")

    def __init__(self, inner: AbstractContextManager[Any], dialect: sa.Dialect) -> None:
        self._inner = inner
        self._dialect = dialect

    def __enter__(self) -> Any:
        try:
            return self._inner.__enter__()
        except Exception as error:
            self._raise(error)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._inner.__exit__(kind, error, trace)
        except Exception as failed:
            self._raise(failed)
            raise
        if error is not None:
            self._raise(error)

    def _raise(self, error: BaseException) -> None:
        """Raises what it means to us, if it is one of theirs."""
        if isinstance(error, SQLAlchemyError):
            raise _ours(error) from None
        if isinstance(error, self._dialect.loaded_dbapi.Error):
            cause = type(error).__name__
            if isinstance(error, sqlite3.Error):
                raise StoreError(f"the database refused a statement ({cause})") from None
            raise postgresql.translated(error, cause) from None  # type: ignore[arg-type]  # there are two drivers
