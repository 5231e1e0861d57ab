"""The exported trail: complete, alone sufficient, without a personal text, and intact only if the trail was."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.errors import AuditError
from gateway.reports.verification import ExitCode, report
from gateway.store import audit_export_format as form
from gateway.store.audit_export import export
from gateway.store.audit_verify import verify_export
from tests.unit.store.audit_kit import A_CLERK, House, a_house, an_entry, rules
from tests.unit.store.test_audit_anchor import anchored_house
from tests.unit.store.test_audit_verify import EDITS, MANIPULATIONS, cut_tail, recompute


def lines_of(path: Path, word: bytes) -> list[list[bytes]]:
    return [line.split(b"\t") for line in path.read_bytes().splitlines() if line.startswith(word + b"\t")]


def test_an_export_needs_the_public_key_and_nothing_else(folder: Path) -> None:
    """Alone in another folder, with the database, the settings and the anchor gone, the file verifies as a whole."""
    with a_house(folder) as house:
        anchored_house(house, checkpoints=3)
        house.export()
        found = house.verify_export()
    for path in folder.iterdir():
        if path.is_file() and path.name not in ("export", "checkpoint.pub"):
            path.unlink()
    verdict = verify_export(folder / "export", public_key=folder / "checkpoint.pub")
    assert verdict == found
    assert verdict.intact
    assert (verdict.batches, verdict.entries, verdict.unanchored) == (3, 9, 0)
    assert verdict.anchored is not None
    assert report(verdict).exit_code is ExitCode.OK


def test_an_export_tells_no_more_than_the_chain(folder: Path) -> None:
    """No personal text, no sealed text, no wrapped key, no salt: only entries, hashes and signed checkpoints."""
    with a_house(folder) as house:
        anchored_house(house)
        salt = house.trail.record(an_entry(personal=A_CLERK), b"answer").salt
        house.trail.close()
        written = house.export().read_bytes()
        sealed = [row[0] for row in house.rows("SELECT sealed FROM audit_personal")]
        wrapped = [row[0] for row in house.rows("SELECT wrapped FROM audit_segment")]
    assert not any(text.encode() in written for text in A_CLERK.texts().values())
    for secret in [*sealed, *wrapped, salt]:
        assert isinstance(secret, bytes)
        assert secret not in written
        assert secret.hex().encode() not in written
    words = (form.HEADER, form.CHECKPOINT, form.MONTH, form.STRAYS, form.BATCH, form.ENTRY, form.HEAD, form.END)
    assert {line.split(b"\t")[0] for line in written.splitlines()} == set(words)
    assert len(lines_of(folder / "export", form.ENTRY)) == 10
    assert (
        b"".join(b"\t".join(line[1:]) + b"\n" for line in lines_of(folder / "export", form.CHECKPOINT))
        == (folder / "anchor").read_bytes()
    )


def test_an_export_is_there_whole_or_not_at_all(folder: Path) -> None:
    """Mode 0600; it takes the place of an older one at once; what fails leaves neither a draft nor a change."""
    with a_house(folder) as house:
        anchored_house(house)
        path = house.export()
        before = path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        house.trail.record(an_entry(), b"")
        house.trail.close()
        house.tamper("UPDATE audit_entry SET content = zeroblob(5000000) WHERE batch = 3 AND position = 2")
        with pytest.raises(AuditError, match="too long to be exported"):
            house.export()
        assert path.read_bytes() == before
        assert not [one for one in folder.iterdir() if one.name.startswith(".")]
        with pytest.raises(AuditError, match="cannot be written"):
            written(house, folder / "no folder" / "export")
        with pytest.raises(AuditError, match="not an ordinary file"):
            written(house, Path("/dev/null"))


def written(house: House, path: Path) -> None:
    export(house.database, path, anchor=house.anchor, key=house.key, clock=house.clock)


def test_an_empty_trail_can_be_exported(folder: Path) -> None:
    """Before the first entry there is nothing to say, and nothing is wrong."""
    with a_house(folder) as house:
        house.anchored()
        house.export()
        verdict = house.verify_export()
    assert verdict.intact
    assert (verdict.chain, verdict.batches, verdict.entries) == (None, 0, 0)


@pytest.mark.parametrize("edit", EDITS)
def test_an_export_of_an_edited_trail_is_not_intact(folder: Path, edit: str) -> None:
    """Whatever column was changed in the database, the file says so too: an export washes nothing clean."""
    with a_house(folder) as house:
        anchored_house(house, checkpoints=4)
        house.tamper(EDITS[edit])
        house.export()
        assert not house.verify_export().intact


@pytest.mark.parametrize("name", MANIPULATIONS)
def test_a_manipulation_is_named_from_the_export(folder: Path, name: str) -> None:
    """Rule and place are those that the verification of the database itself would give."""
    manipulate, rule, place = MANIPULATIONS[name]
    with a_house(folder) as house:
        anchored_house(house, checkpoints=4)
        manipulate(house)
        house.export()
        verdict = house.verify_export()
    assert any(finding.rule == rule and place in finding.text for finding in verdict.findings), verdict.findings


def test_a_chain_computed_anew_is_found_from_the_export(folder: Path) -> None:
    """The file brings the checkpoints along: hashes that fit each other do not fit them."""
    with a_house(folder) as house:
        anchored_house(house, checkpoints=4)
        recompute(house, from_batch=2)
        house.export()
        assert rules(house.verify_export()) == {"prüfpunkt-verletzt"}


def test_removal_at_the_end_needs_an_anchor_kept_elsewhere(folder: Path) -> None:
    """Who cuts database and anchor together can export what is left; only the copy of the anchor knows better."""
    with a_house(folder) as house:
        lines = anchored_house(house, checkpoints=4)
        cut_tail(house, after=3)
        house.export()
        assert rules(house.verify_export()) == {"anker-voraus"}
        house.anchor.write_bytes(b"".join(lines[:3]))
        house.export()
        alone = house.verify_export()
        assert alone.intact
        assert any("--anchor" in line for line in report(alone).lines)
        house.anchor.write_bytes(b"".join(lines))
        assert rules(house.verify_export(with_anchor=True)) == {"anker-voraus"}


def test_a_later_anchor_does_not_accuse_an_older_export(folder: Path) -> None:
    """What was anchored after the file was written is no finding; the report names it, also after a later restore."""
    with a_house(folder) as house:
        anchored_house(house)
        house.export()
        house.clock.forward(minutes=5)
        house.fill(2)
        house.trail.checkpoint()
        house.trail.checkpoint(restored=True)
        verdict = house.verify_export(with_anchor=True)
    assert verdict.intact, verdict.findings
    assert verdict.restores == ()
    assert verdict.beyond is not None
    assert any(f"zuletzt vom {verdict.beyond.zeitpunkt}" in line for line in report(verdict).lines)


def test_an_anchor_without_a_checkpoint_is_a_warning(folder: Path) -> None:
    """A copy that is empty proves nothing although the checkpoints of the file hold; one that is missing is refused."""
    with a_house(folder) as house:
        anchored_house(house)
        house.export()
        house.anchor.write_bytes(b"")
        assert report(house.verify_export(with_anchor=True)).exit_code is ExitCode.WARNING
        house.anchor.unlink()
        with pytest.raises(AuditError, match="fehlt"):
            house.verify_export(with_anchor=True)
        house.export()
        assert report(house.verify_export()).exit_code is ExitCode.WARNING


def test_an_export_can_end_earlier(folder: Path) -> None:
    """With `until` the file ends with the last batch before it, its head is that batch, and later checkpoints wait."""
    with a_house(folder) as house:
        anchored_house(house, checkpoints=4)  # one a minute, from 08:00
        house.export(until=datetime(2026, 11, 23, 8, 2, tzinfo=UTC))
        verdict = house.verify_export(with_anchor=True)
        house.export(until=datetime(2026, 11, 22, tzinfo=UTC))
        nothing = house.verify_export()
    assert verdict.intact, verdict.findings
    assert (verdict.batches, verdict.entries) == (2, 6)
    assert verdict.anchored is not None
    assert verdict.anchored.block == 2
    assert verdict.beyond is not None
    assert (nothing.intact, nothing.entries) == (True, 0)


def test_a_cut_is_believed_only_if_the_house_signed_it(folder: Path) -> None:
    """Somebody who takes the end away and writes `bis` into the first line is found out."""
    with a_house(folder) as house:
        anchored_house(house, checkpoints=4)
        house.export(until=datetime(2026, 11, 23, 8, 2, tzinfo=UTC))
        cut = (folder / "export").read_bytes().splitlines(keepends=True)
        end = house.export().read_bytes().splitlines(keepends=True)[-1]
        (folder / "export").write_bytes(b"".join(cut[:-1]) + end)
        assert rules(house.verify_export()) == {"auszug-geändert", "anker-voraus"}
