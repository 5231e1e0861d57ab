"""The audit trail forgets by months: first the personal texts, years later what the entries say.

What stays for ever is the chain: number and hash of every entry, its batch, and the entries that tell of a deletion or
of a released statistic.
Months are those of UTC, as the trail's own times are. A content that is dropped is the empty string; that it is gone
is told by an entry in the chain first, so that a verifier accepts every state in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import sqlalchemy as sa

from gateway.store import audit_index
from gateway.store import audit_tables as tables
from gateway.store.audit import Entry, Kind
from gateway.store.audit_check import CONTENTS_DROPPED, stays, tree_of
from gateway.store.expiring import Expiring, Expiry
from gateway.store.retention_tables import audit_dropped

_STEP = 500
_NOTHING = b""


def texts(place: Expiring, expiry: Expiry) -> Iterator[int]:
    """Afterwards the personal texts of every month that is due can be read no more; yields the texts of each month."""
    with place.database.read() as connection:
        segments = connection.execute(sa.select(tables.segment).order_by(tables.segment.c.month)).all()
    for row in segments:
        if not _over(row.month, expiry.last):
            continue
        count = _count_texts(place, row.month)
        if not place.dry:
            if row.wrapped is not None:
                place.trail.erase_segment(row.month)
            _purge_texts(place, row.month)
        place.tally.gone[expiry.name] += count
        yield count


def contents(place: Expiring, expiry: Expiry) -> Iterator[int]:
    """Afterwards no entry of a month that is due says anything but that there was one; yields how many, by steps."""
    months = _months(place, expiry)
    for month in months:
        count = sum(len(some) for some in _said(place, month))
        if count and not place.dry:
            _announce(place, month)
            for some in _said(place, month):
                _drop(place, some)
                yield len(some)
        place.tally.gone[expiry.name] += count
    if not place.dry and (begun := _begun(place, months)):
        # First the index, then the word that nothing is left: a run killed in between does it again.
        audit_index.prune(place.database)
        _conclude(place, begun)


def _over(month: str, last: date) -> bool:
    """Whether the last day of the month is `last` or earlier."""
    return month < date.fromordinal(last.toordinal() + 1).strftime("%Y-%m")


def _count_texts(place: Expiring, month: str) -> int:
    query = sa.select(sa.func.count()).where(tables.personal.c.segment == month)
    with place.database.read() as connection:
        found: int = connection.execute(query).scalar_one()
    return found


def _purge_texts(place: Expiring, month: str) -> None:
    """Afterwards the sealed bytes that nobody can open any more are gone as well."""
    query = sa.select(tables.personal.c.number).where(tables.personal.c.segment == month).limit(_STEP)
    while True:
        with place.database.write() as connection:
            numbers = connection.execute(query).scalars().all()
            connection.execute(sa.delete(tables.personal).where(tables.personal.c.number.in_(numbers)))
        if not numbers:
            return


def _months(place: Expiring, expiry: Expiry) -> list[str]:
    """The months of batches that are due and of which something may be left."""
    done = sa.select(audit_dropped.c.month).where(audit_dropped.c.done)
    with place.database.read() as connection:
        found = connection.execute(sa.select(_month()).distinct().where(_month().not_in(done))).scalars()
        return sorted(one for one in found if _over(one, expiry.last))


def _said(place: Expiring, month: str) -> Iterator[list[str]]:
    """The numbers of the month's entries that still have a content which is to go, in steps."""
    e, b = tables.entry, tables.batch
    this = _month() == month
    with place.database.read() as connection:
        first, last = connection.execute(sa.select(sa.func.min(b.c.number), sa.func.max(b.c.number)).where(this)).one()
    after = ((first or 0) - 1, 0)
    here = sa.and_(this, e.c.batch <= (last or 0), e.c.content != _NOTHING)
    while True:
        query = sa.select(e.c.batch, e.c.position, e.c.number, e.c.content).join(b, b.c.number == e.c.batch).where(here)
        behind = sa.tuple_(e.c.batch, e.c.position) > sa.tuple_(*map(sa.literal, after))
        with place.database.read() as connection:
            rows = connection.execute(query.where(behind).order_by(e.c.batch, e.c.position).limit(_STEP)).all()
        if not rows:
            return
        after = (rows[-1].batch, rows[-1].position)
        if some := [row.number for row in rows if not stays(tree_of(row.content) or {})]:
            yield some


def _month() -> sa.Function[str]:
    """An entry's month is that of its batch: it stands in the chain and outlives the content."""
    return sa.func.substr(tables.batch.c.time, 1, 7)


def _announce(place: Expiring, month: str) -> None:
    """Afterwards the chain says that the contents of the month are dropped, once."""
    entry = Entry(kind=Kind.LOESCHUNG, operation=CONTENTS_DROPPED, outcome="geloescht", segment=month)
    with place.database.write() as connection:
        if connection.execute(sa.select(audit_dropped).where(audit_dropped.c.month == month)).first() is None:
            connection.execute(sa.insert(audit_dropped), [{"month": month, "done": False}])
            place.trail.stage(connection, [entry])


def _drop(place: Expiring, numbers: list[str]) -> None:
    with place.database.write() as connection:
        connection.execute(sa.update(tables.entry).where(tables.entry.c.number.in_(numbers)).values(content=_NOTHING))
        connection.execute(sa.delete(tables.personal).where(tables.personal.c.number.in_(numbers)))


def _begun(place: Expiring, months: list[str]) -> list[str]:
    """Those of the months whose deletion the chain tells of."""
    with place.database.read() as connection:
        told = sa.select(audit_dropped.c.month).where(audit_dropped.c.month.in_(months))
        return list(connection.execute(told).scalars())


def _conclude(place: Expiring, months: list[str]) -> None:
    with place.database.write() as connection:
        connection.execute(sa.update(audit_dropped).where(audit_dropped.c.month.in_(months)).values(done=True))
