"""`gateway contract usage`: which application still calls which contract major."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from gateway.agreements.load import load_every
from gateway.agreements.versions import by_stream, successions
from gateway.cli.options import agreements_folder, city, load_settings, now, settings_option
from gateway.contract.compiled import Contract
from gateway.settings import Settings
from gateway.store.calls import Calls, calls
from gateway.store.database import Database


@click.command()
@settings_option
@click.option("--days", type=click.IntRange(1, 3660), default=30, show_default=True, help="How far to look back.")
def usage(settings_path: Path | None, days: int) -> None:
    """Say how often each application called each contract major, and when last; from the audit trail.

    Answers and refusals both count. Nothing is told of who at the application's side called.
    """
    settings = load_settings(settings_path)
    versions = by_stream(one.agreement for one in load_every(agreements_folder(settings)))
    ends, found = successions(versions), _calls(settings, now() - timedelta(days=days))
    for key in sorted(versions.keys() | {f"{application}/{major}" for application, major in found}):
        application, _, major = key.rpartition("/")
        used, end = found.get((application, int(major))), ends.get(key)
        told = f"{used.number} calls in {days} days, last on {used.last}" if used else f"no call in {days} days"
        told += f"; major {end.major} succeeds from {end.since} on, served until {end.until}" if end else ""
        click.echo(f"{key}: {told}")


def called(settings: Settings, contracts: Iterable[Contract]) -> dict[str, Calls]:
    """Those of the contracts that anybody ever called, as far back as the audit trail goes."""
    found = _calls(settings, datetime.fromtimestamp(0, UTC))
    keyed = {f"{one.application}/{one.major}": found.get((one.application, one.major)) for one in contracts}
    return {key: used for key, used in keyed.items() if used is not None}


def _calls(settings: Settings, since: datetime) -> dict[tuple[str, int], Calls]:
    database = Database.open(settings.database.url)
    try:
        return dict(calls(database, since, city(settings).timezone))
    finally:
        database.close()
