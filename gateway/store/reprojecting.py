"""Computes projections anew where nobody ingested anything: another agreement, other rules, or simply another day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from gateway.agreements.agreement import Agreement
from gateway.agreements.synthetic import is_stream
from gateway.store import dossier as d
from gateway.store import feed, feed_rows, projecting
from gateway.store import fragments as written
from gateway.store.audit import AuditTrail, Entry, Kind
from gateway.store.basis import DIGEST, RULES, basis
from gateway.store.database import Database
from gateway.store.fragments import NO_FRAGMENTS, Fragments
from gateway.store.ingest import PIECE
from gateway.store.progress import Progress, silent
from gateway.store.recording import lock_feeds, write_outcome
from gateway.store.tables import REAL, epoch, feed_counter, person, projection
from gateway.store.tenure import Fenced, Tenure
from gateway.store.vault import Vault

PROJECTIONS = "persons computed anew"
_OVERLAP = timedelta(days=7)
"""Days looked at again: a clock that was set back must not hide anyone."""
_LONG = timedelta(days=800)
_VERSION = 4
"""Bytes of `feed_counter.basis` behind the digest: the number of the version."""


@dataclass(slots=True)
class Reprojected:
    """What was done: persons computed anew, feed entries that came of it."""

    persons: int = 0
    entries: int = 0


def reproject(
    tenure: Tenure,
    database: Database,
    vault: Vault,
    trail: AuditTrail,
    agreements: Mapping[str, Agreement],
    *,
    now: datetime,
    stichtag: date,
    fragments: Fragments = NO_FRAGMENTS,
    progress: Progress = silent,
) -> Reprojected:
    """Afterwards every projection is what these agreements and rules give on `stichtag`.

    Cheap if nothing is due. Broken off at any point it is simply done again. Since
    when a version holds, and until when, is on the audit trail. An application whose agreement is not among these
    keeps what it was last told: nobody may ask, and nothing of it goes to the feed until there is an agreement again.
    """
    done = Reprojected()
    with database.read() as connection:
        stored = {row.stream: row.basis for row in connection.execute(sa.select(feed_counter))}
        until = connection.execute(sa.select(epoch.c.reprojected)).scalar_one()
        due = _due(connection, vault, None if until is None else date.fromisoformat(until), stichtag)
    _disown(tenure, database, vault, trail, stored, agreements)
    bases = {name: _basis(fragments, agreement) for name, agreement in agreements.items()}
    # Computed for a day that has not come: a clock was ahead, and who is hidden until that day may be told of.
    ahead = until is not None and until > stichtag.isoformat()
    changed = [name for name, value in bases.items() if ahead or (stored.get(name) or b"")[:DIGEST] != value]
    begun = [name for name, one in agreements.items() if _version(stored.get(name)) != one.version]
    work = _Work(tenure, database, vault, now, stichtag, fragments, done, progress)
    if any(not is_stream(name) for name in changed):
        work.all_persons(agreements)
    else:
        with database.read() as connection:  # of the probe's agreement nobody depends but the probe's person
            invented = connection.execute(_INVENTED).scalars().all() if changed else ()
        work.persons([*due, *invented], agreements)
    if changed or begun or until != stichtag.isoformat():
        known = {name: bases[name] + agreements[name].version.to_bytes(_VERSION, "big") for name in {*changed, *begun}}
        with tenure.write(database) as connection:
            _remember(connection, known)
            connection.execute(sa.update(epoch).values(reprojected=stichtag.isoformat()))
            if begun:
                trail.stage(connection, [_begun(connection, agreements[name]) for name in sorted(begun)])
    return done


def _basis(fragments: Fragments, agreement: Agreement) -> bytes:
    """What is computed for an application, and how it is written: by another renderer or schema all is done anew.

    The first half says the former alone: `RULES` bytes of `basis`.
    """
    written = fragments.shelf(agreement).basis
    return (basis(agreement)[:RULES] + bytes.fromhex(written))[:DIGEST] if written else basis(agreement)


def _remember(connection: Fenced, known: Mapping[str, bytes | None]) -> None:
    feed_rows.lock(connection, known)
    for name, value in known.items():
        connection.execute(sa.update(feed_counter).where(feed_counter.c.stream == name).values(basis=value))


def _begun(connection: sa.Connection, agreement: Agreement) -> Entry:
    """Since now everything is computed by this version; how many persons it shows, how many changes wait to be read."""
    mine = projection.c.stream == feed.stream(agreement)
    seen, waiting = (
        connection.execute(sa.select(sa.func.count()).where(mine, column.is_not(None))).scalar_one()
        for column in (projection.c.digest, projection.c.number)
    )
    return Entry(
        kind=Kind.BETRIEB,
        operation="vereinbarungWirksam",
        outcome="ok",
        application=agreement.application,
        legal_basis=agreement.reference,
        fassung=agreement.version,
        major=agreement.major,
        counts={"personen": seen, "aenderungen": waiting},
    )


def _ended(name: str, known: bytes) -> Entry:
    application, _, major = name.rpartition("/")
    return Entry(
        kind=Kind.BETRIEB,
        operation="vereinbarungBeendet",
        outcome="ok",
        application=application,
        fassung=_version(known),
        major=int(major),
    )


def _version(known: bytes | None) -> int | None:
    """The number of the version that a stream was last computed by; None if it is not said."""
    return int.from_bytes(known[DIGEST:], "big") if known else None


@dataclass(frozen=True, slots=True)
class _Work:
    tenure: Tenure
    database: Database
    vault: Vault
    now: datetime
    stichtag: date
    fragments: Fragments
    done: Reprojected
    progress: Progress

    def all_persons(self, agreements: Mapping[str, Agreement]) -> None:
        """Everyone; neighbours each time again, because one may have become visible after the other was computed."""
        after, active = b"", person.c.state == "active"
        with self.database.read() as connection:
            total = connection.execute(sa.select(sa.func.count()).where(active)).scalar_one()
        self.progress(PROJECTIONS, 0, total)
        while True:
            query = sa.select(person.c.id).where(active, person.c.id > after)
            with self.database.read() as connection:
                ids = connection.execute(query.order_by(person.c.id).limit(PIECE)).scalars().all()
            if not ids:
                return
            self._piece(ids, agreements)
            after = ids[-1]
            self.progress(PROJECTIONS, self.done.persons, total)

    def persons(self, ids: Sequence[bytes], agreements: Mapping[str, Agreement]) -> None:
        """These persons and their neighbours."""
        for start in range(0, len(ids), PIECE):
            self._piece(ids[start : start + PIECE], agreements)
            self.progress(PROJECTIONS, self.done.persons, len(ids))

    def _piece(self, ids: Sequence[bytes], agreements: Mapping[str, Agreement]) -> None:
        with self.database.read() as connection:
            people = d.load_ids(connection, self.vault, ids)
            world = projecting.survey(
                connection, self.vault, agreements, people, stichtag=self.stichtag, fragments=self.fragments
            )
        outcome = projecting.project(world, stand={}, now=self.now)
        with self.tenure.write(self.database) as connection:
            counters = lock_feeds(connection, outcome)
            self.done.entries += write_outcome(connection, outcome, self.now, counters)
        self.done.persons += len(people)


def _due(connection: sa.Connection, vault: Vault, until: date | None, stichtag: date) -> Sequence[bytes]:
    query = sa.select(person.c.id).where(person.c.state == "active", person.c.due.is_not(None)).order_by(person.c.id)
    if until is not None and stichtag - until < _LONG:
        first = min(until, stichtag) - _OVERLAP
        days = [first + timedelta(days=offset) for offset in range((stichtag - first).days + 1)]
        query = query.where(person.c.due.in_([projecting.due(vault, day) for day in days]))
    return connection.execute(query).scalars().all()


def _disown(
    tenure: Tenure,
    database: Database,
    vault: Vault,
    trail: AuditTrail,
    stored: Mapping[str, bytes | None],
    agreements: Mapping[str, Agreement],
) -> None:
    """An application without agreement is computed no more; when it has one again, everyone is computed anew."""
    gone = {name: value for name, value in sorted(stored.items()) if name not in agreements and value is not None}
    for name in gone:
        _without_fragments(tenure, database, vault, name)
    if gone:
        with tenure.write(database) as connection:
            _remember(connection, dict.fromkeys(gone))
            trail.stage(connection, [_ended(name, value) for name, value in gone.items()])


def _without_fragments(tenure: Tenure, database: Database, vault: Vault, stream: str) -> None:
    """Afterwards nothing stands written for an application that may be told nothing: later deletions would miss it.

    Identifiers and links stay: they are needed when it has an agreement again.
    """
    after = b""
    while True:
        query = _WRITTEN.where(projection.c.stream == stream, projection.c.person_id > after)
        with database.read() as connection:
            rows = connection.execute(query.order_by(projection.c.person_id).limit(PIECE)).mappings().all()
        if not rows:
            return
        after = rows[-1]["person_id"]
        changed = [row for row in (_unwritten(vault, stream, row) for row in rows) if row is not None]
        if changed:
            with tenure.write(database) as connection:
                feed_rows.lock(connection, [stream])
                connection.execute(_REPLACE, changed)


def _unwritten(vault: Vault, stream: str, row: Mapping[Any, Any]) -> dict[str, object] | None:
    """The row without its fragment; None if it has none."""
    identity, sealed = row["person_id"], row["sealed"]
    key = vault.unwrap(row["wrapped_key"], d.KEY, identity)
    content = projecting.opened(vault, key, sealed, stream, identity)
    bare = written.packed(written.unpacked(content)[0])
    if bare == content:
        return None
    new = vault.seal(key, bare, f"{d.LINKS}/{stream}", identity)
    return {"key_stream": stream, "key_person": identity, "key_sealed": sealed, "new_sealed": new}


_INVENTED = sa.select(person.c.id).where(~REAL, person.c.state == "active").order_by(person.c.id)
_WRITTEN = (
    sa.select(projection.c.person_id, projection.c.sealed, person.c.wrapped_key)
    .join_from(projection, person, person.c.id == projection.c.person_id)
    .where(~projection.c.released, person.c.wrapped_key.is_not(None))
)
_REPLACE = (
    sa.update(projection)
    .where(
        projection.c.stream == sa.bindparam("key_stream"),
        projection.c.person_id == sa.bindparam("key_person"),
        projection.c.sealed == sa.bindparam("key_sealed"),
    )
    .values(sealed=sa.bindparam("new_sealed"))
)
