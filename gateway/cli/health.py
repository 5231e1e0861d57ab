"""`gateway health`: what monitoring asks, in the form it reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.cli.options import load_settings, now, settings_option
from gateway.errors import SettingsError
from gateway.health import Finding, State, examine, worst
from gateway.log import configure_log

_COLOURS = {State.OK: "green", State.WARNING: "yellow", State.CRITICAL: "bold red", State.UNKNOWN: "magenta"}


@click.command()
@settings_option
@click.option("--format", "form", type=click.Choice(["text", "json", "nagios"]), default="text", show_default=True)
def health(settings_path: Path | None, form: str) -> None:
    """Look at everything that is really there; exit 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."""
    try:
        settings = load_settings(settings_path)
    except SettingsError as error:
        findings = [Finding("settings", State.UNKNOWN, "; ".join(error.problems) or str(error), "mend the settings")]
    else:
        configure_log(settings.log)
        findings = examine(settings, now())
    _FORMS[form](findings)
    raise SystemExit(worst(findings))


def _text(findings: list[Finding]) -> None:
    table = Table(title=f"gateway health: {worst(findings).name}")
    for column in ("check", "state", "found", "what to do"):
        table.add_column(column, overflow="fold")
    for f in findings:
        remedy = "" if f.state is State.OK else f.remedy
        # Texts quote files and rules, whose brackets are no markup.
        cells = (escape(text) for text in (f.text, remedy))
        table.add_row(escape(f.check), f"[{_COLOURS[f.state]}]{f.state.name}[/]", *cells)
    Console().print(table)


def _json(findings: list[Finding]) -> None:
    checks = [
        {"check": f.check, "state": f.state.name, "text": f.text, "remedy": f.remedy, "value": f.value, "unit": f.unit}
        for f in findings
    ]
    at = now().strftime("%Y-%m-%dT%H:%M:%SZ")
    click.echo(json.dumps({"state": worst(findings).name, "time": at, "checks": checks}, ensure_ascii=False, indent=2))


def _nagios(findings: list[Finding]) -> None:
    """One line, with performance data after the bar (Monitoring Plugins guidelines)."""
    bad = [f"{f.check}: {f.text}" for f in findings if f.state is not State.OK]
    summary = "; ".join(bad).replace("|", "/").replace("\n", " ") or f"{len(findings)} checks"
    # Their grammar has no exponents: [-0-9.] only.
    numbers = (f"'{f.check}'={round(f.value, 3)}{_UNITS.get(f.unit, '')}" for f in findings if f.value is not None)
    click.echo(f"GATEWAY {worst(findings).name} - {summary} | {' '.join(numbers)}")


_UNITS = {"B": "B"}
_FORMS: dict[str, Callable[[list[Finding]], None]] = {"text": _text, "json": _json, "nagios": _nagios}
