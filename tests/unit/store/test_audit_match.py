"""Answers held against an exported trail: the same findings as from the database, and nothing about what came later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.store.audit import Receipt
from gateway.store.audit_entry import sha256
from gateway.store.audit_match import Claim, match_all, match_export
from tests.unit.store.audit_kit import A_CLERK, House, a_house, an_entry

NEVER = "ffffffff-ffff-7fff-bfff-ffffffffffff"


def claim(receipt: Receipt, body: bytes = b"answer") -> Claim:
    return Claim(receipt.number, receipt.entry_hash, sha256(receipt.salt, body))


def three(house: House) -> list[Receipt]:
    """Three answered requests, the second with others in its batch."""
    house.anchored()
    receipts = []
    for _ in range(3):
        receipts.append(house.trail.record(an_entry(personal=A_CLERK), b"answer"))
        house.fill(1, 2)
    house.trail.close()
    return receipts


def test_every_answer_is_found_in_the_export(folder: Path) -> None:
    """First, middle and last batch; the file is asked for all answers together."""
    with a_house(folder) as house:
        receipts = three(house)
        house.export()
        found = match_export(folder / "export", [claim(one) for one in receipts])
    assert [(one.holds, one.rule) for one in found] == [(True, "protokolliert")] * 3


EXPOSED: dict[str, tuple[str, ...]] = {
    "nicht-protokolliert": (
        "DELETE FROM audit_personal WHERE number IN (SELECT number FROM audit_entry WHERE batch = 3)",
        "DELETE FROM audit_entry WHERE batch = 3",
        "DELETE FROM audit_batch WHERE number = 3",
    ),
    "eintrag-anders": ("UPDATE audit_entry SET content = replace(content, 'U1', 'U2') WHERE batch = 3",),
    "kette-gebrochen": ("UPDATE audit_batch SET previous = zeroblob(32) WHERE number = 4",),
}


@pytest.mark.parametrize("rule", EXPOSED)
def test_the_export_exposes_what_the_database_does(folder: Path, rule: str) -> None:
    """Removed, changed, or no longer in the chain: said alike from the database and from the file."""
    with a_house(folder) as house:
        receipt = three(house)[1]
        house.tamper(*EXPOSED[rule])
        house.export()
        for found in (match_all(house.database, [claim(receipt)]), match_export(folder / "export", [claim(receipt)])):
            assert [(one.holds, one.told, one.rule) for one in found] == [(False, True, rule)]


def test_another_answer_does_not_match(folder: Path) -> None:
    """The entry is there, but it commits to another Body."""
    with a_house(folder) as house:
        receipt = three(house)[0]
        house.export()
        assert match_export(folder / "export", [claim(receipt, b"other")])[0].rule == "antwort-anders"


@pytest.mark.parametrize("number", ["later", "never"])
def test_what_is_younger_than_the_export_cannot_be_told(folder: Path, number: str) -> None:
    """An answer given after the file was written is not in it, and that proves no removal."""
    with a_house(folder) as house:
        three(house)
        house.export()
        house.clock.forward(seconds=1)
        later = claim(house.reopen().record(an_entry(), b"answer"))
        asked = later if number == "later" else Claim(NEVER, later.entry_hash, later.commitment)
        found = match_export(folder / "export", [asked])[0]
    assert (found.holds, found.told, found.rule) == (False, False, "zu-jung")


def test_memory_is_that_of_the_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the file only the entries asked for are kept, however often the number stands in it."""
    from gateway.store import audit_match

    kept: list[int] = []
    collect: Callable[..., audit_match._Collected] = audit_match._Collected.of

    def counting(*arguments: object) -> audit_match._Collected:
        collected = collect(*arguments)
        kept.append(len(collected.found) + len(collected.batches))
        return collected

    with a_house(folder) as house:
        receipt = three(house)[1]
        house.export()
        monkeypatch.setattr(audit_match._Collected, "of", counting)
        match_export(folder / "export", [claim(receipt)])
    assert kept == [1 + 3]
