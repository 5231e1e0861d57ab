"""`gateway init`: a new installation, ready to serve."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from gateway.agreements.load import load_all
from gateway.cli.installation import Plan, create
from gateway.cli.options import FOLDER, agreements_folder, city, now


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--name", "names", multiple=True, help="Host name or address of the server certificate; repeatable.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8443, show_default=True, type=click.IntRange(1, 65535))
@click.option("--source-url", default="http://127.0.0.1:8081/okvisa", show_default=True, help="OK.VISA's service.")
def init(folder: Path, names: tuple[str, ...], host: str, port: int, source_url: str) -> None:
    """Write settings, keys, certificates of a small CA and an empty database into FOLDER."""
    moment = now()
    applications = sorted({a.application for a in load_all(agreements_folder(), today=city().today(moment)).values()})
    plan = Plan(folder, host, port, source_url, applications, names or Plan(folder, host, port, source_url).names)
    installation = create(plan, now=moment)
    click.echo(f"settings:           {installation.settings}")
    click.echo(f"database:           {installation.database_url}")
    click.echo(f"CA for clients:     {installation.ca} (its key lies beside it: take it off this machine)")
    for name, (certificate, _key) in installation.clients.items():
        click.echo(f"client certificate: {certificate} (pinned for {name})")
    click.echo(f"approvals:          {installation.settings.parent / 'approvals'} (by trial keys of this installation)")
    place = shlex.quote(str(installation.settings))
    click.echo(f"next:               export GATEWAY_SETTINGS={place}; gateway poll --once; gateway serve")
