"""The snapshot: everyone an application sees, page by page, as of one feed number N that every page repeats.

The page token is {epoch, N, last place, fassung, application, issued}, authenticated, valid 24 h. Who became visible
after N is left out and comes through the feed; who has gone since is left out and comes as `entfallen` after N.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from gateway.agreements.agreement import Grant
from gateway.errors import StoreError, TokenRefused
from gateway.store import feed, feed_rows, reading
from gateway.store.changes import correct, read_epoch, remember
from gateway.store.database import Database
from gateway.store.fragments import NO_FRAGMENTS, Disclosed, Fragments
from gateway.store.joined import Joined
from gateway.store.packing import packed
from gateway.store.statements import Statement, View
from gateway.store.tables import epoch, feed_counter, projection
from gateway.store.vault import Vault

VALID = timedelta(hours=24)
_ROUNDS = 5
_LONGEST = 1024
_MAC = 32
_PLACE = 32  # bytes: before what is stored of a person


@dataclass(frozen=True, slots=True)
class SnapshotPage:
    """One page; `token` fetches the next one (None: this is the last), `number` is N on every page."""

    persons: tuple[Disclosed, ...]
    number: int
    token: str | None
    epoch: str


@dataclass(frozen=True, slots=True)
class _Mark:
    """What a page token says: which snapshot, and after which place the next page begins."""

    number: int
    after: bytes
    issued: datetime
    epoch: str


def snapshot(
    database: Database,
    vault: Vault,
    grant: Grant,
    token: str | None,
    limit: int,
    now: datetime,
    fragments: Fragments = NO_FRAGMENTS,
) -> SnapshotPage:
    """The first page, or the page after `token`; TokenRefused if it is foreign, older than 24 h or of another epoch."""
    stream = feed.stream(grant.agreement)
    mark = _opened(vault, grant, token, now) if token else _begin(database, stream, now)
    shelf = fragments.shelf(grant.agreement)
    most = max(1, limit)
    sought = {"stream": stream, "number": mark.number, "after": mark.after, "most": most + 1}
    for _ in range(_ROUNDS):
        with database.view() as view:
            _require_current(view, stream, mark)
            rows = deque(_PAGE.values(view, sought))
            last = rows[most - 1][:_PLACE] if len(rows) > most else None
            told = shelf.page(vault, grant, stream, rows, most, behind=_PLACE)
            persons = _PERSONS.rows(view, sought) if None in told else ()
        rendered = [
            reading.render(vault, grant, row, shelf) for row, one in zip(persons, told, strict=False) if one is None
        ]
        if drifted := [one for one in rendered if one.drifted]:
            correct(database, vault, grant, drifted, now)
        elif remember(database, grant, [one.news for one in rendered if one.unremembered and one.news is not None]):
            break
    else:
        if any(one.unremembered for one in rendered):
            raise StoreError("the stock moves faster than it can be read")
    following = None
    if last is not None:
        following = _sealed(vault, grant, _Mark(mark.number, last, mark.issued, mark.epoch))
    else:
        _complete(database, stream, mark.number)
    found = (one.disclosed for one in rendered)
    every = (next(found) if one is None else one for one in told)
    return SnapshotPage(tuple(one for one in every if one is not None), mark.number, following, mark.epoch)


def _require_current(connection: View, stream: str, mark: _Mark) -> None:
    """TokenRefused if the snapshot is not one of this feed as it is now."""
    ((current, last),) = _STANDING.tuples(connection, {"wanted": stream})
    if mark.epoch != current:
        raise TokenRefused("page token of another epoch")
    if mark.number > last:
        raise TokenRefused("page token of a feed that is no longer")  # a restore that nobody announced


def _begin(database: Database, stream: str, now: datetime) -> _Mark:
    """A new snapshot; its N is remembered before its first page is read (law 2 of the feed)."""
    with database.write() as connection:
        counters = feed_rows.lock(connection, [stream])
        figures = counters[stream]
        figures.snapshot = figures.last
        figures.snapshot_until = max(figures.snapshot_until or now, now + VALID)
        feed_rows.save(connection, counters)
        return _Mark(figures.last, b"", now, read_epoch(connection))


def _complete(database: Database, stream: str, number: int) -> None:
    """Afterwards N may be acknowledged, and the feed goes on from it, also after a restore."""
    with database.view() as view:
        figures = feed_rows.counter(view, stream)
        if figures.snapshot_done >= number and not figures.anew:
            return
    with database.write() as connection:
        counters = feed_rows.lock(connection, [stream])
        figures = counters[stream]
        figures.snapshot_done = max(figures.snapshot_done, number)
        figures.anew = False
        feed_rows.save(connection, counters)


def _page(rows: sa.Select[Any]) -> Statement:
    first = rows.where(projection.c.visible_since <= sa.bindparam("number"), projection.c.place > sa.bindparam("after"))
    return Statement(first.order_by(projection.c.place).limit(sa.bindparam("most")))


_LAST = sa.select(feed_counter.c.last).where(feed_counter.c.stream == sa.bindparam("wanted")).scalar_subquery()
_STANDING = Statement(sa.select(epoch.c.value, sa.func.coalesce(_LAST, sa.literal_column("0")).label("last")))
"""The epoch, and the last number that the feed has given."""
_STORED = sa.case((reading.BY_FRAGMENT, Joined(projection.c.place, *reading.STORED)), else_=Joined(projection.c.place))
_PAGE = _page(reading.visible_values(_STORED))
_PERSONS = _page(reading.VISIBLE_ROWS)
"""The same rows of the same moment, with what it takes where no fragment is told."""


def _sealed(vault: Vault, grant: Grant, mark: _Mark) -> str:
    text = {
        "bestand": feed.stream(grant.agreement),
        "epoche": mark.epoch,
        "fassung": grant.agreement.version,
        "n": mark.number,
        "nach": mark.after.hex(),
        "seit": int(mark.issued.timestamp()),
    }
    content = packed(text)
    return base64.urlsafe_b64encode(vault.mac("bestand", content) + content).decode().rstrip("=")


def _opened(vault: Vault, grant: Grant, token: str, now: datetime) -> _Mark:
    content = _authentic(vault, token)
    text = json.loads(content)
    if text["bestand"] != feed.stream(grant.agreement):
        raise TokenRefused("page token of another application or contract")
    if text["fassung"] != grant.agreement.version:
        raise TokenRefused("page token of another agreement version")
    issued = datetime.fromtimestamp(text["seit"], UTC)
    if not issued - VALID <= now <= issued + VALID:
        raise TokenRefused("page token older than 24 h")
    return _Mark(text["n"], bytes.fromhex(text["nach"]), issued, text["epoche"])


def _authentic(vault: Vault, token: str) -> bytes:
    if len(token) > _LONGEST or not token.isascii():
        raise TokenRefused("page token is not one of ours")
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenRefused("page token is not one of ours") from None
    if not vault.verify("bestand", raw[_MAC:], raw[:_MAC]):
        raise TokenRefused("page token is not one of ours")
    return raw[_MAC:]
