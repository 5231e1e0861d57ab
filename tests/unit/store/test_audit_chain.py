"""The chain: Merkle roots as RFC 6962 defines them, links that never change their form."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from gateway.errors import AuditError
from gateway.store import audit_chain, audit_tables
from gateway.store.audit_chain import MerkleTree, batch_hash, first_link
from gateway.store.database import Database
from tests.unit.store.audit_kit import a_house, an_entry


def rfc6962(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, written down as the standard has it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + rfc6962(leaves[:k]) + rfc6962(leaves[k:])).digest()


def test_roots_are_those_of_the_standard() -> None:
    """For every number of leaves the streamed root is the recursive one of RFC 6962."""
    leaves = [sha256(bytes([n])).digest() for n in range(70)]
    tree = MerkleTree()
    for n, leaf in enumerate(leaves):
        assert tree.root() == rfc6962(leaves[:n])
        tree.add(leaf)


def test_the_links_never_change_their_form() -> None:
    """First link and batch hash are what a third party computes with any JSON and SHA-256 tool."""
    chain = "11111111-2222-4333-8444-555555555555"
    assert first_link(chain) == sha256(b'{"format":1,"kette":"11111111-2222-4333-8444-555555555555"}').digest()
    zero, ones = "00" * 32, "11" * 32
    text = (
        f'{{"anzahl":2,"block":1,"format":1,"gesamt":2,"vorgaenger":"{zero}","wurzel":"{ones}",'
        '"zeitpunkt":"2026-11-23T08:00:00.123Z"}'
    )
    computed = batch_hash(
        number=1, previous=bytes(32), root=b"\x11" * 32, entries=2, total=2, time="2026-11-23T08:00:00.123Z"
    )
    assert computed == sha256(text.encode()).digest()


def test_a_chain_without_its_head_is_not_begun_anew(tmp_path: Path) -> None:
    """If the head is gone while there are batches, nothing is written: a second chain would hide the first."""
    with a_house(tmp_path) as house:
        house.fill(1)
        house.tamper("DELETE FROM audit_head")
        with pytest.raises(AuditError, match="head of the audit chain is missing"):
            house.trail.record(an_entry(), b"")


def test_two_processes_may_begin_the_chain_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who saw no head a moment before another's first batch became visible goes on behind it (PostgreSQL)."""
    with a_house(tmp_path) as house:
        house.fill(1)
        seen = iter([None])
        real = audit_chain.read_head
        monkeypatch.setattr(audit_chain, "read_head", lambda c, *, lock=False: next(seen, real(c, lock=lock)))
        house.trail.record(an_entry(), b"")
        verdict = house.verify()
    assert verdict.intact
    assert verdict.batches == 2


def test_the_migration_makes_exactly_the_tables(tmp_path: Path) -> None:
    """Migration 0002 and the table definitions describe the same columns, keys and indexes."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    database = Database.open(f"sqlite:///{tmp_path / 'x.sqlite'}", create=True)
    database.upgrade()
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, audit_tables.metadata)
    database.close()
    assert [one for one in differences if "audit_" in str(one)] == []
