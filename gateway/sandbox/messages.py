"""What vendors have sent and got, for a while: one file in the sandbox's folder, shared by all its processes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path

LAST = 200
"""So many messages are kept for each application."""
MOST_BYTES = 32 * 1024 * 1024
"""So much of them, for each application: the oldest go first."""
MOST_OF_ONE = 1024 * 1024
"""So much of one request, and of one answer."""

_WAIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Message:
    """One call. `owner` may see it: the application whose certificate was shown, else the one that was called.

    `path` is what was called, `outcome` "ok" or the error code, `peer` the fingerprint of the certificate or empty.
    `request` is empty unless the caller was the application that was called: nobody is shown another's message.
    `ordered` is how the answer went wrong because the owner had ordered it.
    `request_bytes` and `answer_bytes` say how long they were, for at most MOST_OF_ONE of each is kept.
    """

    owner: str
    at: datetime
    path: str
    status: int
    outcome: str
    milliseconds: float
    peer: str = ""
    content_type: str = ""
    soap_action: str = ""
    operation: str = ""
    vorgangsnummer: str = ""
    protokollnummer: str = ""
    ordered: str = ""
    request: bytes = field(default=b"", repr=False)
    request_bytes: int = 0
    answer: bytes = field(default=b"", repr=False)
    answer_bytes: int = 0
    number: int = 0


_COLUMNS = [one.name for one in fields(Message) if one.name != "number"]
_TABLE = f"""
CREATE TABLE IF NOT EXISTS message (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    {", ".join(f"{name} NOT NULL" for name in _COLUMNS)}
);
CREATE INDEX IF NOT EXISTS message_owner ON message (owner, number);
"""
_KEEP = f"INSERT INTO message ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)})"  # noqa: S608 - names of our own
_FORGET = """
DELETE FROM message WHERE number IN (
    SELECT number FROM (
        SELECT number,
            row_number() OVER later AS place,
            sum(length(request) + length(answer)) OVER later AS held
        FROM message WHERE owner = :owner WINDOW later AS (ORDER BY number DESC)
    ) WHERE place > :last OR held > :most
)
"""
_BODIES = ("request", "answer")
_WITHOUT_BODIES = ", ".join(f"x'' AS {name}" if name in _BODIES else name for name in _COLUMNS)
_LIST = f"SELECT number, {_WITHOUT_BODIES} FROM message WHERE owner = ?"  # noqa: S608 - names of our own
_READ = f"SELECT number, {', '.join(_COLUMNS)} FROM message WHERE owner = ?"  # noqa: S608 - names of our own


class Messages:
    """The messages in the file at `path`, which is made, for its owner only, where it is missing. Safe everywhere."""

    def __init__(self, path: Path) -> None:
        self._path = path
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        with self._open() as database:
            # Not WAL: nobody waits for a file whose last user is just closing it, and its log with it.
            database.executescript(_TABLE)

    def keep(self, message: Message) -> None:
        """The message is kept, and what is too old or too much of the same owner is gone; sqlite3.Error if not."""
        cut = replace(
            message,
            request=message.request[:MOST_OF_ONE],
            request_bytes=len(message.request),
            answer=message.answer[:MOST_OF_ONE],
            answer_bytes=len(message.answer),
        )
        values = {name: getattr(cut, name) for name in _COLUMNS} | {"at": cut.at.isoformat()}
        with self._open() as database, database:
            database.execute(_KEEP, values)
            database.execute(_FORGET, {"owner": cut.owner, "last": LAST, "most": MOST_BYTES})

    def last(self, owner: str, limit: int = LAST, *, after: int = 0) -> list[Message]:
        """The latest messages of this owner with a number above `after`, the last one first; without their bytes."""
        query = f"{_LIST} AND number > ? ORDER BY number DESC LIMIT ?"
        with self._open() as database:
            return [_message(row) for row in database.execute(query, (owner, after, limit))]

    def find(self, owner: str, number: int) -> Message | None:
        """One message of this owner; None if there is none, or none any more, or if it is another's."""
        with self._open() as database:
            row = database.execute(f"{_READ} AND number = ?", (owner, number)).fetchone()
        return None if row is None else _message(row)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=_WAIT_SECONDS)) as database:
            database.execute("PRAGMA synchronous = OFF")
            database.row_factory = sqlite3.Row
            yield database


def _message(row: sqlite3.Row) -> Message:
    return Message(**{**dict(row), "at": datetime.fromisoformat(row["at"])})
