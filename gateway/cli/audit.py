"""`gateway audit`: verify and anchor the audit trail."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FILE, load_settings, now, settings_option
from gateway.errors import AuditError, SettingsError, StoreError
from gateway.reports.verification import Report, report, unverifiable
from gateway.settings import Settings
from gateway.store.audit_anchor import PUBLIC_KEY
from gateway.store.audit_verify import verify as verify_trail
from gateway.store.database import Database


@click.group()
def audit() -> None:
    """The audit trail."""


@audit.command()
@settings_option
@click.option("--no-anchor", is_flag=True, help="Only the chain itself, without the anchor file.")
@click.option("--anchor", type=FILE, help="A copy of the anchor file kept elsewhere (default: the settings').")
@click.option("--public-key", type=FILE, help="Public key of the checkpoints (default: beside the key ring).")
def verify(settings_path: Path | None, no_anchor: bool, anchor: Path | None, public_key: Path | None) -> None:
    """Check the whole trail; exit 0 intact, 1 hardly anchored, 2 violated, 3 cannot be told."""
    try:
        settings = load_settings(settings_path)
    except SettingsError as error:
        found = unverifiable("; ".join(error.problems) or str(error))
    else:
        chosen = None if no_anchor else anchor or settings.audit.anchor
        absent = anchor is not None and not anchor.is_file()
        found = unverifiable(f"{anchor} fehlt") if absent else inspect(settings, anchor=chosen, public_key=public_key)
    for line in found.lines:
        click.echo(line)
    raise SystemExit(found.exit_code)


@audit.command()
@settings_option
@click.option("--restored", is_flag=True, help="The database was restored from a backup on purpose.")
def checkpoint(settings_path: Path | None, restored: bool) -> None:
    """Append a signed checkpoint to the anchor file.

    With --restored also what a restore requires: persons erased since are erased again, every token of an application
    ends (it fetches its stock anew), and the anchor says from where the trail goes on. Before it nothing starts.
    """
    from gateway.app import load, open_house

    with open_house(load(load_settings(settings_path))) as app:
        if restored:
            moment = now()
            with app.store.poll_lock():
                # First: if it breaks off here, the anchor still keeps the house closed.
                stichtag = app.rules.city.today(moment)
                erased = app.store.after_restore(app.rules.agreements, now=moment, stichtag=stichtag)
                click.echo(f"{erased} persons erased again")
        point = app.audit.checkpoint(restored=restored)
    click.echo(f"anchored: {point.gesamt} entries up to batch {point.block}" if point else "there is no entry yet")


def inspect(settings: Settings, *, anchor: Path | None, public_key: Path | None = None) -> Report:
    """The verdict over the trail of this installation; `anchor` None checks only the chain itself.

    An anchor file that is missing is one without checkpoints: it proves nothing, and the report says so.
    """
    key = None if anchor is None else public_key or settings.keys.directory / PUBLIC_KEY
    try:
        database = Database.open(settings.database.url)
        try:
            return report(verify_trail(database, anchor=anchor, public_key=key))
        finally:
            database.close()
    except (AuditError, StoreError) as error:
        return unverifiable(str(error))
