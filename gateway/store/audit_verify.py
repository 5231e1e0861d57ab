"""Verification of the audit trail: the whole chain is read once, in constant memory, and every break is named.

Without secrets the chain proves only that it is consistent in itself: who can write to the database could compute
everything anew from the changed entry on. What stops that lies outside of it: the signed checkpoints in the anchor
file, and the receipts in the hands of the applications.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gateway.errors import AuditError
from gateway.store import released_check
from gateway.store.audit_anchor import Checkpoint, load_public
from gateway.store.audit_anchor_file import AnchorFile, Checkpoints
from gateway.store.audit_chain import Transactions, translated
from gateway.store.audit_export_rows import ExportRows
from gateway.store.audit_match import match
from gateway.store.audit_rows import DatabaseRows
from gateway.store.audit_verdict import Exported, Finding, Findings, Match, Verdict
from gateway.store.audit_walk import Walk
from gateway.store.progress import Progress, silent

__all__ = ["Finding", "Match", "Verdict", "match", "verify", "verify_export"]


def verify(
    database: Transactions,
    *,
    anchor: Path | None = None,
    public_key: Path | None = None,
    progress: Progress = silent,
) -> Verdict:
    """The whole trail was read and checked; AuditError if it, the anchor or the key cannot be read.

    Finds in the database alone: changed, reordered, inserted and removed entries and batches inside the chain,
    personal texts changed or removed without an entry, and released statistics that are not those told of. With
    `anchor` and `public_key` (PEM) also: removal at the end, a database rolled back or exchanged, and a chain computed
    anew, each up to the last checkpoint. An anchor file that is missing is an anchor without checkpoints, and so no
    proof of anything.
    """
    if (anchor is None) != (public_key is None):
        raise AuditError("an anchor file needs the public key of its checkpoints, and the other way round")
    anchors = []
    if anchor is not None and public_key is not None:
        anchors.append(AnchorFile(anchor, load_public(public_key)))
    findings = Findings()
    with translated("read"), database.read() as connection:
        walk = Walk(DatabaseRows(connection), anchors, findings=findings, progress=progress)
        verdict = walk.run()
        released_check.check(connection, walk.released(), findings)
    return replace(verdict, findings=tuple(findings.kept), broken=findings.count)


def verify_export(path: Path, *, public_key: Path, anchor: Path | None = None, progress: Progress = silent) -> Verdict:
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
    rows, findings = ExportRows(path, progress), Findings()
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
    walk = Walk(rows, anchors, findings=findings, wanted=wanted, cut=cut, progress=progress)
    exported = Exported(header.zeitpunkt, header.bis, header.schluessel)
    verdict = replace(walk.run(), export=exported, with_anchor=given is not None)
    return replace(verdict, anchor_empty=given is not None and walk.reached()[-1] is None)
