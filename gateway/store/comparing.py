"""What another version of an agreement would mean for the persons in the store: counted, never told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import sqlalchemy as sa

from gateway.agreements import projection as rules
from gateway.agreements.agreement import Agreement
from gateway.agreements.difference import Effect
from gateway.model.person import Person
from gateway.model.structure import grantable
from gateway.store import dossier as d
from gateway.store import projecting
from gateway.store.database import Database
from gateway.store.ingest import PIECE
from gateway.store.tables import REAL, person
from gateway.store.vault import Vault

_ADDED = ("personenkennung", "stand", "datensatzversion")
"""Fields of every visible person: the store gives them, not the projection."""


def effect(database: Database, vault: Vault, old: Agreement, new: Agreement, *, stichtag: date) -> Effect:
    """What the change would mean were both versions in force on `stichtag`; persons are read piece by piece."""
    versions = {
        name: replace(one, valid_from=stichtag, valid_to=stichtag) for name, one in (("old", old), ("new", new))
    }
    visible: Counter[tuple[bool, bool]] = Counter()
    gained: Counter[int] = Counter()
    lost: Counter[int] = Counter()
    for before, after in _seen(database, vault, versions, stichtag):
        visible[before is not None, after is not None] += 1
        gained.update(_bits((after or 0) & ~(before or 0)))
        lost.update(_bits((before or 0) & ~(after or 0)))
    paths = [node.path for node in grantable(Person)]
    fresh, gone = set(new.fields) - set(old.fields), set(old.fields) - set(new.fields)
    return Effect(
        before=visible[True, False] + visible[True, True],
        after=visible[False, True] + visible[True, True],
        gained=visible[False, True],
        lost=visible[True, False],
        fields={paths[bit]: count for bit, count in gained.items() if paths[bit] in fresh},
        withdrawn={paths[bit]: count for bit, count in lost.items() if paths[bit] in gone},
    )


def _seen(
    database: Database, vault: Vault, versions: dict[str, Agreement], stichtag: date
) -> Iterator[tuple[int | None, int | None]]:
    """For each person who is visible under either version: the bitmaps of the fields under both, None if invisible."""
    after = b""
    while True:
        query = sa.select(person.c.id).where(REAL, person.c.state == "active", person.c.id > after)
        with database.read() as connection:
            ids = connection.execute(query.order_by(person.c.id).limit(PIECE)).scalars().all()
            people = d.load_ids(connection, vault, ids)
            world = projecting.survey(connection, vault, versions, people, stichtag=stichtag)
        if not ids:
            return
        for trees in projecting.preview(world, ids):
            bits = {name: rules.field_bits({**tree, **_added(versions[name])}) for name, tree in trees.items()}
            if bits:
                yield bits.get("old"), bits.get("new")
        after = ids[-1]


def _added(agreement: Agreement) -> dict[str, str]:
    return {name: "" for name in _ADDED if name in agreement.fields}


def _bits(bitmap: int) -> Iterator[int]:
    return (bit for bit in range(bitmap.bit_length()) if bitmap >> bit & 1)
