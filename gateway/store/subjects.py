"""Everything held about one person, for the person's own right to know (DSGVO Art. 15)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from gateway.model.types import Tree
from gateway.store import discrepancies, projecting, quarantine
from gateway.store import dossier as d
from gateway.store.discrepancies import Discrepancy
from gateway.store.dossier import Dossier
from gateway.store.quarantine import QuarantineEntry
from gateway.store.tables import discrepancy, person, person_version, projection
from gateway.store.tables import quarantine as waiting
from gateway.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Version:
    """What the source said at one time, as it was stored."""

    version: int
    recorded_at: datetime
    datensatz: Tree = field(repr=False)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a source that is about the person, with every version kept, oldest first.

    `state` is "active", "merged" (into another one of these) or "waiting" (only in quarantine, never stored).
    `refused` are newer records of the source that could not be taken, `reports` what applications reported as wrong.
    """

    source: str
    state: str
    audit_id: str | None
    kennungen: tuple[tuple[str, str], ...] = field(repr=False)
    versions: tuple[Version, ...]
    refused: tuple[QuarantineEntry, ...] = ()
    reports: tuple[Discrepancy, ...] = ()

    @property
    def current(self) -> Tree | None:
        """The Datensatz that holds now; None for a record that was never stored."""
        return self.versions[-1].datensatz if self.versions else None


@dataclass(frozen=True, slots=True)
class Subject:
    """One person with all records that are about it: the leading one first, then aliases and merged ones."""

    records: tuple[Record, ...]

    @property
    def audit_ids(self) -> tuple[str, ...]:
        """Its identifiers in the audit trail."""
        return tuple(one.audit_id for one in self.records if one.audit_id is not None)

    @property
    def kennungen(self) -> tuple[tuple[str, str], ...]:
        """(application, identifier) of everyone who has, or may still have, an identifier for it."""
        return tuple(sorted({pair for one in self.records for pair in one.kennungen}))

    @property
    def versions(self) -> tuple[Version, ...]:
        """All versions of all records in the order in which they were stored."""
        every = [version for one in self.records for version in one.versions]
        return tuple(sorted(every, key=lambda version: (version.recorded_at, version.version)))


def subject(connection: sa.Connection, vault: Vault, source: str, personennummer: str) -> Subject | None:
    """Everything held under this person number; None if nothing is, or nothing is any more."""
    return gather(connection, vault, [d.source_key(vault, source, personennummer)])


def gather(connection: sa.Connection, vault: Vault, source_keys: Sequence[bytes]) -> Subject | None:
    """Everything held under these source keys, in their order, and what was merged into them; None if nothing is.

    Refused records that say that they are an alias of one of these belong to it, too.
    """
    found = {one.source_key: one for one in d.load_source_keys(connection, vault, source_keys)}
    people = [found[key] for key in source_keys if key in found and found[key].key is not None]
    for one in people:  # grows while it is walked: what was merged into a merged record belongs here too
        merged = sa.and_(person.c.merged_into == one.source_key, person.c.state == "merged")
        known = {other.id for other in people}
        people += [new for new in d.load(connection, vault, merged) if new.key is not None and new.id not in known]
    records = [_record(connection, vault, one) for one in people]
    stored = {one.source_key for one in people}
    for key in dict.fromkeys((*source_keys, *_refused_aliases(connection, vault, {*source_keys, *stored}))):
        if key not in stored and (refused := _refused(connection, vault, key)):
            records.append(Record(refused[0].source, "waiting", None, (), (), refused))
    return Subject(tuple(records)) if records else None


def _record(connection: sa.Connection, vault: Vault, one: Dossier) -> Record:
    audit_id = d.audit_id(one, vault)
    return Record(
        one.source,
        one.state,
        audit_id,
        _kennungen(connection, vault, {one.id: one}),
        _versions(connection, vault, one),
        _refused(connection, vault, one.source_key),
        _reports(connection, vault, one.id),
    )


def _kennungen(connection: sa.Connection, vault: Vault, people: Mapping[bytes, Dossier]) -> tuple[tuple[str, str], ...]:
    query = sa.select(projection).where(projection.c.person_id.in_(people), projection.c.released.is_(False))
    found = []
    for row in connection.execute(query.order_by(projection.c.stream, projection.c.person_id)).mappings():
        key = people[row["person_id"]].key or b""
        text = projecting.open_links(vault, key, row["sealed"], row["stream"], row["person_id"])
        found.append((row["stream"].rpartition("/")[0], str(text["kennung"])))
    return tuple(sorted(set(found)))


def _versions(connection: sa.Connection, vault: Vault, one: Dossier) -> tuple[Version, ...]:
    query = sa.select(person_version).where(person_version.c.person_id == one.id)
    found = []
    for row in connection.execute(query.order_by(person_version.c.version)).mappings():
        content = vault.open(one.key or b"", row["document"], d.DOCUMENT, one.id, row["version"])
        found.append(Version(row["version"], row["recorded_at"], d.unpacked(content)))
    return tuple(found)


def _refused(connection: sa.Connection, vault: Vault, source_key: bytes) -> tuple[QuarantineEntry, ...]:
    # What was dropped is no record any more, and a note without content would tell that there had been something.
    mine = sa.and_(waiting.c.source_key == source_key, waiting.c.dropped_at.is_(None))
    query = sa.select(waiting.c.number).where(mine).order_by(waiting.c.recorded_at)
    return _opened(quarantine.show(connection, vault, number) for number in connection.execute(query).scalars().all())


def _refused_aliases(connection: sa.Connection, vault: Vault, mains: Collection[bytes]) -> list[bytes]:
    """The source keys of the refused records that name one of these as their main record."""
    return [
        d.source_key(vault, one.source, one.personennummer)
        for one in quarantine.opened(connection, vault)
        if one.personennummer is not None
        and one.hauptdatensatz is not None
        and d.source_key(vault, one.source, one.hauptdatensatz) in mains
    ]


def _reports(connection: sa.Connection, vault: Vault, person_id: bytes) -> tuple[Discrepancy, ...]:
    query = sa.select(discrepancy.c.number).where(discrepancy.c.person_id == person_id)
    numbers = connection.execute(query.order_by(discrepancy.c.recorded_at)).scalars().all()
    return tuple(one for number in numbers if (one := discrepancies.show(connection, vault, number)) is not None)


def _opened(entries: Iterable[QuarantineEntry | None]) -> tuple[QuarantineEntry, ...]:
    return tuple(entry for entry in entries if entry is not None)
