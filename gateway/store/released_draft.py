"""Drafts of released statistics: byte for byte what enters the register, kept until it does, or for a month.

What is looked at, what a role signs and what is told are the same bytes: nothing is counted or made safe in between.
The trail tells of each draft, so that nobody puts one into the database that no run has made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any, Final

import sqlalchemy as sa

from gateway.errors import NotFound, StoreError
from gateway.model.statistic import Period, Published
from gateway.store import audit_tables
from gateway.store.audit import AuditTrail, Entry, Kind, Personal
from gateway.store.audit_check import tree_of
from gateway.store.audit_entry import rfc3339
from gateway.store.packing import packed
from gateway.store.released_form import content_of, table_of
from gateway.store.released_tables import draft as drafts

OPERATION: Final = "statistikEntwerfen"
"""Under which the trail tells of drafts."""

KEPT: Final = timedelta(days=31)
"""How long a draft can be released; who ran it can be asked for as long."""

_CHANGED = "entwurf-veraendert"

Rule = Mapping[str, int | str]


@dataclass(frozen=True)
class Report:
    """What a table is of: the definition with the exact text it was counted by, for whom, and under which rule.

    `rule` are the numbers by which the table was made safe, for whoever checks what may be released after it.
    """

    name: str
    version: int
    title: str
    purpose: str
    legal_bases: tuple[str, ...]
    audience: str
    rule: Rule
    definition: str = field(repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the definition's text in UTF-8, hexadecimal."""
        return sha256(self.definition.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """The last row of the register: its number (0: there is none) and its digest."""

    number: int
    digest: bytes


EMPTY = Head(0, bytes(32))


@dataclass(frozen=True)
class Draft:
    """`text` says of what the table is, for whom, from which run, and beside which register it was found safe.

    `content` is the table with its definition, and `text` holds its SHA-256.
    """

    text: str
    content: str = field(repr=False)

    @property
    def digest(self) -> bytes:
        """SHA-256 of `text`, which stands for the whole draft."""
        return sha256(self.text.encode()).digest()

    @cached_property
    def tree(self) -> dict[str, Any]:
        return dict(json.loads(self.text))

    @cached_property
    def report(self) -> Report:
        """Of what it is."""
        one = self.tree
        return Report(
            name=one["bericht"],
            version=one["fassung"],
            title=one["titel"],
            purpose=one["zweck"],
            legal_bases=tuple(one["rechtsgrundlage"]),
            audience=one["kreis"],
            rule=dict(one["regel"]),
            definition=table_of(self.content)[1],
        )

    @cached_property
    def table(self) -> Published:
        return table_of(self.content)[0]

    @property
    def period(self) -> Period:
        return self.table.subject.period

    @property
    def made(self) -> datetime:
        return datetime.fromisoformat(self.tree["entworfen"])

    @property
    def seen(self) -> Head:
        """The last row of the register beside which it was found safe."""
        head = self.tree["geprueft"]
        return Head(head["nummer"], bytes.fromhex(head["hash"]))


def drafted(report: Report, table: Published, *, run: str, known: datetime, seen: Head, now: datetime) -> Draft:
    """The draft of that table; `run` is the number of the entry that tells of the counting, as of `known`."""
    content = content_of(table, report.definition)
    period = table.subject.period
    tree = {
        "bericht": report.name,
        "fassung": report.version,
        "titel": report.title,
        "zweck": report.purpose,
        "rechtsgrundlage": list(report.legal_bases),
        "kreis": report.audience,
        "von": period.first.isoformat(),
        "bis": period.last.isoformat(),
        "regel": dict(report.rule),
        "definition": report.digest,
        "inhalt": sha256(content.encode()).hexdigest(),
        "lauf": run,
        "kenntnisstand": rfc3339(known),
        "entworfen": rfc3339(now),
        "geprueft": {"nummer": seen.number, "hash": seen.digest.hex()},
    }
    return Draft(packed(tree).decode(), content)


def keep(connection: sa.Connection, trail: AuditTrail, draft: Draft, *, clerk: Personal) -> None:
    """The draft is kept once this writing transaction commits, and the trail tells of it; those that are over go."""
    report = draft.report
    entry = Entry(
        kind=Kind.BETRIEB,
        operation=OPERATION,
        outcome="ok",
        purpose=report.name,
        legal_basis="; ".join(report.legal_bases)[:500],
        fassung=report.version,
        request_digest=draft.digest,
        refers_to=draft.tree["lauf"],
        personal=clerk,
    )
    connection.execute(sa.delete(drafts).where(drafts.c.made < draft.made - KEPT))
    (told,) = trail.stage(connection, [entry])
    row = {"digest": draft.digest, "text": draft.text, "content": draft.content, "entry": told, "made": draft.made}
    connection.execute(sa.insert(drafts), [row])


def load(connection: sa.Connection, digest: bytes) -> tuple[Draft, str]:
    """The draft as it was made, and the number of the entry that tells of it; NotFound if there is none.

    StoreError (code "entwurf-veraendert") if it is another one now, or one that the trail does not know.
    """
    row = connection.execute(sa.select(drafts).where(drafts.c.digest == digest)).one_or_none()
    if row is None:
        raise NotFound
    query = sa.select(audit_tables.entry.c.content).where(audit_tables.entry.c.number == row.entry)
    tree = tree_of(connection.execute(query).scalar() or b"") or {}
    try:
        draft = Draft(row.text, row.content)
        whole = draft.digest == digest and sha256(draft.content.encode()).hexdigest() == draft.tree["inhalt"]
        same = whole and draft.report.digest == draft.tree["definition"] and _days(draft.tree) == draft.period
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        same = False
    if not same or (tree.get("operation"), tree.get("anfrageDigest")) != (OPERATION, digest.hex()):
        raise StoreError("the draft is not the one that was made: run it again", code=_CHANGED)
    return draft, row.entry


def drop(connection: sa.Connection, draft: Draft) -> None:
    """The draft is gone with this transaction: it was released."""
    connection.execute(sa.delete(drafts).where(drafts.c.digest == draft.digest))


def _days(tree: dict[str, Any]) -> Period:
    first, last = (datetime.fromisoformat(tree[name]).date() for name in ("von", "bis"))
    return Period(first, last)
