"""`gateway discrepancy`: what applications report as wrong, for the foreigners office to look at."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from gateway.cli.options import load_settings, settings_option
from gateway.cli.quiet import QuietGroup
from gateway.errors import NotFound
from gateway.store.audit import Disclosure, Entry, Kind

if TYPE_CHECKING:
    from gateway.app import App


@click.group(cls=QuietGroup)
def discrepancy() -> None:
    """What applications report as wrong."""


@discrepancy.command(name="list")
@settings_option
def list_discrepancies(settings_path: Path | None) -> None:
    """List the reports of applications, oldest first, without anything of a person."""
    from gateway.app import build

    with build(load_settings(settings_path)) as app:
        reports = app.store.discrepancies()
    table = Table(title=f"{len(reports)} reports")
    for column in ("number", "application", "recorded"):
        table.add_column(column)
    for report in reports:
        table.add_row(report.number, report.application, f"{report.recorded_at:%Y-%m-%d %H:%M}")
    Console().print(table)


@discrepancy.command(name="show")
@settings_option
@click.argument("number")
def show_discrepancy(settings_path: Path | None, number: str) -> None:
    """Open one report. Shows personal data; the trail says that it did."""
    from gateway.app import build

    with build(load_settings(settings_path)) as app:
        try:
            report = app.store.discrepancy(number)
        except NotFound:
            raise click.UsageError("there is no such report") from None
        _note(app, "unstimmigkeitEinsehen", () if report.audit_id is None else (report.audit_id,))
    click.echo(f"application:                 {report.application}")
    click.echo(f"person number at the source: {report.personennummer}")
    click.echo(f"field:                       {report.path or 'not named'}")
    click.echo(f"text:                        {report.text}")


def _note(app: App, operation: str, audit_ids: Iterable[str]) -> None:
    """Nothing of a person is shown before the trail says that it was."""
    persons = tuple(Disclosure(one, 0) for one in audit_ids)
    app.audit.record(Entry(kind=Kind.ABFRAGE, operation=operation, outcome="ok", persons=persons))
    app.audit.checkpoint()
