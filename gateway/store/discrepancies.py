"""What applications report as wrong: sealed under the person's own key, so that it goes when the person goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gateway.agreements.agreement import Grant
from gateway.errors import NotFound
from gateway.store import dossier as d
from gateway.store import feed, projecting, reading
from gateway.store.database import Database
from gateway.store.fragments import Disclosed, Shelf
from gateway.store.tables import discrepancy, person, projection
from gateway.store.vault import Vault

_PURPOSE = "discrepancy"


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One report; `personennummer`, `path`, `text`, `audit_id` are opened only when asked for (None in lists)."""

    number: str
    application: str
    recorded_at: datetime
    personennummer: str | None = field(default=None, repr=False)
    path: str | None = None
    text: str | None = field(default=None, repr=False)
    audit_id: str | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """The number under which a report was taken, and whom it concerns: nothing is told of that person."""

    number: str
    concerned: Disclosed


def report(
    database: Database, vault: Vault, grant: Grant, kennung: str, field: str | None, text: str, now: datetime
) -> Reported:
    """The report is taken; NotFound unless this application sees the person."""
    index = projecting.kennung_index(vault, grant.application, kennung)
    query = reading.VISIBLE_ROWS.where(projection.c.kennung_index == index)
    with database.read() as connection:
        row = connection.execute(query, {"stream": feed.stream(grant.agreement)}).mappings().one_or_none()
    seen = None if row is None else reading.render(vault, grant, row, Shelf(grant.agreement)).disclosed
    if row is None or seen is None:
        raise NotFound
    number = vault.new_uuid()
    key = vault.unwrap(row["wrapped_key"], d.KEY, row["id"])
    content: dict[str, object] = {"text": text} if field is None else {"text": text, "feld": field}
    sealed = vault.seal(key, d.packed(content), f"{_PURPOSE}/{number}", row["id"])
    entry = {"number": number, "application": grant.application, "person_id": row["id"]}
    with database.write() as connection:
        alive = sa.select(person.c.wrapped_key).where(person.c.id == row["id"]).with_for_update()
        if connection.execute(alive).scalar_one() is None:
            raise NotFound
        connection.execute(sa.insert(discrepancy), [{**entry, "recorded_at": now, "sealed": sealed}])
    return Reported(number, Disclosed(seen.audit_id, seen.kennung, {}, 0))


def entries(connection: sa.Connection) -> list[Discrepancy]:
    """All reports, oldest first, without anything of a person."""
    query = sa.select(discrepancy).order_by(discrepancy.c.recorded_at, discrepancy.c.number)
    return [_entry(row) for row in connection.execute(query).mappings()]


def show(connection: sa.Connection, vault: Vault, number: str) -> Discrepancy | None:
    """One report, opened, with the person number of the source; None if there is no such number."""
    row = connection.execute(sa.select(discrepancy).where(discrepancy.c.number == number)).mappings().one_or_none()
    if row is None:
        return None
    one = d.load_ids(connection, vault, [row["person_id"]])[0]
    text = d.unpacked(vault.open(one.key or b"", row["sealed"], f"{_PURPOSE}/{number}", one.id))
    who = d.control(one.document or {}).get("quellsystemPersonennummer")
    field = text.get("feld")
    return Discrepancy(
        number,
        row["application"],
        row["recorded_at"],
        str(who) if who is not None else None,
        str(field) if field is not None else None,
        str(text["text"]),
        d.audit_id(one, vault),
    )


def _entry(row: Mapping[Any, Any]) -> Discrepancy:
    return Discrepancy(row["number"], row["application"], row["recorded_at"])
