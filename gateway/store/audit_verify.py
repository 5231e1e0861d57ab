"""Verification of the audit trail: the whole chain is read once, in constant memory, and every break is named.

Without secrets the chain proves only that it is consistent in itself: who can write to the database could compute
everything anew from the changed entry on. What stops that lies outside of it: the signed checkpoints in the anchor
file, and the receipts in the hands of the applications.
"""

from __future__ import annotations

import hmac
import json
from pathlib import Path

from sqlalchemy import Connection, select

from gateway.errors import AuditError
from gateway.store import audit_tables as tables
from gateway.store.audit_anchor import load_public
from gateway.store.audit_anchor_file import AnchorFile
from gateway.store.audit_chain import MerkleTree, Transactions, batch_hash, hash_of, read_head, translated
from gateway.store.audit_entry import sha256
from gateway.store.audit_rows import DatabaseRows
from gateway.store.audit_verdict import Finding, Match, Verdict
from gateway.store.audit_walk import Walk

__all__ = ["Finding", "Match", "Verdict", "match", "verify"]


def verify(database: Transactions, *, anchor: Path | None = None, public_key: Path | None = None) -> Verdict:
    """The whole trail was read and checked; AuditError if it cannot be read, or a key or file is missing.

    Finds in the database alone: changed, reordered, inserted and removed entries and batches inside the chain, and
    personal texts changed or removed without an entry. With `anchor` and `public_key` (PEM) also: removal at the
    end, a database rolled back or exchanged, and a chain computed anew, each up to the last checkpoint.
    """
    if (anchor is None) != (public_key is None):
        raise AuditError("an anchor file needs the public key of its checkpoints, and the other way round")
    file = None
    if anchor is not None and public_key is not None:
        file = AnchorFile(anchor, load_public(public_key))
    with translated("read"), database.read() as connection:
        return Walk(DatabaseRows(connection), file).run()


def match(database: Transactions, *, number: str, entry_hash: bytes, salt: bytes, body: bytes) -> Match:
    """Whether the answer with this `quittung` is recorded, in a batch that stands in the chain.

    `body` are the exclusive-C14N bytes of soap:Body. AuditError if the trail cannot be read. That the chain itself
    is whole says `verify`.
    """
    with translated("read"), database.read() as connection:
        row = connection.execute(select(tables.entry).where(tables.entry.c.number == number)).one_or_none()
        if row is None:
            return Match(False, "nicht-protokolliert", "Zu dieser Protokollnummer gibt es keinen Eintrag: entfernt")
        if sha256(row.content) != entry_hash or row.hash != entry_hash:
            return Match(False, "eintrag-anders", "Der Eintrag ist nicht der, den die Quittung nennt: geändert")
        said = json.loads(row.content).get("festlegung")  # the hash holds: these bytes are ours
        if not isinstance(said, str) or not hmac.compare_digest(sha256(salt, body).hex(), said):
            return Match(False, "antwort-anders", "Der Eintrag gehört zu einer anderen Antwort als dieser")
        if not _stands(connection, row.batch):
            return Match(False, "kette-gebrochen", "Der Eintrag steht in keinem Block der Kette")
        return Match(True, "protokolliert", "Die Antwort ist protokolliert, der Eintrag steht in der Kette")


def _stands(connection: Connection, number: int) -> bool:
    """Whether the batch is what its entries give, and the next batch or the head of the chain names it."""
    batch = connection.execute(select(tables.batch).where(tables.batch.c.number == number)).one_or_none()
    if batch is None:
        return False
    tree = MerkleTree()
    of_batch = select(tables.entry.c.hash).where(tables.entry.c.batch == number).order_by(tables.entry.c.position)
    for entry_hash in connection.execute(of_batch).scalars():
        tree.add(entry_hash)
    computed = batch_hash(
        number=number,
        previous=batch.previous,
        root=tree.root(),
        entries=tree.leaves,
        total=batch.total,
        time=batch.time,
    )
    head = read_head(connection)
    after = connection.execute(select(tables.batch.c.previous).where(tables.batch.c.number == number + 1))
    named = head.hash if head is not None and head.number == number else after.scalar_one_or_none()
    return bool(computed == batch.hash == named and hash_of(connection, number - 1) == batch.previous)
