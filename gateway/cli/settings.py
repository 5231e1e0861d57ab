"""`gateway settings`: what an installation was told, from where, and whether it could start with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.agreements.synthetic import is_stream
from gateway.cli.options import load_settings, settings_option
from gateway.settings import Told, locate, origins

_USER = re.compile(r"(?<=://)[^/?#]*@")


@click.group()
def settings() -> None:
    """What this installation was told."""


@settings.command()
@settings_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def show(settings_path: Path | None, form: str) -> None:
    """Show every value with its origin: file, default, or a variable of the environment. Passwords are masked."""
    path = locate(settings_path)
    told = list(shown(path))
    if form == "json":
        listed = {one.name: {"value": one.value, "origin": one.origin} for one in told}
        click.echo(json.dumps(listed, ensure_ascii=False, indent=2))
        return
    Console().print(table(path, told))


@settings.command()
@settings_option
def check(settings_path: Path | None) -> None:
    """Read and check all that a start would: agreements, approvals, contracts, keys, certificates, TLS, database.

    Everything that is wrong is named at once, exit 2. Nothing is written, nobody is asked, nothing listens.
    """
    from gateway.serving import checked

    rules, _ = checked(load_settings(settings_path))
    every, today = (sum(not is_stream(name) for name in one) for one in (rules.versions, rules.agreements))
    click.echo(f"{every} agreements, {today} of them in force today; it would start")


def table(path: Path, told: Iterable[Told]) -> Table:
    """Every value with its origin, section by section; what was not told is dim."""
    found, before = Table(title=escape(str(path)), box=box.SIMPLE_HEAD), ""
    for column in ("setting", "value", "origin"):
        found.add_column(column, overflow="fold")
    for one in told:
        section = one.name.partition(".")[0]
        if before not in ("", section):
            found.add_section()
        before, style = section, "dim" if one.origin == "default" else ""
        found.add_row(escape(one.name), escape(_written(one.value)), escape(one.origin), style=style)
    return found


def _written(value: object) -> str:
    if value is None or value == []:
        return "-"
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def shown(path: Path) -> Iterator[Told]:
    """What there is to show of the settings: nothing secret."""
    from gateway.store.database import without_password

    for one in origins(path, load_settings(path)):
        value = one.value
        if one.name == "database.url" and not str(value).startswith("sqlite"):
            value = without_password(str(value))
        if isinstance(value, str) and one.name != "database.url":
            value = _USER.sub("***@", value)
        yield Told(one.name, _plain(value), one.origin)


def _plain(value: object) -> object:
    """As JSON has it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return [_plain(one) for one in value] if isinstance(value, tuple) else str(value)
