"""`gateway health`: three forms of the same truth, and the exit code that monitoring goes by."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import health as command
from gateway.cli.main import cli
from gateway.health import Finding, State

FORMS = ("text", "json", "nagios")


def run(*arguments: str, settings: Path | str = "") -> Result:
    return CliRunner().invoke(cli, ["health", *arguments], env={"GATEWAY_SETTINGS": str(settings), "COLUMNS": "200"})


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, made_settings: Path) -> list[Finding]:
    """What the examination is said to have found; a test fills it."""
    findings: list[Finding] = []
    monkeypatch.setattr(command, "examine", lambda _settings, _now: findings)
    return findings


@pytest.fixture
def made_settings(made: object) -> Path:
    return Path(made.installation.settings)  # type: ignore[attr-defined]  # the fixture of the whole folder


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("state", list(State))
def test_the_exit_code_is_the_state(found: list[Finding], made_settings: Path, form: str, state: State) -> None:
    """0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, in every form, and the word stands in it."""
    found += [Finding("disk", State.OK, "fine"), Finding("source", state, "as it is", "mend it")]
    result = run("--format", form, settings=made_settings)
    assert result.exit_code == state.value
    assert state.name in result.stdout


@pytest.mark.parametrize("form", FORMS)
def test_settings_that_cannot_be_read_are_unknown(tmp_path: Path, form: str) -> None:
    """Without settings nothing can be said: 3, not a traceback and not OK."""
    broken = tmp_path / "settings.toml"
    broken.write_text("[server]\nport = 70000\n[/etc]\n", "utf-8")
    for path in (broken, tmp_path / "missing.toml", ""):
        result = run("--format", form, settings=path)
        assert (result.exit_code, "UNKNOWN" in result.stdout) == (3, True)


@pytest.mark.parametrize("form", FORMS)
def test_brackets_bars_and_line_ends_are_text(found: list[Finding], made_settings: Path, form: str) -> None:
    """What a message quotes can neither vanish as markup nor break the line or its performance data."""
    found.append(Finding("agreements", State.CRITICAL, "felder [/x] and [bold] fail | 'a'=1\nsecond", "read [red]"))
    result = run("--format", form, settings=made_settings)
    assert result.exit_code == 2
    assert "[/x]" in result.stdout
    assert "[bold]" in result.stdout
    if form == "nagios":
        assert result.stdout.count("\n") == result.stdout.count("|") == 1


def test_nagios_numbers_are_numbers(found: list[Finding], made_settings: Path) -> None:
    """Performance data has labels in quotes and no exponents (Monitoring Plugins guidelines)."""
    found.append(Finding("disk", State.OK, "much", value=84_316_262_400, unit="B"))
    found.append(Finding("feed wohnung2000/1", State.OK, "few", value=0.123456, unit="changes"))
    numbers = run("--format", "nagios", settings=made_settings).stdout.strip().partition(" | ")[2]
    assert re.fullmatch(r"('[^'=|]+'=[-0-9.]+B?( |$))+", numbers), numbers
    assert "84316262400B" in numbers


def test_json_is_complete(found: list[Finding], made_settings: Path) -> None:
    """Every finding with all it has, under stable names."""
    found.append(Finding("quarantine", State.WARNING, "1 records", "gateway quarantine list", 1, "records"))
    told = json.loads(run("--format", "json", settings=made_settings).stdout)
    assert told["state"] == "WARNING"
    assert told["checks"] == [
        {
            "check": "quarantine",
            "state": "WARNING",
            "text": "1 records",
            "remedy": "gateway quarantine list",
            "value": 1,
            "unit": "records",
        }
    ]


def test_what_to_do_is_said_only_where_something_is_wrong(found: list[Finding], made_settings: Path) -> None:
    """The table has the remedy beside what is not OK."""
    found += [Finding("one", State.OK, "fine", "remedy-a"), Finding("two", State.WARNING, "odd", "remedy-b")]
    text = run(settings=made_settings).stdout
    assert "remedy-b" in text
    assert "remedy-a" not in text
