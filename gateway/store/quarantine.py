"""What could not be taken: sealed, kept until the source mends it, somebody drops it, or the person goes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gateway.model.types import Tree
from gateway.store import dossier as d
from gateway.store.audit_entry import Disclosure
from gateway.store.batch import Quarantined
from gateway.store.projecting import new_uuid
from gateway.store.tables import person, quarantine
from gateway.store.vault import Vault

PURPOSE = "quarantine"


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """One refused record; `personennummer`, `hauptdatensatz`, `cut` are opened only when asked for (None in lists)."""

    number: str
    source: str
    change_number: int | None
    recorded_at: datetime
    reasons: tuple[str, ...]
    sha256: bytes
    personennummer: str | None = field(default=None, repr=False)
    cut: Tree | None = field(default=None, repr=False)
    hauptdatensatz: str | None = field(default=None, repr=False)

    @property
    def named(self) -> tuple[str, ...]:
        """The person numbers that an opened record is about, as far as they can be read."""
        return tuple(one for one in (self.personennummer, self.hauptdatensatz) if one is not None)


def put(
    connection: sa.Connection, vault: Vault, source: str, records: Sequence[Quarantined], now: datetime
) -> list[Quarantined]:
    """Afterwards the records wait in quarantine, the same bytes once, a person's newest only; those that are new."""
    new: list[Quarantined] = []
    for record in records:
        key = None if record.personennummer is None else d.source_key(vault, source, record.personennummer)
        if key is not None and _superseded(connection, key, record.aenderungsnummer):
            continue
        same = sa.and_(quarantine.c.source == source, quarantine.c.sha256 == record.sha256)
        if connection.execute(sa.select(quarantine.c.number).where(same)).first() is not None:
            continue
        if key is not None:
            connection.execute(sa.delete(quarantine).where(quarantine.c.source_key == key))
        connection.execute(sa.insert(quarantine), [_row(vault, source, key, record, now)])
        new.append(record)
    return new


def known(
    connection: sa.Connection, vault: Vault, source: str, records: Sequence[Quarantined]
) -> tuple[Disclosure, ...]:
    """Those of the refused records' persons that are stored, for the audit trail; no field of theirs changes."""
    numbers = [record.personennummer for record in records if record.personennummer is not None]
    return _audit_ids(connection, vault, [d.source_key(vault, source, number) for number in numbers])


def entries(connection: sa.Connection) -> list[QuarantineEntry]:
    """All refused records, oldest first, without anything of a person."""
    query = sa.select(quarantine).order_by(quarantine.c.recorded_at, quarantine.c.number)
    return [_entry(row) for row in connection.execute(query).mappings()]


def show(connection: sa.Connection, vault: Vault, number: str) -> QuarantineEntry | None:
    """One refused record with what the allow-list left of it; None if there is no such number."""
    row = connection.execute(sa.select(quarantine).where(quarantine.c.number == number)).mappings().one_or_none()
    if row is None:
        return None
    return _entry(row, d.unpacked(vault.open_box(row["sealed"], PURPOSE, number.encode())))


def opened(connection: sa.Connection, vault: Vault) -> Iterator[QuarantineEntry]:
    """All refused records, opened."""
    for row in connection.execute(sa.select(quarantine)).mappings().all():
        yield _entry(row, d.unpacked(vault.open_box(row["sealed"], PURPOSE, row["number"].encode())))


def emptied(vault: Vault, number: str) -> dict[str, Any]:
    """What the row of that number holds once its content is deleted: the note that there was one, and why."""
    return {"sealed": vault.seal_box(d.packed({}), PURPOSE, number.encode()), "emptied": True}


def drop(connection: sa.Connection, vault: Vault, number: str) -> tuple[Disclosure, ...] | None:
    """Afterwards there is no such record in quarantine; its person, if stored, and None if there was no such record."""
    gone = sa.delete(quarantine).where(quarantine.c.number == number).returning(quarantine.c.source_key)
    row = connection.execute(gone).one_or_none()
    if row is None:
        return None
    return _audit_ids(connection, vault, [row.source_key] if row.source_key is not None else [])


def _audit_ids(connection: sa.Connection, vault: Vault, keys: Sequence[bytes]) -> tuple[Disclosure, ...]:
    found = []
    for some in d.blocks(keys):
        stored = sa.and_(person.c.source_key.in_(some), person.c.wrapped_key.is_not(None))
        query = sa.select(person.c.id, person.c.wrapped_key, person.c.audit_cipher).where(stored)
        for row in connection.execute(query):
            key = vault.unwrap(row.wrapped_key, d.KEY, row.id)
            found.append(Disclosure(vault.open(key, row.audit_cipher, d.AUDIT_ID, row.id).decode(), 0))
    return tuple(found)


def _superseded(connection: sa.Connection, key: bytes, change_number: int | None) -> bool:
    """True if the store already has this version of the person, or a newer one."""
    if change_number is None:
        return False
    known = sa.and_(person.c.source_key == key, person.c.change_number >= change_number)
    newer = sa.and_(quarantine.c.source_key == key, quarantine.c.change_number > change_number)
    queries = (sa.select(person.c.id).where(known), sa.select(quarantine.c.number).where(newer))
    return any(connection.execute(query).first() is not None for query in queries)


def _row(vault: Vault, source: str, key: bytes | None, record: Quarantined, now: datetime) -> dict[str, Any]:
    number = new_uuid(vault)
    names = {"personennummer": record.personennummer, "hauptdatensatz": record.hauptdatensatz}
    text = {**names, "cut": record.cut}
    content = d.packed({name: value for name, value in text.items() if value is not None})
    return {
        "number": number,
        "source": source,
        "source_key": key,
        "change_number": record.aenderungsnummer,
        "sha256": record.sha256,
        "reasons": json.dumps(record.reasons, ensure_ascii=False),
        "recorded_at": now,
        "sealed": vault.seal_box(content, PURPOSE, number.encode()),
    }


def _entry(row: Mapping[Any, Any], text: Tree | None = None) -> QuarantineEntry:
    number, main = ((text or {}).get(name) for name in ("personennummer", "hauptdatensatz"))
    return QuarantineEntry(
        number=row["number"],
        source=row["source"],
        change_number=row["change_number"],
        recorded_at=row["recorded_at"],
        reasons=tuple(json.loads(row["reasons"])),
        sha256=row["sha256"],
        personennummer=number if isinstance(number, str) else None,
        cut=d.group(text, "cut") if text and "cut" in text else None,
        hauptdatensatz=main if isinstance(main, str) else None,
    )
