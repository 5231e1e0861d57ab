"""The change feed as an application reads and acknowledges it; the law stands in `feed`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any

import sqlalchemy as sa

from gateway.agreements.agreement import Grant
from gateway.agreements.operation import Operation
from gateway.errors import TokenRefused
from gateway.store import feed, feed_rows, feed_told, projecting, reading
from gateway.store.database import Database
from gateway.store.feed import Change, ChangePage, Counter
from gateway.store.feed_rows import News
from gateway.store.fragments import NO_FRAGMENTS, Fragments
from gateway.store.notices import Letters
from gateway.store.reading import Rendered
from gateway.store.statements import Statement, View
from gateway.store.tables import epoch, person, projection
from gateway.store.vault import Vault

_STEP = 500
"""Entries settled in one transaction; an acknowledgement of more is several smaller ones."""
_ROUNDS = 3
_CHAIN = 8


def changes(
    database: Database,
    vault: Vault,
    grant: Grant,
    limit: int,
    clock: Callable[[], datetime],
    fragments: Fragments = NO_FRAGMENTS,
) -> ChangePage:
    """The first `limit` pending entries, rendered under today's grant; the same again until acknowledged.

    Entries that today's rules contradict are corrected first and come with the number of the correction.
    TokenRefused after a restore, until the application has fetched its stock anew.
    """
    stream, limit = feed.stream(grant.agreement), max(1, limit)
    shelf = fragments.shelf(grant.agreement)
    for _ in range(_ROUNDS):
        with database.read() as connection:
            rows = _pending(connection, stream, limit + 1)
            targets = _targets(connection, vault, stream, rows)
            figures, current = feed_rows.counter(connection, stream), read_epoch(connection)
        _require_fetched(grant, figures)
        rendered = [reading.render(vault, grant, row, shelf) for row in rows[:limit]]
        drifted = [one for one in rendered if one.drifted]
        if not drifted:
            break
        correct(database, vault, grant, drifted, clock())
    else:
        # Two sets of rules are at work (an upgrade in progress): tell what both agree on, and nothing behind it.
        rendered = list(takewhile(lambda one: not one.drifted, rendered))
    page = _marked(database, stream, rendered, figures)
    found = tuple(_change(one, targets.get(one.person_id)) for one in page)
    return ChangePage(found, found[-1].number if found else figures.acked, len(found) < len(rows), current)


def acknowledge(database: Database, stream: str, up_to: int, epoch_given: str, now: datetime) -> int:
    """The number up to which everything is settled now; TokenRefused beyond what was delivered or after a restore."""
    while True:
        with database.write() as connection:
            if epoch_given != read_epoch(connection):
                raise TokenRefused("acknowledged under another epoch")
            counters = feed_rows.lock(connection, [stream])
            figures = counters[stream]
            feed.require_acknowledgeable(up_to, figures)
            if up_to <= figures.acked:
                return figures.acked
            step = _step(connection, stream, up_to)
            feed_rows.acknowledge(connection, stream, step, figures, now)
            feed_rows.save(connection, counters)
            if step == up_to:
                return figures.acked


def correct(database: Database, vault: Vault, grant: Grant, drifted: Sequence[Rendered], now: datetime) -> None:
    """Afterwards the feed says of these persons what today's rules say, unless it has moved on meanwhile.

    They are due at once, so that the poller has the last word: if it computes by other rules than this process
    (an upgrade in progress), what it says is announced again.
    """
    stream = feed.stream(grant.agreement)
    ids = [one.person_id for one in drifted]
    with database.write() as connection:
        counters = feed_rows.lock(connection, [stream])
        where = sa.and_(projection.c.stream == stream, projection.c.person_id.in_(ids))
        query = sa.select(projection.c.person_id, projection.c.digest).where(where)
        current = {row.person_id: row.digest for row in connection.execute(query)}
        moves = [
            feed_rows.Move(stream, one.person_id, one.telling, now, letters=_letters(vault, grant, one))
            for one in drifted
            if current.get(one.person_id) == one.state.digest
        ]
        feed_rows.apply(connection, moves, counters, now)
        feed_rows.save(connection, counters)
        due = projecting.due(vault, grant.stichtag)
        connection.execute(sa.update(person).where(person.c.id.in_(ids)).values(due=due))


def remember(database: Database, grant: Grant, news: Sequence[News]) -> bool:
    """Afterwards the store knows what is about to be told outside the feed; True if there was nothing to remember.

    After False read again before telling: what has changed meanwhile has not been remembered.
    """
    if not news:
        return True
    stream = feed.stream(grant.agreement)
    with database.write() as connection:
        feed_rows.lock(connection, [stream])
        feed_rows.tell(connection, stream, news)
    return False


def read_epoch(connection: sa.Connection | View) -> str:
    """The epoch of this database: another one after every restore."""
    (row,) = _EPOCH.rows(connection)
    return str(row["value"])


def _require_fetched(grant: Grant, figures: Counter) -> None:
    """TokenRefused if a restore took back what this application was told: the feed cannot tell what that was."""
    if figures.anew and Operation.BESTAND_ABRUFEN in grant.agreement.operations:
        raise TokenRefused("the feed of before a restore")


def _letters(vault: Vault, grant: Grant, one: Rendered) -> Letters | None:
    return None if feed_told.has_feed(grant.agreement) else Letters(vault, grant.application, one.kennung)


def _marked(database: Database, stream: str, rendered: list[Rendered], figures: Counter) -> list[Rendered]:
    """The entries that may be sent: from now on they count as delivered (law 2).

    Entries that have moved since they were read are left out; they come again under their new number.
    """
    last = max((one.state.number or 0 for one in rendered), default=0)
    if last <= figures.delivered:
        return rendered
    with database.write() as connection:
        counters = feed_rows.lock(connection, [stream])
        where = sa.and_(projection.c.stream == stream, projection.c.number <= last)
        standing = set(connection.execute(sa.select(projection.c.number).where(where)).scalars())
        page = [one for one in rendered if one.state.number in standing]
        numbers = (one.state.number or 0 for one in page)
        counters[stream].delivered = max([counters[stream].delivered, *numbers])
        feed_rows.save(connection, counters)
    return page


def _pending(connection: sa.Connection, stream: str, limit: int) -> Sequence[Mapping[Any, Any]]:
    return connection.execute(_PENDING, {"stream": stream, "most": limit}).mappings().all()


_EPOCH = Statement(sa.select(epoch.c.value))
_PENDING = (
    reading.FEED_ROWS.where(projection.c.number.is_not(None)).order_by(projection.c.number).limit(sa.bindparam("most"))
)


def _step(connection: sa.Connection, stream: str, up_to: int) -> int:
    where = sa.and_(projection.c.stream == stream, projection.c.number <= up_to)
    query = sa.select(projection.c.number).where(where).order_by(projection.c.number).offset(_STEP - 1).limit(1)
    found: int | None = connection.execute(query).scalar()
    return up_to if found is None else found


def _change(one: Rendered, merged_into: str | None) -> Change:
    kind = feed.kind(one.state, merged=merged_into is not None)
    return Change(one.state.number or 0, kind, one.kennung, merged_into, one.disclosed)


def _targets(
    connection: sa.Connection, vault: Vault, stream: str, rows: Sequence[Mapping[Any, Any]]
) -> dict[bytes, str]:
    """For merged records: the identifier of the record they went into, where this stream has it."""
    open_chains = {row["id"]: row["merged_into"] for row in rows if row["state"] == "merged" and row["digest"] is None}
    found: dict[bytes, str] = {}
    for _ in range(_CHAIN):
        if not open_chains:
            break
        columns = (person.c.id, person.c.source_key, person.c.state, person.c.merged_into, person.c.wrapped_key)
        seen = sa.and_(projection.c.person_id == person.c.id, projection.c.stream == stream)
        query = (
            sa.select(*columns, projection.c.sealed, projection.c.digest)
            .select_from(person.outerjoin(projection, seen))
            .where(person.c.source_key.in_(set(open_chains.values())))
        )
        targets = {row["source_key"]: row for row in connection.execute(query).mappings()}
        following = {}
        for identity, key in open_chains.items():
            target = targets.get(key)
            if target is not None and target["digest"] is not None:
                found[identity] = reading.open_kennung(vault, stream, target)
            elif target is not None and target["state"] == "merged":
                following[identity] = target["merged_into"]
        open_chains = following
    return found
