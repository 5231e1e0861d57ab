"""Several restores of one trail: whatever went back and forth, only what stands now is asked for."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from gateway.store.audit_anchor_file import AnchorFile
from gateway.store.audit_match import TAKEN_BACK, Claim, match_all
from tests.unit.store.audit_kit import House, a_house
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


def missing(moment: datetime) -> Claim:
    """An answer of that moment whose entry is nowhere."""
    milliseconds = round(moment.timestamp() * 1000)
    return Claim(str(UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62)), bytes(32), bytes(32))


def said(house: House, *moments: datetime) -> list[str]:
    restores = AnchorFile(house.anchor, house.key.public).read_restores()
    return [one.rule for one in match_all(house.database, [missing(moment) for moment in moments], restores)]


def test_only_answers_between_backup_and_restore_were_taken_back(folder: Path) -> None:
    """Older or younger ones without an entry were removed, restore or not; without a restore all were."""
    with a_house(folder) as house:
        house.anchored()
        house.fill(2)
        backup = house.clock.now
        house.trail.checkpoint()
        moments = [backup + timedelta(seconds=seconds) for seconds in (-60, 1, 1800, 7200)]
        assert set(said(house, *moments)) == {"nicht-protokolliert"}
        house.clock.forward(hours=1)
        house.trail.checkpoint(restored=True)
        house.clock.forward(hours=2)
        house.fill(1)
        gone = "nicht-protokolliert"
        assert said(house, *moments) == [gone, TAKEN_BACK, TAKEN_BACK, gone]
