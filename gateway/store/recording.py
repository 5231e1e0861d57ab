"""Writes persons, their indexes and what became of their projections, under a tenure; a kind of row, a statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias

import sqlalchemy as sa

from gateway.store import dossier as d
from gateway.store import ending, feed_rows, search
from gateway.store.dossier import Dossier
from gateway.store.feed import Counter
from gateway.store.projecting import Outcome
from gateway.store.statements import Statement
from gateway.store.tables import (
    discrepancy,
    family,
    family_kennung,
    person,
    person_version,
    quarantine,
    relation,
    search_index,
)
from gateway.store.tenure import Fenced
from gateway.store.vault import Vault

Counters: TypeAlias = Mapping[str, Counter]
Indexes: TypeAlias = list[tuple[Statement, list[dict[str, Any]]]]
"""By the statement that writes them, the rows of the indexes."""


def entomb(one: Dossier, vault: Vault) -> None:
    """Afterwards the dossier is that of a tombstone; its rows follow with `write_people` and `erase_rows`."""
    one.state, one.merged_into = "removed", None
    one.key = one.wrapped_key = one.audit_cipher = None
    d.set_document(one, None, vault)


def index_rows(vault: Vault, people: Sequence[Dossier]) -> Indexes:
    """What of these persons stands in the indexes; to be made before the transaction that writes it."""
    tokens, relations, families = [], [], []
    for one in people:
        if not one.active or one.document is None:
            continue
        relations += [{"person_id": one.id, "other_source_key": key} for key in sorted(one.source_references)]
        if "hauptdatensatz" not in d.control(one.document):
            made = sorted(search.tokens(vault, one.document))
            generation = vault.in_use("index")
            tokens += [{"person_id": one.id, "token": token, "generation": generation} for token in made]
        if one.family_key is not None:
            families.append({"person_id": one.id, "family_key": one.family_key})
    return [(_INSERT_TOKENS, tokens), (_INSERT_RELATIONS, relations), (_INSERT_FAMILIES, families)]


def write_people(
    connection: Fenced, people: Sequence[Dossier], indexes: Indexes, fresh: Mapping[bytes, bytes | None]
) -> None:
    """Afterwards rows, search tokens, relations and families of `people` are those of their dossiers.

    `indexes` are what `index_rows` makes of them. `fresh` are those who have no row yet, with what stands for the next
    day on which something of them changes.
    """
    new = [_person_row(one) | {"due": fresh[one.id]} for one in people if one.id in fresh]
    old = [_person_row(one) for one in people if one.id not in fresh]
    _INSERT_PERSON.fill(connection, new)
    if old:
        connection.execute(_UPDATE_PERSON, [{f"new_{name}": value for name, value in row.items()} for row in old])
        ids = [row["id"] for row in old]
        for table in (search_index, relation, family):
            connection.execute(sa.delete(table).where(table.c.person_id.in_(ids)))
    for statement, rows in indexes:
        statement.fill(connection, rows)


def lock_feeds(connection: sa.Connection, outcome: Outcome) -> Counters:
    """The counters that `outcome` needs, locked: always before any person, so that nobody deadlocks."""
    return feed_rows.lock(connection, {move.stream for move in outcome.moves})


def write_outcome(connection: Fenced, outcome: Outcome, now: datetime, counters: Counters) -> int:
    """Afterwards the feed says what `outcome` says; how many entries got a number. `counters` are those locked."""
    if outcome.families:
        connection.execute(sa.insert(family_kennung), outcome.families)
    if outcome.due:
        rows = [{"key": identity, "day": day} for identity, day in outcome.due.items()]
        connection.execute(_UPDATE_DUE, rows)
    ending.write(connection, outcome.ends, now)
    before = {stream: replace(figures) for stream, figures in counters.items()}
    entries = feed_rows.apply(connection, outcome.moves, counters, now)
    feed_rows.save(connection, {stream: figures for stream, figures in counters.items() if figures != before[stream]})
    return entries


def erase_rows(connection: Fenced, removed: Sequence[Dossier]) -> None:
    """Afterwards nothing of these persons is left but tombstone, and Kennung until `entfallen` is acknowledged."""
    ids = [one.id for one in removed]
    if not ids:
        return
    # Who reports a discrepancy holds the person's row until the report is there: only then is it seen and deleted.
    connection.execute(sa.select(person.c.id).where(person.c.id.in_(ids)).order_by(person.c.id).with_for_update())
    for table in (person_version, discrepancy):
        connection.execute(sa.delete(table).where(table.c.person_id.in_(ids)))
    keys = [one.source_key for one in removed]
    connection.execute(sa.delete(quarantine).where(quarantine.c.source_key.in_(keys)))


def bury(connection: Fenced, gone: Sequence[Dossier], outcome: Outcome, now: datetime, counters: Counters) -> None:
    """Afterwards these, whom `entomb` has made tombstones, are nothing else in the store, and the feed says so."""
    erase_rows(connection, gone)
    write_people(connection, gone, [], {})  # no index knows a tombstone
    write_outcome(connection, outcome, now, counters)
    drop_lone_families(connection)


def drop_lone_families(connection: Fenced) -> None:
    """Afterwards no identifier is kept for a family of which nobody is stored."""
    alone = family_kennung.c.family_key.not_in(sa.select(family.c.family_key))
    connection.execute(sa.delete(family_kennung).where(alone))


def _person_row(one: Dossier) -> dict[str, Any]:
    generation = int.from_bytes(one.wrapped_key[:4], "big") if one.wrapped_key else None
    return {name: getattr(one, name) for name in _PERSON if name != "ring_key_id"} | {"ring_key_id": generation}


_PERSON = (
    *("id", "source", "source_key", "wrapped_key", "ring_key_id", "version"),
    *("change_number", "state", "merged_into", "audit_cipher"),
)
_INSERT_PERSON = Statement(sa.insert(person), (*_PERSON, "due"))
_INSERT_TOKENS = Statement(sa.insert(search_index), ("person_id", "token", "generation"))
_INSERT_RELATIONS = Statement(sa.insert(relation), ("person_id", "other_source_key"))
_INSERT_FAMILIES = Statement(sa.insert(family), ("person_id", "family_key"))
_UPDATE_PERSON = (
    sa.update(person)
    .where(person.c.id == sa.bindparam("new_id"))
    .values({name: sa.bindparam(f"new_{name}") for name in _PERSON if name != "id"})
)
_UPDATE_DUE = sa.update(person).where(person.c.id == sa.bindparam("key")).values(due=sa.bindparam("day"))
