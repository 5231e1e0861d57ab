"""Whoever looks into what waits for the office is on the audit trail, with the person that it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from click.testing import CliRunner

from gateway.agreements.operation import Operation
from gateway.app import build
from gateway.cli.main import cli
from gateway.store import audit_index
from gateway.store.audit import Kind
from gateway.store.batch import Batch, Quarantined
from gateway.store.search import Criteria
from tests.unit.place import Place
from tests.unit.store.store_kit import grant, upsert


def test_looking_at_a_person_is_on_the_trail(place_now: Place, tmp_path: Path) -> None:
    """A refused record and a report of an application, once opened, name the person in an entry of kind Abfrage."""
    place, now = place_now, datetime.now(UTC)
    asylum = {"aufenthaltsstatus": [{"art": "AG01", "beginn": "2026-01-01"}]}
    bad = Quarantined("1", 2, ("familienname: fehlt",), {"vornamen": "Ida"}, bytes(32))
    with build(place.settings, clock=lambda: now) as app, app.store.poll_lock() as tenure:
        rules = app.rules.agreements
        app.store.ingest(tenure, Batch("okvisa", (upsert("1", 1, person=asylum),)), rules, now=now, stichtag=now.date())
        app.store.ingest(tenure, Batch("okvisa", (), (bad,)), rules, now=now, stichtag=now.date())
        agreement = replace(rules["sozialamt/1"], purposes={"U1": "Zuweisung"})
        criteria = Criteria("Musterb", "Ada")
        (found,) = app.store.search(grant(agreement, Operation.PERSON_SUCHEN, now.date()), criteria)
        asked = grant(agreement, Operation.UNSTIMMIGKEIT_MELDEN, now.date())
        report = app.store.report(asked, found.kennung, None, "=veraltet").number
        (waiting,) = app.store.quarantine_entries()
        subject = app.store.subject("okvisa", "1")
        assert subject is not None
    settings = ["--settings", str(place.folder / "settings.toml")]
    for group, number in (("quarantine", waiting.number), ("discrepancy", report)):
        result = CliRunner().invoke(cli, [group, "show", *settings, number])
        assert result.exit_code == 0, result.output
    given = ["discrepancy", "export", *settings, "--output", str(tmp_path / "reports.csv")]
    result = CliRunner().invoke(cli, given)
    assert result.exit_code == 0, result.output
    assert "1 reports" in result.output
    written = (tmp_path / "reports.csv").read_text("utf-8-sig").splitlines()
    assert len(written) == 2
    assert written[1].startswith(f"{report};sozialamt;")
    assert written[1].endswith(";1;nicht genannt;'=veraltet")
    assert (tmp_path / "reports.csv").stat().st_mode & 0o777 == 0o600
    assert CliRunner().invoke(cli, given).exit_code == 2  # nothing is written over
    with build(place.settings, clock=lambda: now) as app, app.database.read() as connection:
        entries = audit_index.disclosures(connection, subject.audit_ids)
    looked = [(one.operation, one.fields) for one in entries if one.kind is Kind.ABFRAGE]
    assert looked == [("quarantaeneEinsehen", 0), ("unstimmigkeitEinsehen", 0), ("unstimmigkeitenAusgeben", 0)]
