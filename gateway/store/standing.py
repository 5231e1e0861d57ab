"""Everybody who is stored, with all that was known of them at one moment: for counting, and told to nobody.

Pages are read one after the other, each in a snapshot of its own, so no reader holds up who writes. They fit together
all the same: what was recorded after the moment of knowledge is not looked at.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gateway.model.types import Tree
from gateway.store import dossier as d
from gateway.store.keyed import KeyedDatabase
from gateway.store.progress import Progress
from gateway.store.tables import REAL, person, person_version
from gateway.store.vault import Vault

PAGE = 500
"""Persons of one read; so many sealed documents are in memory at once."""

WHAT = "persons"


class Life:
    """One person with every version that is kept of it, the oldest first; each is opened when it is asked for.

    `key` are 32 bits that stand for the person in every table. `known` is how many versions had been recorded at the
    moment of knowledge, at least one; the last of all tells what must be protected today.
    """

    __slots__ = ("_documents", "_open", "_recorded", "key", "known", "source")

    def __init__(
        self, source: str, key: int, recorded: Sequence[datetime], known: int, opened: Callable[[int], Tree]
    ) -> None:
        self.source = source
        self.key = key
        self.known = known
        self._recorded = recorded
        self._open = opened
        self._documents: dict[int, Tree] = {}

    def document(self, index: int) -> Tree:
        """What the source says in the version with that index; -1 is the last there is."""
        place = index % len(self._recorded)
        if place not in self._documents:
            self._documents[place] = self._open(place)
        return self._documents[place]

    def at(self, moment: datetime) -> int:
        """The index of the version that held at that moment, of those known; the oldest if there was none yet."""
        return max(0, bisect_right(self._recorded, moment, hi=self.known) - 1)


def count(database: KeyedDatabase, known: datetime) -> int:
    """How many persons were stored at that moment and are still: not merged into others, not gone."""
    version = sa.exists().where(person_version.c.person_id == person.c.id, person_version.c.recorded_at <= known)
    query = sa.select(sa.func.count()).select_from(person).where(_STORED, version)
    with database.read_unkeyed() as connection:
        found: int = connection.execute(query).scalar_one()
    return found


def lives(database: KeyedDatabase, vault: Vault, known: datetime, *, total: int, progress: Progress) -> Iterator[Life]:
    """Each of those that `count` counts, once; VaultError if one of them cannot be opened."""
    after, done = b"", 0
    progress(WHAT, 0, total)
    while True:
        page, last = _page(database, vault, known, after)
        if last is None:
            progress(WHAT, total, total)
            return
        yield from page
        after, done = last, done + len(page)
        progress(WHAT, min(done, total), total)


def _page(database: KeyedDatabase, vault: Vault, known: datetime, after: bytes) -> tuple[list[Life], bytes | None]:
    """The next persons by their internal identifier, and the last of these identifiers; None at the end."""
    chosen = sa.select(person.c.id, person.c.source, person.c.wrapped_key).where(_STORED, person.c.id > after)
    with database.read_unkeyed() as connection:
        people = connection.execute(chosen.order_by(person.c.id).limit(PAGE)).mappings().all()
        if not people:
            return [], None
        within = person_version.c.person_id.between(people[0]["id"], people[-1]["id"])
        rows = connection.execute(sa.select(person_version).where(within).order_by(*_IN_ORDER)).mappings().all()
    versions: dict[bytes, list[Mapping[Any, Any]]] = {}
    for row in rows:
        versions.setdefault(row["person_id"], []).append(row)
    found = (_life(vault, one, versions.get(one["id"], []), known) for one in people)
    return [life for life in found if life is not None], people[-1]["id"]


def _life(vault: Vault, one: Mapping[Any, Any], rows: Sequence[Mapping[Any, Any]], known: datetime) -> Life | None:
    """The person; None if nothing was known of it at that moment."""
    recorded = [row["recorded_at"] for row in rows]
    before = bisect_right(recorded, known)
    if before == 0:
        return None
    identity: bytes = one["id"]
    key = vault.unwrap(one["wrapped_key"], d.KEY, identity)

    def opened(index: int) -> Tree:
        row = rows[index]
        return d.unpacked(vault.open(key, row["document"], d.DOCUMENT, identity, row["version"]))

    return Life(one["source"], vault.record_key(identity), recorded, before, opened)


_STORED = sa.and_(REAL, person.c.state == "active", person.c.wrapped_key.is_not(None))
_IN_ORDER = (person_version.c.person_id, person_version.c.version)
