"""`gateway poll`: the long-running work of one installation."""

from __future__ import annotations

import gc
import signal
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from queue import Empty, SimpleQueue
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
            ending = Ending()
            app.poll.run_forever(
                every or settings.source.poll_seconds,
                ending.asked,
                ending.sleep,
                anchor=app.audit.checkpoint,
                reconcile=lambda: app.reconciliation.run_if_due(ending.asked),
            )


def summary(counts: Counts) -> str:
    """One line with every count of a round."""
    return ", ".join(f"{getattr(counts, field.name)} {field.name}" for field in fields(counts))


class Ending:
    """SIGTERM and SIGINT ask for the end: the round in progress ends, no further one begins.

    Asked again while it still takes note, as at Ctrl-C by the terminal and by a parent, it must not wait for itself:
    nothing here takes a lock that the interrupted call may hold (threading.Event does).
    """

    def __init__(self) -> None:
        self._asked = False
        self._wake: SimpleQueue[None] = SimpleQueue()
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGINT, self._ask)

    def asked(self) -> bool:
        """Whether to end."""
        return self._asked

    def sleep(self, seconds: float) -> None:
        """So long, or until somebody asks."""
        with suppress(Empty):
            self._wake.get(timeout=seconds)

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        self._asked = True
        self._wake.put(None)
