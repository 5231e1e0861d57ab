"""Whether the register of released statistics is whole: whoever releases more must know what was told before."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.errors import StoreError
from gateway.health.finding import Examination, Finding, State
from gateway.store import released

_NEWEST = 20
"""So many tables are read whole each time; `gateway audit verify` reads all."""


def statistics(e: Examination) -> Iterator[Finding]:
    """The chain of the register, its tie to the audit trail, and the numbers of its newest tables."""
    try:
        with e.database.read() as connection:
            register = released.read(connection)
            for one in register.tables[-_NEWEST:]:
                released.load(connection, one)
    except StoreError as error:
        remedy = "release nothing; gateway audit verify; docs/fachhandbuch.md"
        yield Finding("statistics", State.CRITICAL, str(error), remedy)
        return
    count = len(register.tables)
    yield Finding("statistics", State.OK, f"{count} released tables, as the audit trail tells", "", count, "tables")
