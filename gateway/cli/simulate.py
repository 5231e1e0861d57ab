"""`gateway simulate`: the systems around us, simulated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from gateway.cli.options import FILE
from gateway.simulator.faults import FAULTS, parse_fault


@click.group()
def simulate() -> None:
    """Simulate the systems around the gateway."""


@simulate.command()
@click.option("--persons", default=240, show_default=True, type=click.IntRange(1, 1_000_000), help="How many persons.")
@click.option("--seed", default=1, show_default=True, type=int, help="Same seed, same population and changes.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8081, show_default=True, type=click.IntRange(1, 65535))
@click.option("--changes-per-minute", default=0.0, show_default=True, type=click.FloatRange(0, 6000))
@click.option("--fault", "faults", multiple=True, metavar="F[:N]", help=f"Misbehave: {', '.join(FAULTS)}. Repeatable.")
@click.option("--journal", type=FILE, help="Note what happens here, and let it happen again at the next start.")
@click.option("--listener", type=int, hidden=True, help="Instead of --host and --port: a socket that listens already.")
@click.option("--name", help="What it calls itself when asked (GET /lebt).")
def okvisa(
    persons: int,
    seed: int,
    host: str,
    port: int,
    changes_per_minute: float,
    faults: tuple[str, ...],
    journal: Path | None,
    listener: int | None,
    name: str | None,
) -> None:
    """OK.VISA as a SOAP server with a synthetic population; writes nothing to disk but its journal."""
    from gateway.simulator.server import serve

    _require_faults(faults)
    serve(
        host,
        port,
        persons=persons,
        seed=seed,
        faults=faults,
        changes_per_minute=changes_per_minute,
        journal=journal,
        name=name,
        descriptor=listener,
        ready=lambda url: click.echo(f"simulated OK.VISA with {persons} persons at {url}"),
    )


def _require_faults(specs: Sequence[str]) -> None:
    """UsageError if one of them is no fault, before anything listens."""
    try:
        for spec in specs:
            parse_fault(spec)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--fault") from None
