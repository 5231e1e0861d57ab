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
from gateway.store.tables import person, quarantine
from gateway.store.vault import Vault

PURPOSE = "quarantine"


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """One refused record; `personennummer`, `hauptdatensatz`, `cut` are opened only when asked for (None in lists).

    `waiting_since` is since when this person's newest record has been a refused one, `recorded_at` since when this
    one. `hides`, once opened: a person stored under this number is hidden for what a refused record says of a block.
    """

    number: str
    source: str
    change_number: int | None
    recorded_at: datetime
    reasons: tuple[str, ...]
    sha256: bytes
    code: str
    waiting_since: datetime
    reported_at: datetime | None
    dropped_at: datetime | None
    dropped_for: str | None
    emptied: bool
    source_key: bytes | None = field(repr=False)
    personennummer: str | None = field(default=None, repr=False)
    cut: Tree | None = field(default=None, repr=False)
    hauptdatensatz: str | None = field(default=None, repr=False)
    hides: bool = field(default=False, repr=False)

    @property
    def named(self) -> tuple[str, ...]:
        """The person numbers that an opened record is about, as far as they can be read."""
        return tuple(one for one in (self.personennummer, self.hauptdatensatz) if one is not None)


def put(
    connection: sa.Connection,
    vault: Vault,
    source: str,
    records: Sequence[Quarantined],
    now: datetime,
    *,
    even_older: bool = False,
) -> list[Quarantined]:
    """Afterwards the records wait in quarantine, the same bytes once, a person's newest only; those that are new.

    Of bytes that wait already it is noted by what they were judged this time, and with which result. Bytes that
    somebody has dropped do not wait again. `even_older`: they are what the source says now, whatever number is
    stored or waits already.
    """
    new: list[Quarantined] = []
    for record in records:
        key = None if record.personennummer is None else d.source_key(vault, source, record.personennummer)
        if key is not None and not even_older and _superseded(connection, key, record.aenderungsnummer):
            continue
        same = sa.and_(quarantine.c.source == source, quarantine.c.sha256 == record.sha256)
        # Locked: who drops it, or empties it by time, must not have done so between this look and what follows.
        there = connection.execute(sa.select(quarantine).where(same).with_for_update()).mappings().first()
        if there is not None:
            connection.execute(sa.update(quarantine).where(same).values(**_judged_again(vault, there, record, now)))
            continue
        before = _replaced(connection, vault, key)
        hides = record.hides or (before is not None and before.hides)
        row = _row(vault, source, key, record, now, hides=hides) | _kept(before, record)
        connection.execute(sa.insert(quarantine), [row])
        new.append(record)
    return new


def known(
    connection: sa.Connection, vault: Vault, source: str, records: Sequence[Quarantined]
) -> tuple[Disclosure, ...]:
    """Those of the refused records' persons that are stored, for the audit trail; no field of theirs changes."""
    numbers = [record.personennummer for record in records if record.personennummer is not None]
    return audit_ids(connection, vault, [d.source_key(vault, source, number) for number in numbers])


def entries(connection: sa.Connection, *, dropped: bool = False) -> list[QuarantineEntry]:
    """All refused records that wait (or were dropped), oldest first, without anything of a person."""
    which = quarantine.c.dropped_at.is_not(None) if dropped else quarantine.c.dropped_at.is_(None)
    query = sa.select(quarantine).where(which).order_by(quarantine.c.waiting_since, quarantine.c.number)
    return [_entry(row) for row in connection.execute(query).mappings()]


def show(connection: sa.Connection, vault: Vault, number: str) -> QuarantineEntry | None:
    """One refused record with what the allow-list left of it; None if there is no such number."""
    row = connection.execute(sa.select(quarantine).where(quarantine.c.number == number)).mappings().one_or_none()
    return None if row is None else _entry(row, _text(vault, row))


def opened(connection: sa.Connection, vault: Vault) -> Iterator[QuarantineEntry]:
    """All refused records that wait, opened, oldest first."""
    query = sa.select(quarantine).where(quarantine.c.dropped_at.is_(None))
    for row in connection.execute(query.order_by(quarantine.c.waiting_since, quarantine.c.number)).mappings().all():
        yield _entry(row, _text(vault, row))


def without_content(connection: sa.Connection, vault: Vault, number: str) -> dict[str, Any]:
    """What the row of that number holds once its content is deleted: the note that there was one, and why.

    If somebody is hidden for it, the note is the only place that says so, and goes on saying it.
    """
    found = show(connection, vault, number)
    return _emptied(vault, number, hides=found is not None and found.hides)


def audit_ids(connection: sa.Connection, vault: Vault, keys: Sequence[bytes]) -> tuple[Disclosure, ...]:
    """The stored persons with these source keys, for the audit trail; no field of theirs is told."""
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


def _replaced(connection: sa.Connection, vault: Vault, key: bytes | None) -> QuarantineEntry | None:
    """What waited of that person before; afterwards it waits no more."""
    if key is None:
        return None
    mine = quarantine.c.source_key == key
    row = connection.execute(sa.select(quarantine).where(mine).with_for_update()).mappings().first()
    connection.execute(sa.delete(quarantine).where(mine))
    return None if row is None else _entry(row, _text(vault, row))


def _kept(before: QuarantineEntry | None, record: Quarantined) -> dict[str, Any]:
    """What goes over from the record that waited before: the age does not begin anew with every refusal."""
    if before is None or before.dropped_at is not None:
        return {}
    told = before.reported_at if before.reasons == record.reasons else None
    return {"waiting_since": before.waiting_since, "reported_at": told}


def _judged_again(vault: Vault, row: Mapping[Any, Any], record: Quarantined, now: datetime) -> dict[str, Any]:
    """What becomes of a row whose bytes came again; one whose content has gone (dropped, or by time) gets none back."""
    judged = {"reasons": _reasons(record), "code": record.code or None, "basis": record.basis or None}
    if all(row[name] == value for name, value in judged.items()):
        return {"seen_at": now}
    hides = record.hides or _text(vault, row).get("hides") is True
    if row["emptied"]:
        return {"seen_at": now, **judged, **_emptied(vault, row["number"], hides=hides)}
    return {"seen_at": now, **judged, "sealed": _sealed(vault, row["number"], record, hides=hides)}


def _emptied(vault: Vault, number: str, *, hides: bool) -> dict[str, Any]:
    left: Tree = {"hides": True} if hides else {}
    return {"sealed": vault.seal_box(d.packed(left), PURPOSE, number.encode()), "emptied": True}


def _row(
    vault: Vault, source: str, key: bytes | None, record: Quarantined, now: datetime, *, hides: bool
) -> dict[str, Any]:
    number = vault.new_uuid()
    return {
        "number": number,
        "source": source,
        "source_key": key,
        "change_number": record.aenderungsnummer,
        "sha256": record.sha256,
        "reasons": _reasons(record),
        "code": record.code or None,
        "basis": record.basis or None,
        "recorded_at": now,
        "waiting_since": now,
        "seen_at": now,
        "sealed": _sealed(vault, number, record, hides=hides),
    }


def _sealed(vault: Vault, number: str, record: Quarantined, *, hides: bool) -> bytes:
    names = {"personennummer": record.personennummer, "hauptdatensatz": record.hauptdatensatz}
    text = {**names, "cut": record.cut, "hides": hides or None}
    content = d.packed({name: value for name, value in text.items() if value is not None})
    return vault.seal_box(content, PURPOSE, number.encode())


def _reasons(record: Quarantined) -> str:
    return json.dumps(record.reasons, ensure_ascii=False)


def _text(vault: Vault, row: Mapping[Any, Any]) -> Tree:
    return d.unpacked(vault.open_box(row["sealed"], PURPOSE, row["number"].encode()))


def _entry(row: Mapping[Any, Any], text: Tree | None = None) -> QuarantineEntry:
    number, main = ((text or {}).get(name) for name in ("personennummer", "hauptdatensatz"))
    return QuarantineEntry(
        number=row["number"],
        source=row["source"],
        change_number=row["change_number"],
        recorded_at=row["recorded_at"],
        reasons=tuple(json.loads(row["reasons"])),
        sha256=row["sha256"],
        code=row["code"] or "",
        waiting_since=row["waiting_since"] or row["recorded_at"],
        reported_at=row["reported_at"],
        dropped_at=row["dropped_at"],
        dropped_for=row["dropped_for"],
        emptied=row["emptied"],
        source_key=row["source_key"],
        personennummer=number if isinstance(number, str) else None,
        cut=d.group(text, "cut") if text and "cut" in text else None,
        hauptdatensatz=main if isinstance(main, str) else None,
        hides=(text or {}).get("hides") is True,
    )
