"""Several restores of one trail: whatever went back and forth, only what stands now is asked for."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.unit.store.audit_kit import a_house
from tests.unit.store.test_audit_anchor import anchored_house


def test_a_restore_to_what_an_earlier_one_had_left(folder: Path) -> None:
    """Back by two batches, on by another way, and then to the state of before after all: nothing is wrong with it."""
    with a_house(folder) as house:
        anchored_house(house)
        shutil.copy(folder / "gateway.sqlite", folder / "older")
        house.fill(3)
        house.trail.checkpoint()
        house.close()
        shutil.copy(folder / "gateway.sqlite", folder / "newer")
        for name in ("older", "newer"):
            house.close()
            shutil.copy(folder / name, folder / "gateway.sqlite")
            house.reopen()
            house.trail.checkpoint(restored=True)
            house.fill(2)
            house.trail.checkpoint()
            verdict = house.verify(with_anchor=True)
            assert verdict.intact, (name, verdict.findings)
        house.tamper("UPDATE audit_batch SET hash = zeroblob(32) WHERE number = 5")
        assert not house.verify(with_anchor=True).intact
