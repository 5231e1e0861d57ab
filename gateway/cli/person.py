"""`gateway person`: what the foreigners office decides about one person here, not at the source (DSGVO Art. 17)."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import load_settings, settings_option
from gateway.cli.quiet import QuietGroup


@click.group(cls=QuietGroup)
def person() -> None:
    """One person, by the person number of a source."""


@person.command()
@settings_option
@click.option("--source", default="okvisa", show_default=True, help="The source that the person number belongs to.")
@click.option(
    "--number",
    prompt="Person number",
    help="The source's person number. Without it, it is read from standard input: then no list of processes shows it.",
)
@click.option("--yes", is_flag=True, help="Do not ask again.")
@click.option("--even-unknown", is_flag=True, help="Also if nobody is held: never take this number in.")
def erase(settings_path: Path | None, source: str, number: str, yes: bool, even_unknown: bool) -> None:
    """Erase a person for good, with all its records (DSGVO Art. 17); no poll and no restore brings it back.

    Every application that was told of the person is notified: by its feed, or by a letter (`gateway notice list`).
    If it breaks off anywhere, run it again. Exit 1 if nobody is held under this number.
    """
    from gateway.app import build

    number = number.strip()
    if not number:
        raise click.UsageError("a person number is needed")
    with build(load_settings(settings_path)) as app:
        if not even_unknown and not app.store.is_known(source, number):
            click.echo("nobody is held under this person number, and nothing was done (--even-unknown bars it)")
            raise SystemExit(1)
        if not yes:
            click.confirm("Erase this person and all its records for good?", abort=True)
        now = app.rules.clock()
        with app.store.poll_lock() as tenure:
            agreements, today = app.rules.agreements, app.rules.city.today(now)
            gone = app.store.erase(tenure, source, number, agreements, now=now, stichtag=today)
        app.audit.checkpoint()
        letters = len(app.store.notices())
    click.echo("erased" if gone else "there was nothing left to erase; the number is barred")
    if letters:
        click.echo(f"{letters} notices wait to be sent: gateway notice list")
