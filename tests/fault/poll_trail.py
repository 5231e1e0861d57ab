"""Holds what the audit trail says of the polls against the persons that are stored."""

from __future__ import annotations

import json
from collections import Counter

import sqlalchemy as sa

from gateway.app import App
from gateway.store import audit_tables, tables
from gateway.store import dossier as d


def disagreements(app: App) -> tuple[dict[str, int], list[str]]:
    """What was compared, and the audit ids of which trail and store say different things; in one snapshot.

    A stored person has come once, and came or changed as often as it has versions; it has not gone. Whoever came and
    is not stored has gone once. Nobody else was ever combined with anybody.
    """
    vault = app.store._vault
    with app.database.read() as connection:
        rows = connection.execute(sa.select(tables.person).where(tables.person.c.wrapped_key.is_not(None))).all()
        owners = connection.execute(sa.select(tables.person_version.c.person_id)).scalars().all()
        contents = connection.execute(sa.select(audit_tables.entry.c.content)).scalars().all()
    versions, stored = Counter(owners), {}
    for row in rows:
        key = vault.unwrap(row.wrapped_key, d.KEY, row.id)
        stored[vault.open(key, row.audit_cipher, d.AUDIT_ID, row.id).decode()] = versions[row.id]
    told = {kind: named(contents, kind) for kind in ("Erhebung", "Veränderung", "Löschung", "Kombination")}
    came, changed, gone = told["Erhebung"], told["Veränderung"], told["Löschung"]
    wrong = [one for one, count in stored.items() if (came[one], came[one] + changed[one], gone[one]) != (1, count, 0)]
    others = set().union(*told.values()) - stored.keys()
    wrong += [one for one in others if (came[one], gone[one]) != (1, 1)]
    return {"versions found in the trail": sum(versions.values()), "erasures found in the trail": len(others)}, wrong


def named(contents: list[bytes], kind: str) -> Counter[str]:
    """How often each audit id stands in entries of that kind about data that was taken in."""
    trees = (json.loads(content) for content in contents)
    told = (tree for tree in trees if tree["art"] == kind and tree["ergebnis"] == "ok")
    return Counter(one["person"] for tree in told for one in tree.get("personen", ()))
