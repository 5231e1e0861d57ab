"""Verification: an untouched trail verifies, and every manipulation inside the chain is found and named."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.errors import AuditError
from gateway.store.audit import Receipt
from gateway.store.audit_chain import MerkleTree, batch_hash
from gateway.store.audit_verdict import MOST_FINDINGS
from gateway.store.audit_verify import Match, match, verify
from tests.unit.store.audit_kit import A_CLERK, House, a_house, an_entry, rules


def test_an_untouched_trail_verifies(tmp_path: Path) -> None:
    """Nothing is found in an empty trail nor in a whole one, and all of it was read."""
    with a_house(tmp_path) as house:
        empty = house.verify()
        house.fill(4, 3)
        verdict = house.verify()
    assert empty.intact
    assert (empty.chain, empty.batches, empty.entries) == (None, 0, 0)
    assert verdict.intact
    assert (verdict.batches, verdict.entries, verdict.last_time) == (4, 12, "2026-11-23T08:00:00.123Z")
    assert verdict.unanchored == 12


EDITS = {
    "audit_head.id": "UPDATE audit_head SET id = 2",
    "audit_head.chain": "UPDATE audit_head SET chain = '11111111-2222-4333-8444-555555555555'",
    "audit_head.number up": "UPDATE audit_head SET number = 9",
    "audit_head.number down": "UPDATE audit_head SET number = 3",
    "audit_head.total": "UPDATE audit_head SET total = 13",
    "audit_head.hash": "UPDATE audit_head SET hash = zeroblob(32)",
    "audit_batch.number": "UPDATE audit_batch SET number = 9 WHERE number = 2",
    "audit_batch.number, last": "UPDATE audit_batch SET number = 9 WHERE number = 4",
    "audit_batch.previous": "UPDATE audit_batch SET previous = zeroblob(32) WHERE number = 2",
    "audit_batch.previous, first": "UPDATE audit_batch SET previous = zeroblob(32) WHERE number = 1",
    "audit_batch.root": "UPDATE audit_batch SET root = zeroblob(32) WHERE number = 2",
    "audit_batch.entries": "UPDATE audit_batch SET entries = 2 WHERE number = 2",
    "audit_batch.total": "UPDATE audit_batch SET total = total + 1 WHERE number = 2",
    "audit_batch.time": "UPDATE audit_batch SET time = '2026-11-24T08:00:00.123Z' WHERE number = 2",
    "audit_batch.hash": "UPDATE audit_batch SET hash = zeroblob(32) WHERE number = 2",
    "audit_batch.hash, last": "UPDATE audit_batch SET hash = zeroblob(32) WHERE number = 4",
    "audit_entry.batch": "UPDATE audit_entry SET batch = 3, position = 3 WHERE batch = 2 AND position = 2",
    "audit_entry.position": "UPDATE audit_entry SET position = 7 WHERE batch = 2 AND position = 2",
    "audit_entry.number": "UPDATE audit_entry SET number = 'x' WHERE batch = 2 AND position = 1",
    "audit_entry.hash": "UPDATE audit_entry SET hash = zeroblob(32) WHERE batch = 2 AND position = 1",
    "audit_entry.content": "UPDATE audit_entry SET content = replace(content, 'wohnung2000', 'wohnung2001') "
    "WHERE batch = 2 AND position = 1",
    "audit_personal.number": "UPDATE audit_personal SET number = 'x' WHERE rowid = 5",
    "audit_personal.segment": "UPDATE audit_personal SET segment = '2025-01' WHERE rowid = 5",
    "audit_personal.sealed": "UPDATE audit_personal SET sealed = zeroblob(99) WHERE rowid = 5",
    "audit_segment.month": "UPDATE audit_segment SET month = '2025-01'",
    "audit_segment.wrapped": "UPDATE audit_segment SET wrapped = NULL",
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_any_column_is_found(tmp_path: Path, edit: str) -> None:
    """Whatever column of head, batch, entry or personal texts is changed: it is found."""
    with a_house(tmp_path) as house:
        house.fill(4, 3)
        house.tamper(EDITS[edit])
        assert not house.verify().intact


@pytest.mark.parametrize("edit", ["NULL", "'Canary'", "17", "3.5", "x'c3'", "cast(x'c3' as text)", "1e300", "1 << 60"])
@pytest.mark.parametrize(
    "column",
    [f"audit_batch.{name}" for name in ("number", "previous", "root", "entries", "total", "time", "hash")]
    + [f"audit_entry.{name}" for name in ("batch", "position", "number", "hash", "content")]
    + ["audit_head.hash", "audit_head.chain", "audit_head.number", "audit_personal.sealed"],
)
def test_a_value_of_any_type_is_found_and_never_quoted(tmp_path: Path, column: str, edit: str) -> None:
    """A row with a value of a foreign type is a finding, or the trail cannot be read; neither shows the value."""
    table, name = column.split(".")
    with a_house(tmp_path) as house:
        house.fill(2, 2)
        house.database.close()
        with closing(sqlite3.connect(tmp_path / "gateway.sqlite")) as raw:
            raw.execute("PRAGMA writable_schema = 1")
            raw.execute("UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '') WHERE name = ?", (table,))
            raw.commit()
        house.tamper(f"UPDATE {table} SET {name} = {edit} WHERE rowid = (SELECT max(rowid) FROM {table})")
        try:
            verdict = house.verify()
        except AuditError as error:
            told = str(error)
        else:
            assert not verdict.intact
            told = repr(verdict.findings)
    assert "Canary" not in told


def swap_in_batch(house: House) -> None:
    house.tamper(
        "UPDATE audit_entry SET position = 99 WHERE batch = 2 AND position = 0",
        "UPDATE audit_entry SET position = 0 WHERE batch = 2 AND position = 1",
        "UPDATE audit_entry SET position = 1 WHERE batch = 2 AND position = 99",
    )


def swap_across_batches(house: House) -> None:
    house.tamper(
        "UPDATE audit_entry SET position = 99 WHERE batch = 2 AND position = 0",
        "UPDATE audit_entry SET batch = 2, position = 0 WHERE batch = 3 AND position = 0",
        "UPDATE audit_entry SET batch = 3, position = 0 WHERE batch = 2 AND position = 99",
    )


def rehash(house: House) -> None:
    house.tamper("UPDATE audit_entry SET content = replace(content, 'U1', 'U2') WHERE batch = 2 AND position = 1")
    ((content,),) = house.rows("SELECT content FROM audit_entry WHERE batch = 2 AND position = 1")
    raw = content if isinstance(content, bytes) else str(content).encode()
    house.tamper(
        f"UPDATE audit_entry SET content = x'{raw.hex()}', hash = x'{sha256(raw).hexdigest()}' "
        "WHERE batch = 2 AND position = 1"
    )


def insert_entry(house: House) -> None:
    house.tamper(
        "INSERT INTO audit_entry SELECT 2, 3, '00000000-0000-7000-8000-000000000000', hash, content "
        "FROM audit_entry WHERE batch = 1 AND position = 0"
    )


def insert_entry_without_batch(house: House) -> None:
    house.tamper(
        "INSERT INTO audit_entry SELECT 7, 0, '00000000-0000-7000-8000-000000000000', hash, content "
        "FROM audit_entry WHERE batch = 1 AND position = 0"
    )


def delete_batch(*numbers: int) -> Callable[[House], None]:
    def delete(house: House) -> None:
        chosen = f"({','.join(map(str, numbers))})"
        house.tamper(
            f"DELETE FROM audit_entry WHERE batch IN {chosen}", f"DELETE FROM audit_batch WHERE number IN {chosen}"
        )

    return delete


def close_gap(house: House) -> None:
    delete_batch(2)(house)
    for number in (3, 4):
        house.tamper(
            f"UPDATE audit_batch SET number = {number - 1}, total = total - 3 WHERE number = {number}",
            f"UPDATE audit_entry SET batch = {number - 1} WHERE batch = {number}",
        )


def statement(*statements: str) -> Callable[[House], None]:
    return lambda house: house.tamper(*statements)


MANIPULATIONS = {
    "content and hash of an entry": (rehash, "wurzel-falsch", "Block 2"),
    "two entries of a batch swapped": (swap_in_batch, "wurzel-falsch", "Block 2"),
    "two entries swapped across batches": (swap_across_batches, "wurzel-falsch", "Block 3"),
    "entry inserted": (insert_entry, "eintrag-eingefügt", "Block 2: 1 Einträge zu viel"),
    "entry inserted without batch": (insert_entry_without_batch, "eintrag-ohne-block", "Block 7"),
    "first entry of a batch deleted": (
        statement("DELETE FROM audit_entry WHERE batch = 2 AND position = 0"),
        "eintrag-entfernt",
        "Block 2: 1 von 3",
    ),
    "last entry of a batch deleted": (
        statement("DELETE FROM audit_entry WHERE batch = 2 AND position = 2"),
        "eintrag-entfernt",
        "Block 2: 1 von 3",
    ),
    "very last entry deleted": (
        statement("DELETE FROM audit_entry WHERE batch = 4 AND position = 2"),
        "eintrag-entfernt",
        "Block 4: 1 von 3",
    ),
    "first batch deleted": (delete_batch(1), "block-entfernt", "Block 1 fehlt"),
    "batch in the middle deleted": (delete_batch(2), "block-entfernt", "Block 2 fehlt"),
    "two batches deleted": (delete_batch(2, 3), "block-entfernt", "Blöcke 2 bis 3 fehlen"),
    "batch deleted and the others moved up": (close_gap, "kette-gebrochen", "Block 2"),
    "last batch deleted": (delete_batch(4), "ende-entfernt", "der letzte ist 3"),
    "all batches deleted": (delete_batch(1, 2, 3, 4), "ende-entfernt", "der letzte ist 0"),
    "batch row deleted": (statement("DELETE FROM audit_batch WHERE number = 3"), "eintrag-ohne-block", "Block 3"),
    "head deleted": (statement("DELETE FROM audit_head"), "kopf-fehlt", "Kopf"),
    "sealed texts deleted": (statement("DELETE FROM audit_personal WHERE rowid = 5"), "angaben-entfernt", "Block 2"),
    "segment deleted": (statement("DELETE FROM audit_segment"), "segment-fehlt", "2026-11"),
    "segment erased without an entry": (
        statement("UPDATE audit_segment SET wrapped = NULL"),
        "segment-gelöscht",
        "2026-11",
    ),
    "sealed texts inserted": (
        statement("INSERT INTO audit_personal SELECT 'x', segment, sealed FROM audit_personal WHERE rowid = 1"),
        "angaben-eingefügt",
        "1 versiegelte",
    ),
}


@pytest.mark.parametrize("name", MANIPULATIONS)
def test_a_manipulation_is_named_with_its_place(tmp_path: Path, name: str) -> None:
    """Each manipulation has its rule and a text that says where, so that an auditor can go and look."""
    manipulate, rule, place = MANIPULATIONS[name]
    with a_house(tmp_path) as house:
        house.fill(4, 3)
        manipulate(house)
        verdict = house.verify()
    assert not verdict.intact
    assert any(finding.rule == rule and place in finding.text for finding in verdict.findings), verdict.findings


def test_a_changed_entry_is_named_by_its_number(tmp_path: Path) -> None:
    """The finding names the protokollnummer of the changed entry, and the others are not accused."""
    with a_house(tmp_path) as house:
        house.fill(4, 3)
        ((number,),) = house.rows("SELECT number FROM audit_entry WHERE batch = 2 AND position = 1")
        house.tamper(EDITS["audit_entry.content"])
        verdict = house.verify()
    assert {finding.entry for finding in verdict.findings if finding.entry} == {number}


def test_an_entry_under_another_number_is_found(tmp_path: Path) -> None:
    """Content and protokollnummer belong together, also where there are no sealed texts to give it away."""
    with a_house(tmp_path) as house:
        house.trail.record(an_entry(), b"")
        house.tamper("UPDATE audit_entry SET number = '00000000-0000-7000-8000-000000000000'")
        assert rules(house.verify()) == {"nummer-geändert"}


def test_sealed_texts_for_an_entry_without_any_are_found(tmp_path: Path) -> None:
    """Personal texts cannot be put under an entry that committed to none."""
    with a_house(tmp_path) as house:
        receipt = house.trail.record(an_entry(), b"")
        house.fill(1)
        house.tamper(
            f"INSERT INTO audit_personal SELECT '{receipt.number}', segment, sealed FROM audit_personal WHERE rowid = 1"
        )
        assert rules(house.verify()) == {"angaben-eingefügt"}


def test_a_total_that_does_not_add_up_is_found(tmp_path: Path) -> None:
    """Even with every hash computed anew the running total must be that of the batches."""
    with a_house(tmp_path) as house:
        house.fill(3)
        house.tamper("UPDATE audit_batch SET total = total + 5 WHERE number >= 2", "UPDATE audit_head SET total = 14")
        recompute(house, from_batch=2)
        assert rules(house.verify()) == {"zählung-falsch"}


def test_an_erased_key_that_comes_back_is_found(tmp_path: Path) -> None:
    """A month that the trail calls erased but whose key is there again (an old backup) is a finding."""
    with a_house(tmp_path) as house:
        house.fill(1)
        ((wrapped,),) = house.rows("SELECT wrapped FROM audit_segment")
        assert isinstance(wrapped, bytes)
        house.clock.forward(days=30)
        house.trail.erase_segment("2026-11")
        assert house.verify().intact
        house.tamper(f"UPDATE audit_segment SET wrapped = x'{wrapped.hex()}'")
        assert rules(house.verify()) == {"segment-wieder-da"}


def test_sealed_texts_of_an_erased_month_may_go(tmp_path: Path) -> None:
    """Once a month is erased, its unreadable rows may be removed: the chain still verifies."""
    with a_house(tmp_path) as house:
        house.fill(1)
        house.clock.forward(days=30)
        house.trail.erase_segment("2026-11")
        house.tamper("DELETE FROM audit_personal")
        assert house.verify().intact


def recompute(house: House, *, from_batch: int) -> None:
    """What an attacker with the database can do: compute every hash anew from a changed entry on."""
    house.database.close()
    with closing(sqlite3.connect(house.folder / "gateway.sqlite")) as raw:
        (previous,) = raw.execute("SELECT hash FROM audit_batch WHERE number = ?", (from_batch - 1,)).fetchone()
        query = "SELECT number, entries, total, time FROM audit_batch WHERE number >= ? ORDER BY number"
        for number, entries, total, time in raw.execute(query, (from_batch,)).fetchall():
            tree = MerkleTree()
            of_batch = "SELECT position, content FROM audit_entry WHERE batch = ? ORDER BY position"
            for position, content in raw.execute(of_batch, (number,)).fetchall():
                changed = bytes(content).replace(b'"zweck":"U1"', b'"zweck":"U2"') if number == from_batch else content
                digest = sha256(changed).digest()
                tree.add(digest)
                update = "UPDATE audit_entry SET content = ?, hash = ? WHERE batch = ? AND position = ?"
                raw.execute(update, (changed, digest, number, position))
            link = batch_hash(
                number=number, previous=previous, root=tree.root(), entries=entries, total=total, time=time
            )
            update = "UPDATE audit_batch SET previous = ?, root = ?, hash = ? WHERE number = ?"
            raw.execute(update, (previous, tree.root(), link, number))
            previous = link
        raw.execute("UPDATE audit_head SET hash = ?", (previous,))
        raw.commit()


def cut_tail(house: House, *, after: int) -> None:
    """Removal at the end by somebody who also corrects the head."""
    ((total, link),) = house.rows(f"SELECT total, hash FROM audit_batch WHERE number = {after}")
    assert isinstance(link, bytes)
    house.tamper(
        f"DELETE FROM audit_personal WHERE number IN (SELECT number FROM audit_entry WHERE batch > {after})",
        f"DELETE FROM audit_entry WHERE batch > {after}",
        f"DELETE FROM audit_batch WHERE number > {after}",
        f"UPDATE audit_head SET number = {after}, total = {total}, hash = x'{link.hex()}'",
    )


def test_a_chain_computed_anew_is_found_by_the_anchor_only(tmp_path: Path) -> None:
    """Without secrets the chain proves itself only; a signed checkpoint outside exposes the new one."""
    with a_house(tmp_path) as house:
        house.anchored()
        house.fill(4)
        house.trail.checkpoint()
        assert house.verify(with_anchor=True).intact
        recompute(house, from_batch=2)
        assert house.verify().intact
        assert rules(house.verify(with_anchor=True)) == {"prüfpunkt-verletzt"}


def test_removal_at_the_end_is_found_by_the_anchor_only(tmp_path: Path) -> None:
    """Batches cut off with a corrected head leave a whole chain, but the anchor knows how long it was."""
    with a_house(tmp_path) as house:
        house.anchored()
        house.fill(4)
        house.trail.checkpoint()
        cut_tail(house, after=3)
        assert house.verify().intact
        verdict = house.verify(with_anchor=True)
    assert rules(verdict) == {"anker-voraus"}
    assert "12 Einträge bis Block 4" in verdict.findings[0].text


def test_findings_are_bounded(tmp_path: Path) -> None:
    """Of a trail that is broken everywhere the first hundred findings are kept and all are counted."""
    with a_house(tmp_path) as house:
        house.trail.record_all([an_entry()] * 150)
        house.tamper("UPDATE audit_entry SET hash = zeroblob(32)")
        verdict = house.verify()
    assert len(verdict.findings) == MOST_FINDINGS
    assert verdict.broken == 150


def test_an_anchor_needs_its_key(tmp_path: Path) -> None:
    """An anchor file without public key, or the other way round, is refused and not half checked."""
    with a_house(tmp_path) as house:
        with pytest.raises(AuditError, match="public key"):
            verify(house.database, anchor=house.anchor)
        with pytest.raises(AuditError, match="public key"):
            verify(house.database, public_key=house.anchor)


def matched(house: House, receipt: Receipt, **other: bytes) -> Match:
    parts = {"entry_hash": receipt.entry_hash, "salt": receipt.salt, "body": b"answer", **other}
    return match(house.database, number=receipt.number, **parts)


def test_a_stored_answer_matches_its_entry(tmp_path: Path) -> None:
    """Number, hash, salt and body of a stored answer are found in the chain, in the last batch and before."""
    with a_house(tmp_path) as house:
        receipts = [house.trail.record(an_entry(personal=A_CLERK), b"answer") for _ in range(3)]
        assert [matched(house, receipt).holds for receipt in receipts] == [True, True, True]


def test_a_stored_answer_exposes_what_was_done_to_the_log(tmp_path: Path) -> None:
    """Another body, salt or hash does not match; nor does a changed or removed entry, or one outside the chain."""
    with a_house(tmp_path) as house:
        receipt = house.trail.record(an_entry(), b"answer")
        removed = house.trail.record(an_entry(), b"answer")
        bare = house.trail.record(an_entry())
        house.fill(1)
        assert matched(house, receipt, body=b"other answer").rule == "antwort-anders"
        assert matched(house, receipt, salt=bytes(32)).rule == "antwort-anders"
        assert matched(house, receipt, entry_hash=bytes(32)).rule == "eintrag-anders"
        assert matched(house, bare).rule == "antwort-anders"
        delete_batch(2)(house)
        assert matched(house, removed).rule == "nicht-protokolliert"
        assert matched(house, bare, body=b"").rule == "antwort-anders"
        house.tamper("UPDATE audit_batch SET root = zeroblob(32), hash = zeroblob(32) WHERE number = 1")
        assert matched(house, receipt).rule == "kette-gebrochen"
        house.tamper("DELETE FROM audit_batch WHERE number = 1")
        assert matched(house, receipt).rule == "kette-gebrochen"
        house.tamper("UPDATE audit_entry SET content = replace(content, 'U1', 'U2') WHERE batch = 1")
        assert matched(house, receipt).rule == "eintrag-anders"
