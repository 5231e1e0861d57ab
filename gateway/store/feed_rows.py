"""The change feed in the database: applies the law of `feed` to rows, under the locked counter of the stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gateway.store import feed, feed_told, notices
from gateway.store.feed import Counter, Shown, State
from gateway.store.feed_told import Telling
from gateway.store.inserting import unless_there
from gateway.store.notices import Letters
from gateway.store.statements import Statement, View
from gateway.store.tables import feed_counter, feed_shown, person, projection
from gateway.store.vault import fingerprint

UNKNOWN = bytes(32)
"""Stands for what an application was told of a person that is gone: not even a hash of it is kept."""

_COUNTS = (
    "last",
    "delivered",
    "acked",
    "snapshot",
    "snapshot_done",
    "snapshot_until",
    "anew",
    "waiting_since",
    "waiting_from",
)


@dataclass(frozen=True, slots=True)
class Move:
    """What a projection is from now on (`telling` None: invisible); `sealed` None leaves the sealed text as it is.

    `released`: the person's key is gone, `sealed` is the Kennung under the feed key. `letters`: the application has
    no feed, it is written to.
    """

    stream: str
    person_id: bytes
    telling: Telling | None
    stand: datetime
    sealed: bytes | None = None
    kennung_index: bytes | None = None
    released: bool = False
    letters: Letters | None = None


@dataclass(frozen=True, slots=True)
class News:
    """A person about to be told outside the feed: the row as it was read, and what was told once the answer is out.

    `version` is that of the person, `told_fields` and `digest` what the row is to hold.
    """

    person_id: bytes
    version: int
    row: Mapping[Any, Any]
    told_fields: bytes | None
    digest: bytes | None


def lock(connection: sa.Connection, streams: Iterable[str]) -> dict[str, Counter]:
    """The counters of `streams`, locked in one fixed order until the transaction ends; missing ones are made first.

    First, because who held a lock while it waits for another that makes the same row could wait for each other.
    """
    names = sorted(set(streams))
    if not names:
        return {}
    known = set(connection.execute(_KNOWN, {"streams": names}).scalars())
    if fresh := [name for name in names if name not in known]:
        # Another transaction may be making the same row: wait for it instead of failing.
        connection.execute(unless_there(connection, feed_counter), [_fresh(name) for name in fresh])
    rows = connection.execute(_LOCKED, {"streams": names}).mappings().all()
    return {row["stream"]: Counter(**{name: row[name] for name in _COUNTS}) for row in rows}


def counter(connection: sa.Connection | View, stream: str) -> Counter:
    """The counter as it stands, unlocked; all zero if the stream has never had one."""
    row = _COUNTER.row(connection, {"wanted": stream})
    return Counter(**row) if row else Counter()


def save(connection: sa.Connection, counters: Mapping[str, Counter]) -> None:
    """Afterwards the rows of `counters` (locked by the caller) hold these figures."""
    if counters:
        rows = [
            {"key": stream, **{f"new_{name}": getattr(figures, name) for name in _COUNTS}}
            for stream, figures in counters.items()
        ]
        connection.execute(_SAVE, rows)


def apply(connection: sa.Connection, moves: Sequence[Move], counters: Mapping[str, Counter], now: datetime) -> int:
    """Afterwards every projection of `moves` is what its move says, with its feed entry; how many got a number.

    The counters must be locked; the caller saves them.
    """
    people = {move.person_id for move in moves}
    streams = {move.stream for move in moves}
    found = connection.execute(_PROJECTIONS, {"people": list(people), "streams": list(streams)}).mappings()
    rows = {(row["stream"], row["person_id"]): dict(row) for row in found}
    plan, given = _Plan(), {name: counters[name].last for name in streams}
    for move in moves:
        plan.add(move, rows.get((move.stream, move.person_id)), counters[move.stream], now)
    plan.write(connection, now)
    for name, last in given.items():
        if counters[name].last > last:
            counters[name].wait(now, given=last, pending=True)
        elif name in plan.dropped and not _pending(connection, name):
            counters[name].wait(now, given=last, pending=False)
    return plan.entries


class _Plan:
    """Collects the row changes of one transaction, so that each kind is one statement."""

    def __init__(self) -> None:
        self.entries = 0
        self.dropped: set[str] = set()
        self._new: list[dict[str, Any]] = []
        self._changed: list[dict[str, Any]] = []
        self._gone: list[dict[str, Any]] = []
        self._shown: list[dict[str, Any]] = []
        self._released: list[dict[str, Any]] = []
        self._letters = notices.Pile()

    def add(self, move: Move, row: dict[str, Any] | None, figures: Counter, now: datetime) -> None:
        # What was told stands in the row that is locked now; it may be more than when the move was decided.
        told = feed_told.unpacked(row["told_fields"]) if row else {}
        digest = move.telling.digest(told) if move.telling is not None else None
        before = _state(row) if row else State()
        after, shown = feed.moved(before, digest, figures, now)
        if row is None:
            if digest is not None:
                self.entries += 1
                self._new.append(_new_row(move, after))
            return
        kept: dict[str, Any] = {"owed_since": feed.owed_since(row["owed_since"], before, after, now)}
        if move.letters is not None:
            due = notices.owed(move.letters, before, digest, told, move.telling)
            self._letters.add(move.letters, move.person_id, due)
            kept = {"owed_since": None, "told_fields": feed_told.packed(due.told)}
            ended = digest is None and not due.told
            # Nobody fetches here: what is gone ends with the letter.
            after, shown = State(visible_since=after.visible_since) if ended else after, None
        self.entries += after.number is not None and after.number != before.number
        if before.number is not None and after.number is None:
            self.dropped.add(move.stream)
        if move.released and after.number is None:
            self._gone.append(_key(row))
            return
        if shown is not None:
            self._shown.append(_shown_row(move.stream, move.person_id, replace(shown, until=now)))
        if move.released:
            kept |= {"told_fields": None}
            after = replace(after, acked=None if after.acked is None else UNKNOWN)
            self._released.append(_key(row))
        values = row | _columns(after) | _text(move) | _version(row, before, after, move.stand) | kept
        if values != row:
            self._changed.append({**_key(row), **{f"new_{name}": values[name] for name in _MUTABLE}})

    def write(self, connection: sa.Connection, now: datetime) -> None:
        if self._gone:
            connection.execute(sa.delete(feed_shown).where(_SHOWN_KEY), self._gone)
            connection.execute(sa.delete(projection).where(_KEY), self._gone)
        if self._new:
            _INSERT.fill(connection, self._new)
        if self._changed:
            connection.execute(_UPDATE, self._changed)
        if self._shown:
            connection.execute(sa.insert(feed_shown), self._shown)
        if self._released:
            told = sa.and_(_SHOWN_KEY, feed_shown.c.digest.is_not(None))
            connection.execute(sa.update(feed_shown).where(told).values(digest=UNKNOWN), self._released)
        self._letters.write(connection, now)


def acknowledge(connection: sa.Connection, stream: str, up_to: int, figures: Counter, now: datetime) -> None:
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
            values |= {"acked_version": row["version"], "acked_stand": row["stand"], "owed_since": None}
        elif (seen := shown.get(row["person_id"])) is not None:
            values |= {"owed_since": seen.until or row["owed_since"]}
        if after.number is None and after.acked is None:
            values |= {"told_fields": None}  # it has confirmed that it has nothing any more
        changed.append({**_key(row), **{f"new_{name}": values[name] for name in _MUTABLE}})
    passed = sa.and_(feed_shown.c.stream == stream, feed_shown.c.number <= up_to)
    connection.execute(sa.delete(feed_shown).where(passed))
    if gone:
        connection.execute(sa.delete(feed_shown).where(_SHOWN_KEY), gone)
        connection.execute(sa.delete(projection).where(_KEY), gone)
    if changed:
        connection.execute(_UPDATE, changed)
    figures.acked = max(figures.acked, up_to)
    figures.waiting_since = None  # what waits still, waits since now
    figures.wait(now, given=figures.last, pending=_pending(connection, stream))


def tell(connection: sa.Connection, stream: str, news: Sequence[News]) -> None:
    """Afterwards the store knows what is told outside the feed, where the row still is as it was read.

    Pending entries count as shown. The counter must be locked.
    """
    read = {one.person_id: one for one in news}
    where = sa.and_(projection.c.stream == stream, projection.c.person_id.in_(read))
    query = sa.select(projection, person.c.version.label("recorded")).join(person).where(where)
    changed = []
    for row in map(dict[str, Any], connection.execute(query).mappings()):
        one = read[row["person_id"]]
        if row["recorded"] == one.version and all(row[name] == one.row[name] for name in _AS_READ):
            values = row | {"told": row["told"] or row["number"] is not None, "told_fields": one.told_fields}
            values |= {"digest": one.digest}
            if row["acked_digest"] == row["digest"]:
                values |= {"acked_digest": one.digest}  # law 7
            changed.append({**_key(row), **{f"new_{name}": values[name] for name in _MUTABLE}})
    if changed:
        connection.execute(_UPDATE, changed)


def _pending(connection: sa.Connection, stream: str) -> bool:
    mine = sa.and_(projection.c.stream == stream, projection.c.number.is_not(None))
    return connection.execute(sa.select(projection.c.number).where(mine).limit(1)).first() is not None


def _latest_shown(connection: sa.Connection, stream: str, up_to: int) -> dict[bytes, Shown]:
    where = sa.and_(feed_shown.c.stream == stream, feed_shown.c.number <= up_to)
    query = sa.select(feed_shown).where(where).order_by(feed_shown.c.number)
    rows = connection.execute(query).mappings()
    return {row["person_id"]: Shown(row["number"], row["digest"], row["superseded_at"]) for row in rows}


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
    # Random by its nonce, and no key can tell it: the order of pages must link neither applications nor persons.
    place = fingerprint(move.sealed or b"")
    return {**key, **_text(move), **_columns(after), **first, "place": place}


def _shown_row(stream: str, person_id: bytes, shown: Shown) -> dict[str, Any]:
    row = {"number": shown.number, "digest": shown.digest, "superseded_at": shown.until}
    return {"stream": stream, "person_id": person_id, **row}


def _key(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"key_application": row["stream"], "key_person": row["person_id"]}


_MUTABLE = (
    *("sealed", "released", "digest", "acked_digest", "number", "visible_since", "told"),
    *("version", "stand", "acked_version", "acked_stand", "told_fields", "owed_since"),
)
_AS_READ = ("digest", "sealed", "told_fields")
_KEY = sa.and_(
    projection.c.stream == sa.bindparam("key_application"), projection.c.person_id == sa.bindparam("key_person")
)
_SHOWN_KEY = sa.and_(
    feed_shown.c.stream == sa.bindparam("key_application"), feed_shown.c.person_id == sa.bindparam("key_person")
)
_MINE = feed_counter.c.stream.in_(sa.bindparam("streams", expanding=True))
_KNOWN = sa.select(feed_counter.c.stream).where(_MINE)
_LOCKED = sa.select(feed_counter).where(_MINE).order_by(feed_counter.c.stream).with_for_update()
_SAVE = (
    sa.update(feed_counter)
    .where(feed_counter.c.stream == sa.bindparam("key"))
    .values({name: sa.bindparam(f"new_{name}") for name in _COUNTS})
)
_COUNTER = Statement(
    sa.select(*(feed_counter.c[name] for name in _COUNTS)).where(feed_counter.c.stream == sa.bindparam("wanted"))
)
_INSERT = Statement(
    sa.insert(projection),
    (
        *("stream", "person_id", "kennung_index", "sealed", "released", "digest", "acked_digest", "number"),
        *("visible_since", "told", "version", "stand", "acked_version", "acked_stand", "place"),
    ),
)
_PROJECTIONS = sa.select(projection).where(
    projection.c.person_id.in_(sa.bindparam("people", expanding=True)),
    projection.c.stream.in_(sa.bindparam("streams", expanding=True)),
)
_UPDATE = sa.update(projection).where(_KEY).values({name: sa.bindparam(f"new_{name}") for name in _MUTABLE})
