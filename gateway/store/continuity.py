"""No connection is used to a database that was rolled back, or whose restore is not finished.

A process can outlive its database: a file is put in its place, a server is restored behind it. Both need new
connections, so every new connection is asked here, in whichever process, before anything is read or written.
"""

from __future__ import annotations

from gateway.errors import StoreError
from gateway.store.audit_anchor import Anchor
from gateway.store.audit_chain import Head, first_link
from gateway.store.guarding import Guard, Question

OPEN_RESTORE = "wiederherstellung-offen"


def continuing(anchor: Anchor) -> Guard:
    """A guard: StoreError (code "wiederherstellung-offen") while a restore is not finished.

    AuditError if the audit trail does not continue the last checkpoint of the anchor, or that cannot be read.
    """

    def asked(ask: Question) -> None:
        # Whatever is anchored was committed before: the database is looked at second, and can only be younger.
        last = anchor.last()
        if ask("SELECT 1 FROM epoch WHERE restoring"):
            told = "a restore has begun and is not finished: gateway db restored"
            raise StoreError(told, code=OPEN_RESTORE)
        anchor.require_continued(last, lambda: _head(ask), lambda number: _hash(ask, number))

    return asked


def _head(ask: Question) -> Head | None:
    rows = ask("SELECT chain, number, total, hash FROM audit_head WHERE id = 1")
    return Head(rows[0][0], rows[0][1], rows[0][2], bytes(rows[0][3])) if rows else None


def _hash(ask: Question, number: int) -> bytes | None:
    if number == 0:
        head = _head(ask)
        return None if head is None else first_link(head.chain)
    rows = ask(f"SELECT hash FROM audit_batch WHERE number = {number:d}")  # noqa: S608 - :d is a number or an error
    return bytes(rows[0][0]) if rows else None
