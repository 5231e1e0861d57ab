"""The list of everything a key of the ring shows in: nothing may be missing from it, or a change of keys loses it."""

from __future__ import annotations

import ast
from pathlib import Path

import sqlalchemy as sa

from gateway.store import released_tables, retention_tables, vault
from gateway.store.audit_tables import metadata
from gateway.store.key_places import FEED_SEALED, HASHED, WRAPPED

STORE = Path(vault.__file__).parent
OWN_WAY = {"search_index.token", "family_kennung.family_key"}
"""Hashes of which `rekeying` says itself how they change."""
PERSONS_KEY = {"person.audit_cipher", "person_version.document", "discrepancy.sealed", "audit_personal.sealed"}
"""Sealed under a key that is itself wrapped: the text stays as it is."""
NO_KEY = {
    *("person.id", "projection.place", "key_use.proof", "feed_counter.basis", "quarantine.sha256", "notice.person_id"),
    *("audit_head.hash", "audit_batch.previous", "audit_batch.root", "audit_batch.hash", "audit_entry.hash"),
    *(
        "audit_entry.content",
        "audit_replay.key",
        "audit_index_mark.hash",
        "quarantine.basis",
        "released.digest",
        "released_draft.digest",
    ),
}
"""Bytes that no key of the ring has touched (`place` is random, `proof` is written by the change itself)."""
MAKERS = {
    "wrap": {"audit_personal.py", "ingest.py", "vault.py"},
    "seal_box": {"quarantine.py"},
    "seal_feed": {"notices.py", "projecting.py", "rekeying.py"},
    "blind": {"dossier.py", "projecting.py", "search.py"},
}
"""Where each kind is made; a new place needs an entry in `key_places`, then here."""


def test_every_column_of_bytes_is_accounted_for() -> None:
    """Each column of bytes is wrapped, sealed or hashed in the list, or known to need no change."""
    assert retention_tables.metadata is released_tables.metadata is metadata
    listed = {str(place.column) for place in (*WRAPPED, *FEED_SEALED)}
    listed |= {str(place.column) for places in HASHED.values() for place in places}
    every = {
        str(column)
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, sa.LargeBinary) and not column.foreign_keys
    }
    assert every == listed | OWN_WAY | PERSONS_KEY | NO_KEY
    assert not listed & (OWN_WAY | NO_KEY)


def test_every_maker_is_known() -> None:
    """What is wrapped, boxed, sealed for the feed or blinded is made in the files that the list was written for."""
    found: dict[str, set[str]] = {name: set() for name in MAKERS}
    for path in STORE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in found:
                found[node.func.attr].add(path.name)
    assert found == MAKERS
