"""The one way from a stored person to what an application is told: opened, derived, checked and projected today.

Every operation finds persons through `VISIBLE_ROWS`; who is blocked or out of scope has no digest there, so blocked
and unknown run the same statements. Visibility is asked again under today's grant: what time has changed since the
last poll is closed at once, not at the next poll.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from gateway.agreements import projection as rules
from gateway.agreements.agreement import Grant
from gateway.model import derived
from gateway.model.types import Tree
from gateway.store import dossier as d
from gateway.store import feed, feed_told, fragments, projecting
from gateway.store.feed import State
from gateway.store.feed_rows import News
from gateway.store.feed_told import Telling
from gateway.store.fragments import Disclosed, Shelf, store_fields, with_kennung
from gateway.store.joined import GAP
from gateway.store.tables import person, person_version, projection
from gateway.store.vault import Vault

_CURRENT = sa.and_(person_version.c.person_id == person.c.id, person_version.c.version == person.c.version)
_FEED = ("digest", "acked_digest", "number", "visible_since", "told")
_PERSON = ("source", "source_key", "version", "change_number", "state", "merged_into", "wrapped_key", "audit_cipher")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A row made ready: `disclosed` None if nothing may be told of the person today; `digest` of what may be.

    `news`: what is to be remembered before it is told outside the feed.
    """

    person_id: bytes
    state: State
    kennung: str = field(repr=False)
    digest: bytes | None
    disclosed: Disclosed | None
    azr_nummer: str | None = field(default=None, repr=False)
    telling: Telling | None = field(default=None, repr=False)
    news: News | None = field(default=None, repr=False)

    @property
    def drifted(self) -> bool:
        """True if today's rules say otherwise than the feed does: time or agreement moved on since the last poll."""
        return self.digest != self.state.digest

    @property
    def unremembered(self) -> bool:
        """True if a field is about to be told that the store does not know to have been told."""
        return self.news is not None and self.news.told_fields != self.news.row["told_fields"]

    @property
    def untold(self) -> bool:
        """True if something is about to be told outside the feed that the store does not know to have been told."""
        return self.unremembered or (self.state.number is not None and not self.state.told)


_STAND = sa.type_coerce(projection.c.stand, sa.String).label("stand")
"""The text of it: nobody here counts with the moment."""

BY_FRAGMENT = sa.and_(
    person.c.state == sa.literal_column("'active'"),
    person.c.wrapped_key.is_not(None),
    projection.c.told_fields.is_(None),
)
"""Of whom a fragment may be told, if it holds."""

STORED = (
    *(person.c.id, projection.c.digest, person.c.wrapped_key, _STAND),
    *(projection.c.version, GAP, projection.c.sealed),
)
"""What it takes to tell such a person, in the order of `fragments.Stored`."""

FEED_ROWS = (
    sa.select(
        person.c.id,
        *(person.c[name] for name in _PERSON),
        person_version.c.document,
        projection.c.sealed,
        projection.c.released,
        projection.c.place,
        _STAND,
        projection.c.told_fields,
        projection.c.version.label("told_version"),
        *(projection.c[name] for name in _FEED),
    )
    .select_from(
        projection.join(person, person.c.id == projection.c.person_id).outerjoin(person_version, _CURRENT),
    )
    .where(projection.c.stream == sa.bindparam("stream"))
)
"""Projection rows of one `stream`, a parameter, with person and current document; also of persons now invisible."""

VISIBLE_ROWS = FEED_ROWS.where(projection.c.digest.is_not(None))
"""The same, only of persons that the stream may see."""


def visible_values(value: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """One value of each person that the stream may see, instead of the row."""
    joined = projection.join(person, person.c.id == projection.c.person_id)
    stream = projection.c.stream == sa.bindparam("stream")
    return sa.select(value.label("value")).select_from(joined).where(stream, projection.c.digest.is_not(None))


def render(vault: Vault, grant: Grant, row: Mapping[Any, Any], shelf: Shelf) -> Rendered:
    """The row under today's grant, by its fragment if that holds today. VaultError if it cannot be opened."""
    stream, identity = feed.stream(grant.agreement), row["id"]
    state = State(row["digest"], row["acked_digest"], row["number"], row["visible_since"], row["told"])
    if row["released"]:
        text = d.unpacked(vault.open_feed(row["sealed"], stream, identity))
        return Rendered(identity, state, str(text["kennung"]), None, None)
    key = vault.unwrap(row["wrapped_key"], d.KEY, identity) if row["wrapped_key"] is not None else None
    content = projecting.opened(vault, key or b"", row["sealed"], stream, identity)
    terms = shelf.terms(vault, grant) if state.digest is not None else None
    if terms is not None:
        told_so_far = shelf.told(content, terms, vault, row)
        if told_so_far is not None:
            news = News(identity, row["version"], row, None, state.digest)
            return Rendered(identity, state, told_so_far.kennung, state.digest, told_so_far, None, None, news)
    return _derived(vault, grant, row, state, fragments.unpacked(content)[0])


def _derived(vault: Vault, grant: Grant, row: Mapping[Any, Any], state: State, text: Tree) -> Rendered:
    """The row as it follows from the person itself today."""
    identity, kennung = row["id"], str(text["kennung"])
    one = d.opened(row, vault, indexed=False)
    if state.digest is None or not one.active or one.document is None:
        return Rendered(identity, state, kennung, None, None)
    ableitung = derived.derive(one.document, stichtag=grant.stichtag)
    if not rules.visible(grant.agreement, one.document, ableitung, stichtag=grant.stichtag):
        return Rendered(identity, state, kennung, None, None)
    links = projecting.links(d.group(text, "links"))
    telling = Telling(vault, grant.agreement, identity, one.document, ableitung, links)
    told = feed_told.unpacked(row["told_fields"])
    disclosed = _disclosed(vault, grant, one, kennung, telling.tree(grant.fields), row)
    digest, number = telling.digest(told), _azr_nummer(one.document, ableitung)
    return Rendered(identity, state, kennung, digest, disclosed, number, telling, _news(telling, grant, row, told))


def _news(telling: Telling, grant: Grant, row: Mapping[Any, Any], told: feed_told.Told) -> News:
    after = feed_told.after_telling(told, telling, grant.fields)
    return News(row["id"], row["version"], row, feed_told.packed(after), telling.digest(after))


def open_kennung(vault: Vault, stream: str, row: Mapping[Any, Any]) -> str:
    """The identifier in a projection row joined with its person's `wrapped_key`."""
    key = vault.unwrap(row["wrapped_key"], d.KEY, row["id"])
    return str(projecting.open_links(vault, key, row["sealed"], stream, row["id"])["kennung"])


def _azr_nummer(document: Tree, ableitung: derived.Ableitung) -> str | None:
    """The AZR number if it may be used to tell persons apart (AZRG § 10 Abs. 4; DSGVO Art. 18)."""
    restricted = d.control(document).get("eingeschraenkt")
    number = d.group(document, "person").get("azrNummer")
    free = ableitung.azr_nummer_frei and not (isinstance(restricted, list) and "azrNummer" in restricted)
    return number if free and isinstance(number, str) else None


def _disclosed(
    vault: Vault, grant: Grant, one: d.Dossier, kennung: str, tree: Tree, row: Mapping[Any, Any]
) -> Disclosed:
    whole = with_kennung(grant.fields, kennung, tree) | store_fields(grant.fields, row)
    audit_id = d.audit_id(one, vault)
    return Disclosed(audit_id, kennung, whole, rules.field_bits(whole))
