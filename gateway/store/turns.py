"""What all pollers remember together: whose turn it was last, and how the attempts to read a source have ended."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from gateway.store.batch import Position, Turn
from gateway.store.statements import Statement, View
from gateway.store.tables import person, poll_run, poll_turn, position
from gateway.store.tenure import Fenced

_FIELDS = ("number", "taken_at", "rest", "attempted_at", "failures", "failing_since", "code", "went_back")


def read(connection: sa.Connection, source: str) -> Turn | None:
    """The last turn anybody took at `source`; None if nobody ever did."""
    row = connection.execute(sa.select(poll_turn).where(poll_turn.c.source == source)).mappings().one_or_none()
    return None if row is None else Turn(pause=row["pause_ms"] / 1000, **{name: row[name] for name in _FIELDS})


def keep(connection: Fenced, source: str, turn: Turn) -> None:
    """Afterwards this is the last turn."""
    connection.execute(sa.delete(poll_turn).where(poll_turn.c.source == source))
    row = {name: getattr(turn, name) for name in _FIELDS}
    connection.execute(sa.insert(poll_turn), [{"source": source, "pause_ms": round(turn.pause * 1000), **row}])


def forget_numbers(connection: Fenced, source: str, at: int) -> Position:
    """Afterwards a whole load is to be read whose records count as newer than what is stored; where it begins.

    For a source that went back to an earlier state: numbers above `at` were given to changes that it has lost, and
    are given anew. A tombstone keeps its number if the source may still know it: who was deleted by time stays so.
    """
    doubtful = sa.or_(person.c.state != "removed", person.c.change_number > at)
    connection.execute(sa.update(person).where(person.c.source == source, doubtful).values(change_number=0))
    begin = Position(at, None, full_load=True)
    write_position(connection, source, begin)
    return begin


def write_position(connection: Fenced, source: str, at: Position) -> None:
    """Afterwards the source counts as read up to there."""
    connection.execute(sa.delete(position).where(position.c.source == source))
    row = {"change_number": at.change_number, "page_token": at.page_token, "full_load": at.full_load}
    connection.execute(sa.insert(position), [{"source": source, **row}])


def oldest_stand(connection: sa.Connection | View) -> datetime | None:
    """The moment as of which every source has been read completely; None if one was begun, and never to its end."""
    (stand,) = OLDEST_STAND.values(connection)
    return stand  # type: ignore[no-any-return]  # the column is of that type


_BEGUN = sa.union_all(sa.select(position.c.source), sa.select(poll_turn.c.source)).subquery()
_UNREAD = sa.exists().where(_BEGUN.c.source.not_in(sa.select(poll_run.c.source)))
_OLDEST = sa.select(sa.func.min(poll_run.c.stand)).scalar_subquery()
OLDEST_STAND = Statement(sa.select(sa.case((sa.not_(_UNREAD), _OLDEST)).label("stand")))
"""One row with what `oldest_stand` says. A moment that an older program left empty comes first, and is none."""
