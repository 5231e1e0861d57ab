"""Single persons: by the application's own identifier, or by search. What is shown is marked before it is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from gateway.agreements.agreement import Grant
from gateway.errors import StoreError
from gateway.store import feed_rows, projecting, reading, search
from gateway.store.database import Database
from gateway.store.reading import Disclosed
from gateway.store.search import Criteria
from gateway.store.tables import person, projection, search_index
from gateway.store.vault import Vault

_MOST = 2
"""More hits need not be known: several are answered without data."""
_CANDIDATES = 200
_ROUNDS = 5


def find(database: Database, vault: Vault, grant: Grant, kennung: str) -> Disclosed | None:
    """The person this application knows as `kennung`; None if unknown, blocked, gone or out of scope alike."""
    index = projecting.kennung_index(vault, grant.application, kennung)
    query = reading.visible_rows(grant.application).where(projection.c.kennung_index == index)
    found = [reading.render(vault, grant, row).disclosed for row in _told(database, grant.application, query)]
    return found[0] if found else None


def find_all(database: Database, vault: Vault, grant: Grant, criteria: Criteria) -> tuple[Disclosed, ...]:
    """Visible persons that meet all criteria, at most two; without a hit nothing tells blocked from unknown."""
    query = reading.visible_rows(grant.application).order_by(person.c.id).limit(_CANDIDATES)
    for token in search.wanted(vault, criteria):
        query = query.where(person.c.id.in_(sa.select(search_index.c.person_id).where(search_index.c.token == token)))
    found = []
    for row in _told(database, grant.application, query):
        one = reading.render(vault, grant, row)
        if criteria.azr_nummer is not None and one.azr_nummer != criteria.azr_nummer:
            continue
        if one.disclosed is not None:
            found.append(one.disclosed)
        if len(found) == _MOST:
            break
    return tuple(found)


def _told(database: Database, application: str, query: sa.Select[Any]) -> Sequence[Mapping[Any, Any]]:
    """The rows, once every pending one among them counts as told (law 2 of the feed)."""
    for _ in range(_ROUNDS):
        with database.read() as connection:
            rows = connection.execute(query).mappings().all()
        untold = [row["id"] for row in rows if row["number"] is not None and not row["told"]]
        if not untold:
            return rows
        with database.write() as connection:
            feed_rows.lock(connection, [application])
            feed_rows.tell(connection, application, untold)
    raise StoreError("the feed moves faster than it can be read")
