"""The register of released statistics: what everybody may have been told already, and never anything else.

Each row is hashed together with the one before, and told of by an entry of the audit trail that was written first and
holds the row's digest. So a row that was changed, removed or put in between is found whenever the register is read,
and a register computed anew is found by `gateway audit verify`. A table that was withdrawn stays: it was told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from gateway.agreements.agreement import Statistics
from gateway.errors import NotFound, RegisterMoved, StoreError
from gateway.model.statistic import Period, Published
from gateway.store import audit_tables
from gateway.store.audit import AuditTrail, Entry, Kind, Personal
from gateway.store.audit_check import RELEASED, WITHDRAWN, register_row, tree_of
from gateway.store.audit_entry import rfc3339
from gateway.store.packing import packed
from gateway.store.released_draft import EMPTY, Draft, Head, Rule
from gateway.store.released_form import table_of
from gateway.store.released_tables import released

BROKEN = "register-verletzt"
FORMAT = 2
"""The form of rows that are written: what was released is under `entwurf` as it was looked at. In the first form it
stood beside number and time, and nobody had signed."""


class Reason(StrEnum):
    """Why a released table is no longer to be used; a closed list, so that it names nobody."""

    FEHLER = "fehler"
    """It is wrong."""
    ERSETZT = "ersetzt"
    """A later table takes its place."""
    ANORDNUNG = "anordnung"
    """Somebody who may has ordered it."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """When a table was withdrawn, and why."""

    time: datetime
    reason: Reason


@dataclass(frozen=True, slots=True)
class Approved:
    """Who has approved a release: in which role, by which certificate, by the signature with that SHA-256."""

    role: str
    certificate: str
    signature: str

    def tree(self) -> dict[str, str]:
        """As it stands in the register."""
        return {"rolle": self.role, "zertifikat": self.certificate, "signatur": self.signature}


@dataclass(frozen=True)
class Registered:
    """One released table without its numbers; `entry` is the protokollnummer under which who released it is sealed.

    `definition` is the SHA-256 of the definition's text, `content` that of the table as it is kept.
    """

    number: int
    name: str
    version: int
    title: str
    purpose: str
    legal_bases: tuple[str, ...]
    audience: str
    period: Period
    rule: Rule
    definition: str
    time: datetime
    entry: str
    content: str = field(repr=False)
    approvals: tuple[Approved, ...] = ()
    withdrawn: Withdrawal | None = None


@dataclass(frozen=True)
class Register:
    """All released tables, the oldest first; whoever adds one must have looked at all up to `head`."""

    head: Head
    tables: tuple[Registered, ...]

    def told(self, terms: Statistics) -> tuple[Registered, ...]:
        """The tables that an agreement on statistics lets out."""
        return tuple(one for one in self.tables if one.name in terms.reports and one.audience in terms.audiences)

    def table(self, number: int) -> Registered:
        """The table under that number; NotFound if there is none."""
        for one in self.tables:
            if one.number == number:
                return one
        raise NotFound


def read(connection: sa.Connection) -> Register:
    """The whole register; StoreError (code "register-verletzt") if its chain or its tie to the trail is broken."""
    head, tables = EMPTY, dict[int, Registered]()
    last = ""
    query = sa.select(released.c.number, released.c.head, released.c.digest, released.c.entry)
    for row in connection.execute(query.order_by(released.c.number)):
        tree = linked(row, head)
        head, last = Head(row.number, row.digest), row.entry
        if "bezug" in tree:
            _marked(tables, tree)
        else:
            tables[row.number] = registered(tree, row.entry)
    # The digest of the last row covers all rows before it.
    if head.number and not told_of(connection, head, last):
        raise StoreError("the audit trail does not tell of the last row of the register", code=BROKEN)
    return Register(head, tuple(tables.values()))


def told_of(connection: sa.Connection, head: Head, entry: str) -> bool:
    """Whether that entry of the trail tells of this row: of its number and its digest."""
    query = sa.select(audit_tables.entry.c.content).where(audit_tables.entry.c.number == entry)
    tree = tree_of(connection.execute(query).scalar() or b"") or {}
    return register_row(tree) == (head.number, head.digest.hex())


def linked(row: Any, before: Head) -> dict[str, Any]:
    """What the row says of itself; StoreError unless it is whole and follows the one before."""
    try:
        tree = json.loads(row.head)
        follows = tree["nummer"] == row.number == before.number + 1 and tree["vorgaenger"] == before.digest.hex()
        whole = sha256(row.head.encode()).digest() == row.digest and tree["format"] in (1, FORMAT)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        follows = whole = False
    if not follows or not whole:
        raise StoreError(f"the register is broken behind row {before.number}", code=BROKEN)
    return dict(tree)


def registered(tree: Mapping[str, Any], entry: str) -> Registered:
    """The table that a row says was released; StoreError if it says no such thing."""
    try:
        one = tree["entwurf"] if tree["format"] == FORMAT else tree
        given = [Approved(each["rolle"], each["zertifikat"], each["signatur"]) for each in tree.get("freigaben", ())]
        return Registered(
            number=tree["nummer"],
            name=one["bericht"],
            version=one["fassung"],
            title=one["titel"],
            purpose=one["zweck"],
            legal_bases=tuple(one["rechtsgrundlage"]),
            audience=one["kreis"],
            period=Period(date.fromisoformat(one["von"]), date.fromisoformat(one["bis"])),
            rule=dict(one["regel"]),
            definition=one["definition"],
            time=datetime.fromisoformat(tree["zeitpunkt"]),
            entry=entry,
            content=one["inhalt"],
            approvals=tuple(given),
        )
    except (ValueError, KeyError, TypeError):
        raise StoreError("a row of the register cannot be read", code=BROKEN) from None


def load(connection: sa.Connection, one: Registered) -> tuple[Published, str]:
    """The table and the text of its definition, unchanged since they were released; StoreError if not."""
    query = sa.select(released.c.content).where(released.c.number == one.number)
    content = connection.execute(query).scalar()
    if content is None or sha256(content.encode()).hexdigest() != one.content:
        raise StoreError(f"table {one.number} of the register was changed", code=BROKEN)
    table, definition = table_of(content)
    if table.subject.period != one.period or sha256(definition.encode()).hexdigest() != one.definition:
        raise StoreError(f"table {one.number} of the register is not the one it is said to be", code=BROKEN)
    return table, definition


def holds(connection: sa.Connection, head: Head) -> bool:
    """Whether this row is, or was once, the last of this very register."""
    query = sa.select(released.c.digest).where(released.c.number == head.number)
    return head == EMPTY or connection.execute(query).scalar() == head.digest


def release(
    connection: sa.Connection,
    trail: AuditTrail,
    draft: Draft,
    *,
    approvals: Sequence[Approved] = (),
    after: Head,
    now: datetime,
    clerk: Personal,
) -> Registered:
    """The draft is released once this writing transaction commits, and the trail tells of it; else neither.

    RegisterMoved unless `after` is still the last row: then somebody else has released something that this table was
    not checked against. `clerk`, who releases it, stands sealed in the trail.
    """
    report = draft.report
    tree = {"entwurf": draft.tree, "freigaben": [one.tree() for one in approvals]}
    about = (RELEASED, report.name, report.version, report.legal_bases)
    whole, entry = _append(connection, trail, tree, draft.content, after=after, now=now, about=about, clerk=clerk)
    return registered(whole, entry)


def withdraw(
    connection: sa.Connection,
    trail: AuditTrail,
    one: Registered,
    reason: Reason,
    *,
    after: Head,
    now: datetime,
    clerk: Personal,
) -> Registered:
    """The table is marked as withdrawn once this writing transaction commits, and stays; RegisterMoved as above."""
    if one.withdrawn is not None:
        return one
    tree = {"bezug": one.number, "grund": reason.value}
    about = (WITHDRAWN, one.name, one.version, one.legal_bases)
    whole, _ = _append(connection, trail, tree, None, after=after, now=now, about=about, clerk=clerk)
    return replace(one, withdrawn=_withdrawal(whole))


def _append(
    connection: sa.Connection,
    trail: AuditTrail,
    part: Mapping[str, object],
    content: str | None,
    *,
    after: Head,
    now: datetime,
    about: tuple[str, str, int, tuple[str, ...]],
    clerk: Personal,
) -> tuple[dict[str, Any], str]:
    """The row and the entry that tells of it are written; what the row says, and the entry's number."""
    number = after.number + 1
    tree = {
        "format": FORMAT,
        "nummer": number,
        "vorgaenger": after.digest.hex(),
        "zeitpunkt": rfc3339(now),
        **part,
    }
    head = packed(tree)
    digest = sha256(head).digest()
    operation, name, version, legal_bases = about
    entry = Entry(
        kind=Kind.BETRIEB,
        operation=operation,
        outcome="ok",
        purpose=name,
        legal_basis="; ".join(legal_bases)[:500],
        fassung=version,
        request_digest=digest,
        counts={"register": number},
        personal=clerk,
    )
    # The trail's lock is taken here: whoever else adds to the register has committed, or waits until this one has.
    (told,) = trail.stage(connection, [entry])
    if read(connection).head != after:
        raise RegisterMoved
    row = {"number": number, "head": head.decode(), "content": content, "digest": digest, "entry": told}
    connection.execute(sa.insert(released), [row])
    return tree, told


def _marked(tables: dict[int, Registered], tree: Mapping[str, Any]) -> None:
    """Afterwards the table that this row speaks of is withdrawn."""
    try:
        withdrawn = _withdrawal(tree)
        tables[tree["bezug"]] = replace(tables[tree["bezug"]], withdrawn=withdrawn)
    except (ValueError, KeyError, TypeError):
        raise StoreError("a row of the register cannot be read", code=BROKEN) from None


def _withdrawal(tree: Mapping[str, Any]) -> Withdrawal:
    return Withdrawal(datetime.fromisoformat(tree["zeitpunkt"]), Reason(tree["grund"]))
