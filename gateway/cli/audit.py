"""`gateway audit`: verify, anchor and export the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from gateway.cli.db import finish_restore
from gateway.cli.evidence import match
from gateway.cli.options import FILE, PATH, load_settings, settings_option, until_option
from gateway.cli.subject import subject
from gateway.cli.waiting import progress_bars, quiet_option
from gateway.errors import AuditError, SettingsError, StoreError
from gateway.reports.verification import Report, report, unverifiable
from gateway.settings import Settings
from gateway.store.audit import Entry, Kind
from gateway.store.audit_anchor import PUBLIC_KEY
from gateway.store.audit_export import export as write_export
from gateway.store.audit_verify import verify as verify_trail
from gateway.store.audit_verify import verify_export
from gateway.store.database import Database
from gateway.store.progress import Progress, silent


@click.group()
def audit() -> None:
    """The audit trail."""


audit.add_command(subject)
audit.add_command(match)


@audit.command()
@click.argument("file", required=False, type=PATH)
@settings_option
@click.option("--no-anchor", is_flag=True, help="Only the chain itself, without the anchor file.")
@click.option("--anchor", type=PATH, help="A copy of the anchor file kept elsewhere (default: the settings').")
@click.option("--public-key", type=PATH, help="Public key of the checkpoints (default: beside the key ring).")
@quiet_option
def verify(
    file: Path | None,
    settings_path: Path | None,
    no_anchor: bool,
    anchor: Path | None,
    public_key: Path | None,
    quiet: bool,
) -> None:
    """Check the whole trail; exit 0 intact, 1 hardly anchored, 2 violated, 3 cannot be told.

    With FILE, what `gateway audit export` wrote: then nothing but FILE and --public-key is needed or looked at.
    """
    with progress_bars(quiet=quiet) as told:
        if file is not None:
            found = inspect_export(file, public_key=public_key, anchor=None if no_anchor else anchor, progress=told)
        else:
            wanted = _Wanted(no_anchor, anchor, public_key)
            found = _inspect_installation(settings_path, wanted, told)
    for line in found.lines:
        click.echo(line)
    raise SystemExit(found.exit_code)


@audit.command()
@click.argument("file", type=FILE)
@settings_option
@click.option("--until", metavar="TIME", callback=until_option, help="2026-10-31 or 2026-10-31T12:00:00Z: not later.")
@quiet_option
def export(file: Path, settings_path: Path | None, until: datetime | None, quiet: bool) -> None:
    """Write the trail into FILE, for a third party to verify alone.

    The file holds no personal text and no key. That it was written is itself on the trail, and in the file.
    """
    from gateway.app import load, open_house

    rules = load(load_settings(settings_path))
    with open_house(rules, restored=True) as app:
        app.audit.record(Entry(kind=Kind.BETRIEB, operation="protokollAusfuehren", outcome="ok"))
        try:
            app.audit.checkpoint()
        except AuditError as error:
            # A violated trail is just what somebody may want to hold in hands.
            click.echo(f"no checkpoint was written: {error}", err=True)
        key, anchor = rules.checkpoint, rules.settings.audit.anchor
        with progress_bars(quiet=quiet) as told:
            extent = write_export(
                app.database, file, anchor=anchor, key=key, clock=rules.clock, until=until, progress=told
            )
    click.echo(f"{file}: {extent.entries} entries in {extent.batches} batches, until {extent.until or 'nothing'}")


@audit.command()
@settings_option
@click.option("--restored", is_flag=True, help="The database was restored from a backup on purpose.")
def checkpoint(settings_path: Path | None, restored: bool) -> None:
    """Append a signed checkpoint to the anchor file; --restored is the older name of `gateway db restored`."""
    from gateway.app import load, open_house

    rules = load(load_settings(settings_path))
    if restored:
        finish_restore(rules)
        return
    with open_house(rules) as app:
        point = app.audit.checkpoint()
    click.echo(f"anchored: {point.gesamt} entries up to batch {point.block}" if point else "there is no entry yet")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """By what a trail is to be checked, as the command line said it."""

    no_anchor: bool
    anchor: Path | None
    public_key: Path | None


def inspect_export(file: Path, *, public_key: Path | None, anchor: Path | None, progress: Progress = silent) -> Report:
    """The verdict over an exported trail, from these files alone."""
    if public_key is None:
        return unverifiable("ohne öffentlichen Schlüssel (--public-key) ist ein Auszug nicht prüfbar")
    try:
        return report(verify_export(file, public_key=public_key, anchor=anchor, progress=progress))
    except AuditError as error:
        return unverifiable(str(error))


def _inspect_installation(settings_path: Path | None, wanted: _Wanted, progress: Progress) -> Report:
    try:
        settings = load_settings(settings_path)
    except SettingsError as error:
        return unverifiable("; ".join(error.problems) or str(error))
    if wanted.anchor is not None and not wanted.anchor.is_file():
        return unverifiable(f"{wanted.anchor} fehlt")
    chosen = None if wanted.no_anchor else wanted.anchor or settings.audit.anchor
    return inspect(settings, anchor=chosen, public_key=wanted.public_key, progress=progress)


def inspect(
    settings: Settings, *, anchor: Path | None, public_key: Path | None = None, progress: Progress = silent
) -> Report:
    """The verdict over the trail of this installation; `anchor` None checks only the chain itself.

    An anchor file that is missing is one without checkpoints: it proves nothing, and the report says so.
    """
    key = None if anchor is None else public_key or settings.keys.directory / PUBLIC_KEY
    try:
        database = Database.open(settings.database.url)
        try:
            return report(verify_trail(database, anchor=anchor, public_key=key, progress=progress))
        finally:
            database.close()
    except (AuditError, StoreError) as error:
        return unverifiable(str(error))
