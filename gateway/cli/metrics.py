"""`gateway metrics`: what Prometheus asks, on a listener of its own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import click

from gateway.cli.options import load_settings, now, settings_option
from gateway.errors import SettingsError


@click.command()
@settings_option
def metrics(settings_path: Path | None) -> None:
    """Give out /metrics, /health/live and /health/ready at `[metrics] host` and `port`, until SIGTERM.

    The numbers name applications, never a person or a clerk. It is a process of its own: what the server counts it
    reads from `[metrics] folder`.
    """
    from gateway.health.metrics import Listener
    from gateway.store.database import Database

    settings = load_settings(settings_path)
    if settings.metrics is None:
        raise SettingsError("there is no section [metrics]: nothing is counted")
    told = settings.metrics
    told.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # the server may start later
    database = Database.open(settings.database.url)
    try:
        with Listener((told.host, told.port), told.folder, database, now) as listener:
            signal.signal(signal.SIGTERM, _ending(listener.shutdown))
            signal.signal(signal.SIGINT, _ending(listener.shutdown))
            listener.serve_forever()
    finally:
        database.close()


def _ending(shutdown: Callable[[], None]) -> Callable[[int, FrameType | None], None]:
    """`shutdown` waits for the loop that the signal has interrupted, so it runs beside it."""
    return lambda _signal, _frame: threading.Thread(target=shutdown).start()
