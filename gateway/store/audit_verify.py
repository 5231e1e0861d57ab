"""Verification of the audit trail: the whole chain is read once, in constant memory, and every break is named.

Without secrets the chain proves only that it is consistent in itself: who can write to the database could compute
everything anew from the changed entry on. What stops that lies outside of it: the signed checkpoints in the anchor
file, and the receipts in the hands of the applications.
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from pathlib import Path

from gateway.errors import AuditError
from gateway.store.audit_anchor import Checkpoint, load_public
from gateway.store.audit_anchor_file import AnchorFile, Checkpoints
from gateway.store.audit_chain import MerkleTree, Transactions, batch_hash, first_link, translated
from gateway.store.audit_check import tree_of
from gateway.store.audit_entry import sha256
from gateway.store.audit_export_rows import ExportRows
from gateway.store.audit_rows import DatabaseRows
from gateway.store.audit_verdict import Exported, Finding, Findings, Match, Verdict
from gateway.store.audit_walk import Walk

__all__ = ["Finding", "Match", "Verdict", "match", "verify", "verify_export"]


def verify(database: Transactions, *, anchor: Path | None = None, public_key: Path | None = None) -> Verdict:
    """The whole trail was read and checked; AuditError if it, the anchor or the key cannot be read.

    Finds in the database alone: changed, reordered, inserted and removed entries and batches inside the chain, and
    personal texts changed or removed without an entry. With `anchor` and `public_key` (PEM) also: removal at the
    end, a database rolled back or exchanged, and a chain computed anew, each up to the last checkpoint. An anchor
    file that is missing is an anchor without checkpoints, and so no proof of anything.
    """
    if (anchor is None) != (public_key is None):
        raise AuditError("an anchor file needs the public key of its checkpoints, and the other way round")
    anchors = []
    if anchor is not None and public_key is not None:
        anchors.append(AnchorFile(anchor, load_public(public_key)))
    with translated("read"), database.read() as connection:
        return Walk(DatabaseRows(connection), anchors).run()


def verify_export(path: Path, *, public_key: Path, anchor: Path | None = None) -> Verdict:
    """An exported trail was read and checked with nothing but the public key; AuditError if it cannot be told.

    Finds what `verify` finds, against the checkpoints in the file: up to the last of them nothing can have been
    computed anew. With `anchor`, a copy of the anchor file kept elsewhere, also what was removed at the end or rolled
    back before the export was written; later checkpoints are not its business. Any change of the file itself breaks
    the signature in its last line. AuditError too if the file is cut off or names another key.
    """
    public = load_public(public_key)
    if anchor is not None and not anchor.is_file():
        raise AuditError(f"{anchor} fehlt")
    given = None if anchor is None else AnchorFile(anchor, public)
    rows, findings = ExportRows(path), Findings()
    sealed = rows.seal(public, findings)
    header = rows.header
    heads = rows.heads()
    last = heads[0].number if heads else 0

    def wanted(checkpoint: Checkpoint) -> bool:
        # Only the house can say where its file ends: what is not signed must fulfil everything.
        later = checkpoint.zeitpunkt > header.zeitpunkt or (header.bis is not None and checkpoint.block > last)
        return not (sealed and later)

    anchors = [Checkpoints(rows.checkpoints, public, name="Prüfpunkte des Auszugs")]
    anchors += [given] if given is not None else []
    cut = sealed and header.bis is not None
    walk = Walk(rows, anchors, findings=findings, wanted=wanted, cut=cut)
    exported = Exported(header.zeitpunkt, header.bis, header.schluessel)
    verdict = replace(walk.run(), export=exported, with_anchor=given is not None)
    return replace(verdict, anchor_empty=given is not None and walk.reached()[-1] is None)


def match(database: Transactions, *, number: str, entry_hash: bytes, salt: bytes, body: bytes) -> Match:
    """Whether the answer with this `quittung` is recorded, in a batch that stands in the chain.

    `body` are the exclusive-C14N bytes of soap:Body. AuditError if the trail cannot be read. That the chain itself
    is whole says `verify`.
    """
    with translated("read"), database.read() as connection:
        rows = DatabaseRows(connection)
        row = rows.entry(number)
        if row is None:
            return Match(False, "nicht-protokolliert", "Zu dieser Protokollnummer gibt es keinen Eintrag: entfernt")
        if sha256(row.content) != entry_hash or row.hash != entry_hash:
            return Match(False, "eintrag-anders", "Der Eintrag ist nicht der, den die Quittung nennt: geändert")
        said = (tree_of(row.content) or {}).get("festlegung")
        if not isinstance(said, str) or not hmac.compare_digest(sha256(salt, body).hex(), said):
            return Match(False, "antwort-anders", "Der Eintrag gehört zu einer anderen Antwort als dieser")
        if not _stands(rows, row.batch):
            return Match(False, "kette-gebrochen", "Der Eintrag steht in keinem Block der Kette")
        return Match(True, "protokolliert", "Die Antwort ist protokolliert, der Eintrag steht in der Kette")


def _stands(rows: DatabaseRows, number: int) -> bool:
    """Whether the batch is what its entries give, follows the one before, and the next or the head names it."""
    batch = rows.batch(number)
    if batch is None:
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
    head = next(iter(rows.heads()), None)
    before, after = rows.batch(number - 1), rows.batch(number + 1)
    if head is None:
        return False
    named = head.hash if head.number == number else after.previous if after is not None else None
    follows = first_link(head.chain) if number == 1 else before.hash if before is not None else None
    return computed == batch.hash == named and batch.previous == follows
