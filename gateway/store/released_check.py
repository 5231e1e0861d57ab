"""Whether the register of released statistics is what the audit trail says was released: row by row, both ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from gateway.errors import StoreError
from gateway.store.audit_verdict import Findings
from gateway.store.released import EMPTY, Head, linked, load, registered
from gateway.store.released_tables import released

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


def _rows(connection: sa.Connection) -> Iterator[Any]:
    """All rows without their tables; what is of the wrong type (SQLite takes any) is as good as changed."""
    if not sa.inspect(connection).has_table(released.name):
        return  # a database of an older version, from a backup
    query = sa.select(released.c.number, released.c.head, released.c.digest, released.c.entry)
    yield from connection.execute(query.order_by(released.c.number))
