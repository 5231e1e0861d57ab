"""When a person's time here is over: outside of every scope, or merged into another record.

What is noted is the moment at which it was noticed here, together with the change that brought it about. Blocks and
restrictions (DSGVO Art. 18) pass: a person that is only hidden by one has not ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa

from gateway.agreements import projection as rules
from gateway.agreements.agreement import Agreement
from gateway.model import derived
from gateway.model.types import Tree
from gateway.store import dossier as d
from gateway.store.dossier import Dossier
from gateway.store.retention_tables import person_end

_PASSING = frozenset({"auskunftssperre", "eingeschraenkt"})


class End(StrEnum):
    """Why a person's time here is over."""

    UMFANG = "umfang"
    ZUSAMMENGEFUEHRT = "zusammengefuehrt"


def end_of(agreements: Mapping[str, Agreement], one: Dossier, *, stichtag: date) -> End | None:
    """Whether this record has ended on that day; None for one that has not, and for one that is gone already.

    An alias record ends with its main record, which the caller must know.
    """
    if one.key is None:
        return None
    if one.state == "merged":
        return End.ZUSAMMENGEFUEHRT
    if one.document is None or is_alias(one) or in_some_scope(agreements, one.document, stichtag):
        return None
    return End.UMFANG


def is_alias(one: Dossier) -> bool:
    """True for a record that only holds other particulars of a person with a record of its own."""
    return "hauptdatensatz" in d.control(one.document or {})


def is_hidden(one: Dossier) -> bool:
    """True if something that passes may hide the person: then that nobody sees it now does not mean that it ended."""
    return not _PASSING.isdisjoint(d.control(one.document or {}))


def write(connection: sa.Connection, ends: Mapping[bytes, End | None], now: datetime) -> None:
    """Afterwards each of these persons has its end noted, since `now` unless it was noted before, or has none."""
    if not ends:
        return
    rows = connection.execute(_NOTED, {"people": list(ends)})
    known = {row.person_id: row.kind for row in rows}
    over = [identity for identity, kind in known.items() if ends[identity] != kind]
    if over:
        connection.execute(sa.delete(person_end).where(person_end.c.person_id.in_(over)))
    new = [
        {"person_id": identity, "kind": kind.value, "since": now}
        for identity, kind in ends.items()
        if kind is not None and known.get(identity) != kind
    ]
    if new:
        connection.execute(sa.insert(person_end), new)


def in_some_scope(agreements: Mapping[str, Agreement], document: Tree, stichtag: date) -> bool:
    """True if the person belongs to one of these agreements on that day, whatever block or restriction hides it."""
    control = d.control(document)
    plain: Tree = {**document, "steuerung": {name: part for name, part in control.items() if name not in _PASSING}}
    ableitung = derived.derive(plain, stichtag=stichtag)
    return any(rules.visible(one, plain, ableitung, stichtag=stichtag) for one in agreements.values())


_NOTED = sa.select(person_end).where(person_end.c.person_id.in_(sa.bindparam("people", expanding=True)))
