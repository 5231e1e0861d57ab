"""`gateway`: the entry point; errors become one readable message and an exit code, never a traceback of data."""

from __future__ import annotations

import gc
import importlib
import io
import sys

import click

from gateway.errors import GatewayError

_COMMANDS = {
    "demo": ("gateway.cli.demo", "demo"),
    "settings": ("gateway.cli.settings", "settings"),
    "init": ("gateway.cli.init", "init"),
    "serve": ("gateway.cli.serve", "serve"),
    "poll": ("gateway.cli.run", "poll"),
    "source": ("gateway.cli.source", "source"),
    "simulate": ("gateway.cli.simulate", "simulate"),
    "sandbox": ("gateway.cli.sandbox", "sandbox"),
    "agreement": ("gateway.cli.agreement", "agreement"),
    "contract": ("gateway.cli.contract", "contract"),
    "codelist": ("gateway.cli.codelist", "codelist"),
    "validate": ("gateway.cli.contract", "validate"),
    "audit": ("gateway.cli.audit", "audit"),
    "stats": ("gateway.cli.stats", "stats"),
    "papers": ("gateway.cli.papers", "papers"),
    "quarantine": ("gateway.cli.quarantine", "quarantine"),
    "discrepancy": ("gateway.cli.desk", "discrepancy"),
    "person": ("gateway.cli.person", "person"),
    "notice": ("gateway.cli.notice", "notice"),
    "retention": ("gateway.cli.retention", "retention"),
    "certificate": ("gateway.cli.certificate", "certificate"),
    "keys": ("gateway.cli.keys", "keys"),
    "log": ("gateway.cli.log", "log"),
    "probe": ("gateway.cli.probe", "probe"),
    "metrics": ("gateway.cli.metrics", "metrics"),
    "health": ("gateway.cli.health", "health"),
    "db": ("gateway.cli.db", "db"),
    "completion": ("gateway.cli.completion", "completion"),
}


class _Lazy(click.Group):
    """Imports a command's module only when it is used: `gateway health` must not load a web server."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        if not gc.isenabled():  # `main` has begun: what was imported stays, and no collection need look at it
            gc.freeze()
            gc.enable()
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fldm-gateway", prog_name="gateway")
def cli() -> None:
    """SOAP/XML integration gateway: one reviewed agreement per connected application."""


def main() -> None:
    """Run the command line; a refusal of the house is a sentence and exit code 2, one of the machine and exit code 3.

    The machine's are those of files, folders and sockets: 3 says, as of `gateway health`, that nothing can be told.
    What the terminal's encoding does not have is shown as Python spells it.
    """
    gc.disable()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        cli(prog_name="gateway")
    except OSError as error:
        click.echo(f"gateway: {_place(error)}{error.strerror or type(error).__name__}", err=True)
        sys.exit(3)
    except GatewayError as error:
        lines = getattr(error, "problems", ()) or getattr(error, "reasons", ()) or (str(error),)
        click.echo(f"gateway: {error.code}", err=True)
        for line in lines:
            click.echo(f"  {line}", err=True)
        sys.exit(2)


def _place(error: OSError) -> str:
    return f"{error.filename}: " if isinstance(error.filename, str) else ""
