"""Holds what the audit trail says of polls, erasures and deletion runs against the persons that are stored."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from gateway.app import App
from gateway.store import audit_tables, tables
from gateway.store import dossier as d
from gateway.store.expiring import OPERATION as BY_TIME
from gateway.upkeep.retention_rules import Datenart

TAKEN = frozenset({"ok"})
GONE = frozenset({"ok", "verzeichnis"})
"""The outcomes of a poll and of an erasure; what was refused has another."""
WHOLE = frozenset({Datenart.PERSON.value, Datenart.VERSTORBEN.value, Datenart.ZUSAMMENGEFUEHRT.value})


def disagreements(app: App) -> tuple[dict[str, int], list[str]]:
    """What was compared, and the audit ids of which trail and store say different things; in one snapshot.

    A stored person has come once, and came or changed as often as it has versions, but for those that a deletion run
    took; it has not gone. Whoever came and is not stored has gone once. Nobody else was ever combined with anybody.
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
    trees = [json.loads(content) for content in contents]
    came, changed = named(of(trees, "Erhebung", TAKEN)), named(of(trees, "Veränderung", TAKEN))
    gone = named(of(trees, "Löschung", GONE)) + named(by_time(trees, WHOLE))
    thinned = named(by_time(trees, {Datenart.FASSUNG.value}))
    wrong = []
    for one, count in stored.items():
        told = came[one] + changed[one]
        fits = count <= told if thinned[one] else count == told
        if (came[one], gone[one], fits) != (1, 0, True):
            wrong.append(one)
    others = {*came, *changed, *gone, *named(of(trees, "Kombination", TAKEN))} - stored.keys()
    wrong += [one for one in others if (came[one], gone[one]) != (1, 1)]
    return {"versions found in the trail": sum(versions.values()), "erasures found in the trail": len(others)}, wrong


def of(trees: Iterable[Mapping[str, Any]], kind: str, outcomes: frozenset[str]) -> Iterator[Mapping[str, Any]]:
    """The entries of that kind with one of these outcomes."""
    return (tree for tree in trees if tree["art"] == kind and tree["ergebnis"] in outcomes)


def by_time(trees: Iterable[Mapping[str, Any]], rules: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """The entries of deletion runs by one of these rules."""
    mine = frozenset(rules)
    return (tree for tree in trees if tree["operation"] == BY_TIME and mine & tree.get("anzahlen", {}).keys())


def named(trees: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """How often each audit id stands in these entries."""
    return Counter(one["person"] for tree in trees for one in tree.get("personen", ()))
