"""Commands whose errors name options, never what was typed: it may be a person, and errors are kept."""

from __future__ import annotations

from typing import Any

import click


class QuietCommand(click.Command):
    """Errors about the command line name options, never what was typed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.allow_extra_args = True
        try:
            super().parse_args(ctx, args)
        except click.MissingParameter:
            raise
        except click.NoSuchOption:
            raise click.UsageError("there is no such option", ctx) from None
        except click.BadParameter as error:
            name = error.param.opts[0] if error.param is not None else "a value"
            raise click.UsageError(f"{name}: not a value that it may have", ctx) from None
        if ctx.args:
            raise click.UsageError("an argument belongs to no option: quote values that contain blanks", ctx)
        return []

    def invoke(self, ctx: click.Context) -> Any:
        """What the command does; an OSError names no file: that, too, was typed."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            raise OSError(error.errno, error.strerror) from None


class QuietGroup(click.Group):
    """Its own errors and those of all its commands name options, never what was typed."""

    command_class = QuietCommand

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that is meant; UsageError if there is none."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            raise click.UsageError("there is no such command", ctx) from None
