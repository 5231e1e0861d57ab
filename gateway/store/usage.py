"""How much each application has used of what its agreement allows it, as the audit trail has it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from gateway.errors import AuditError
from gateway.store import audit_tables as tables
from gateway.store.audit_chain import translated
from gateway.store.audit_entry import Kind
from gateway.store.database import Database

_STEP = 1_000
_MOMENT, _MINUTE = timedelta(milliseconds=1), timedelta(minutes=1)
_PERSONAL = frozenset({"persoenlich", "segment"})
_ANSWERED = "person-nicht-gefunden"
"""A fault on the wire, but what was asked is answered by it."""


def disclosed(database: Database, since: datetime) -> dict[str, int]:
    """Persons disclosed to each application since that moment, one told twice counted twice; AuditError if not."""
    found = Counter[str]()
    for entry in entries(database, since):
        if entry.get("art") == Kind.OFFENLEGUNG.value and "anwendung" in entry:
            found[entry["anwendung"]] += sum(int(person["felder"], 16) > 0 for person in entry.get("personen", ()))
    return dict(found)


def refused(database: Database, since: datetime) -> Counter[tuple[str, str]]:
    """How often which identified application was refused since that moment, by (application, code)."""
    return Counter(
        (entry["anwendung"], entry["ergebnis"])
        for entry in entries(database, since)
        if entry.get("art") == Kind.ABGEWIESEN.value and "anwendung" in entry
    )


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How requests ended: how many there were, how many were refused, of how many the answer did not leave.

    That a person is not found is no refusal.
    """

    asked: int
    refused: int
    undelivered: int


def outcomes(database: Database, since: datetime) -> dict[str, Outcomes]:
    """How the requests of each identified application ended since that moment; AuditError if not."""
    asked, refused, undelivered = Counter[str](), Counter[str](), Counter[str]()
    for entry in entries(database, since):
        application, kind = entry.get("anwendung"), entry.get("art")
        if application is None:
            continue
        if kind == Kind.NICHT_AUSGELIEFERT.value:  # a second entry, which names no certificate
            undelivered[application] += 1
        elif "zertifikat" in entry:
            asked[application] += 1
            refused[application] += kind == Kind.ABGEWIESEN.value and entry["ergebnis"] != _ANSWERED
    return {one: Outcomes(asked[one], refused[one], undelivered[one]) for one in sorted(asked | undelivered)}


def belonging(database: Database, number: str) -> Iterator[dict[str, Any]]:
    """The entry with this number, then those that refer to it; what names persons or is personal is left out.

    An answer that did not leave is told by the same process at once, so a minute is looked at. AuditError if not.
    """
    first = datetime.fromtimestamp((UUID(number).int >> 80) / 1000, UTC)
    for entry in entries(database, first - _MOMENT, first + _MINUTE):
        if number in (entry["protokollnummer"], entry.get("bezug")):
            persons = entry.pop("personen", ())
            yield {key: told for key, told in entry.items() if key not in _PERSONAL} | {"personen": len(persons)}


def entries(database: Database, since: datetime, until: datetime | None = None) -> Iterator[dict[str, Any]]:
    """The contents of all entries since that moment, oldest first, deleted ones left out; AuditError if not."""
    after, before = _number(since), tables.entry.c.number < _number(until) if until is not None else sa.true()
    with translated("read"), database.read() as connection:
        while True:
            later = sa.and_(tables.entry.c.number > after, before)
            query = sa.select(tables.entry.c.number, tables.entry.c.content).where(later)
            rows = connection.execute(query.order_by(tables.entry.c.number).limit(_STEP)).all()
            yield from (_read(row.content) for row in rows if row.content)
            if len(rows) < _STEP:
                return
            after = rows[-1].number


def _number(moment: datetime) -> str:
    """Numbers are UUIDv7 (RFC 9562, 5.7): the first 48 bits are the moment in milliseconds, so they sort by time."""
    text = f"{int(moment.timestamp() * 1000):012x}"
    return f"{text[:8]}-{text[8:]}-"


def _read(content: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(content)
        if isinstance(entry, dict) and all(int(one["felder"], 16) >= 0 for one in entry.get("personen", ())):
            return entry
    except (ValueError, TypeError, KeyError):
        pass  # said below, without the content
    raise AuditError("an entry of the audit trail cannot be read (gateway audit verify)")
