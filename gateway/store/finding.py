"""Single persons: by the application's own identifier, or by search. What is shown is marked before it is shown."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias

import sqlalchemy as sa

from gateway.agreements.agreement import Grant
from gateway.errors import StoreError
from gateway.store import feed, projecting, reading, search
from gateway.store.changes import correct, remember
from gateway.store.database import Database
from gateway.store.fragments import NO_FRAGMENTS, Disclosed, Fragments, Shelf
from gateway.store.joined import Joined
from gateway.store.keyed import KeyedDatabase, with_keys
from gateway.store.reading import Rendered
from gateway.store.search import Criteria
from gateway.store.statements import Statement
from gateway.store.tables import person, projection, search_index
from gateway.store.vault import Vault

Clock: TypeAlias = Callable[[], datetime]
Query: TypeAlias = tuple[Statement, dict[str, Any]]
"""What is looked for in one stream, with its parameters."""
Choice: TypeAlias = Callable[[list[Rendered]], list[Rendered]]
"""Which of the persons found are meant."""

_MOST = 2
"""More hits need not be known: several are answered without data."""
_CANDIDATES = 200
_ROUNDS = 5


def find(
    database: KeyedDatabase,
    vault: Vault,
    grant: Grant,
    kennung: str,
    clock: Clock,
    fragments: Fragments = NO_FRAGMENTS,
) -> Disclosed | None:
    """The person this application knows as `kennung`; None if unknown, blocked, gone or out of scope alike."""
    sought = {"index": projecting.kennung_index(vault, grant.application, kennung)}
    shelf = fragments.shelf(grant.agreement)
    if shelf.tells(grant):
        stream = feed.stream(grant.agreement)
        kept = database.glance(_KEPT, {"stream": stream, **sought})
        if not kept:
            return None
        told = shelf.page(vault, grant, stream, deque(kept), 1, behind=1)
        if told[0] is not None:
            return told[0]
    found = _told(database, vault, grant, (_KNOWN, sought), clock, list, shelf)
    return found[0].disclosed if found else None


def find_all(database: Database, vault: Vault, grant: Grant, criteria: Criteria, clock: Clock) -> tuple[Disclosed, ...]:
    """Visible persons that meet all criteria, at most two; without a hit nothing tells blocked from unknown."""
    tokens = search.wanted(vault, criteria)
    query, sought = _meeting(len(tokens)), {f"token_{place}": token for place, token in enumerate(tokens)}
    number = criteria.azr_nummer

    def meant(every: list[Rendered]) -> list[Rendered]:
        return [one for one in every if one.disclosed is not None and (number is None or one.azr_nummer == number)]

    # A fragment does not say the AZR number by which two of one name are told apart: each is opened.
    chosen = _told(database, vault, grant, (query, sought), clock, meant, Shelf(grant.agreement))
    found = [one.disclosed for one in chosen if one.disclosed is not None]
    return tuple(found[:_MOST])


def _told(
    database: Database, vault: Vault, grant: Grant, query: Query, clock: Clock, meant: Choice, shelf: Shelf
) -> list[Rendered]:
    """Those that are meant, once the feed agrees with what they are; a single one counts as told, field by field.

    Of several nothing is shown, so none of them is marked: the feed must not announce the end of a person of whom
    the application never heard (law 2 of the feed).
    """
    statement, sought = query
    for _ in range(_ROUNDS):
        with database.view() as view:
            rows = statement.rows(view, {"stream": feed.stream(grant.agreement), **sought})
        rendered = [reading.render(vault, grant, row, shelf) for row in rows]
        if drifted := [one for one in rendered if one.drifted]:
            correct(database, vault, grant, drifted, clock())
            continue
        chosen = meant(rendered)
        shown = chosen if len(chosen) == 1 else []
        if remember(database, grant, [one.news for one in shown if one.untold and one.news is not None]):
            return chosen
    raise StoreError("the feed moves faster than it can be read")


@cache
def _meeting(tokens: int) -> Statement:
    """Who stands under all of so many tokens."""
    query = reading.VISIBLE_ROWS.order_by(person.c.id).limit(_CANDIDATES)
    for place in range(tokens):
        under = sa.select(search_index.c.person_id).where(search_index.c.token == sa.bindparam(f"token_{place}"))
        query = query.where(person.c.id.in_(under))
    return Statement(query)


_BY_KENNUNG = projection.c.kennung_index == sa.bindparam("index")
_KNOWN = Statement(reading.VISIBLE_ROWS.where(_BY_KENNUNG))
# That telling it would be news to the feed must be remembered first: see `Rendered.untold`.
_REMEMBERED = sa.or_(projection.c.number.is_(None), projection.c.told)
_STORED = sa.case(
    (sa.and_(reading.BY_FRAGMENT, _REMEMBERED), Joined(*reading.STORED)),
    else_=Joined(sa.literal_column("''", sa.String)),
)
_KEPT = with_keys(reading.visible_values(_STORED).where(_BY_KENNUNG))
