"""A rehearsal of the ring on what is stored: does everything open, and does every hash come out as it stands?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from gateway.agreements.agreement import Agreement
from gateway.errors import VaultError
from gateway.model import derived
from gateway.store import dossier as d
from gateway.store import feed_told, projecting, rekeying, search
from gateway.store.basis import RULES, basis
from gateway.store.dossier import Dossier
from gateway.store.feed_told import Telling
from gateway.store.key_places import FEED_SEALED, WRAPPED
from gateway.store.keyed import KeyedDatabase, under_keys
from gateway.store.tables import epoch, family, feed_counter, person, projection, relation, search_index
from gateway.store.vault import Vault

_BLOCK = 100


@dataclass(slots=True)
class Tried:
    """What was tried, how often, and how often it failed."""

    what: str
    count: int = 0
    failed: int = 0

    def note(self, *, good: bool) -> None:
        self.count += 1
        self.failed += not good


@under_keys
class KeyCheck:
    """Tries the keys on what is stored and changes nothing; `most` persons (None: all), chosen at random."""

    def __init__(self, database: KeyedDatabase, vault: Vault, streams: Mapping[str, Agreement], today: date) -> None:
        self._database = database
        self._vault = vault
        self._streams = streams
        self._today = today

    def run(self, most: int | None) -> list[Tried]:
        """What was tried; VaultError if the hash keys are not those of this database."""
        return [*self.opened(most), *self._recomputed(most)]

    def opened(self, most: int | None) -> list[Tried]:
        """Whether wrapped keys and sealed texts open, of each kind so many; no document is opened."""
        return list(self._opened(most))

    def _opened(self, most: int | None) -> Iterator[Tried]:
        for place in WRAPPED:
            tried = Tried(f"open {place.name}")
            open_key = self._vault.open_box if place.box else self._vault.unwrap
            query = sa.select(place.key, place.column).where(place.column.is_not(None)).limit(most)
            with self._database.read() as connection:
                for key, content in connection.execute(query):
                    tried.note(good=_works(open_key, content, place.purpose, place.subject(key)))
            yield tried
        for sealed in FEED_SEALED:
            tried = Tried(f"open {sealed.name}")
            with self._database.read() as connection:
                query = sa.select(sealed.column.table).where(sealed.where).limit(most)
                for row in connection.execute(query).mappings():
                    good = _works(self._vault.open_feed, row[sealed.column.name], *sealed.bound(row))
                    tried.note(good=good)
            yield tried

    def _recomputed(self, most: int | None) -> list[Tried]:
        documents, indexes, digests = Tried("open documents"), Tried("blind indexes"), Tried("digests")
        with self._database.read() as connection:
            ids = self._sample(connection, most)
        for start in range(0, len(ids), _BLOCK):
            with self._database.read() as connection:
                people = list(self._load(connection, ids[start : start + _BLOCK], documents))
                bases = {row.stream: row.basis for row in connection.execute(sa.select(feed_counter))}
                settled = connection.execute(sa.select(epoch.c.reprojected)).scalar_one()
                days = {self._today} | ({date.fromisoformat(settled)} if settled else set())
                for one in people:
                    indexes.note(good=self._indexes_hold(connection, one))
                    for row in _rows(connection, one):
                        indexes.note(good=self._kennung_holds(row, one))
                        agreement = self._streams.get(row["stream"])
                        if agreement is None or row["digest"] is None:
                            continue
                        if (bases.get(row["stream"]) or b"").startswith(basis(agreement)[:RULES]):
                            digests.note(good=any(self._digest(row, one, agreement, day) for day in days))
        return [documents, indexes, digests]

    def _sample(self, connection: sa.Connection, most: int | None) -> Sequence[bytes]:
        living = sa.select(person.c.id).where(person.c.wrapped_key.is_not(None)).order_by(person.c.id)
        if most is None:
            return connection.execute(living).scalars().all()
        start = self._vault.random(16)
        found = list(connection.execute(living.where(person.c.id >= start).limit(most)).scalars())
        before = living.where(person.c.id < start).limit(most - len(found))
        return found + list(connection.execute(before).scalars())

    def _load(self, connection: sa.Connection, ids: Sequence[bytes], tried: Tried) -> Iterator[Dossier]:
        for identity in ids:
            try:
                yield from d.load_ids(connection, self._vault, [identity])
                tried.note(good=True)
            except VaultError:
                tried.note(good=False)

    def _indexes_hold(self, connection: sa.Connection, one: Dossier) -> bool:
        number = d.control(one.document or {}).get("quellsystemPersonennummer")
        if isinstance(number, str) and d.source_key(self._vault, one.source, number) != one.source_key:
            return False
        if not one.active or one.document is None:
            return True
        alias = "hauptdatensatz" in d.control(one.document)
        tokens = set() if alias else search.tokens(self._vault, one.document)
        generation = search_index.c.generation == self._vault.in_use("index")
        stored = {
            *_values(connection, search_index.c.token, search_index.c.person_id == one.id, generation),
            *_values(connection, relation.c.other_source_key, relation.c.person_id == one.id),
            *_values(connection, family.c.family_key, family.c.person_id == one.id),
        }
        return stored == tokens | one.source_references | ({one.family_key} if one.family_key else set())

    def _kennung_holds(self, row: Mapping[Any, Any], one: Dossier) -> bool:
        application = str(row["stream"]).rpartition("/")[0]
        try:
            text = projecting.open_links(self._vault, one.key or b"", row["sealed"], row["stream"], one.id)
        except VaultError:
            return False
        index: bytes = row["kennung_index"]
        return projecting.kennung_index(self._vault, application, str(text["kennung"])) == index

    def _digest(self, row: Mapping[Any, Any], one: Dossier, agreement: Agreement, day: date) -> bool:
        if one.document is None:
            return False
        text = projecting.open_links(self._vault, one.key or b"", row["sealed"], row["stream"], one.id)
        links, ableitung = projecting.links(d.group(text, "links")), derived.derive(one.document, stichtag=day)
        telling = Telling(self._vault, agreement, one.id, one.document, ableitung, links)
        digest: bytes = row["digest"]
        return telling.digest(feed_told.unpacked(row["told_fields"])) == digest


def usage(database: KeyedDatabase, vault: Vault) -> dict[str, dict[int, int]]:
    """How much in the database each generation of the vault and the feed key opens."""
    with database.read() as connection:
        found = {"vault": rekeying.wrapped_by(connection), "feed": rekeying.sealed_by(connection, vault)}
    counted: dict[str, dict[int, int]] = {}
    for purpose, places in found.items():
        counted[purpose] = {}
        for counts in places.values():
            for generation, count in counts.items():
                counted[purpose][generation] = counted[purpose].get(generation, 0) + count
    return counted


def _rows(connection: sa.Connection, one: Dossier) -> Sequence[Mapping[Any, Any]]:
    query = sa.select(projection).where(projection.c.person_id == one.id, projection.c.released.is_(False))
    return connection.execute(query).mappings().all()


def _values(connection: sa.Connection, column: sa.Column[Any], *where: sa.ColumnElement[bool]) -> list[bytes]:
    return list(connection.execute(sa.select(column).where(*where)).scalars())


def _works(opening: Any, *arguments: Any) -> bool:
    try:
        opening(*arguments)
    except VaultError:
        return False
    return True
