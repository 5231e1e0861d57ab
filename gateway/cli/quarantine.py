"""`gateway quarantine`: records of the source that could not be taken, as work for operators and the office."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
from rich.console import Console
from rich.table import Table

from gateway.cli.options import load_settings, load_to_fetch, now, settings_option
from gateway.cli.private import require_new, write_new
from gateway.cli.quiet import QuietGroup
from gateway.cli.subject import login
from gateway.errors import NotFound, StoreError
from gateway.model.reasons import explain
from gateway.reports.quarantine import compile_report, render_csv, render_page, reportable
from gateway.store.audit import Disclosure, Entry, Kind, Personal
from gateway.store.waiting import HIDING, DropReason, Outcome

if TYPE_CHECKING:
    from gateway.app import App
    from gateway.store.quarantine import QuarantineEntry

Result = TypeVar("Result")

_FORMATS = {".html": render_page, ".csv": render_csv}
_POLLING = "abruf-laeuft"
_PATIENCE = 300
"""Seconds that a retry waits for a running poll."""
_FATES = {
    Outcome.TAKEN: "taken",
    Outcome.REFUSED: "still refused",
    Outcome.NEWER: "a newer version is there already",
    Outcome.CHANGED: "changed at the source meanwhile: the next round brings it",
    Outcome.GONE: "the source no longer has it: drop it, or wait for the next whole load",
    Outcome.WHOLE_LOAD: "cannot be asked for alone: gateway poll --once --full",
}
_NONE = "there is no such record in quarantine"


@click.group(cls=QuietGroup)
def quarantine() -> None:
    """Records of the source that could not be taken (docs/quarantaene.md)."""


@quarantine.command(name="list")
@settings_option
@click.option("--dropped", is_flag=True, help="Those that somebody has dropped, instead of those that wait.")
def list_quarantine(settings_path: Path | None, dropped: bool) -> None:
    """List refused records, oldest first: field and rule, nothing of a person."""
    from gateway.app import build

    with build(load_settings(settings_path)) as app:
        entries = app.store.quarantine_entries(dropped=dropped)
    table = Table(title=f"{len(entries)} records {'dropped' if dropped else 'in quarantine'}")
    for column in ("number", "source", "change", "days", "state", "reasons"):
        table.add_column(column, overflow="fold")
    for entry in entries:
        days, change = str((now() - entry.waiting_since).days), str(entry.change_number or "")
        table.add_row(entry.number, entry.source, change, days, _state(entry), "\n".join(entry.reasons))
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
            raise click.UsageError(_NONE) from None
        stored = app.store.subject(entry.source, entry.personennummer) if entry.personennummer is not None else None
        persons = () if stored is None else tuple(Disclosure(one, 0) for one in stored.audit_ids)
        app.audit.record(Entry(kind=Kind.ABFRAGE, operation="quarantaeneEinsehen", outcome="ok", persons=persons))
        app.audit.checkpoint()
    click.echo(f"person number at the source: {entry.personennummer or 'unknown'}")
    click.echo(f"change number:               {entry.change_number or 'unknown'}")
    click.echo(f"SHA-256 of the record:       {entry.sha256.hex()}")
    click.echo(f"waits since:                 {entry.waiting_since:%Y-%m-%d}, {_state(entry)}")
    for reason in entry.reasons:
        click.echo(f"reason:                      {reason}")
        click.echo(f"                             {explain(reason).sentence}")
    click.echo(json.dumps(entry.cut, ensure_ascii=False, indent=2) if entry.cut else "nothing of it could be kept")


@quarantine.command()
@settings_option
@click.argument("numbers", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every record that waits.")
def retry(settings_path: Path | None, numbers: tuple[str, ...], everything: bool) -> None:
    """Fetch refused records from the source again and say what became of each; ends 1 if one is still refused.

    Nothing newer is ever written over. Waits up to five minutes for a running poll.
    """
    from gateway.app import build

    if everything == bool(numbers):
        raise click.UsageError("name records by their numbers, or say --all")
    with build(load_to_fetch(settings_path)) as app:
        try:
            fates = _patiently(lambda: app.poll.retry(None if everything else numbers))
        except NotFound:
            raise click.UsageError(_NONE) from None
        finally:
            app.audit.checkpoint()
    for fate in sorted(fates, key=lambda one: one.number):
        click.echo(f"{fate.number}: {_FATES[fate.outcome]}")
        for reason in fate.reasons:
            click.echo(f"    {reason}")
    taken = sum(fate.outcome is Outcome.TAKEN for fate in fates)
    click.echo(f"{taken} of {len(fates)} taken")
    raise SystemExit(any(fate.outcome is Outcome.REFUSED for fate in fates))


@quarantine.command()
@settings_option
@click.argument("number")
@click.option("--reason", required=True, type=click.Choice([one.value for one in DropReason]))
@click.option("--clerk", help="Who decided it (default: the login name); kept sealed in the trail.")
@click.option("--yes", is_flag=True, help="Do not ask again.")
def drop(settings_path: Path | None, number: str, reason: str, clerk: str | None, yes: bool) -> None:
    """Wait no longer for one record; its content goes. A newer record of the person is taken or refused as any.

    What the source has sent before stays: the version stored, if there is one, is told on. Refused while a person is
    hidden for this record.
    """
    from gateway.app import build

    with build(load_settings(settings_path)) as app:
        if number not in {one.number for one in app.store.quarantine_entries()}:
            raise click.UsageError(_NONE)
        if not yes:
            click.confirm("Wait no longer for this record, and delete what it said?", abort=True)
        try:
            app.store.waiting.drop(number, DropReason(reason), clerk or login())
        except NotFound:
            raise click.UsageError(_NONE) from None
        except StoreError as error:
            if error.code != HIDING:
                raise
            raise click.ClickException(
                "a person is hidden for what this record says of a block, or may be: only a record that can be "
                "taken, or the end of the person at the source, ends that (docs/quarantaene.md)"
            ) from None
        app.audit.checkpoint()
    click.echo(f"dropped: {number}")


@quarantine.command()
@settings_option
@click.option("--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="A new .html or .csv.")
@click.option("--clerk", help="Who gives it out (default: the login name); kept sealed in the trail.")
def report(settings_path: Path | None, output: Path, clerk: str | None) -> None:
    """Write for the foreigners office what to correct at the source (German; HTML to print, or CSV).

    Holds person numbers: mode 0600, and on the audit trail before it is written.
    """
    from gateway.app import build

    if output.suffix not in _FORMATS:
        raise click.UsageError("--output ends with .html or .csv")
    require_new(output)
    with build(load_settings(settings_path)) as app:
        records = _report(app, output, clerk or login())
        app.audit.checkpoint()
    click.echo(f"{records} records; written: {output}")


def _report(app: App, output: Path, clerk: str) -> int:
    standing = reportable(app.store.waiting.standing())
    entry = Entry(
        kind=Kind.ABFRAGE,
        operation="quarantaeneBerichten",
        outcome="ok",
        persons=app.store.waiting.persons(standing),
        counts={"datensaetze": len(standing)},
        personal=Personal(kennung=clerk),
    )
    receipt = app.audit.record(entry)
    written = False
    try:
        targets, words = _words()
        made = compile_report(
            standing,
            number=receipt.number,
            time=receipt.time,
            city=app.rules.city,
            targets=targets,
            words=words,
        )
        write_new(output, _FORMATS[output.suffix](made))
        written = True
    finally:
        if not written:
            app.audit.undelivered(receipt)
    app.store.waiting.reported([one.entry.number for one in standing])
    return len(standing)


def _state(entry: QuarantineEntry) -> str:
    if entry.dropped_at is not None:
        return f"dropped {entry.dropped_at:%Y-%m-%d}: {entry.dropped_for}"
    told = "new" if entry.reported_at is None else f"reported {entry.reported_at:%Y-%m-%d}"
    return f"{told}, content deleted" if entry.emptied else told


def _words() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Which field each element of OK.VISA becomes, and what its parts are called."""
    from gateway.sources.okvisa_fields import RECORD
    from gateway.sources.okvisa_reading import targets
    from gateway.sources.okvisa_words import WORDS

    return targets(RECORD), WORDS


def _patiently(step: Callable[[], Result]) -> Result:
    """What the step gives once no poll is running."""
    for _ in range(_PATIENCE):
        try:
            return step()
        except StoreError as error:
            if error.code != _POLLING:
                raise
        time.sleep(1.0)
    raise StoreError("a poll has been running for minutes: run this again later", code=_POLLING)
