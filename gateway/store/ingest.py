"""Takes a page of the source into the store: persons, indexes, feed entries and position, consistent at every step.

Everything dear (opening, deriving, projecting, sealing) happens before the transaction; what was read before it
cannot change meanwhile, because only the holder of the poll lock writes persons, and each transaction proves that. A
page is cut into pieces (`piece_size`), each with its neighbours and feed entries in one transaction;
quarantine and position stand in the last one, and each piece with what the audit trail must say of it. A crash in
between is harmless: the page comes again, and what is stored already is stale then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from gateway.agreements.agreement import Agreement
from gateway.agreements.synthetic import EIGENPROBE, marked
from gateway.model.types import Tree, Value
from gateway.store import dossier as d
from gateway.store import expiring_health, poll_entries, projecting, sparing
from gateway.store import quarantine as waiting
from gateway.store.audit import AuditTrail, Entry
from gateway.store.batch import Batch, Change, Ingested, Merge, Quarantined, Removal, Upsert, Withholding, moment
from gateway.store.database import Database
from gateway.store.dossier import Dossier
from gateway.store.fragments import NO_FRAGMENTS, Fragments
from gateway.store.ledger import Ledger
from gateway.store.poll_entries import Story
from gateway.store.recording import (
    Indexes,
    drop_lone_families,
    entomb,
    erase_rows,
    index_rows,
    lock_feeds,
    write_outcome,
    write_people,
)
from gateway.store.statements import Statement
from gateway.store.tables import epoch, person, person_version, quarantine
from gateway.store.tenure import Fenced, Tenure
from gateway.store.turns import write_position
from gateway.store.vault import Vault, fingerprint

PIECE = 25
"""Persons per transaction where each is computed anew for every application: with families it stays below 50 ms."""
_LEAST, _MOST = 10, 100
_ROWS = 450
"""Projections that a transaction may write: below 50 ms, with what else there is of their persons."""

CIRCULAR = "zusammenfuehrung-im-kreis"
"""The refusal of a merge into somebody who was merged into this person."""

_WITHHELD: Value = {"art": "11"}
"""The block that stands for one that a refused record names: it may be one of which the person must not learn."""


@dataclass(slots=True)
class _Piece:
    """What one transaction will write of persons, and the trail's word on it."""

    story: Story
    source: str
    wrap: Callable[[bytes, bytes], bytes]
    """A new person's key, by its id."""
    people: dict[bytes, Dossier] = field(default_factory=dict)
    versions: list[dict[str, Any]] = field(default_factory=list)
    removed: list[Dossier] = field(default_factory=list)
    fresh: set[bytes] = field(default_factory=set)
    stand: dict[bytes, datetime] = field(default_factory=dict)
    merged: list[Dossier] = field(default_factory=list)
    circular: list[Quarantined] = field(default_factory=list)


class Intake:
    """Writes what the source says; used by the one poller only."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        ledger: Ledger,
        trail: AuditTrail,
        agreements: Mapping[str, Agreement],
        fragments: Fragments = NO_FRAGMENTS,
    ) -> None:
        self._database = database
        self._vault = vault
        self._ledger = ledger
        self._trail = trail
        self._agreements = agreements
        self._fragments = fragments

    def take(self, tenure: Tenure, batch: Batch, *, now: datetime, stichtag: date) -> Ingested:
        """Afterwards the whole batch is in the store and its position remembered; StoreError or VaultError if not."""
        counts = Ingested()
        with self._database.read() as connection:
            self._ledger.require(connection.execute(sa.select(epoch.c.erasures)).scalar_one())
        pieces = list(_pieces(batch.changes, piece_size(len(self._agreements))))
        for number, changes in enumerate(pieces, start=1):
            last = number == len(pieces)
            self._take_piece(tenure, batch, changes, counts, last=last, now=now, stichtag=stichtag)
        if counts.removed:
            self._database.scrub()
        return counts

    def _take_piece(
        self,
        tenure: Tenure,
        batch: Batch,
        changes: Sequence[Change],
        counts: Ingested,
        *,
        last: bool,
        now: datetime,
        stichtag: date,
    ) -> None:
        with self._database.read() as connection:
            piece = self._decided(connection, batch, changes, counts, now)
            changed = list(piece.people.values())
            world = projecting.survey(
                connection, self._vault, self._agreements, changed, stichtag=stichtag, fragments=self._fragments
            )
        outcome = projecting.project(world, stand=piece.stand, now=now)
        indexes = index_rows(self._vault, changed)
        with tenure.write(self._database) as connection:
            counters = lock_feeds(connection, outcome)
            fresh = {one: outcome.due.pop(one, None) for one in piece.fresh}
            self._write_people(connection, piece, indexes, fresh)
            counts.entries += write_outcome(connection, outcome, now, counters)
            entries = piece.story.entries()
            entries += self._refuse(
                connection, batch, [*piece.circular, *(batch.quarantined if last else ())], counts, now
            )
            if last and batch.position is not None:
                write_position(connection, batch.source, batch.position)
            # Last: from here to the commit every other writer of the trail waits.
            self._trail.stage(connection, entries)

    def _refuse(
        self, connection: sa.Connection, batch: Batch, records: Sequence[Quarantined], counts: Ingested, now: datetime
    ) -> list[Entry]:
        """Afterwards these wait in quarantine, but nothing of the erased, not even there; what the trail is told."""
        kept = [one for one in records if not self._ledger.holds_any(batch.source, one.named)]
        refused = waiting.put(connection, self._vault, batch.source, kept, now, even_older=batch.mending)
        counts.quarantined += len(refused)
        if not refused:
            return []
        known = waiting.known(connection, self._vault, batch.source, refused)
        return [poll_entries.refused(known, len(refused), poll_entries.RECONCILED if batch.mending else None)]

    def _decided(
        self, connection: sa.Connection, batch: Batch, changes: Sequence[Change], counts: Ingested, now: datetime
    ) -> _Piece:
        """What becomes of each change; no person occurs twice in `changes`."""
        source = batch.source
        keys = {d.source_key(self._vault, source, change.personennummer): change for change in changes}
        newer = keys if batch.mending else _newer(connection, keys)
        counts.stale += len(keys) - len(newer)
        known = {one.source_key: one for one in d.load_source_keys(connection, self._vault, newer)}
        purpose = poll_entries.RECONCILED if batch.mending else EIGENPROBE if source == EIGENPROBE else None
        piece = _Piece(Story(self._vault, purpose), source, self._vault.wrapping(d.KEY))
        for key, change in newer.items():
            one = known.get(key)
            if isinstance(change, Upsert) and self._ledger.holds_any(source, numbers_of(change)):
                counts.erased += 1
                continue
            if isinstance(change, Withholding):
                self._withhold(piece, one, now)
                continue
            if isinstance(change, Merge) and self._closes_circle(connection, piece, key, change):
                piece.circular.append(_circular(self._vault, source, change))
                continue
            if one is None:
                one = self._unknown(source, key)
                piece.fresh.add(one.id)
            one = piece.people.get(one.id, one)  # it may have gone with the record it was merged into
            one.change_number = change.aenderungsnummer
            piece.people[one.id] = one
            self._decide(connection, piece, one, change, counts, now)
        self._tell_merged(connection, piece)
        return piece

    def _decide(
        self,
        connection: sa.Connection,
        piece: _Piece,
        one: Dossier,
        change: Upsert | Removal | Merge,
        counts: Ingested,
        now: datetime,
    ) -> None:
        if isinstance(change, Upsert):
            counts.stored += 1
            piece.stand[one.id] = moment(str(change.control["stand"]))
            self._say(piece, one, change, now)
            return
        piece.stand[one.id] = moment(change.stand)
        if isinstance(change, Merge):
            counts.merged += 1
            before, into = (one.state, one.merged_into), d.source_key(self._vault, one.source, change.into)
            one.state, one.merged_into = "merged", into
            if not self._tombstone(connection, piece, into):
                if before != ("merged", into):
                    piece.merged.append(one)
                return
        counts.removed += 1
        self._remove(connection, piece, one)

    def _closes_circle(self, connection: sa.Connection, piece: _Piece, key: bytes, change: Merge) -> bool:
        """True if the record named has itself gone, over whatever steps, into this one: then nobody would be left.

        The person stays as it is stored, and whoever went into it before goes on under its identifier.
        """
        into: bytes | None = d.source_key(self._vault, piece.source, change.into)
        passed = {key}
        while into is not None and into not in passed:
            passed.add(into)
            found = self._found(connection, piece, into)
            into = found.merged_into if found is not None and found.state == "merged" else None
        return into == key

    def _tombstone(self, connection: sa.Connection, piece: _Piece, key: bytes) -> bool:
        """True if the record with this source key is gone: nothing can be merged into it and stay."""
        found = self._found(connection, piece, key)
        return found is not None and found.state == "removed"

    def _found(self, connection: sa.Connection, piece: _Piece, key: bytes) -> Dossier | None:
        """The record with this source key as it will be."""
        found = [one for one in piece.people.values() if one.source_key == key]
        return next(iter(found or d.load_source_keys(connection, self._vault, [key])), None)

    def _tell_merged(self, connection: sa.Connection, piece: _Piece) -> None:
        """At the end of the piece, when it is known who is still there."""
        for one in piece.merged:
            key = one.merged_into
            if one.state == "merged" and key is not None:
                piece.story.combine(one, key, self._found(connection, piece, key))

    def _say(self, piece: _Piece, one: Dossier, change: Upsert, now: datetime) -> None:
        """Afterwards `one` holds what the source says now, as its next version if it says anything new."""
        document = marked(piece.source, storable(self._agreements, change.tree, now))
        if one.active and poll_entries.same(one.document or {}, document):
            return
        if one.key is None:
            one.key = self._vault.new_key()
            one.wrapped_key = piece.wrap(one.key, one.id)
            d.give_audit_id(one, self._vault, self._vault.new_uuid())
            piece.story.collect(one, document)
        else:
            piece.story.change(one, document)
        one.state, one.merged_into = "active", None
        self._write(piece, one, one.key, document, now)

    def _withhold(self, piece: _Piece, one: Dossier | None, now: datetime) -> None:
        """Afterwards a known person is blocked, under its old change number: a record that can be taken lifts it."""
        if one is None or one.key is None or one.document is None or one.state != "active":
            return
        control = d.control(one.document)
        blocks = control.get("auskunftssperre")
        known = list(blocks) if isinstance(blocks, list) else []
        if _WITHHELD not in known:
            piece.people[one.id] = one
            document = one.document | {"steuerung": control | {"auskunftssperre": [*known, _WITHHELD]}}
            piece.story.change(one, document)
            self._write(piece, one, one.key, document, now)

    def _write(self, piece: _Piece, one: Dossier, key: bytes, document: Tree, now: datetime) -> None:
        one.version += 1
        d.set_document(one, document, self._vault)
        content = self._vault.seal(key, d.packed(document), d.DOCUMENT, one.id, one.version)
        row = {"person_id": one.id, "version": one.version, "recorded_at": now, "document": content}
        piece.versions.append(row)

    def _remove(self, connection: sa.Connection, piece: _Piece, one: Dossier) -> None:
        """Afterwards `one`, and every record once merged into it, is a tombstone: the keys are forgotten."""
        stored = d.load(connection, self._vault, _merged_into(one.source_key))
        merged = [other for other in piece.people.values() if other.state == "merged"]
        here = [other for other in merged if other.merged_into == one.source_key]
        piece.story.erase(one)
        entomb(one, self._vault)
        piece.removed.append(one)
        for other in here + [other for other in stored if other.id not in piece.people]:
            piece.people[other.id] = other
            self._remove(connection, piece, other)

    def _unknown(self, source: str, key: bytes) -> Dossier:
        identity = self._vault.random(16)
        return Dossier(identity, source, key, 0, -1, "removed", None, None, None, None, None)

    def _write_people(
        self, connection: Fenced, piece: _Piece, indexes: Indexes, fresh: Mapping[bytes, bytes | None]
    ) -> None:
        # First: who is gone and comes back in the same piece must not lose what is new.
        erase_rows(connection, piece.removed)
        write_people(connection, list(piece.people.values()), indexes, fresh)
        _INSERT_VERSIONS.fill(connection, piece.versions)
        settled = {one.source_key: one.change_number for one in piece.people.values()}
        if known := connection.execute(_REFUSED, {"keys": list(settled)}).scalars().all():
            connection.execute(_SETTLE, [{"key": key, "number": settled[key]} for key in known])
        if piece.removed:
            drop_lone_families(connection)


_INSERT_VERSIONS = Statement(sa.insert(person_version), ("person_id", "version", "recorded_at", "document"))
_REFUSED = (
    sa.select(quarantine.c.source_key)
    .where(quarantine.c.source_key.in_(sa.bindparam("keys", expanding=True)))
    .distinct()
)
_STORED = sa.select(person.c.source_key, person.c.change_number).where(
    person.c.source_key.in_(sa.bindparam("keys", expanding=True))
)
_SETTLE = sa.delete(quarantine).where(
    quarantine.c.source_key == sa.bindparam("key"),
    sa.or_(quarantine.c.change_number.is_(None), quarantine.c.change_number <= sa.bindparam("number")),
)
"""Refused records of persons of whom something as new was taken."""


def storable(agreements: Mapping[str, Agreement], document: Tree, now: datetime) -> Tree:
    """What of a Datensatz may be stored now; `agreements` by their stream."""
    # A value of health whose time is over is not even stored; by UTC, so never before the city's day.
    document, _ = expiring_health.without_old(document, expiring_health.last_by_law(now.date()))
    return sparing.without_untellable(agreements, document, now)


def numbers_of(change: Upsert) -> list[str]:
    """The person numbers of a record: its own, and that of the person it is an alias of."""
    main = change.control.get("hauptdatensatz")
    return [change.personennummer, main] if isinstance(main, str) else [change.personennummer]


def piece_size(applications: int) -> int:
    """Changes per transaction: what is written grows with the applications, what each transaction costs does not."""
    return min(max(_LEAST, _ROWS // max(1, applications)), _MOST)


def _pieces(changes: Sequence[Change], most: int) -> Iterator[list[Change]]:
    """The changes in order, at most so many together and no person twice; at least one piece, possibly empty."""
    piece: list[Change] = []
    numbers: set[str] = set()
    for change in changes:
        if len(piece) == most or change.personennummer in numbers:
            yield piece
            piece, numbers = [], set()
        piece.append(change)
        numbers.add(change.personennummer)
    yield piece


def _newer(connection: sa.Connection, changes: Mapping[bytes, Change]) -> dict[bytes, Change]:
    """Those that say more than the store knows; the others came twice or late, and nothing of them is opened."""
    rows = connection.execute(_STORED, {"keys": list(changes)})
    known = {row.source_key: row.change_number for row in rows}
    return {key: change for key, change in changes.items() if change.aenderungsnummer > known.get(key, -1)}


def known(
    connection: sa.Connection, vault: Vault, source: str, records: Sequence[tuple[str | None, int | None]]
) -> frozenset[int]:
    """The places of the records, told by person and change number, that say no more than the store knows: `take` would
    do nothing with them, whatever they say, and no quarantine takes them."""
    keys = [None if one is None else d.source_key(vault, source, one) for one, _ in records]
    stored: dict[bytes | None, int] = {}
    for block in d.blocks(key for key in keys if key is not None):
        stored.update((row.source_key, row.change_number) for row in connection.execute(_STORED, {"keys": block}))
    numbers = ((stored.get(key, -1), number) for key, (_, number) in zip(keys, records, strict=True))
    return frozenset(place for place, (at, number) in enumerate(numbers) if number is not None and number <= at)


def _circular(vault: Vault, source: str, change: Merge) -> Quarantined:
    """The record of a merge that is refused; what stands for its bytes is keyed, they say little more than numbers."""
    keys = [d.source_key(vault, source, number) for number in (change.personennummer, change.into)]
    form = fingerprint(b"".join([*keys, change.aenderungsnummer.to_bytes(8)]))
    reasons = ("zielPersonennummer: Zusammenführung im Kreis",)
    return Quarantined(change.personennummer, change.aenderungsnummer, reasons, None, form, code=CIRCULAR)


def _merged_into(key: bytes) -> sa.ColumnElement[bool]:
    return sa.and_(person.c.merged_into == key, person.c.state == "merged")
