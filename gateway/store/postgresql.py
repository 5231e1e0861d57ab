"""What PostgreSQL needs beside SQL: hosts that may change, connections that end, commits of which nothing is known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from gateway.errors import OutcomeUnknown, StoreError, TransactionAborted
from gateway.store.statements import Lines, Manner, View, Writing

if TYPE_CHECKING:
    from psycopg import Connection, Error  # loaded only where there is a PostgreSQL
    from psycopg.errors import Diagnostic

DURABLE = {
    "fsync": frozenset({"on"}),
    "full_page_writes": frozenset({"on"}),
    # `local` and `remote_write` would lose audit entries of answers already sent when a standby takes over.
    "synchronous_commit": frozenset({"on", "remote_apply"}),
    # Some transactions would fail and others not: whoever wants nothing written is to see that nothing is.
    "default_transaction_read_only": frozenset({"off"}),
}
LOCK_SECONDS = 30
"""So long a write waits for another's lock: as long as SQLite's."""
IDLE_SECONDS = 30
"""A write whose client says nothing for so long is ended by the server: its machine hangs and holds locks."""

_CONNECTING = {
    "connect_timeout": "5",
    # A machine that is switched off says nothing: without these a client would wait for hours.
    "keepalives_idle": "5",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
    "application_name": "gateway",
}
WATCHED = """
SELECT set_config(name, value, false) FROM pg_settings JOIN (VALUES
    ('tcp_keepalives_idle', '3'), ('tcp_keepalives_interval', '2'), ('tcp_keepalives_count', '2'),
    ('tcp_user_timeout', '8000'), ('client_connection_check_interval', '2000')
) AS wanted (name, value) USING (name)
"""
"""Within seconds the server gives up a connection whose other end has vanished, and what it has locked is free."""
_KEPT = "SELECT set_config('synchronous_commit', current_setting('synchronous_commit'), false)"
"""What was found stays so for this connection, whatever the server is told to read anew."""

_BEGUN_AGAIN = frozenset({"40001", "40P01"})
"""serialization_failure, deadlock_detected: nothing was written, and the same again may succeed."""
_SETTLED = ("23", "40")
"""Classes of errors that say that a COMMIT has become a rollback."""
_UNSETTLED = "40003"
"""statement_completion_unknown: of its class, and says the opposite."""
_ENDED = ("08", "57P")
"""Classes of errors with which the server ends a connection."""


def spelled_out(url: str) -> str:
    """`postgresql://user@a:5432,b:5432/db`, as libpq has it, in SQLAlchemy's words: one `host` in the query each."""
    found = re.fullmatch(r"(postgresql(?:\+psycopg)?://(?:[^@/?]*@)?)([^@/?]+,[^@/?]+)(/[^?]*)?(?:\?(.*))?", url)
    if found is None:
        return url
    query = [f"host={host}" for host in found[2].split(",")] + [found[4]] * bool(found[4])
    return f"{found[1]}{found[3] or '/'}?{'&'.join(query)}"


def accepted(url: sa.URL) -> sa.URL:
    """The URL with what every connection needs; StoreError if of several hosts it would take any."""
    hosts = url.query.get("host", ())
    # In one parameter, parted by commas, both SQLAlchemy and libpq take several as well.
    named = hosts.split(",") if isinstance(hosts, str) else hosts
    if len(named) > 1 and url.query.get("target_session_attrs") != "read-write":
        raise StoreError("a database on several hosts needs target_session_attrs=read-write: only one may be written")
    missing = {name: value for name, value in _CONNECTING.items() if name not in url.query}
    return url.set(drivername="postgresql+psycopg").update_query_dict(missing)


def engine(url: sa.URL) -> sa.Engine:
    """Connections that are durable, or refused."""
    made = sa.create_engine(url, hide_parameters=True, pool_pre_ping=True)
    sa.event.listen(made, "connect", _connected)
    return made


def lines(engine: sa.Engine) -> tuple[Lines, Lines]:
    """The connections for what every answer reads, and for what it writes.

    Not asked first whether they still are, as the pool does: who finds one broken begins again, on a new one.
    """

    def confirmed(raw: Connection[Any]) -> None:
        with commit(raw):
            engine.dialect.do_commit(raw)  # type: ignore[arg-type]  # psycopg's own, as SQLAlchemy knows it

    reading = Manner(View, _only_read, lambda _: None, lambda _: None)  # the driver begins by itself
    writing = Manner(Writing, _read_committed, lambda raw: raw.execute(_waits_for_nobody()), confirmed)
    return Lines(engine, reading, lambda _: True), Lines(engine, writing, lambda _: True)


def _only_read(raw: Connection[Any]) -> None:
    from psycopg import IsolationLevel

    raw.autocommit, raw.isolation_level, raw.read_only = False, IsolationLevel.REPEATABLE_READ, True


def _read_committed(raw: Connection[Any]) -> None:
    from psycopg import IsolationLevel

    raw.autocommit, raw.isolation_level, raw.read_only = False, IsolationLevel.READ_COMMITTED, False


def begin_write(connection: sa.Connection) -> None:
    """From here to its end the transaction waits for nobody for ever, and nobody for it."""
    connection.exec_driver_sql(_waits_for_nobody())


def _waits_for_nobody() -> str:
    local = {"lock_timeout": LOCK_SECONDS, "idle_in_transaction_session_timeout": IDLE_SECONDS}
    return "SELECT " + ", ".join(f"set_config('{name}', '{seconds}s', true)" for name, seconds in local.items())


@contextmanager
def commit(connection: sa.Connection | Connection[Any]) -> Iterator[None]:
    """Around a COMMIT: afterwards it has been confirmed as durable.

    OutcomeUnknown if the connection broke while waiting for that, or if the server gave up waiting for its standbys
    (then it is committed here, but a standby that takes over may not have it). StoreError if the transaction has
    failed before: the server would answer COMMIT with a silent ROLLBACK.
    """
    from psycopg import Error
    from psycopg.pq import TransactionStatus

    raw = _raw(connection) if isinstance(connection, sa.Connection) else connection
    if raw.info.transaction_status == TransactionStatus.INERROR:
        raise StoreError("a statement of the transaction has failed: nothing is committed")
    warnings: list[str | None] = []

    def told(notice: Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            warnings.append(notice.sqlstate)

    raw.add_notice_handler(told)
    try:
        yield
    except (DBAPIError, Error) as error:
        if _state(error).startswith(_SETTLED) and _state(error) != _UNSETTLED:
            raise
        raise OutcomeUnknown("the connection broke during a COMMIT") from None
    finally:
        raw.remove_notice_handler(told)
    if warnings:
        raise OutcomeUnknown(f"a COMMIT was confirmed with a warning ({warnings[0]}): no standby need have it")


def translated(error: DBAPIError | Error, cause: str) -> StoreError:
    """What an error outside of a COMMIT means: TransactionAborted if the same again may succeed."""
    state = _state(error)
    # An error that no server has sent is that of a connection which is no longer.
    lost = error.connection_invalidated if isinstance(error, DBAPIError) else not state
    if state in _BEGUN_AGAIN or lost or state.startswith(_ENDED):
        return TransactionAborted(f"the database ended a transaction ({cause})")
    return StoreError(f"the database refused a statement ({cause})")


def _state(error: DBAPIError | Error) -> str:
    return getattr(error.orig if isinstance(error, DBAPIError) else error, "sqlstate", None) or ""


def _raw(connection: sa.Connection) -> Connection[Any]:
    from psycopg import Connection

    raw = connection.connection.driver_connection
    if not isinstance(raw, Connection):
        raise StoreError("PostgreSQL is spoken to through psycopg only")
    return raw


def _connected(raw: Any, _record: object) -> None:
    """A connection that is refused is closed: the pool has not seen it yet."""
    try:
        require_durable(raw)
        raw.execute(_KEPT)
        raw.execute(WATCHED)
        raw.commit()
    except BaseException:
        raw.close()
        raise


def require_durable(raw: Any) -> None:
    """StoreError if this server confirms what a power cut, or the loss of a machine, would take back."""
    with raw.cursor() as cursor:
        for name, wanted in DURABLE.items():
            found = cursor.execute(f"SHOW {name}").fetchone()[0]
            if found not in wanted:
                raise StoreError(f"PostgreSQL runs with {name} = {found}; needed: {' or '.join(sorted(wanted))}")
    raw.rollback()
