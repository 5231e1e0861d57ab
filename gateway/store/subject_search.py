"""Finds the one person a request under DSGVO Art. 15 is about, by number or personal details, in everything stored.

Alias records, merged records and changed AZR numbers are search keys of no application, so no index knows them: every
current document is opened once. That takes seconds for a city, and is done only for the person's own sake.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from gateway.model.types import Tree
from gateway.store import dossier as d
from gateway.store import search
from gateway.store.dossier import Dossier
from gateway.store.search import Criteria
from gateway.store.subjects import Subject, gather
from gateway.store.tables import REAL, person, person_version, quarantine, search_index
from gateway.store.vault import Vault

_STEP = 500


@dataclass(frozen=True, slots=True)
class Sought:
    """Whom the request is about; everything given must fit. ValueError if nothing is given.

    `personennummer` is the person number at `source`. Personal values: never to be logged.
    """

    source: str | None = None
    personennummer: str | None = field(default=None, repr=False)
    azr_nummer: str | None = field(default=None, repr=False)
    criteria: Criteria | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.personennummer is None and self.azr_nummer is None and self.criteria is None:
            raise ValueError("nothing is given by which a person could be found")
        if (self.source is None) != (self.personennummer is None):
            raise ValueError("source and personennummer belong together")

    @property
    def marks(self) -> frozenset[str]:
        """What must be true of a person."""
        named = {"number": self.personennummer, "azr": self.azr_nummer, "details": self.criteria}
        return frozenset(name for name, given in named.items() if given is not None)


@dataclass(frozen=True, slots=True)
class Found:
    """How many persons fit; `subject` only if it is exactly one."""

    persons: int
    subject: Subject | None = None


@dataclass(frozen=True, slots=True)
class _Record:
    """What one stored record fulfils of the request, and the record of the same person that it points to."""

    fulfilled: frozenset[str]
    points_to: bytes | None


def find_subject(connection: sa.Connection, vault: Vault, sought: Sought) -> Found:
    """The person that fits everything given, with alias and merged records; of several only how many."""
    people = _people(_records(connection, vault, sought))
    hits = [keys for keys, fulfilled in people if sought.marks <= fulfilled]
    if not hits and sought.azr_nummer is not None:  # the number may have changed, or two were merged (AZR Anlass 10)
        former = _formerly(connection, vault, sought.azr_nummer)
        hits = [keys for keys, had in people if sought.marks - {"azr"} <= had and not former.isdisjoint(keys)]
    if not hits and sought.marks == {"number"}:
        hits = _waiting(connection, d.source_key(vault, sought.source or "", sought.personennummer or ""))
    if len(hits) != 1:
        return Found(len(hits))
    found = gather(connection, vault, hits[0])
    return Found(0) if found is None else Found(1, found)


def keys_of_person(connection: sa.Connection, vault: Vault, source: str, personennummer: str) -> list[bytes]:
    """The source keys of all records of the person with this number, with aliases and merged ones; none if unknown."""
    wanted = d.source_key(vault, source, personennummer)
    records = _records(connection, vault, Sought(source, personennummer))
    about = {key for key, record in records.items() if wanted in (key, record.points_to)}
    return sorted({key for keys, _ in _people(records) if not about.isdisjoint(keys) for key in keys})


def _records(connection: sa.Connection, vault: Vault, sought: Sought) -> dict[bytes, _Record]:
    tokens = set(search.wanted(vault, sought.criteria)) if sought.criteria is not None else set()
    indexed = _indexed(connection, tokens)
    number = sought.personennummer
    wanted = None if number is None else d.source_key(vault, sought.source or "", number)
    found = {}
    for one in _everyone(connection, vault):
        fulfilled = {
            "number": one.source_key == wanted,
            "azr": sought.azr_nummer is not None and _azr_nummer(one.document) == sought.azr_nummer,
            "details": bool(tokens) and (one.id in indexed or _fits(vault, one, tokens)),
        }
        names = frozenset(name for name, true in fulfilled.items() if true)
        found[one.source_key] = _Record(names, _points_to(vault, one))
    return found


def _people(records: Mapping[bytes, _Record]) -> list[tuple[list[bytes], frozenset[str]]]:
    """Every person: the source keys of its records, the leading one first, and what they fulfil together."""
    groups: dict[bytes, list[bytes]] = defaultdict(list)
    for key in records:
        leading, seen = key, {key}
        while (onward := records[leading].points_to) is not None and onward in records and onward not in seen:
            leading = onward
            seen.add(onward)
        groups[leading].append(key)
    people = []
    for leading, keys in groups.items():
        others = sorted(key for key in keys if key != leading)
        people.append(([leading, *others], frozenset[str]().union(*(records[key].fulfilled for key in keys))))
    return people


def _everyone(connection: sa.Connection, vault: Vault) -> Iterator[Dossier]:
    """Every person that can still be opened, in pieces; nobody invented has a right of access."""
    after = b""
    while True:
        alive = sa.and_(REAL, person.c.wrapped_key.is_not(None), person.c.id > after)
        ids = connection.execute(sa.select(person.c.id).where(alive).order_by(person.c.id).limit(_STEP)).scalars().all()
        if not ids:
            return
        yield from d.load_ids(connection, vault, ids)
        after = ids[-1]


def _points_to(vault: Vault, one: Dossier) -> bytes | None:
    main = d.control(one.document or {}).get("hauptdatensatz")
    if isinstance(main, str):
        return d.source_key(vault, one.source, main)
    return one.merged_into if one.state == "merged" else None


def _azr_nummer(document: Tree | None) -> object:
    return d.group(document or {}, "person").get("azrNummer")


def _indexed(connection: sa.Connection, tokens: set[bytes]) -> set[bytes]:
    if not tokens:
        return set()
    each = (sa.select(search_index.c.person_id).where(search_index.c.token == token) for token in sorted(tokens))
    return set(connection.execute(sa.select(person.c.id).where(*(person.c.id.in_(one) for one in each))).scalars())


def _fits(vault: Vault, one: Dossier, tokens: set[bytes]) -> bool:
    """Whether a record that is no search key of applications (alias, merged) has these personal details."""
    indexed = one.active and "hauptdatensatz" not in d.control(one.document or {})
    return not indexed and one.document is not None and tokens <= search.tokens(vault, one.document)


def _formerly(connection: sa.Connection, vault: Vault, azr_nummer: str) -> set[bytes]:
    """The source keys of records of which any version kept has this AZR number."""
    found = set()
    for one in _everyone(connection, vault):
        query = sa.select(person_version).where(person_version.c.person_id == one.id)
        for row in connection.execute(query.where(person_version.c.version != one.version)).mappings():
            content = vault.open(one.key or b"", row["document"], d.DOCUMENT, one.id, row["version"])
            if _azr_nummer(d.unpacked(content)) == azr_nummer:
                found.add(one.source_key)
    return found


def _waiting(connection: sa.Connection, source_key: bytes) -> list[list[bytes]]:
    """The person of whom there is only a record in quarantine."""
    mine = sa.and_(quarantine.c.source_key == source_key, quarantine.c.dropped_at.is_(None))
    query = sa.select(quarantine.c.number).where(mine)
    return [[source_key]] if connection.execute(query).first() is not None else []
