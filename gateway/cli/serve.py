"""`gateway serve`: the server, started anew once, so that OpenSSL has the settings of the house from the beginning.

Nothing is loaded before that but what decides it: it would be loaded twice.
"""

from __future__ import annotations

import gc
import os
import sys
import tomllib
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
    gc.disable()  # what a start loads stays: nothing is collected until it listens
    try:
        _start(settings_path, sandbox=sandbox)
    finally:
        gc.enable()


def _start(settings_path: Path | None, *, sandbox: bool) -> None:
    from gateway.exchange import openssl

    if _ends_tls(settings_path):
        openssl.enforce()
    _load_log()
    settings = load_settings(settings_path)
    if settings.server.ends_tls:
        openssl.enforce()
    if sandbox:
        from gateway.sandbox.house import serve as run_sandbox

        run_sandbox(settings)
    else:
        from gateway.serving import serve as run_server

        run_server(settings)


def _ends_tls(settings_path: Path | None) -> bool:
    """Whether it can be told at a glance that the server ends TLS itself, as it does if nothing is said of a proxy.

    What is wrong with the settings, if anything, is said when all of them are read.
    """
    try:
        told = tomllib.loads((settings_path or Path(os.environ["GATEWAY_SETTINGS"])).read_text("utf-8"))
    except (KeyError, OSError, ValueError):
        return False
    return isinstance(told.get("server"), dict) and "proxy" not in told["server"]


def _load_log() -> None:
    """structlog, without rich if nobody has loaded that: it would be for tracebacks, and none is ever drawn."""
    if "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment]  # what import takes for "there is none"
    try:
        import structlog  # noqa: F401 - loaded, not used
    finally:
        del sys.modules["rich"]
