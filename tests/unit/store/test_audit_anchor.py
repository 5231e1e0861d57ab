"""The anchor: signed checkpoints outside the database, which neither shrink nor change unseen."""

from __future__ import annotations

import base64
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.errors import AuditError
from gateway.reports.verification import ExitCode, report
from gateway.store import audit_tables
from gateway.store.audit_anchor import Anchor, Checkpoint, CheckpointKey, read_line
from gateway.store.audit_schedule import AFTER, AFTER_ENTRIES, CheckpointSchedule
from gateway.store.audit_verdict import Verdict
from gateway.store.database import Database
from tests.unit.store.audit_kit import Clock, House, a_house, an_entry, rules


def anchored_house(house: House, *, checkpoints: int = 3) -> list[bytes]:
    """A trail with that many checkpoints, one batch before each; the lines of the anchor.

    No writer is left running behind it: it would anchor by itself in the middle of what a test does to the files.
    """
    house.anchored()
    for _ in range(checkpoints):
        house.fill(1)
        house.trail.checkpoint()
        house.clock.forward(minutes=1)
    house.close()
    house.reopen()
    return house.anchor.read_bytes().splitlines(keepends=True)


def with_lines(house: House, *lines: bytes) -> Verdict:
    house.anchor.write_bytes(b"".join(lines))
    return house.verify(with_anchor=True)


def test_a_checkpoint_needs_no_tool_of_ours(tmp_path: Path) -> None:
    """A line is canonical JSON, tab, Base64 of a P-256 SHA-256 signature (DER) over exactly the bytes before the tab.

    `openssl dgst -sha256 -verify checkpoint.pub -signature SIGNATURE PAYLOAD` says the same.
    """
    with a_house(tmp_path) as house:
        line = anchored_house(house, checkpoints=1)[0]
    payload, _, signature = line.removesuffix(b"\n").partition(b"\t")
    assert payload.startswith('{"art":"prüfpunkt","block":1,"format":1,"gesamt":3,"hash":"'.encode())
    public = serialization.load_pem_public_key((tmp_path / "checkpoint.pub").read_bytes())
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(base64.b64decode(signature), payload, ec.ECDSA(hashes.SHA256()))


def test_checkpoints_follow_the_chain(tmp_path: Path) -> None:
    """Each checkpoint names batch, number of entries and hash; without new entries none is added."""
    with a_house(tmp_path) as house:
        lines = anchored_house(house)
        points = [read_line(1, line, house.key.public).checkpoint for line in lines]
        assert [(one.block, one.gesamt) for one in points] == [(1, 3), (2, 6), (3, 9)]
        assert house.trail.checkpoint() == points[-1]
        assert house.anchor.read_bytes() == b"".join(lines)
        verdict = house.verify(with_anchor=True)
    assert verdict.intact
    assert verdict.anchored == points[-1]
    assert verdict.unanchored == 0


def test_a_database_rolled_back_is_found(tmp_path: Path) -> None:
    """Yesterday's database under today's anchor: found by verification, refused at start and by every checkpoint."""
    with a_house(tmp_path) as house:
        anchored_house(house)
        house.close()
        shutil.copy(tmp_path / "gateway.sqlite", tmp_path / "yesterday")
        house.reopen()
        house.fill(2)
        house.trail.checkpoint()
        house.close()
        shutil.copy(tmp_path / "yesterday", tmp_path / "gateway.sqlite")
        house.reopen()
        assert rules(house.verify(with_anchor=True)) == {"anker-voraus"}
        with pytest.raises(AuditError, match="does not continue its last checkpoint"):
            house.trail.check_anchor()
        house.fill(3)
        with pytest.raises(AuditError, match="does not continue its last checkpoint"):
            house.trail.checkpoint()
        assert rules(house.verify(with_anchor=True)) == {"prüfpunkt-verletzt"}


def test_a_legitimate_restore_is_told_by_a_signed_checkpoint(tmp_path: Path) -> None:
    """After a restore checkpoint the chain goes on from there and verifies; the verdict names the restore."""
    with a_house(tmp_path) as house:
        anchored_house(house)
        ((link,),) = house.rows("SELECT hash FROM audit_batch WHERE number = 2")
        assert isinstance(link, bytes)
        house.tamper(
            "DELETE FROM audit_personal WHERE number IN (SELECT number FROM audit_entry WHERE batch > 2)",
            "DELETE FROM audit_entry WHERE batch > 2",
            "DELETE FROM audit_batch WHERE number > 2",
            f"UPDATE audit_head SET number = 2, total = 6, hash = x'{link.hex()}'",
        )
        restored = house.trail.checkpoint(restored=True)
        house.trail.check_anchor()
        house.fill(2)
        house.trail.checkpoint()
        verdict = house.verify(with_anchor=True)
    assert verdict.intact, verdict.findings
    assert verdict.restores == (restored,)
    assert verdict.entries == 12


def emptied(house: House) -> None:
    """The house as it stands after a restore to a database in which nothing was audited yet."""
    house.close()
    (house.folder / "gateway.sqlite").unlink()
    for beside in house.folder.glob("gateway.sqlite-*"):
        beside.unlink()
    house.database = Database.open(house.url, create=True)
    with house.database.write() as connection:
        audit_tables.metadata.create_all(connection)
    house.reopen()


def test_a_restore_to_a_database_without_any_entry_can_be_anchored(folder: Path) -> None:
    """The chain begins with the restore checkpoint, nothing else is taken before it, and all verifies afterwards."""
    with a_house(folder) as house:
        anchored_house(house)
        emptied(house)
        with pytest.raises(AuditError, match="does not continue its last checkpoint"):
            house.trail.check_anchor()
        assert rules(house.verify(with_anchor=True)) == {"anker-voraus"}
        restored = house.trail.checkpoint(restored=True)
        assert restored is not None
        assert (restored.art, restored.block, restored.gesamt) == ("wiederherstellung", 0, 0)
        house.trail.check_anchor()
        assert house.verify(with_anchor=True).intact
        house.fill(2)
        house.trail.checkpoint()
        verdict = house.verify(with_anchor=True)
    assert verdict.intact, verdict.findings
    assert (verdict.entries, verdict.restores) == (6, (restored,))


def test_a_chain_without_an_entry_is_bound_to_its_restore(folder: Path) -> None:
    """Emptied once more after that restore, the new chain of the database is not the one that was anchored."""
    with a_house(folder) as house:
        anchored_house(house)
        emptied(house)
        house.trail.checkpoint(restored=True)
        emptied(house)
        with pytest.raises(AuditError, match="does not continue its last checkpoint"):
            house.trail.check_anchor()
        house.fill(1)
        house.close()
        house.reopen()
        assert rules(house.verify(with_anchor=True)) == {"andere-kette"}
        house.trail.checkpoint(restored=True)
        assert house.verify(with_anchor=True).intact


def test_a_restore_to_an_older_chain_is_told_too(folder: Path) -> None:
    """From nothing back to the backup of the first chain: its own checkpoints hold again, those between do not."""
    with a_house(folder) as house:
        anchored_house(house)
        shutil.copy(folder / "gateway.sqlite", folder / "backup")
        emptied(house)
        house.trail.checkpoint(restored=True)
        house.fill(2)
        house.close()
        shutil.copy(folder / "backup", folder / "gateway.sqlite")
        house.reopen()
        assert not house.verify(with_anchor=True).intact
        house.trail.checkpoint(restored=True)
        house.close()
        assert house.verify(with_anchor=True).intact
        house.tamper("UPDATE audit_batch SET hash = zeroblob(32) WHERE number = 2")
        assert "prüfpunkt-verletzt" in rules(house.verify(with_anchor=True))


def test_another_chain_is_found(tmp_path: Path) -> None:
    """A new chain in place of the whole old one does not pass under the old anchor, nor does an emptied database."""
    with a_house(tmp_path) as house:
        anchored_house(house)
        tables = ("audit_personal", "audit_entry", "audit_batch", "audit_head")
        house.tamper(*(f"DELETE FROM {table}" for table in tables))
        assert rules(house.verify(with_anchor=True)) == {"anker-voraus"}
        house.fill(3)
        assert rules(house.verify(with_anchor=True)) == {"andere-kette"}


def test_a_changed_anchor_is_found(tmp_path: Path) -> None:
    """A forged, changed, reordered or removed line is found; removal at the end of the anchor is not, and is stated."""
    with a_house(tmp_path) as house:
        one, two, three = anchored_house(house)
        other = CheckpointKey.create(make(tmp_path / "other"))
        forged = other.line(read_line(1, two, house.key.public).checkpoint)
        assert "prüfpunkt-gefälscht" in rules(with_lines(house, one, forged, three))
        assert "prüfpunkt-gefälscht" in rules(with_lines(house, one, two.replace(b":6", b":7"), three))
        assert "prüfpunkt-gefälscht" in rules(with_lines(house, one, b"x" * 10_000 + b"\n", two, three))
        assert rules(with_lines(house, one, three)) == {"prüfpunkt-entfernt"}
        assert rules(with_lines(house, two, three)) == {"prüfpunkt-entfernt"}
        assert "prüfpunkt-reihenfolge" in rules(with_lines(house, one, three, two))
        shortened = with_lines(house, one, two)
    assert shortened.intact
    assert shortened.unanchored == 3


def test_a_forged_restore_takes_no_force_from_checkpoints(tmp_path: Path) -> None:
    """A restore line that the key did not sign neither hides a removal nor passes."""
    with a_house(tmp_path) as house:
        lines = anchored_house(house)
        other = CheckpointKey.create(make(tmp_path / "other"))
        genuine = read_line(1, lines[0], house.key.public).checkpoint
        forged = other.line(genuine.model_copy(update={"art": "wiederherstellung"}))
        house.tamper("DELETE FROM audit_entry WHERE batch = 3", "DELETE FROM audit_batch WHERE number = 3")
        assert {"prüfpunkt-gefälscht", "anker-voraus"} <= rules(with_lines(house, *lines, forged))


def test_a_line_torn_by_a_crash_is_told_and_mended(tmp_path: Path) -> None:
    """Half a line at the end is a remark and no finding; the next checkpoint replaces it."""
    with a_house(tmp_path) as house:
        lines = anchored_house(house)
        verdict = with_lines(house, *lines, lines[-1][:40])
        assert verdict.intact
        assert verdict.torn
        house.fill(1)
        house.trail.checkpoint()
        mended = house.verify(with_anchor=True)
        assert mended.intact
        assert not mended.torn
        assert house.anchor.read_bytes().startswith(b"".join(lines))


def test_nothing_is_appended_after_a_line_that_is_not_ours(tmp_path: Path) -> None:
    """If the last line carries no signature of this key, the checkpoint is refused instead of covering it up."""
    with a_house(tmp_path) as house:
        lines = anchored_house(house)
        house.anchor.write_bytes(b"".join(lines) + b"something else\n")
        house.fill(1)
        with pytest.raises(AuditError, match="not a checkpoint signed with this key"):
            house.trail.checkpoint()


def test_a_missing_anchor_proves_nothing(tmp_path: Path) -> None:
    """Without the anchor file the verdict has no checkpoint and says that one was asked for: no silent pass."""
    with a_house(tmp_path) as house:
        anchored_house(house)
        house.anchor.unlink()
        verdict = house.verify(with_anchor=True)
    assert verdict.with_anchor
    assert verdict.anchored is None
    assert report(verdict).exit_code is ExitCode.WARNING


def test_an_anchor_or_key_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """Verification against something that is no anchor or no public key is refused, not skipped."""
    with a_house(tmp_path) as house:
        anchored_house(house)
        house.anchor.unlink()
        house.anchor.mkdir()
        with pytest.raises(AuditError, match="anchor file cannot be read"):
            house.verify(with_anchor=True)
        (tmp_path / "checkpoint.pub").write_text("nothing")
        with pytest.raises(AuditError, match="no public key"):
            house.verify(with_anchor=True)


def test_the_key_is_private_and_never_replaced(tmp_path: Path) -> None:
    """The private key is 0600, is refused if others may read it, and is not overwritten."""
    key = CheckpointKey.create(tmp_path)
    path = tmp_path / "checkpoint.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert CheckpointKey.load(tmp_path).public_pem() == key.public_pem() == (tmp_path / "checkpoint.pub").read_bytes()
    with pytest.raises(AuditError, match="cannot be created"):
        CheckpointKey.create(tmp_path)
    path.chmod(0o640)
    with pytest.raises(AuditError, match="0600"):
        CheckpointKey.load(tmp_path)
    path.chmod(0o600)
    path.write_text("nothing")
    with pytest.raises(AuditError, match="no checkpoint key"):
        CheckpointKey.load(tmp_path)


def test_the_writer_anchors_by_itself(tmp_path: Path) -> None:
    """1,000 entries bring a checkpoint, and so does the end of the process; an unwritable anchor stops no answer."""
    with a_house(tmp_path) as house:
        trail = house.anchored()
        trail.record_all([an_entry()] * AFTER_ENTRIES)
        trail.record(an_entry(), b"")
        trail.close()
        points = [read_line(1, line, house.key.public) for line in house.anchor.read_bytes().splitlines(keepends=True)]
        assert [one.checkpoint.gesamt for one in points] == [AFTER_ENTRIES, AFTER_ENTRIES + 1]
        assert trail.checkpoint_problem() is None
        broken = house.open(anchor=Anchor(tmp_path / "no folder" / "anchor", house.key, house.clock))
        assert broken.record(an_entry(), b"").covers(b"")
        broken.close()
        assert "anchor file cannot be written" in (broken.checkpoint_problem() or "")


def test_several_processes_share_one_anchor(folder: Path) -> None:
    """Whoever appends goes on from the other's last line, and the lines are one chain."""
    with a_house(folder) as house:
        one = house.anchored()
        other = house.open(anchor=Anchor(house.anchor, house.key, house.clock))
        for trail in (one, other, one, other):
            trail.record(an_entry(), b"")
            trail.checkpoint()
        one.close()
        other.close()
        verdict = house.verify(with_anchor=True)
    assert verdict.intact, verdict.findings
    assert (verdict.entries, verdict.unanchored) == (4, 0)


class Recorder:
    """A checkpoint function that counts, and fails while told so."""

    def __init__(self) -> None:
        self.calls = 0
        self.failing = False

    def __call__(self) -> Checkpoint | None:
        self.calls += 1
        if self.failing:
            raise AuditError("disk full")
        return None


def test_a_checkpoint_is_due_after_a_minute_or_at_the_end() -> None:
    """Nothing is due without entries; the first entry at once, then 60 s after the first unanchored one, at the end,
    or if the clock went back."""
    clock, checkpoint = Clock(), Recorder()
    schedule = CheckpointSchedule(checkpoint, clock)
    assert schedule.tick(True) is None
    schedule.written(1)
    assert schedule.tick(False) is None
    assert checkpoint.calls == 1
    schedule.written(2)
    assert schedule.tick(False) == AFTER.total_seconds()
    clock.forward(seconds=20)
    schedule.written(3)
    assert schedule.tick(False) == 40
    assert checkpoint.calls == 1
    clock.forward(seconds=40)
    assert schedule.tick(False) is None
    assert checkpoint.calls == 2
    schedule.written(4)
    clock.forward(seconds=-1)
    schedule.tick(False)
    schedule.written(5)
    schedule.tick(True)
    assert checkpoint.calls == 4


def test_a_failed_checkpoint_is_told_and_tried_again_in_a_minute() -> None:
    """`problem` says what is wrong until a checkpoint succeeds; a broken anchor is not tried with every batch."""
    clock, checkpoint = Clock(), Recorder()
    schedule = CheckpointSchedule(checkpoint, clock)
    checkpoint.failing = True
    schedule.written(AFTER_ENTRIES)
    assert schedule.tick(False) == AFTER.total_seconds()
    schedule.written(AFTER_ENTRIES + 1)
    schedule.tick(False)
    assert (checkpoint.calls, schedule.problem) == (1, "disk full")
    checkpoint.failing = False
    clock.now += AFTER + timedelta(seconds=1)
    assert schedule.tick(False) is None
    assert (checkpoint.calls, schedule.problem) == (2, None)


def test_an_unwritable_anchor_is_an_audit_error(tmp_path: Path) -> None:
    """A full or missing disk under the anchor is AuditError, not a foreign error."""
    with a_house(tmp_path) as house:
        house.anchored()
        house.fill(1)
        full = house.open(anchor=Anchor(Path("/dev/full"), house.key, house.clock))
        with pytest.raises(AuditError, match="anchor file cannot be written"):
            full.checkpoint()
        full.close()


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder
