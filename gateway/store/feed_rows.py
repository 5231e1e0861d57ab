"""The change feed in the database: applies the law of `feed` to rows, under the locked counter of the stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store import feed
from gateway.store.feed import Counter, Shown, State
from gateway.store.tables import feed_counter, feed_shown, projection

_COUNTS = ("last", "delivered", "acked", "snapshot", "snapshot_done", "snapshot_until")


@dataclass(frozen=True, slots=True)
class Move:
    """What a projection is from now on; `sealed` None leaves the sealed text as it is.

    `released`: the person's key is gone, `sealed` is the Kennung under the feed key.
    """

    stream: str
    person_id: bytes
    digest: bytes | None
    stand: datetime
    sealed: bytes | None = None
    kennung_index: bytes | None = None
    released: bool = False


def lock(connection: sa.Connection, streams: Iterable[str]) -> dict[str, Counter]:
    """The counters of `streams`, locked in one fixed order until the transaction ends; missing ones are made."""
    names = sorted(set(streams))
    if not names:
        return {}
    query = sa.select(feed_counter).where(feed_counter.c.stream.in_(names)).order_by(feed_counter.c.stream)
    rows = connection.execute(query.with_for_update()).mappings().all()
    if len(rows) < len(names):
        fresh = [name for name in names if name not in {row["stream"] for row in rows}]
        # Another transaction may be making the same row: wait for it instead of failing.
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(insert(feed_counter).on_conflict_do_nothing(), [_fresh(name) for name in fresh])
        rows = connection.execute(query.with_for_update()).mappings().all()
    return {row["stream"]: Counter(**{name: row[name] for name in _COUNTS}) for row in rows}


def counter(connection: sa.Connection, stream: str) -> Counter:
    """The counter as it stands, unlocked; all zero if the stream has never had one."""
    query = sa.select(*(feed_counter.c[name] for name in _COUNTS)).where(feed_counter.c.stream == stream)
    row = connection.execute(query).mappings().one_or_none()
    return Counter(**row) if row else Counter()


def save(connection: sa.Connection, counters: Mapping[str, Counter]) -> None:
    """Afterwards the rows of `counters` (locked by the caller) hold these figures."""
    if counters:
        names: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in _COUNTS}
        statement = sa.update(feed_counter).where(feed_counter.c.stream == sa.bindparam("key")).values(names)
        rows = [
            {"key": stream, **{f"new_{name}": getattr(figures, name) for name in _COUNTS}}
            for stream, figures in counters.items()
        ]
        connection.execute(statement, rows)


def apply(connection: sa.Connection, moves: Sequence[Move], counters: Mapping[str, Counter], now: datetime) -> int:
    """Afterwards every projection of `moves` is what its move says, with its feed entry; how many got a number.

    The counters must be locked; the caller saves them.
    """
    people = {move.person_id for move in moves}
    streams = {move.stream for move in moves}
    query = sa.select(projection).where(projection.c.person_id.in_(people), projection.c.stream.in_(streams))
    rows = {(row["stream"], row["person_id"]): dict(row) for row in connection.execute(query).mappings()}
    plan = _Plan()
    for move in moves:
        plan.add(move, rows.get((move.stream, move.person_id)), counters[move.stream], now)
    plan.write(connection)
    return plan.entries


class _Plan:
    """Collects the row changes of one transaction, so that each kind is one statement."""

    def __init__(self) -> None:
        self.entries = 0
        self._new: list[dict[str, Any]] = []
        self._changed: list[dict[str, Any]] = []
        self._gone: list[dict[str, Any]] = []
        self._shown: list[dict[str, Any]] = []

    def add(self, move: Move, row: dict[str, Any] | None, figures: Counter, now: datetime) -> None:
        before = _state(row) if row else State()
        after, shown = feed.moved(before, move.digest, figures, now)
        self.entries += after.number is not None and after.number != before.number
        if shown is not None:
            self._shown.append(_shown_row(move.stream, move.person_id, shown))
        if move.released and after.number is None:
            self._gone += [_key(row)] if row else []
            return
        if row is None:
            if move.digest is not None:
                self._new.append(_new_row(move, after))
            return
        values = row | _columns(after) | _text(move) | _version(row, before, after, move.stand)
        if values != row:
            self._changed.append({**_key(row), **{f"new_{name}": values[name] for name in _MUTABLE}})

    def write(self, connection: sa.Connection) -> None:
        if self._gone:
            connection.execute(sa.delete(feed_shown).where(_SHOWN_KEY), self._gone)
            connection.execute(sa.delete(projection).where(_KEY), self._gone)
        if self._new:
            connection.execute(sa.insert(projection), self._new)
        if self._changed:
            connection.execute(_UPDATE, self._changed)
        if self._shown:
            connection.execute(sa.insert(feed_shown), self._shown)


def acknowledge(connection: sa.Connection, stream: str, up_to: int, figures: Counter) -> None:
    """Afterwards everything up to `up_to` is settled (law 4 and 5); the counter must be locked, the caller saves it."""
    shown = _latest_shown(connection, stream, up_to)
    due = sa.and_(projection.c.stream == stream, projection.c.number <= up_to)
    query = sa.select(projection).where(due)
    rows = [dict(row) for row in connection.execute(query).mappings()]
    later = sorted(set(shown) - {row["person_id"] for row in rows})
    for block in _blocks(later):
        more = sa.and_(projection.c.stream == stream, projection.c.person_id.in_(block))
        rows += [dict(row) for row in connection.execute(sa.select(projection).where(more)).mappings()]
    changed, gone = [], []
    for row in sorted(rows, key=lambda row: row["number"] or 0):
        after = feed.settled(_state(row), up_to, shown.get(row["person_id"]), figures)
        if after.number is None and row["released"]:
            gone.append(_key(row))
            continue
        values = row | _columns(after)
        if after.number is None:
            values |= {"acked_version": row["version"], "acked_stand": row["stand"]}
        changed.append({**_key(row), **{f"new_{name}": values[name] for name in _MUTABLE}})
    passed = sa.and_(feed_shown.c.stream == stream, feed_shown.c.number <= up_to)
    connection.execute(sa.delete(feed_shown).where(passed))
    if gone:
        connection.execute(sa.delete(feed_shown).where(_SHOWN_KEY), gone)
        connection.execute(sa.delete(projection).where(_KEY), gone)
    if changed:
        connection.execute(_UPDATE, changed)
    figures.acked = max(figures.acked, up_to)


def tell(connection: sa.Connection, stream: str, people: Sequence[bytes]) -> None:
    """Afterwards the pending entries of `people` count as shown by other means; the counter must be locked."""
    where = sa.and_(
        projection.c.stream == stream,
        projection.c.person_id.in_(people),
        projection.c.number.is_not(None),
    )
    connection.execute(sa.update(projection).where(where).values(told=True))


def _latest_shown(connection: sa.Connection, stream: str, up_to: int) -> dict[bytes, Shown]:
    where = sa.and_(feed_shown.c.stream == stream, feed_shown.c.number <= up_to)
    query = sa.select(feed_shown).where(where).order_by(feed_shown.c.number)
    return {row["person_id"]: Shown(row["number"], row["digest"]) for row in connection.execute(query).mappings()}


def _blocks(items: Sequence[bytes], size: int = 1000) -> Iterable[Sequence[bytes]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _fresh(stream: str) -> dict[str, Any]:
    return {"stream": stream, "last": 0, "delivered": 0, "acked": 0, "snapshot": 0, "snapshot_done": 0}


def _state(row: Mapping[str, Any]) -> State:
    return State(row["digest"], row["acked_digest"], row["number"], row["visible_since"], row["told"])


def _columns(state: State) -> dict[str, Any]:
    return {
        "digest": state.digest,
        "acked_digest": state.acked,
        "number": state.number,
        "visible_since": state.visible_since,
        "told": state.told,
    }


def _text(move: Move) -> dict[str, Any]:
    if move.sealed is None:
        return {}
    return {"sealed": move.sealed, "released": move.released}


def _version(row: dict[str, Any], before: State, after: State, stand: datetime) -> dict[str, Any]:
    """Version and stand count what this stream is told: a change that took itself back never was."""
    if after.digest == before.digest or after.digest is None:
        return {}
    if after.number is None:
        return {"version": row["acked_version"], "stand": row["acked_stand"]}
    return {"version": row["version"] + 1, "stand": stand}


def _new_row(move: Move, after: State) -> dict[str, Any]:
    first = {"version": 1, "stand": move.stand, "acked_version": 0, "acked_stand": move.stand}
    key = {"stream": move.stream, "person_id": move.person_id, "kennung_index": move.kennung_index}
    return {**key, **_text(move), **_columns(after), **first}


def _shown_row(stream: str, person_id: bytes, shown: Shown) -> dict[str, Any]:
    return {"stream": stream, "person_id": person_id, "number": shown.number, "digest": shown.digest}


def _key(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"key_application": row["stream"], "key_person": row["person_id"]}


_MUTABLE = (
    *("sealed", "released", "digest", "acked_digest", "number", "visible_since", "told"),
    *("version", "stand", "acked_version", "acked_stand"),
)
_KEY = sa.and_(
    projection.c.stream == sa.bindparam("key_application"), projection.c.person_id == sa.bindparam("key_person")
)
_SHOWN_KEY = sa.and_(
    feed_shown.c.stream == sa.bindparam("key_application"), feed_shown.c.person_id == sa.bindparam("key_person")
)
_UPDATE = sa.update(projection).where(_KEY).values({name: sa.bindparam(f"new_{name}") for name in _MUTABLE})
