"""`gateway log show`: a request is found by either of its numbers, and nobody by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.app import build
from gateway.cli.main import cli
from gateway.store.audit import Entry, Kind
from tests.unit.exchange.house import message
from tests.unit.place import NOW, Place

VORGANG, OTHER = "5b7e7c5a-8f5e-4f0e-9d5b-0a9f0e4b7a11", "11111111-8f5e-4f0e-9d5b-0a9f0e4b7a11"


def run(place: Place, *arguments: str, text: str | None = None) -> Result:
    given = ["log", "show", "--settings", str(place.folder / "settings.toml"), *arguments]
    return CliRunner().invoke(cli, given, input=text)


def answered(place: Place) -> str:
    """The number of an entry on the trail."""
    with build(place.settings, clock=lambda: NOW) as app:
        return str(place.ask(app, "wohnung2000", message()).findtext(".//{*}protokollnummer"))


def test_no_line_commands_the_terminal(place: Place, tmp_path: Path) -> None:
    """What others have written into a log is shown, not obeyed."""
    (tmp_path / "log").write_text(f"\x1b]0;x\x07\x1b[2J {VORGANG} M\u00fcller \u202e\tgone\n", "utf-8")
    result = run(place, VORGANG, str(tmp_path / "log"))
    assert result.stdout == f"\\x1b]0;x\\x07\\x1b[2J {VORGANG} M\u00fcller \\u202e\tgone\n"


@pytest.mark.parametrize(
    "line",
    [
        "timestamp=2026 level=info event=request number={} outcome=ok protocol={}",
        '{{"event": "request", "number": "{}", "outcome": "ok", "protocol": "{}"}}',
    ],
)
def test_a_fault_leads_to_its_entry(place: Place, tmp_path: Path, line: str) -> None:
    """By the number in a fault: its own lines of the log, and by them its entry, in which nobody is named."""
    protocol, log = answered(place), tmp_path / "log"
    log.write_text(f"{line.format(VORGANG, protocol)}\n{line.format(OTHER, OTHER)}\n", "utf-8")
    result = run(place, VORGANG, str(log))
    assert result.exit_code == 0, result.output
    first, second = result.stdout.splitlines()
    assert first == line.format(VORGANG, protocol)
    entry = json.loads(second)
    assert (entry["protokollnummer"], entry["anwendung"]) == (protocol, "wohnung2000")
    assert not {"persoenlich", "segment"} & entry.keys()
    assert isinstance(entry["personen"], int)
    assert run(place, VORGANG, "-", text=log.read_text("utf-8")).stdout == result.stdout


def test_what_did_not_leave_is_told(place: Place) -> None:
    """An entry comes with those that refer to it; the log is not needed."""
    with build(place.settings, clock=lambda: NOW) as app:
        told = Entry(kind=Kind.BETRIEB, operation="dienstauskunft", outcome="ok", application="wohnung2000")
        receipt = app.audit.record(told)
        app.audit.undelivered(receipt)
        app.audit.record(told)
    result = run(place, receipt.number)
    assert [json.loads(line)["art"] for line in result.stdout.splitlines()] == ["Betrieb", "nicht ausgeliefert"]


def test_nothing_is_said_as_nothing(place: Place, tmp_path: Path) -> None:
    """An unknown number ends with 1; what is no number is not searched for."""
    (tmp_path / "log").write_text("event=request\n", "utf-8")
    for number in (VORGANG, "ffffffff-ffff-4fff-bfff-ffffffffffff", "01a20846-fe00-74ac-b3b1-5eb293ea3615"):
        assert run(place, number, str(tmp_path / "log")).exit_code == 1
    assert run(place, "request", str(tmp_path / "log")).exit_code == 2
