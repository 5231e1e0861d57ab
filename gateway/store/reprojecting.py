"""Computes projections anew where nobody ingested anything: another agreement, other rules, or simply another day."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources

import sqlalchemy as sa

from gateway.agreements.agreement import Agreement
from gateway.store import dossier as d
from gateway.store import feed_rows, feed_told, projecting
from gateway.store.database import Database
from gateway.store.ingest import PIECE
from gateway.store.recording import lock_feeds, write_outcome
from gateway.store.tables import epoch, feed_counter, person
from gateway.store.vault import Vault

_OVERLAP = timedelta(days=7)
"""Days looked at again: a clock that was set back must not hide anyone."""
_LONG = timedelta(days=800)


@dataclass(slots=True)
class Reprojected:
    """What was done: persons computed anew, feed entries that came of it."""

    persons: int = 0
    entries: int = 0


def reproject(
    database: Database, vault: Vault, agreements: Mapping[str, Agreement], *, now: datetime, stichtag: date
) -> Reprojected:
    """Afterwards every projection is what these agreements and rules give on `stichtag`.

    Cheap if nothing is due. Broken off at any point it is simply done again. The caller holds the poll lock.
    """
    done = Reprojected()
    with database.read() as connection:
        stored = {row.stream: row.basis for row in connection.execute(sa.select(feed_counter))}
        until = connection.execute(sa.select(epoch.c.reprojected)).scalar_one()
        due = _due(connection, vault, None if until is None else date.fromisoformat(until), stichtag)
    _disown(database, stored, agreements)
    bases = {name: basis(agreement) for name, agreement in agreements.items()}
    changed = [name for name, value in bases.items() if stored.get(name) != value]
    work = _Work(database, vault, now, stichtag, done)
    if changed:
        work.all_persons(agreements)
    else:
        work.persons(due, agreements)
    if changed or until is None or until < stichtag.isoformat():
        _remember(database, {name: bases[name] for name in changed}, stichtag)
    return done


def _remember(database: Database, bases: Mapping[str, bytes], stichtag: date) -> None:
    with database.write() as connection:
        feed_rows.lock(connection, bases)
        for name, value in bases.items():
            connection.execute(sa.update(feed_counter).where(feed_counter.c.stream == name).values(basis=value))
        connection.execute(sa.update(epoch).values(reprojected=stichtag.isoformat()))


def basis(agreement: Agreement) -> bytes:
    """What the projections of an application are computed from: scope, fields, validity, major, and the rules' code."""
    parts = (
        (agreement.application, agreement.major, agreement.valid_from.isoformat(), agreement.valid_to.isoformat()),
        (sorted(agreement.fields), sorted(agreement.single_only), feed_told.has_feed(agreement)),
        [_condition(condition) for condition in agreement.scope],
    )
    return hashlib.sha256(_rules() + repr(parts).encode()).digest()


@cache
def _rules() -> bytes:
    """SHA-256 over the code and the code lists that decide what a record becomes."""
    found = hashlib.sha256()
    lists = (one for one in resources.files("gateway.model.codelists").iterdir() if one.name.endswith(".csv"))
    code = (resources.files(package).joinpath(name) for package, name in _CODE)
    for file in (*code, *sorted(lists, key=lambda one: one.name)):
        content = file.read_bytes()
        found.update(f"{file.name} {len(content)}\n".encode() + content)
    return found.digest()


_CODE = (
    ("gateway.agreements", "projection.py"),
    ("gateway.model", "derived.py"),
    ("gateway.model", "release.py"),
)


@dataclass(frozen=True, slots=True)
class _Work:
    database: Database
    vault: Vault
    now: datetime
    stichtag: date
    done: Reprojected

    def all_persons(self, agreements: Mapping[str, Agreement]) -> None:
        """Everyone; neighbours each time again, because one may have become visible after the other was computed."""
        after = b""
        while True:
            query = sa.select(person.c.id).where(person.c.state == "active", person.c.id > after)
            with self.database.read() as connection:
                ids = connection.execute(query.order_by(person.c.id).limit(PIECE)).scalars().all()
            if not ids:
                return
            self._piece(ids, agreements)
            after = ids[-1]

    def persons(self, ids: Sequence[bytes], agreements: Mapping[str, Agreement]) -> None:
        """These persons and their neighbours."""
        for start in range(0, len(ids), PIECE):
            self._piece(ids[start : start + PIECE], agreements)

    def _piece(self, ids: Sequence[bytes], agreements: Mapping[str, Agreement]) -> None:
        with self.database.read() as connection:
            people = d.load_ids(connection, self.vault, ids)
            world = projecting.survey(connection, self.vault, agreements, people, stichtag=self.stichtag)
        outcome = projecting.project(world, stand={}, now=self.now)
        with self.database.write() as connection:
            lock_feeds(connection, outcome)
            self.done.entries += write_outcome(connection, outcome, self.now)
        self.done.persons += len(people)


def _due(connection: sa.Connection, vault: Vault, until: date | None, stichtag: date) -> Sequence[bytes]:
    query = sa.select(person.c.id).where(person.c.state == "active", person.c.due.is_not(None)).order_by(person.c.id)
    if until is not None and stichtag - until < _LONG:
        first = min(until, stichtag) - _OVERLAP
        days = [first + timedelta(days=offset) for offset in range((stichtag - first).days + 1)]
        query = query.where(person.c.due.in_([projecting.due(vault, day) for day in days]))
    return connection.execute(query).scalars().all()


def _disown(database: Database, stored: Mapping[str, bytes | None], agreements: Mapping[str, Agreement]) -> None:
    """An application without agreement is computed no more; when it has one again, everyone is computed anew."""
    gone = [name for name, value in stored.items() if name not in agreements and value is not None]
    if gone:
        with database.write() as connection:
            feed_rows.lock(connection, gone)
            connection.execute(sa.update(feed_counter).where(feed_counter.c.stream.in_(gone)).values(basis=None))


def _condition(condition: object) -> str:
    names = getattr(type(condition), "__dataclass_fields__", {})
    values = ((name, getattr(condition, name)) for name in sorted(names))
    return repr([(name, sorted(value) if isinstance(value, frozenset) else str(value)) for name, value in values])
