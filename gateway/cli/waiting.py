"""What a command shows while its work takes long: a bar on a terminal, nothing for cron and pipes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from gateway.store.progress import Progress, silent

if TYPE_CHECKING:
    from rich.console import Console

quiet_option = click.option("--quiet", is_flag=True, help="No progress bar.")
"""Adds `--quiet`; without a terminal there is no bar anyway."""


@contextmanager
def progress_bars(*, quiet: bool = False, console: Console | None = None) -> Iterator[Progress]:
    """What long work reports to: one bar on stderr for each thing it does, gone at the end.

    With `quiet`, or where stderr is no terminal that can be written over, it is `silent`: nothing is written.
    """
    from rich.console import Console

    console = console or Console(stderr=True)
    if quiet or not console.is_interactive:
        yield silent
        return
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, TimeElapsedColumn(), console=console, transient=True) as bars:
        tasks = {}

        def told(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield told
