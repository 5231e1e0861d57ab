"""Holding answers in the hands of an application against the trail: is each recorded, and as what was answered?"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from uuid import UUID

from gateway.store.audit_anchor import Checkpoint
from gateway.store.audit_chain import MerkleTree, Transactions, batch_hash, first_link, translated
from gateway.store.audit_check import tree_of
from gateway.store.audit_entry import rfc3339, sha256
from gateway.store.audit_export_rows import ExportRows
from gateway.store.audit_rows import BatchRow, DatabaseRows, EntryRow, HeadRow
from gateway.store.audit_verdict import Match

TAKEN_BACK = "zurückgesichert"
_QUEUED = timedelta(seconds=15)
"""So long may an entry wait for its batch, so much older than this can its number be."""
_LATEST = 253_402_300_799_999
"""The last millisecond of the year 9999."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What the `quittung` of an answer claims, with SHA-256(salt || exclusive-C14N soap:Body) of the answer."""

    number: str
    entry_hash: bytes
    commitment: bytes


class _Places(Protocol):
    """Where single entries and batches are looked up."""

    def heads(self) -> tuple[HeadRow, ...]: ...

    def entry(self, number: str) -> EntryRow | None: ...

    def batch(self, number: int) -> BatchRow | None: ...

    def entries_of(self, batch: int) -> Iterator[EntryRow]: ...


def match(database: Transactions, *, number: str, entry_hash: bytes, salt: bytes, body: bytes) -> Match:
    """Whether the answer with this `quittung` is recorded, in a batch that stands in the chain.

    `body` are the exclusive-C14N bytes of soap:Body. AuditError if the trail cannot be read. That the chain itself
    is whole says `verify`.
    """
    return match_all(database, [Claim(number, entry_hash, sha256(salt, body))])[0]


def match_all(
    database: Transactions, claims: Sequence[Claim], restores: Sequence[Checkpoint] = ()
) -> tuple[Match, ...]:
    """As `match` for each claim, within one snapshot of the database.

    `restores` are those that the anchor tells of: an answer of after the backup is in no entry any more, and that is
    then said instead of "removed".
    """
    with translated("read"), database.read() as connection:
        rows = DatabaseRows(connection)
        return tuple(_judge(rows, claim, restores=restores) for claim in claims)


def match_export(path: Path, claims: Sequence[Claim]) -> tuple[Match, ...]:
    """As `match` for each claim, in an exported trail; AuditError if it cannot be read.

    An answer younger than the export is in no entry of it, and of that nothing follows.
    """
    rows = ExportRows(path)
    places = _Collected.of(rows, {claim.number for claim in claims})
    end = rows.header.bis or rows.header.zeitpunkt
    return tuple(_judge(places, claim, end) for claim in claims)


def _judge(rows: _Places, claim: Claim, end: str | None = None, restores: Sequence[Checkpoint] = ()) -> Match:
    row = rows.entry(claim.number)
    if row is None:
        if end is not None and _time_of(claim.number) > end:
            return Match(False, "zu-jung", f"Die Antwort ist jünger als das Ende des Auszugs ({end})", told=False)
        if (restore := _took_back(rows, claim, restores)) is not None:
            text = f"Die Rücksicherung vom {restore.zeitpunkt} nahm den Eintrag zurück: Die Sicherung war älter als er"
            return Match(False, TAKEN_BACK, text)
        return Match(False, "nicht-protokolliert", "Zu dieser Protokollnummer gibt es keinen Eintrag: entfernt")
    if row.hash != claim.entry_hash or (row.content and sha256(row.content) != claim.entry_hash):
        return Match(False, "eintrag-anders", "Der Eintrag ist nicht der, den die Quittung nennt: geändert")
    if row.content:
        said = (tree_of(row.content) or {}).get("festlegung")
        if not isinstance(said, str) or not hmac.compare_digest(claim.commitment.hex().encode(), said.encode()):
            return Match(False, "antwort-anders", "Der Eintrag gehört zu einer anderen Antwort als dieser")
    if not _stands(rows, row):
        return Match(False, "kette-gebrochen", "Der Eintrag steht in keinem Block der Kette")
    if not row.content:
        text = "Die Antwort ist protokolliert; der Inhalt des Eintrags ist gelöscht, sein Hashwert steht in der Kette"
        return Match(True, "inhalt-gelöscht", text)
    return Match(True, "protokolliert", "Die Antwort ist protokolliert, der Eintrag steht in der Kette")


def _took_back(rows: _Places, claim: Claim, restores: Sequence[Checkpoint]) -> Checkpoint | None:
    """The restore between whose backup and end the answer was given; None if there is none.

    What a checkpoint vouches for before it cannot have been taken out without breaking the chain: `verify` sees that.
    """
    time = datetime.fromisoformat(_time_of(claim.number))
    for restore in restores:
        batch = rows.batch(restore.block)
        if restore.block and (batch is None or batch.hash.hex() != restore.hash):
            continue  # a later restore went further back still
        begin = datetime.fromisoformat(batch.time) - _QUEUED if batch is not None else datetime.min.replace(tzinfo=UTC)
        if begin <= time <= datetime.fromisoformat(restore.zeitpunkt):
            return restore
    return None


def _stands(rows: _Places, row: EntryRow) -> bool:
    """Whether the batch is what its entries give, follows the one before, and the next or the head names it."""
    number = row.batch
    batch, head = rows.batch(number), next(iter(rows.heads()), None)
    if batch is None or head is None:
        return False
    tree = MerkleTree()
    for entry in rows.entries_of(number):
        tree.add(entry.hash)
    computed = batch_hash(
        number=number,
        previous=batch.previous,
        root=tree.root(),
        entries=tree.leaves,
        total=batch.total,
        time=batch.time,
    )
    before, after = rows.batch(number - 1), rows.batch(number + 1)
    named = head.hash if head.number == number else after.previous if after is not None else None
    follows = first_link(head.chain) if number == 1 else before.hash if before is not None else None
    return computed == batch.hash == named and batch.previous == follows


@dataclass(slots=True)
class _Collected:
    """Of an exported file only what the claims are about; it is read three times for all of them together."""

    rows: ExportRows
    found: dict[str, EntryRow] = field(default_factory=dict)
    batches: dict[int, BatchRow] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: ExportRows, numbers: set[str]) -> _Collected:
        """The entries with these numbers (the first of each), their batches and the ones beside them."""
        collected = cls(rows)
        for entry in rows.entries():
            if entry.number in numbers:
                collected.found.setdefault(entry.number, entry)
        wanted = {one.batch + beside for one in collected.found.values() for beside in (-1, 0, 1)}
        for batch in rows.batches():
            if batch.number in wanted:
                collected.batches.setdefault(batch.number, batch)
        return collected

    def heads(self) -> tuple[HeadRow, ...]:
        return self.rows.heads()

    def entry(self, number: str) -> EntryRow | None:
        return self.found.get(number)

    def batch(self, number: int) -> BatchRow | None:
        return self.batches.get(number)

    def entries_of(self, batch: int) -> Iterator[EntryRow]:
        return (entry for entry in self.rows.entries() if entry.batch == batch)


def _time_of(number: str) -> str:
    """When an entry with that number was made (RFC 9562, 5.7), as the trail writes times."""
    milliseconds = min(UUID(number).int >> 80, _LATEST)
    return rfc3339(datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds))
