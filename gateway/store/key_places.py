"""Every place of the database where a key of the ring shows: what is wrapped, sealed for the feed, or hashed.

A new column of one of these kinds belongs here; a test looks for those that do not. A change of keys goes through
this list and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from gateway.store import audit_tables, feed_told, notices, quarantine
from gateway.store import dossier as d
from gateway.store.audit_personal import SEGMENT
from gateway.store.tables import (
    family,
    family_kennung,
    feed_shown,
    notice,
    person,
    projection,
    relation,
)
from gateway.store.tables import quarantine as quarantined

Row = Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A column of wrapped keys, or of boxes with such a key in front; `also` must hold the generation as well."""

    name: str
    column: sa.Column[Any]
    key: sa.Column[Any]
    purpose: str
    subject: Callable[[Any], bytes]
    box: bool = False
    also: sa.Column[Any] | None = None


@dataclass(frozen=True, slots=True)
class FeedSealed:
    """A column of texts under the feed key, those rows that are, and what each is bound to."""

    name: str
    column: sa.Column[Any]
    where: sa.ColumnElement[bool]
    bound: Callable[[Row], tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Hashed:
    """A column of hashes; `each` applies the change to the hashes in one value."""

    column: sa.Column[Any]
    each: Callable[[bytes, Callable[[bytes], bytes]], bytes] = lambda value, change: change(value)


WRAPPED = (
    Wrapped("persons", person.c.wrapped_key, person.c.id, d.KEY, bytes, also=person.c.ring_key_id),
    Wrapped("quarantine", quarantined.c.sealed, quarantined.c.number, quarantine.PURPOSE, str.encode, box=True),
    Wrapped("audit-segments", audit_tables.segment.c.wrapped, audit_tables.segment.c.month, SEGMENT, str.encode),
)
FEED_SEALED = (
    FeedSealed("released", projection.c.sealed, projection.c.released, lambda row: (row["stream"], row["person_id"])),
    FeedSealed("families", family_kennung.c.sealed, sa.true(), lambda row: (row["application"], row["family_key"])),
    FeedSealed(
        "notices",
        notice.c.sealed,
        notice.c.sealed.is_not(None),
        lambda row: (notices.sealed_for(row["application"]), row["number"].encode()),
    ),
)
HASHED: Mapping[str, tuple[Hashed, ...]] = {
    # Besides these: `search_index`, whose old and new tokens stand side by side, and `family_kennung`, whose sealed
    # text is bound to the hash.
    "index": (
        Hashed(person.c.source_key),
        Hashed(person.c.merged_into),
        Hashed(person.c.due),
        Hashed(relation.c.other_source_key),
        Hashed(family.c.family_key),
        Hashed(projection.c.kennung_index),
        Hashed(quarantined.c.source_key),
    ),
    "digest": (
        Hashed(projection.c.digest),
        Hashed(projection.c.acked_digest),
        Hashed(projection.c.told_fields, feed_told.rehashed),
        Hashed(feed_shown.c.digest),
    ),
}
