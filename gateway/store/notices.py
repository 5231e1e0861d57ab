"""What must be written to applications that have no feed: who is to be told of which correction, erasure, restriction.

For an application with a feed the entry is the notification and its acknowledgement settles it. For any other, each
change of what it was told (`feed_told`) becomes a notice here, in the transaction of the change, and stays open until
the office has said that the letter is out. A notice names the person by the application's own identifier, sealed,
and the fields; never a value. An erasure replaces the open notices about the same person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from gateway.store import feed_told
from gateway.store.audit_entry import Entry, Kind
from gateway.store.feed import State
from gateway.store.feed_told import GONE, Telling, Told
from gateway.store.tables import notice, projection
from gateway.store.vault import Vault

HINT = "verarbeitungEingeschraenkt"


class NoticeKind(StrEnum):
    """What the application must do with what it was told."""

    BERICHTIGUNG = "berichtigung"
    LOESCHUNG = "loeschung"
    EINSCHRAENKUNG = "einschraenkung"


@dataclass(frozen=True, slots=True)
class Letters:
    """An application without a feed, and how it knows the person; `gone` is what it means if the person goes."""

    vault: Vault = field(repr=False)
    application: str
    kennung: str = field(repr=False)
    gone: NoticeKind = NoticeKind.LOESCHUNG


@dataclass(frozen=True, slots=True)
class Owed:
    """What a change makes necessary: fields by kind of notice, and what the application was told from now on."""

    notices: Mapping[NoticeKind, frozenset[int]]
    told: Told


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice; `fields` is the audit bitmap (0: all that was told), `kennung` is opened only when asked for."""

    number: str
    application: str
    kind: NoticeKind
    created_at: datetime
    fields: int
    settled_at: datetime | None
    kennung: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Outstanding:
    """What one application still has to be told or to confirm; `by_feed`: it only has to fetch and acknowledge."""

    application: str
    by_feed: bool
    count: int
    oldest: datetime


def owed(letters: Letters, before: State, digest: bytes | None, told: Told, telling: Telling | None) -> Owed:
    """What an application without a feed must be told when its projection becomes `telling` (None: invisible)."""
    if telling is None:
        return _gone(letters, before, told)
    now = telling.marks(feed_told.paths(told))
    changed = {place for place, mark in told.items() if now.get(place, GONE) != mark}
    if not changed and before.acked is not None and None is not before.digest != digest:
        # It acknowledged by a feed that it has no longer: it knows all of it.
        changed = {feed_told.bit(path) for path in feed_told.bulk_fields(telling.agreement)}
    withheld = telling.withheld(changed)
    if withheld or _hinted(telling):
        withheld |= changed & {feed_told.bit(HINT)}
    found = {NoticeKind.EINSCHRAENKUNG: withheld, NoticeKind.BERICHTIGUNG: changed - withheld}
    return Owed(
        {kind: frozenset(places) for kind, places in found.items() if places},
        {place: now.get(place, GONE) for place in told},
    )


def _gone(letters: Letters, before: State, told: Told) -> Owed:
    """A person that is only withheld stays with the application, which must learn how that ends."""
    withheld = letters.gone is NoticeKind.EINSCHRAENKUNG
    fields = frozenset(place for place, mark in told.items() if not withheld or mark != GONE)
    by_feed = not told and before.digest is not None and (before.acked is not None or before.told)
    kept = dict.fromkeys(told, GONE) if withheld else {}
    return Owed({letters.gone: fields} if fields or by_feed else {}, kept)


class Pile:
    """The notices of one transaction: for two contract majors of one application a person is written about once."""

    def __init__(self) -> None:
        self._fields: dict[tuple[str, bytes, NoticeKind], set[int]] = {}
        self._letters: dict[tuple[str, bytes], Letters] = {}

    def add(self, letters: Letters, person_id: bytes, due: Owed) -> None:
        for kind, fields in due.notices.items():
            self._letters[letters.application, person_id] = letters
            self._fields.setdefault((letters.application, person_id, kind), set()).update(fields)

    def write(self, connection: sa.Connection, now: datetime) -> int:
        """Afterwards the notices are there; how many."""
        rows = [self._row(key, fields, now) for key, fields in self._fields.items()]
        for row in rows:
            if row["kind"] == NoticeKind.LOESCHUNG:
                same = sa.and_(notice.c.person_id == row["person_id"], notice.c.application == row["application"])
                connection.execute(sa.delete(notice).where(same, notice.c.settled_at.is_(None)))
        if rows:
            connection.execute(sa.insert(notice), rows)
        return len(rows)

    def _row(self, key: tuple[str, bytes, NoticeKind], fields: set[int], now: datetime) -> dict[str, Any]:
        application, person_id, kind = key
        letters = self._letters[application, person_id]
        number = str(UUID(bytes=letters.vault.random(16), version=4))
        return {
            "number": number,
            "application": application,
            "kind": kind.value,
            "created_at": now,
            "fields": format(feed_told.bitmap(fields), "x"),
            "person_id": person_id,
            "sealed": letters.vault.seal_feed(letters.kennung.encode(), sealed_for(application), number.encode()),
        }


def entries(connection: sa.Connection, *, settled: bool = False) -> list[Notice]:
    """Open notices, oldest first (with `settled` also those that are done), without anything of a person."""
    query = sa.select(notice).order_by(notice.c.created_at, notice.c.number)
    if not settled:
        query = query.where(notice.c.settled_at.is_(None))
    return [_notice(row) for row in connection.execute(query).mappings()]


def show(connection: sa.Connection, vault: Vault, number: str) -> Notice | None:
    """One notice with the application's identifier of the person, if still open; None if there is no such number."""
    row = connection.execute(sa.select(notice).where(notice.c.number == number)).mappings().one_or_none()
    if row is None:
        return None
    if row["sealed"] is None:
        return _notice(row)
    return _notice(row, vault.open_feed(row["sealed"], sealed_for(row["application"]), number.encode()).decode())


def settle(connection: sa.Connection, number: str, now: datetime) -> str | None:
    """Afterwards the notice is done, and leads to nobody any more; its application, None if no such is open."""
    where = sa.and_(notice.c.number == number, notice.c.settled_at.is_(None))
    application: str | None = connection.execute(sa.select(notice.c.application).where(where)).scalar()
    done = {"settled_at": now, "person_id": None, "sealed": None}
    connection.execute(sa.update(notice).where(where).values(done))
    return application


def outstanding(connection: sa.Connection) -> list[Outstanding]:
    """Per feed and per application without one: how many are to be told, the oldest since when; none if nobody is."""
    waits = sa.and_(projection.c.number.is_not(None), projection.c.owed_since.is_not(None))
    feeds = sa.select(projection.c.stream, sa.func.count(), sa.func.min(projection.c.owed_since))
    letters = sa.select(notice.c.application, sa.func.count(), sa.func.min(notice.c.created_at))
    queries = (
        (True, feeds.where(waits).group_by(projection.c.stream)),
        (False, letters.where(notice.c.settled_at.is_(None)).group_by(notice.c.application)),
    )
    return [
        Outstanding(row[0], by_feed, row[1], row[2]) for by_feed, query in queries for row in connection.execute(query)
    ]


def entry(operation: str, application: str, count: int = 1) -> Entry:
    """The audit trail's word on what the office does with notices: about nobody by name, a count at most."""
    counts = {"mitteilungen": count}
    return Entry(kind=Kind.BETRIEB, operation=operation, outcome="ok", application=application, counts=counts)


def _hinted(telling: Telling) -> bool:
    return telling.tree(frozenset({HINT})).get(HINT) is True


def sealed_for(application: str) -> str:
    return f"notice/{application}"


def _notice(row: Mapping[Any, Any], kennung: str | None = None) -> Notice:
    return Notice(
        number=row["number"],
        application=row["application"],
        kind=NoticeKind(row["kind"]),
        created_at=row["created_at"],
        fields=int(row["fields"], 16),
        settled_at=row["settled_at"],
        kennung=kennung,
    )
