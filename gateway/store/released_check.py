"""Whether the register of released statistics is what the audit trail says was released: row by row, both ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from gateway.errors import StoreError
from gateway.store import audit_tables
from gateway.store.audit_check import RELEASED, WITHDRAWN, register_row, tree_of
from gateway.store.audit_verdict import Findings
from gateway.store.released import BROKEN, linked, load, registered
from gateway.store.released_draft import EMPTY, Head
from gateway.store.released_tables import released

_ROWS = sa.select(released.c.number, released.c.head, released.c.digest, released.c.entry).order_by(released.c.number)

Told = Mapping[str, tuple[int, str]]
"""By the number of an entry of the trail the row that it tells of: its number, and its digest in hexadecimal."""


def check(connection: sa.Connection, told: Told, findings: Findings) -> None:
    """Every row that is not whole, not told of, or told of and not there, is among the findings.

    `told` are the entries of a trail that was read to its end: what somebody has cut away at the end of the register
    is missing here.
    """
    left, before = dict(told), EMPTY
    for row in _rows(connection):
        where = f"Freigabe {row.number}"
        try:
            tree = linked(row, before)
            if "bezug" not in tree:
                load(connection, registered(tree, row.entry))
        except StoreError:
            findings.add("register-geändert", f"{where}: die Zeile ist geändert oder schließt nicht an die davor an")
        if left.pop(row.entry, None) != (row.number, row.digest.hex()):
            findings.add("register-unbezeugt", f"{where}: kein Eintrag im Protokoll zeugt von dieser Zeile")
        before = Head(row.number, row.digest)
    for number, _ in sorted(left.values()):
        findings.add("register-entfernt", f"Freigabe {number}: laut Protokoll geschehen, im Register fehlt sie")


def require_whole(connection: sa.Connection) -> None:
    """Every row that the trail tells of is in the register, also at its end; StoreError (code "register-verletzt") if
    not: then something was told that nothing new can be checked against.

    Every entry is looked at, some seconds for a million; that those entries are whole `verify` proves.
    """
    rows = {row.entry: (row.number, row.digest.hex()) for row in connection.execute(_ROWS)}
    missing = sorted(told[0] for entry, told in _told(connection) if rows.get(entry) != told)
    if missing:
        raise StoreError(
            f"the audit trail tells of release {missing[0]}, which the register does not have", code=BROKEN
        )


def _told(connection: sa.Connection) -> Iterator[tuple[str, tuple[int, str]]]:
    """Number of each entry that tells of a row, and what it tells; found by bytes, so that few are read."""
    e = audit_tables.entry
    names = [f'"operation":"{one}"'.encode() for one in (RELEASED, WITHDRAWN)]
    content = sa.cast(e.c.content, sa.LargeBinary)  # SQLite takes any value in any column
    if connection.dialect.name == "sqlite":
        found = [sa.func.instr(content, one) > 0 for one in names]
    else:
        found = [content.op("LIKE")(sa.literal(b"%" + one + b"%", sa.LargeBinary)) for one in names]
    for row in connection.execute(sa.select(e.c.number, e.c.content).where(sa.or_(*found))):
        if (told := register_row(tree_of(row.content) or {})) is not None:
            yield row.number, told


def _rows(connection: sa.Connection) -> Iterator[Any]:
    """All rows without their tables; what is of the wrong type (SQLite takes any) is as good as changed."""
    if not sa.inspect(connection).has_table(released.name):
        return  # a database of an older version, from a backup
    yield from connection.execute(_ROWS)
