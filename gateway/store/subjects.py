"""Everything held about one person, for the person's own right to know (DSGVO Art. 15)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from gateway.model.types import Tree
from gateway.store import dossier as d
from gateway.store import projecting
from gateway.store.dossier import Dossier
from gateway.store.tables import person, person_version, projection
from gateway.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Version:
    """What the source said at one time, as it was stored."""

    version: int
    recorded_at: datetime
    datensatz: Tree = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subject:
    """One person with all records merged into it.

    `audit_ids` are its identifiers in the audit trail; `kennungen` is (application, identifier) of everyone who has,
    or may still have, an identifier for it; `versions` are in order, oldest first.
    """

    audit_ids: tuple[str, ...]
    kennungen: tuple[tuple[str, str], ...] = field(repr=False)
    versions: tuple[Version, ...]


def subject(connection: sa.Connection, vault: Vault, source: str, personennummer: str) -> Subject | None:
    """Everything held under this person number; None if nothing is, or nothing is any more."""
    found = d.load_source_keys(connection, vault, [d.source_key(vault, source, personennummer)])
    people = [one for one in found if one.key is not None]
    for one in people:  # grows while it is walked: what was merged into a merged record belongs here too
        merged = sa.and_(person.c.merged_into == one.source_key, person.c.state == "merged")
        people += [other for other in d.load(connection, vault, merged) if other.key is not None]
    if not people:
        return None
    keys = {one.id: one for one in people}
    return Subject(
        tuple(vault.open(one.key or b"", one.audit_cipher or b"", d.AUDIT_ID, one.id).decode() for one in people),
        _kennungen(connection, vault, keys),
        _versions(connection, vault, keys),
    )


def _kennungen(connection: sa.Connection, vault: Vault, people: Mapping[bytes, Dossier]) -> tuple[tuple[str, str], ...]:
    query = sa.select(projection).where(projection.c.person_id.in_(people), projection.c.released.is_(False))
    found = []
    for row in connection.execute(query.order_by(projection.c.stream, projection.c.person_id)).mappings():
        key = people[row["person_id"]].key or b""
        text = projecting.open_links(vault, key, row["sealed"], row["stream"], row["person_id"])
        found.append((row["stream"].rpartition("/")[0], str(text["kennung"])))
    return tuple(sorted(set(found)))


def _versions(connection: sa.Connection, vault: Vault, people: Mapping[bytes, Dossier]) -> tuple[Version, ...]:
    query = sa.select(person_version).where(person_version.c.person_id.in_(people))
    found = []
    for row in connection.execute(query.order_by(person_version.c.recorded_at, person_version.c.version)).mappings():
        one = people[row["person_id"]]
        content = vault.open(one.key or b"", row["document"], d.DOCUMENT, one.id, row["version"])
        found.append(Version(row["version"], row["recorded_at"], d.unpacked(content)))
    return tuple(found)
