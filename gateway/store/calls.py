"""Who still calls which contract major, as the audit trail has it: application, major, how often, last day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from gateway.store.database import Database
from gateway.store.usage import entries


@dataclass(frozen=True, slots=True)
class Calls:
    """How often an application called under one contract major, and when last; answers and refusals both count."""

    number: int
    last: date


def calls(database: Database, since: datetime, timezone: tzinfo = UTC) -> Mapping[tuple[str, int], Calls]:
    """The calls since that moment, by application and major; nothing of who at the application's side called.

    Entries without a client certificate are not calls: an agreement was compared, an office's report was made.
    AuditError if an entry cannot be read.
    """
    found: dict[tuple[str, int], Calls] = {}
    for entry in entries(database, since):
        if "zertifikat" in entry and "vertrag" in entry and "anwendung" in entry:
            key = (str(entry["anwendung"]), int(entry["vertrag"]))
            day = datetime.fromisoformat(entry["zeitpunkt"]).astimezone(timezone).date()
            before = found.get(key)
            found[key] = Calls(1 if before is None else before.number + 1, day)
    return found
