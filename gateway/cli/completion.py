"""`gateway completion`: what a shell needs to complete commands, switches and file names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell; it asks `gateway` itself, so it never grows old.

    For everybody: gateway completion bash > /etc/bash_completion.d/gateway
    """
    found = get_completion_class(shell)
    if found is None:  # click knows all three; a version that does not is refused by name
        raise click.UsageError(f"this version of click has no completion for {shell}")
    click.echo(found(context.find_root().command, {}, "gateway", "_GATEWAY_COMPLETE").source())
