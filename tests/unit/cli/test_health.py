"""`gateway health`: the forms of the same truth, and the exit code that monitoring goes by."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import health as command
from gateway.cli.main import cli
from gateway.health import CHECKS, Finding, State
from gateway.health.explained import explanations
from gateway.health.finding import Levels

FORMS = ("text", "json", "nagios", "checkmk", "prometheus")


def run(*arguments: str, settings: Path | str = "") -> Result:
    return CliRunner().invoke(cli, ["health", *arguments], env={"GATEWAY_SETTINGS": str(settings), "COLUMNS": "200"})


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, made_settings: Path) -> list[Finding]:
    """What the examination is said to have found; a test fills it."""
    findings: list[Finding] = []
    monkeypatch.setattr(command, "examine", lambda _settings, _now, only: findings)
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
    said = {"checkmk": f'{state.value} "Gateway source"', "prometheus": f'{{check="source"}} {state.value}\n'}
    assert said.get(form, state.name) in result.stdout


@pytest.mark.parametrize("form", FORMS)
def test_settings_that_cannot_be_read_are_unknown(tmp_path: Path, form: str) -> None:
    """Without settings nothing can be said: 3, not a traceback and not OK."""
    broken = tmp_path / "settings.toml"
    broken.write_text("[server]\nport = 70000\n[/etc]\n", "utf-8")
    for path in (broken, tmp_path / "missing.toml", ""):
        result = run("--format", form, settings=path)
        said = "gateway_health_worst_state 3\n" if form == "prometheus" else "UNKNOWN"
        assert (result.exit_code, said in result.stdout) == (3, True)


@pytest.mark.parametrize("form", FORMS)
def test_brackets_bars_and_line_ends_are_text(found: list[Finding], made_settings: Path, form: str) -> None:
    """What a message quotes can neither vanish as markup nor break the line or its performance data."""
    text = "felder [/x] and [bold] fail | 'a'=1\nsecond\x85third\x1b[2J"
    found.append(Finding("agreements", State.CRITICAL, text, "read [red]"))
    found.append(Finding("disk 'a'\n2 | b=1", State.OK, "fine", value=1))
    result = run("--format", form, settings=made_settings)
    assert result.exit_code == 2
    if form != "prometheus":  # which has no texts
        assert "[/x]" in result.stdout
        assert "[bold]" in result.stdout
    if form == "nagios":
        assert result.stdout.count("\n") == result.stdout.count("|") == 1
    if form in ("nagios", "checkmk"):
        assert len(result.stdout.splitlines()) == (1 if form == "nagios" else 2)
        assert "\x1b" not in result.stdout


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
            "warning": None,
            "critical": None,
            "falling": False,
        }
    ]


def test_what_to_do_is_said_only_where_something_is_wrong(found: list[Finding], made_settings: Path) -> None:
    """The table has the remedy beside what is not OK."""
    found += [Finding("one", State.OK, "fine", "remedy-a"), Finding("two", State.WARNING, "odd", "remedy-b")]
    text = run(settings=made_settings).stdout
    assert "remedy-b" in text
    assert "remedy-a" not in text


def test_levels_are_told_with_the_number(found: list[Finding], made_settings: Path) -> None:
    """Nagios ranges, Checkmk levels: above these it complains, or below where the colon says so."""
    found.append(Finding("freshness", State.OK, "fresh", value=3.5, unit="min", levels=Levels(30, 120)))
    found.append(Finding("disk data", State.OK, "much", value=5e9, unit="B", levels=Levels(critical=1e9, falling=True)))
    numbers = run("--format", "nagios", settings=made_settings).stdout.strip().partition(" | ")[2]
    assert numbers == "'freshness'=3.5;30;120 'disk data'=5000000000B;;1000000000:"
    lines = run("--format", "checkmk", settings=made_settings).stdout.splitlines()
    assert lines == [
        '0 "Gateway freshness" freshness=3.5;30;120 OK: fresh',
        '0 "Gateway disk data" disk_data=5000000000;;1000000000: OK: much',
    ]


def test_checkmk_gets_a_line_for_each_check(found: list[Finding], made_settings: Path) -> None:
    """State, name in quotes, metrics without blanks or a dash, then text: whatever a message quotes."""
    found.append(Finding('odd "name"', State.CRITICAL, 'one\ntwo "three"', "do\nthis", value=-0.5))
    found.append(Finding("plain", State.OK, "fine", "not told"))
    lines = run("--format", "checkmk", settings=made_settings).stdout.splitlines()
    assert lines == [
        """2 "Gateway odd 'name'" odd__name_=-0.5 CRIT: one two "three" - do this""",
        '0 "Gateway plain" - OK: fine',
    ]


def test_prometheus_reads_every_sample(found: list[Finding], made_settings: Path) -> None:
    """Each line is a comment or a sample with quoted labels and a number; names of checks cannot break out."""
    found.append(Finding('a"b\\c\nd', State.WARNING, "text is not told", value=1e12, unit="B"))
    lines = run("--format", "prometheus", settings=made_settings).stdout.splitlines()
    label = r'[a-z]+="([^"\\\n]|\\[\\"n])*"'
    sample = re.compile(rf"[a-z_]+(\{{{label}(,{label})*\}})? [0-9]+(\.[0-9]+)?|# (HELP|TYPE) gateway_health_.*")
    assert all(sample.fullmatch(line) for line in lines)
    assert 'gateway_health_value{check="a\\"b\\\\c\\nd",unit="B"} 1000000000000' in lines
    assert "text is not told" not in "\n".join(lines)


def test_single_checks_can_be_asked(made_settings: Path) -> None:
    """Only what is named is looked at; a name that does not exist is UNKNOWN, never OK."""
    told = json.loads(run("--format", "json", "--check", "keys", "--check", "disk", settings=made_settings).stdout)
    assert {one["check"].split()[0] for one in told["checks"]} == {"keys", "key", "disk"}
    both = json.loads(run("--format", "json", "--check", "pins", "--check", "desk", settings=made_settings).stdout)
    assert {one["check"].split()[0] for one in both["checks"]} == {"pins", "desk"}
    wrong = run("--check", "desk", settings=made_settings)
    assert wrong.exit_code == State.UNKNOWN
    assert "there is no such check" in wrong.stdout


def test_every_check_is_explained(made_settings: Path) -> None:
    """What it looks at, when it complains, what to do; with the levels of these settings."""
    assert explanations().keys() == CHECKS.keys()
    before = made_settings.read_text("utf-8")
    for name in CHECKS:
        told = run("--explain", name, settings=made_settings)
        assert (told.exit_code, told.stdout.count("\n")) == (0, 4)
        assert "<" not in told.stdout
    made_settings.write_text(before.replace("free_mib = 500", "free_mib = 1234"), "utf-8")
    assert "below 1234 MiB" in run("--explain", "disk", settings=made_settings).stdout
    made_settings.write_text(before, "utf-8")
    assert "below 500 MiB" in run("--explain", "disk").stdout
    assert run("--explain", "desk").exit_code == 2
