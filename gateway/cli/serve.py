"""`gateway serve`: the server, started anew once, so that OpenSSL has the settings of the house from the beginning."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import load_settings, settings_option


@click.command()
@settings_option
def serve(settings_path: Path | None) -> None:
    """Serve every agreement over HTTPS with client certificates until SIGTERM."""
    settings = load_settings(settings_path)
    if settings.server.ends_tls:
        from gateway.exchange import openssl

        openssl.enforce()
    from gateway.serving import serve as run_server

    run_server(settings)
