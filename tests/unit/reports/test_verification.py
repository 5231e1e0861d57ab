"""What an auditor reads: the outcome first, every finding, and always what no check of this kind can know."""

from __future__ import annotations

from dataclasses import replace

from gateway.reports.verification import ExitCode, report, report_match, unverifiable
from gateway.store.audit_anchor import Checkpoint
from gateway.store.audit_verdict import Finding, Match, Verdict

POINT = Checkpoint(
    art="prüfpunkt",
    kette="c",
    block=4,
    gesamt=12,
    hash="0" * 64,
    zeitpunkt="2026-11-23T08:00:00.123Z",
    vorgaenger="0" * 64,
)
INTACT = Verdict(
    chain="c",
    batches=4,
    entries=12,
    last_time="2026-11-23T08:00:00.123Z",
    findings=(),
    broken=0,
    with_anchor=False,
    anchored=None,
    torn=False,
    restores=(),
    erased=(),
)


def test_an_intact_trail_is_ok_and_its_limits_are_stated() -> None:
    """Exit 0; without an anchor the report says that removal at the end cannot be found."""
    said = report(INTACT)
    assert said.exit_code is ExitCode.OK == 0
    assert said.lines[0].startswith("UNVERSEHRT")
    assert "12 Einträge in 4 Blöcken" in said.lines[1]
    assert any("Entfernen am Ende" in line for line in said.lines)
    assert any("--anchor" in line for line in said.lines)


def test_with_an_anchor_the_report_says_how_far_it_reaches() -> None:
    """The last checkpoint, the restores and the number of entries after it are named."""
    restored = POINT.model_copy(update={"art": "wiederherstellung", "block": 2})
    said = report(replace(INTACT, with_anchor=True, anchored=POINT, entries=15, restores=(restored,)))
    text = "\n".join(said.lines)
    assert said.exit_code is ExitCode.OK
    assert "über 12 Einträge bis Block 4" in text
    assert "weiter nach Block 2" in text
    assert "den 3 Einträgen nach dem letzten Prüfpunkt" in text
    assert "Entfernen am Ende, Zurücksetzen" not in text


def test_a_broken_trail_is_critical_whatever_else_is_there() -> None:
    """Exit 2; every kept finding has a line, and those beyond are counted."""
    findings = (Finding("wurzel-falsch", "Block 2: geändert", 2), Finding("block-entfernt", "Block 3 fehlt", 3))
    said = report(replace(INTACT, findings=findings, broken=7, with_anchor=True))
    assert said.exit_code is ExitCode.CRITICAL == 2
    assert said.lines[0] == "VERLETZT: 7 Befunde."
    assert "  [wurzel-falsch] Block 2: geändert." in said.lines
    assert "  ... und 5 weitere." in said.lines
    assert report(replace(INTACT, findings=findings[:1], broken=1)).lines[0] == "VERLETZT: 1 Befund."


def test_an_anchor_that_proves_little_is_a_warning() -> None:
    """Exit 1 if the anchor is empty, lags thousands of entries, or ends in half a line."""
    anchored = replace(INTACT, with_anchor=True, anchored=POINT)
    empty = report(replace(anchored, anchored=None))
    late = report(replace(anchored, entries=5_000))
    torn = report(replace(anchored, torn=True))
    assert [one.exit_code for one in (report(anchored), empty, late, torn)] == [0, 1, 1, 1]
    assert report(replace(anchored, anchored=None, entries=0)).exit_code is ExitCode.OK


def test_erased_months_are_named() -> None:
    """Who reads the report sees which personal texts are gone."""
    assert any("2025-01, 2025-02" in line for line in report(replace(INTACT, erased=("2025-01", "2025-02"))).lines)


def test_what_cannot_be_read_is_unknown() -> None:
    """Exit 3 with the reason: never OK, and not the accusation of a manipulation."""
    said = unverifiable("the audit trail cannot be read (StoreError)")
    assert said.exit_code is ExitCode.UNKNOWN == 3
    assert said.lines == ("NICHT PRÜFBAR: the audit trail cannot be read (StoreError)",)


def test_one_answer_is_proven_or_not() -> None:
    """A match is OK, anything else CRITICAL with its reason."""
    assert report_match(Match(True, "protokolliert", "Die Antwort ist protokolliert")).exit_code is ExitCode.OK
    missing = report_match(Match(False, "nicht-protokolliert", "Es gibt keinen Eintrag"))
    assert missing.exit_code is ExitCode.CRITICAL
    assert missing.lines == ("NICHT PROTOKOLLIERT: Es gibt keinen Eintrag.",)
