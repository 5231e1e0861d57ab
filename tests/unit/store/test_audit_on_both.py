"""The core of the audit trail on both databases; its details are tried on SQLite alone."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import sqlalchemy as sa

from gateway.errors import AuditError, ReplayRefused
from gateway.store import audit_tables
from gateway.store.audit_export import export
from gateway.store.audit_verify import verify, verify_export
from tests.unit.store.audit_kit import A_CLERK, CheckpointKey, an_entry
from tests.unit.store.store_kit import House


def entries(house: House) -> int:
    with house.database.read() as connection:
        found: int = connection.execute(sa.select(sa.func.count()).select_from(audit_tables.entry)).scalar_one()
        return found


def test_what_many_threads_record_is_one_chain(house: House) -> None:
    """Each has its receipt, and every entry stands in the chain once."""
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda _: house.trail.record(an_entry(personal=A_CLERK), b"body"), range(40)))
    assert len({receipt.number for receipt in receipts}) == entries(house) == 40
    assert all(receipt.covers(b"body") for receipt in receipts)
    assert verify(house.database).intact


def test_a_key_is_spent_once(house: House) -> None:
    """Of many copies of one signed request, in any batch, exactly one is recorded."""

    def record(_: int) -> bool:
        with suppress(ReplayRefused):
            house.trail.record(an_entry(), once=b"k" * 32)
            return True
        return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(record, range(20))) == 1
    assert entries(house) == 1


def test_what_is_staged_stands_or_falls_with_its_transaction(house: House) -> None:
    """A transaction that breaks off leaves no entry, and the chain goes on behind it."""
    house.trail.record(an_entry())
    with suppress(ZeroDivisionError), house.database.write() as connection:
        house.trail.stage(connection, [an_entry(personal=A_CLERK)])
        raise ZeroDivisionError
    assert entries(house) == 1
    with house.database.write() as connection:
        house.trail.stage(connection, [an_entry(personal=A_CLERK), an_entry()])
    assert entries(house) == 3
    assert verify(house.database).intact


@pytest.mark.parametrize(
    ("table", "column"),
    [("audit_entry", "content"), ("audit_batch", "root"), ("audit_head", "hash"), ("audit_entry", "hash")],
)
def test_one_changed_byte_is_found(house: House, table: str, column: str) -> None:
    """Whoever may write the tables cannot change what was recorded unseen."""
    house.trail.record_all([an_entry(), an_entry()])
    with house.database.write() as connection:
        target = audit_tables.metadata.tables[table]
        old = connection.execute(sa.select(target.c[column])).scalars().first()
        changed = old[:-1] + bytes([old[-1] ^ 1])
        connection.execute(sa.update(target).where(target.c[column] == old).values({column: changed}))
    assert not verify(house.database).intact


def test_an_export_verifies_without_the_database(house: House) -> None:
    """The file and the public key are enough, whichever database it came from."""
    house.trail.record_all([an_entry(fields=number + 1, personal=A_CLERK) for number in range(5)])
    key, path = CheckpointKey.create(house.folder), house.folder / "export"
    export(house.database, path, anchor=house.folder / "anchor", key=key, clock=lambda: house.now)
    verdict = verify_export(path, public_key=house.folder / "checkpoint.pub", anchor=None)
    assert (verdict.intact, verdict.entries) == (True, 5)


def test_a_trail_without_its_tables_refuses(house: House) -> None:
    """What cannot be written is no receipt; nothing of the database's words is in the error."""
    broken = f"gone_{os.getpid()}"
    with house.database.write() as connection:
        connection.execute(sa.text(f"ALTER TABLE audit_head RENAME TO {broken}"))
    try:
        with pytest.raises(AuditError) as caught:
            house.trail.record(an_entry())
        assert "audit_head" not in str(caught.value)
    finally:
        with house.database.write() as connection:
            connection.execute(sa.text(f"ALTER TABLE {broken} RENAME TO audit_head"))
    assert house.trail.record(an_entry()).number
