"""`gateway poll`: the long-running work of one installation."""

from __future__ import annotations

import gc
import signal
import threading
from dataclasses import fields
from functools import partial
from pathlib import Path
from types import FrameType

import click

from gateway.cli.options import load_to_fetch, settings_option
from gateway.cli.source import told
from gateway.cli.waiting import progress_bars, quiet_option
from gateway.sources.poll import Counts


@click.command()
@settings_option
@click.option("--once", is_flag=True, help="One round, then end.")
@click.option("--every", type=click.IntRange(min=1), help="Seconds between rounds (default: the settings').")
@click.option("--full", is_flag=True, help="Begin with a round that reads the whole stock.")
@quiet_option
def poll(settings_path: Path | None, once: bool, every: int | None, full: bool, quiet: bool) -> None:
    """Fetch from OK.VISA into the store."""
    from gateway.app import build
    from gateway.log import configure_log

    settings = load_to_fetch(settings_path)
    configure_log(settings.log)
    with build(settings) as app:
        gc.freeze()  # what was loaded stays for good: a tenth of a poll went into looking at it again and again
        if once or full:
            with progress_bars(quiet=quiet) as progress:
                result = app.poll.run_once(full=full, progress=progress)
            click.echo(summary(result.counts))
            reconciled = app.reconciliation.run_if_due()
            app.audit.checkpoint()
            if reconciled is not None:
                click.echo(told(reconciled))
        if not once:
            stop = _stopped()
            seconds, sleep = every or settings.source.poll_seconds, partial(_sleep, stop)
            app.poll.run_forever(
                seconds,
                stop.is_set,
                sleep,
                anchor=app.audit.checkpoint,
                reconcile=lambda: app.reconciliation.run_if_due(stop.is_set),
            )


def summary(counts: Counts) -> str:
    """One line with every count of a round."""
    return ", ".join(f"{getattr(counts, field.name)} {field.name}" for field in fields(counts))


def _sleep(stop: threading.Event, seconds: float) -> None:
    stop.wait(seconds)


def _stopped() -> threading.Event:
    """An event that SIGTERM and SIGINT set: the round in progress ends, no further one begins."""
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    return stop
