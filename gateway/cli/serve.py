"""`gateway serve`: the server, started anew once, so that OpenSSL has the settings of the house from the beginning."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FOLDER, load_settings, settings_option


@click.command()
@settings_option
@click.option("--sandbox", is_flag=True, help="A sandbox: synthetic persons, messages recorded for vendors.")
@click.option("--dir", "folder", type=FOLDER, help="Sandbox: everything goes here.  [default: sandbox]")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Sandbox: port of the service (default: as before, or 8443)."
)
@click.option(
    "--persons", type=click.IntRange(1, 100_000), help="Sandbox: synthetic persons (default: as before, or 240)."
)
@click.option("--host", help="Sandbox: address to listen on (default: as before, or 127.0.0.1).")
@click.option("--name", "names", multiple=True, help="Sandbox: a name under which others reach it; repeatable.")
@click.option("--fresh", is_flag=True, help="Sandbox: begin with new data.")
def serve(
    settings_path: Path | None,
    sandbox: bool,
    folder: Path | None,
    port: int | None,
    persons: int | None,
    host: str | None,
    names: tuple[str, ...],
    fresh: bool,
) -> None:
    """Serve every agreement over HTTPS with client certificates until SIGTERM.

    With --sandbox and without --settings: a sandbox with everything that belongs to it, made if need be.
    """
    if (settings_path or not sandbox) and (folder or port or persons or host or names or fresh):
        raise click.UsageError("all options but --settings are those of a sandbox that is made (--sandbox)")
    if sandbox and settings_path is None:
        from gateway.cli.sandbox_place import Wishes
        from gateway.cli.sandbox_run import run

        run(folder, Wishes(port=port, host=host, names=names, persons=persons), fresh=fresh)
        return
    settings = load_settings(settings_path)
    if settings.server.ends_tls:
        from gateway.exchange import openssl

        openssl.enforce()
    if sandbox:
        from gateway.sandbox.house import serve as run_sandbox

        run_sandbox(settings)
    else:
        from gateway.serving import serve as run_server

        run_server(settings)
