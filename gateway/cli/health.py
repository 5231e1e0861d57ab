"""`gateway health`: what monitoring asks, in the form it reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click
from rich import box
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table

from gateway.cli.options import find_settings, load_settings, now, settings_option
from gateway.errors import SettingsError
from gateway.health import CHECKS, Finding, State, examine, worst
from gateway.health.explained import explain
from gateway.health.forms import FORMS
from gateway.log import configure_log
from gateway.settings import HealthSettings

_COLOURS = {State.OK: "green", State.WARNING: "yellow", State.CRITICAL: "bold red", State.UNKNOWN: "magenta"}

_URGENCY = (State.CRITICAL, State.UNKNOWN, State.WARNING, State.OK)


@click.command()
@settings_option
@click.option("--format", "form", type=click.Choice(["text", *FORMS]), default="text", show_default=True)
@click.option("--check", "only", multiple=True, metavar="NAME", help="Only this check (may be given several times).")
@click.option("--explain", "name", metavar="NAME", help="What a check looks at, when it complains, what to do.")
def health(settings_path: Path | None, form: str, only: tuple[str, ...], name: str | None) -> None:
    """Look at everything that is really there; exit 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."""
    if name is not None:
        _explain(name, settings_path)
        return
    moment = now()
    findings = _examined(settings_path, moment, only)
    if form == "text":
        Console().print(table(findings))
    else:
        click.echo("\n".join(FORMS[form](findings, moment)))
    raise SystemExit(worst(findings))


def table(findings: Sequence[Finding]) -> Table:
    """The findings for people: what is wrong comes first, with what to do, and the state in colour."""
    found = Table(title=f"gateway health: {worst(findings).name}", box=box.SIMPLE_HEAD)
    for column in ("check", "state", "found"):
        found.add_column(column, overflow="fold")
    for f in sorted(findings, key=lambda one: _URGENCY.index(one.state)):
        # Texts quote files and rules, whose brackets are no markup.
        text, remedy = (
            escape(f.text),
            f"\n[bold]->[/] {escape(f.remedy)}" if f.state is not State.OK and f.remedy else "",
        )
        found.add_row(escape(f.check), f"[{_COLOURS[f.state]}]{f.state.name}[/]", text + remedy)
    return found


def explanation(check: str, settings: HealthSettings) -> RenderableType:
    """What `explain` says, wrapped below each other."""
    grid = Table.grid(padding=(0, 1))
    name, *lines = explain(check, settings)
    for title, text in (line.strip().split(":", 1) for line in lines):
        grid.add_row(f"  [bold]{title}[/]", escape(text.strip()))
    return Group(f"[bold]{escape(name)}[/]", grid)


def _examined(settings_path: Path | None, moment: datetime, only: Sequence[str]) -> list[Finding]:
    """What there is to say; what was asked wrongly is UNKNOWN, for a usage error would look CRITICAL."""
    known = f"there are: {', '.join(CHECKS)}"
    wrong = [Finding(name, State.UNKNOWN, "there is no such check", known) for name in only if name not in CHECKS]
    right = [name for name in only if name in CHECKS]
    if wrong and not right:
        return wrong
    try:
        settings = load_settings(settings_path)
    except SettingsError as error:
        return [Finding("settings", State.UNKNOWN, "; ".join(error.problems) or str(error), "mend the settings")]
    configure_log(settings.log)
    return [*examine(settings, moment, only=right), *wrong]


def _explain(name: str, settings_path: Path | None) -> None:
    """With the levels of the settings if there are any, else with the usual ones."""
    if name not in CHECKS:
        raise click.UsageError(f"there is no such check; there are: {', '.join(CHECKS)}")
    settings = find_settings(settings_path)
    levels, console = HealthSettings() if settings is None else settings.health, Console()
    if console.is_terminal:
        console.print(explanation(name, levels), highlight=False)
    else:
        click.echo("\n".join(explain(name, levels)))
