"""One stored person, opened: the row, the data key, the current document, and the names under which others find it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from gateway.model.types import Tree, Value
from gateway.store import packing
from gateway.store.tables import family, person, person_version, relation
from gateway.store.vault import Vault

KEY, DOCUMENT, AUDIT_ID, LINKS = "person-key", "document", "audit-id", "links"
"""The purposes under which the parts of a person are sealed."""

packed = packing.packed
_BLOCK = 5000
_DECODER = json.JSONDecoder()
_COLUMNS = (
    *("id", "source", "source_key", "version", "change_number"),
    *("state", "merged_into", "wrapped_key", "audit_cipher"),
)


@dataclass(slots=True)
class Dossier:
    """A person in memory. `document` is None for a tombstone; `key` is None once destroyed.

    `stored_key` is the key under which its rows stand sealed in the database at this moment; it differs from `key`
    only between a decision (erase, take in again) and its transaction.
    """

    id: bytes
    source: str
    source_key: bytes
    version: int
    change_number: int
    state: str
    merged_into: bytes | None
    wrapped_key: bytes | None
    audit_cipher: bytes | None
    key: bytes | None = field(repr=False)
    stored_key: bytes | None = field(repr=False)
    document: Tree | None = field(default=None, repr=False)
    named: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    """The person numbers that the document names as relatives, each with its source key."""
    family_key: bytes | None = None
    known_audit_id: tuple[bytes, str] | None = field(default=None, repr=False, compare=False)
    """The ciphertext that was opened or sealed, and the id in it."""

    @property
    def source_references(self) -> frozenset[bytes]:
        """The source keys of whom the document names."""
        return frozenset(key for _, key in self.named)

    @property
    def active(self) -> bool:
        return self.state == "active" and self.document is not None


def source_key(vault: Vault, source: str, personennummer: str) -> bytes:
    """What stands for a person number of a source in the store."""
    return vault.blind("quelle", f"{source}|{personennummer}")


def audit_id(dossier: Dossier, vault: Vault) -> str:
    """What the audit trail calls the person; VaultError for one whose key is gone."""
    known, sealed = dossier.known_audit_id, dossier.audit_cipher or b""
    if known is None or known[0] != sealed:
        known = sealed, vault.open(dossier.key or b"", sealed, AUDIT_ID, dossier.id).decode()
        dossier.known_audit_id = known
    return known[1]


def give_audit_id(dossier: Dossier, vault: Vault, audit_id: str) -> None:
    """Afterwards the person, who has a key, has this id."""
    dossier.audit_cipher = vault.seal(dossier.key or b"", audit_id.encode(), AUDIT_ID, dossier.id)
    dossier.known_audit_id = dossier.audit_cipher, audit_id


def set_document(dossier: Dossier, document: Tree | None, vault: Vault) -> None:
    """Afterwards the dossier holds `document`, and knows whom it names and which family it belongs to."""
    dossier.document = document
    dossier.named, dossier.family_key = (), None
    if document is None:
        return
    dossier.named = tuple((number, source_key(vault, dossier.source, number)) for number in referenced(document))
    name = control(document).get("familienverband")
    if isinstance(name, str):
        dossier.family_key = vault.blind("familienverband", f"{dossier.source}|{name}")


def control(document: Tree) -> Tree:
    """The Steuerdaten of a Datensatz."""
    return group(document, "steuerung")


def referenced(document: Tree) -> list[str]:
    """The person numbers that the record names as relatives."""
    named = (item.get("personennummer") for item in items(control(document).get("familie")))
    return [number for number in named if isinstance(number, str)]


def group(tree: Tree, name: str) -> Tree:
    """The group `name` of a tree, empty if it is not there."""
    value = tree.get(name)
    return value if isinstance(value, dict) else {}


def items(value: Value | None) -> Iterator[Tree]:
    """The groups of a repeated field, none if it is not there."""
    return (item for item in (value if isinstance(value, list) else ()) if isinstance(item, dict))


def unpacked(content: bytes) -> Tree:
    """The tree that was packed."""
    tree: Tree = _DECODER.decode(content.decode())  # `json.loads` would guess at the encoding first
    return tree


def load(connection: sa.Connection, vault: Vault, where: sa.ColumnElement[bool]) -> list[Dossier]:
    """Every person that fulfils `where`, with its current document, opened."""
    return [opened(row, vault) for row in connection.execute(_CURRENT.where(where)).mappings()]


def opened(row: Mapping[Any, Any], vault: Vault, *, indexed: bool = True) -> Dossier:
    """The dossier of a row of `person` with the `document` of its current version; VaultError if it is not ours.

    Without `indexed` it does not know whom it names: enough for reading.
    """
    identity: bytes = row["id"]
    key = vault.unwrap(row["wrapped_key"], KEY, identity) if row["wrapped_key"] is not None else None
    dossier = Dossier(**{name: row[name] for name in _COLUMNS}, key=key, stored_key=key)
    if key is not None and row["document"] is not None:
        content = vault.open(key, row["document"], DOCUMENT, identity, row["version"])
        dossier.document = unpacked(content)
    if indexed:
        set_document(dossier, dossier.document, vault)
    return dossier


def load_ids(connection: sa.Connection, vault: Vault, ids: Iterable[bytes]) -> list[Dossier]:
    """The persons with these internal identifiers."""
    return _load(connection, vault, _OF_IDS, ids)


def load_source_keys(connection: sa.Connection, vault: Vault, keys: Iterable[bytes]) -> list[Dossier]:
    """The persons with these source keys; unknown ones are left out."""
    return _load(connection, vault, _OF_SOURCE_KEYS, keys)


def neighbour_ids(connection: sa.Connection, dossiers: Sequence[Dossier]) -> set[bytes]:
    """Whom these persons are linked to, as the tables and as the dossiers say: named, naming, of one family."""
    if not dossiers:
        return set()
    ids, keys = [d.id for d in dossiers], {d.source_key for d in dossiers}
    named = {key for d in dossiers for key in d.source_references}
    if len(dossiers) > 1 and len(named) + len(ids) > _BLOCK:  # more than any database takes as parameters at once
        half = len(dossiers) // 2
        return neighbour_ids(connection, dossiers[:half]) | neighbour_ids(connection, dossiers[half:])
    families = {d.family_key for d in dossiers if d.family_key is not None}
    asked = {"ids": ids, "keys": keys, "named": list(named), "families": list(families)}
    return set(connection.execute(_NEIGHBOURS, asked).scalars())


def blocks(values: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The distinct values, in pieces that any database takes as parameters."""
    distinct = sorted(set(values))
    return (distinct[start : start + _BLOCK] for start in range(0, len(distinct), _BLOCK))


def _load(connection: sa.Connection, vault: Vault, query: sa.Select[Any], values: Iterable[bytes]) -> list[Dossier]:
    rows = (row for block in blocks(values) for row in connection.execute(query, {"wanted": block}).mappings())
    return [opened(row, vault) for row in rows]


def _among(column: sa.Column[Any], name: str) -> sa.ColumnElement[bool]:
    return column.in_(sa.bindparam(name, expanding=True))


# Made once: SQLAlchemy takes longer over a statement it has not seen than over running it.
_CURRENT = sa.select(person, person_version.c.document).join_from(
    person,
    person_version,
    sa.and_(person_version.c.person_id == person.c.id, person_version.c.version == person.c.version),
    isouter=True,
)
_OF_IDS = _CURRENT.where(_among(person.c.id, "wanted"))
_OF_SOURCE_KEYS = _CURRENT.where(_among(person.c.source_key, "wanted"))
_STORED_NAMES = sa.select(relation.c.other_source_key).where(_among(relation.c.person_id, "ids"))
_STORED_FAMILIES = sa.select(family.c.family_key).where(_among(family.c.person_id, "ids"))
_NEIGHBOURS = sa.union_all(
    sa.select(person.c.id).where(_among(person.c.source_key, "named")),
    sa.select(person.c.id).where(person.c.source_key.in_(_STORED_NAMES)),
    sa.select(relation.c.person_id).where(_among(relation.c.other_source_key, "keys")),
    sa.select(family.c.person_id).where(_among(family.c.family_key, "families")),
    sa.select(family.c.person_id).where(family.c.family_key.in_(_STORED_FAMILIES)),
)
