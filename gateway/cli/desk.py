"""`gateway quarantine` and `gateway discrepancy`: what the foreigners office has to look at."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from gateway.cli.options import load_settings, now, settings_option
from gateway.cli.quiet import QuietGroup
from gateway.errors import NotFound
from gateway.store.audit import Disclosure, Entry, Kind

if TYPE_CHECKING:
    from gateway.app import App


@click.group(cls=QuietGroup)
def quarantine() -> None:
    """Records of the source that could not be taken."""


@quarantine.command(name="list")
@settings_option
def list_quarantine(settings_path: Path | None) -> None:
    """List refused records, oldest first: field and rule, nothing of a person."""
    from gateway.app import build

    with build(load_settings(settings_path)) as app:
        entries = app.store.quarantine_entries()
    table = Table(title=f"{len(entries)} records in quarantine")
    for column in ("number", "source", "change", "days", "reasons"):
        table.add_column(column, overflow="fold")
    for entry in entries:
        days = str((now() - entry.recorded_at).days)
        table.add_row(entry.number, entry.source, str(entry.change_number or ""), days, "\n".join(entry.reasons))
    Console().print(table)


@quarantine.command(name="show")
@settings_option
@click.argument("number")
def show_quarantine(settings_path: Path | None, number: str) -> None:
    """Open one refused record: what the allow-list left of it. Shows personal data; the trail says that it did."""
    from gateway.app import build

    with build(load_settings(settings_path)) as app:
        try:
            entry = app.store.quarantine_entry(number)
        except NotFound:
            raise click.UsageError("there is no such record in quarantine") from None
        stored = app.store.subject(entry.source, entry.personennummer) if entry.personennummer is not None else None
        _note(app, "quarantaeneEinsehen", () if stored is None else stored.audit_ids)
    click.echo(f"person number at the source: {entry.personennummer or 'unknown'}")
    click.echo(f"change number:               {entry.change_number or 'unknown'}")
    click.echo(f"SHA-256 of the record:       {entry.sha256.hex()}")
    for reason in entry.reasons:
        click.echo(f"reason:                      {reason}")
    click.echo(json.dumps(entry.cut, ensure_ascii=False, indent=2) if entry.cut else "nothing of it could be kept")


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
