"""`gateway source`: what operators do about the case system."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gateway.cli.options import load_to_fetch, settings_option
from gateway.cli.waiting import progress_bars, quiet_option
from gateway.store.reconciled import Outcome, Reconciled

_OUTCOMES = {
    Outcome.CLEAN: "clean: what is stored is what OK.VISA has",
    Outcome.MENDED: "complete: what differed is mended",
    Outcome.BRAKED: "NOTHING REMOVED: that many may be removed only with --confirm-removals",
    Outcome.CONTRADICTION: "INCOMPLETE: OK.VISA counts another stock than it delivers; nobody was removed",
    Outcome.UNSETTLED: "incomplete: OK.VISA changes too fast to be counted; nobody was removed, try at a quieter hour",
}


@click.group()
def source() -> None:
    """The case system that data comes from."""


@source.command()
@settings_option
@click.option(
    "--confirm-removals",
    "confirmed",
    default=0,
    metavar="N",
    type=click.IntRange(min=0),
    help="Remove up to N records that OK.VISA no longer has, although that is more than the set share.",
)
@quiet_option
def reconcile(settings_path: Path | None, confirmed: int, quiet: bool) -> None:
    """Compare the whole stock with OK.VISA's now, and mend what has drifted apart; ends 0 if complete, else 1."""
    from gateway.app import build
    from gateway.log import configure_log

    settings = load_to_fetch(settings_path)
    configure_log(settings.log)
    with build(settings) as app:
        try:
            with progress_bars(quiet=quiet) as progress:
                result = app.reconciliation.run(confirmed=confirmed, progress=progress)
        finally:
            app.audit.checkpoint()
    click.echo(told(result))
    sys.exit(0 if result.outcome.complete else 1)


def told(one: Reconciled) -> str:
    """What was found, by kind, and how it ended: figures only."""
    counts = ", ".join(f"{count} {kind}" for kind, count in one.found.items()) or "no difference"
    return f"reconciliation at change number {one.change_number}: {counts}; {_OUTCOMES[one.outcome]}"
