"""`gateway retention`: delete what the deletion rules call due, or show the rules."""

from __future__ import annotations

import time
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from gateway.cli.options import FILE, find_settings, load_settings, now, settings_option
from gateway.cli.waiting import progress_bars
from gateway.errors import StoreError
from gateway.store.overview import overview
from gateway.upkeep import clock, retention_rules
from gateway.upkeep.retention import Report


@click.group()
def retention() -> None:
    """What time requires to be deleted."""


@retention.command()
@settings_option
@click.option("--dry-run", is_flag=True, help="Only count; nothing is changed.")
@click.option("--quiet", is_flag=True, help="No progress bar, and figures only for what went.")
@click.option("--clock-is-right", is_flag=True, help="Delete although the clock and the last poll do not agree.")
def run(settings_path: Path | None, dry_run: bool, quiet: bool, clock_is_right: bool) -> None:
    """Delete what is due by the deletion rules; to be started daily (cron, systemd timer), safe to repeat.

    Waits up to five minutes for a running poll, step by step; a run that was broken off is simply started again.
    Refuses while it is in doubt that the clock is right: a clock that is ahead would delete too early.
    """
    from gateway.app import build
    from gateway.log import configure_log
    from gateway.upkeep.retention import Retention

    settings = load_settings(settings_path)
    configure_log(settings.log)
    rules = retention_rules.load(settings.retention.rules)
    with build(settings) as app, progress_bars(quiet=quiet) as told:
        seen = overview(app.database)
        if not (dry_run or clock_is_right) and (why := clock.doubt(seen.stand, seen.finished_at, now())):
            raise StoreError(f"nothing is deleted: {why}; if the clock is right: --clock-is-right", code="uhr-fraglich")
        work = Retention(app.store, app.rules.agreements, rules, app.rules.city.timezone, pause=time.sleep)
        report = work.run(now(), dry_run=dry_run, progress=told)
        if not dry_run:
            app.audit.checkpoint()
    _print(report, quiet=quiet)


@retention.command()
@settings_option
@click.argument("file", type=FILE, required=False)
def rules(settings_path: Path | None, file: Path | None) -> None:
    """Show the deletion rules in force, or check FILE; every problem is named at once."""
    settings = None if file is not None else find_settings(settings_path)
    found = retention_rules.load(file or (settings.retention.rules if settings is not None else None))
    table = Table(title="Löschregeln (DIN 66398)")
    for column in ("Datenart", "Regellöschfrist", "Startzeitpunkt", "Grund", "Norm"):
        table.add_column(column, overflow="fold")
    for rule in found:
        start = f"{rule.startzeitpunkt}: {rule.ereignis}"
        table.add_row(f"{rule.bezeichnung} ({rule.datenart})", rule.frist, start, rule.grund, rule.norm)
    Console().print(table)


def _print(report: Report, *, quiet: bool) -> None:
    title = "Would be deleted (dry run)" if report.dry_run else "Deleted"
    for line in report.lines:
        if line.gone or not quiet:
            click.echo(f"{title}: {line.gone:>7}  {line.rule.datenart:<24} {line.rule.bezeichnung}")
    for why, count in sorted(report.held.items()):
        click.echo(f"Held back: {count:>5}  {_HELD[why]}")
    for number, reasons in report.escalated:
        click.echo(f"Never mended, tell the foreigners office: {number}: {'; '.join(reasons)}")


_HELD = {
    "einschraenkung": "persons with a restriction of processing (DSGVO Art. 18)",
    "sperre": "persons with a block in force whose relatives are stored",
}
