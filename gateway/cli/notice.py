"""`gateway notice`: whom the foreigners office must write to of corrections, erasures and restrictions (Art. 19)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from gateway.cli.options import load_settings, settings_option
from gateway.cli.quiet import QuietGroup
from gateway.errors import NotFound
from gateway.store import notices
from gateway.upkeep import notifying

if TYPE_CHECKING:
    from gateway.app import App
    from gateway.store.persons import Notice


@click.group(cls=QuietGroup)
def notice() -> None:
    """Notifications of DSGVO Art. 19 that no feed delivers."""


@notice.command(name="list")
@settings_option
@click.option("--all", "settled", is_flag=True, help="Also those that are settled.")
def list_notices(settings_path: Path | None, settled: bool) -> None:
    """List open notices, and what applications with a feed have not acknowledged: nothing of a person."""
    from gateway.app import build

    with build(load_settings(settings_path)) as app:
        entries, moment = app.store.notices(settled=settled), app.rules.clock()
        waiting = notifying.delays(app.store.outstanding(), moment)
    table = Table(title=f"{sum(one.settled_at is None for one in entries)} notices to send")
    for column in ("number", "application", "kind", "days", "fields", "settled"):
        table.add_column(column, overflow="fold")
    for one in entries:
        done = "" if one.settled_at is None else f"{one.settled_at:%Y-%m-%d}"
        fields = str(one.fields.bit_count()) if one.fields else "all"
        table.add_row(one.number, one.application, one.kind.value, str((moment - one.created_at).days), fields, done)
    Console().print(table)
    for delay in waiting:
        if delay.outstanding.by_feed:
            name, count = delay.outstanding.application, delay.outstanding.count
            click.echo(f"feed {name}: {count} to be acknowledged, the oldest since {delay.days} days")


@notice.command()
@settings_option
@click.argument("number")
def show(settings_path: Path | None, number: str) -> None:
    """Print the letter of one notice, in German. Shows the application's identifier of a person."""
    from gateway.app import build

    with build(load_settings(settings_path)) as app:
        click.echo(_letter(app, _opened(app, number)), nl=False)
        app.audit.checkpoint()


@notice.command()
@settings_option
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--application", help="Only the letters to this application.")
def export(settings_path: Path | None, folder: Path, application: str | None) -> None:
    """Write every open letter into FOLDER, one file each (mode 0600, named by number), never over another."""
    from gateway.app import build

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = 0
    with build(load_settings(settings_path)) as app:
        for one in app.store.notices():
            path = folder / f"{one.application}-{one.number}.txt"
            if application in (None, one.application) and not path.exists():
                _write(path, _letter(app, _opened(app, one.number)))
                written += 1
        app.audit.checkpoint()
    click.echo(f"{written} letters written")


@notice.command()
@settings_option
@click.argument("numbers", nargs=-1, required=True)
def settle(settings_path: Path | None, numbers: tuple[str, ...]) -> None:
    """Note that the letters of these notices are out; from then on they lead to nobody."""
    from gateway.app import build

    with build(load_settings(settings_path)) as app:
        for number in numbers:
            try:
                app.store.settle_notice(number)
            except NotFound:
                raise click.UsageError("there is no such open notice; those before it are settled") from None
            click.echo(f"settled: {number}")
        app.audit.checkpoint()


def _opened(app: App, number: str) -> Notice:
    try:
        found = app.store.notice(number)
    except NotFound:
        raise click.UsageError("there is no such notice") from None
    if found.kennung is None:
        raise click.UsageError("the notice is settled: it leads to nobody any more")
    app.audit.record(notices.entry("mitteilungAusgeben", found.application))
    return found


def _letter(app: App, found: Notice) -> str:
    rules = app.rules
    agreement = next((one for one in rules.agreements.values() if one.application == found.application), None)
    return notifying.letter(found, agreement, rules.city, rules.city.today(rules.clock()))


def _write(path: Path, text: str) -> None:
    """Afterwards the letter is on the disk as a whole; half of one, left by a killed run, is not taken for it."""
    draft = path.with_name(f".{path.name}")
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.rename(draft, path)  # that there is none yet was looked at; not every share knows links
    except OSError as error:
        raise click.ClickException(f"a letter cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
