"""Contents that retention took: accepted only where the chain says so, and never more than the content."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.reports.verification import ExitCode, report
from gateway.store.audit import Entry, Kind
from gateway.store.audit_check import CONTENTS_DROPPED
from gateway.store.audit_entry import sha256
from gateway.store.audit_match import Claim, match_all, match_export
from tests.unit.store.audit_kit import A_CLERK, House, a_house, an_entry, rules

OF_NOVEMBER = "batch IN (SELECT number FROM audit_batch WHERE time LIKE '2026-11-%')"
DROP = f"UPDATE audit_entry SET content = x'' WHERE {OF_NOVEMBER}"
DROP_TEXTS = f"DELETE FROM audit_personal WHERE number IN (SELECT number FROM audit_entry WHERE {OF_NOVEMBER})"


def told(**other: object) -> Entry:
    """The entry that tells of the dropped contents of November."""
    said = {
        "kind": Kind.LOESCHUNG,
        "operation": CONTENTS_DROPPED,
        "outcome": "geloescht",
        "segment": "2026-11",
        **other,
    }
    return Entry(**said)  # type: ignore[arg-type]  # parts of the test


def two_months(house: House, entry: Entry | None) -> None:
    """Three batches in November, anchored; then in December one more, and the entry that tells."""
    house.anchored()
    house.fill(3, 2)
    house.trail.checkpoint()
    house.clock.forward(days=30)
    house.fill(1, 2)
    if entry is not None:
        house.trail.record(entry)
    house.trail.checkpoint()
    house.trail.close()


def test_a_month_that_the_chain_calls_dropped_may_be_empty(folder: Path) -> None:
    """Database and export verify on the kept hashes, Merkle roots and checkpoints; the report names the month."""
    with a_house(folder) as house:
        two_months(house, told())
        house.tamper(DROP, DROP_TEXTS)
        house.export()
        for verdict in (house.verify(with_anchor=True), house.verify_export()):
            assert verdict.intact, verdict.findings
            assert verdict.dropped == (("2026-11", 6),)
            assert report(verdict).exit_code is ExitCode.OK
            assert any("Inhalte gelöscht für 2026-11: 6 Einträge" in line for line in report(verdict).lines)


NOT_TOLD = {
    "nobody": None,
    "of another month": told(segment="2026-10"),
    "as a disclosure": told(kind=Kind.OFFENLEGUNG),
    "of the personal texts only": told(operation="protokollsegmentLoeschen"),
    "as another deletion": told(operation="personLoeschen"),
}


@pytest.mark.parametrize("name", NOT_TOLD)
def test_a_content_that_nobody_told_of_is_a_finding(folder: Path, name: str) -> None:
    """Only an entry Löschung protokollinhaltLoeschen of just that month makes a missing content lawful."""
    with a_house(folder) as house:
        two_months(house, NOT_TOLD[name])
        house.tamper(DROP, DROP_TEXTS)
        house.export()
        assert "inhalt-entfernt" in rules(house.verify(with_anchor=True))
        assert "inhalt-entfernt" in rules(house.verify_export())


def test_another_month_is_not_covered(folder: Path) -> None:
    """One content missing in December is found although November is told of."""
    with a_house(folder) as house:
        two_months(house, told())
        house.tamper(DROP, "UPDATE audit_entry SET content = x'' WHERE batch = 4 AND position = 1")
        verdict = house.verify(with_anchor=True)
    assert rules(verdict) == {"inhalt-entfernt"}
    assert "(1 im Monat 2026-12)" in verdict.findings[0].text
    assert "Block 4, Stelle 1" in verdict.findings[0].text


def test_a_month_cannot_tell_of_itself(folder: Path) -> None:
    """An entry of November that calls November dropped makes nothing lawful: the month was not over."""
    with a_house(folder) as house:
        house.anchored()
        house.fill(1)
        house.trail.record(told())
        house.trail.close()
        house.tamper("UPDATE audit_entry SET content = x'' WHERE batch = 1 AND position = 0")
        assert rules(house.verify()) == {"inhalt-entfernt"}


@pytest.mark.parametrize(
    ("edit", "rule"),
    [
        ("UPDATE audit_entry SET hash = zeroblob(32) WHERE batch = 2 AND position = 1", "wurzel-falsch"),
        ("DELETE FROM audit_entry WHERE batch = 2 AND position = 1", "eintrag-entfernt"),
        ("UPDATE audit_batch SET time = '2026-12-01T00:00:00.000Z' WHERE number = 2", "block-geändert"),
        ("DELETE FROM audit_batch WHERE number = 2", "block-entfernt"),
    ],
)
def test_what_is_left_of_a_dropped_entry_is_still_bound(folder: Path, edit: str, rule: str) -> None:
    """Hash, place and block of an entry without content cannot be changed or removed unseen."""
    with a_house(folder) as house:
        two_months(house, told())
        house.tamper(DROP, DROP_TEXTS, "PRAGMA foreign_keys = 0", edit)
        house.export()
        assert rule in rules(house.verify(with_anchor=True))
        assert rule in rules(house.verify_export())


def test_contents_that_are_still_there_are_a_warning(folder: Path) -> None:
    """Told to be dropped and yet there (a deletion that broke off, an old backup): exit 1, for it is no forgery."""
    with a_house(folder) as house:
        two_months(house, told())
        verdict = house.verify(with_anchor=True)
    assert verdict.intact
    assert verdict.left == ("2026-11",)
    assert report(verdict).exit_code is ExitCode.WARNING


def test_an_erased_month_without_its_key_row_is_lawful(folder: Path) -> None:
    """With the contents even the row of the month's key may go: nothing is left that it could open."""
    with a_house(folder) as house:
        two_months(house, told())
        house.tamper(DROP, DROP_TEXTS, "DELETE FROM audit_segment WHERE month = '2026-11'")
        assert house.verify(with_anchor=True).intact


def test_a_cut_export_leaves_open_what_a_later_entry_tells(folder: Path) -> None:
    """The witness of a deletion may come after the end of the file: exit 1 and said so, no accusation."""
    with a_house(folder) as house:
        two_months(house, told())
        house.tamper(DROP, DROP_TEXTS)
        until = house.clock.now.replace(month=12, day=1)
        house.export(until=until)
        verdict = house.verify_export()
    assert verdict.intact, verdict.findings
    assert verdict.unproven == ("2026-11",)
    assert report(verdict).exit_code is ExitCode.WARNING


def test_an_answer_matches_an_entry_without_content(folder: Path) -> None:
    """The hash in the quittung still stands in the chain, in the database and in the export; another one does not."""
    with a_house(folder) as house:
        house.anchored()
        receipt = house.trail.record(an_entry(personal=A_CLERK), b"answer")
        house.clock.forward(days=30)
        house.trail.record(told())
        house.trail.close()
        house.tamper(DROP, DROP_TEXTS)
        house.export()
        true = Claim(receipt.number, receipt.entry_hash, sha256(receipt.salt, b"answer"))
        false = Claim(receipt.number, bytes(32), sha256(receipt.salt, b"answer"))
        for found in (match_all(house.database, [true, false]), match_export(folder / "export", [true, false])):
            assert [(one.holds, one.rule) for one in found] == [(True, "inhalt-gelöscht"), (False, "eintrag-anders")]
