"""`gateway discrepancy`: what applications report as wrong, for the foreigners office to look at."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from gateway.cli.options import load_settings, settings_option
from gateway.cli.private import require_new, write_new
from gateway.cli.quiet import QuietGroup
from gateway.errors import NotFound
from gateway.reports.sheet import sheet
from gateway.store.audit import Disclosure, Entry, Kind
from gateway.store.discrepancies import Discrepancy

if TYPE_CHECKING:
    from gateway.app import App

_COLUMNS = ("Meldungsnummer", "Anwendung", "Eingegangen", "Personennummer", "Angabe", "Meldung")


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


@discrepancy.command(name="export")
@settings_option
@click.option("--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="A new .csv.")
def export_discrepancies(settings_path: Path | None, output: Path) -> None:
    """Write all reports for the foreigners office, oldest first (CSV for a spreadsheet, German).

    Holds personal data: mode 0600, and on the audit trail before it is written.
    """
    from gateway.app import build

    if output.suffix != ".csv":
        raise click.UsageError("--output ends with .csv")
    require_new(output)
    with build(load_settings(settings_path)) as app:
        zone = app.rules.city.timezone
        reports = [app.store.discrepancy(one.number) for one in app.store.discrepancies()]
        concerned = dict.fromkeys(one.audit_id for one in reports if one.audit_id is not None)
        _note(app, "unstimmigkeitenAusgeben", concerned)
    write_new(output, sheet(_COLUMNS, (_row(one, zone) for one in reports)))
    click.echo(f"{len(reports)} reports; written: {output}")


def _row(report: Discrepancy, zone: tzinfo) -> tuple[str, ...]:
    moment = report.recorded_at.astimezone(zone).strftime("%d.%m.%Y %H:%M")
    who = report.personennummer or "nicht bekannt"
    return (report.number, report.application, moment, who, report.path or "nicht genannt", report.text or "")


def _note(app: App, operation: str, audit_ids: Iterable[str]) -> None:
    """Nothing of a person is shown before the trail says that it was."""
    persons = tuple(Disclosure(one, 0) for one in audit_ids)
    app.audit.record(Entry(kind=Kind.ABFRAGE, operation=operation, outcome="ok", persons=persons))
    app.audit.checkpoint()
