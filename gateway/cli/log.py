"""`gateway log`: everything that belongs to one request, by the number that its caller was told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from uuid import UUID

import click

from gateway.cli.options import find_settings, settings_option
from gateway.cli.terminal import printable

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_PROTOCOL = re.compile(rf"\"?protocol\"?[=:] ?\"?({_UUID})")


@click.group()
def log() -> None:
    """What the log and the audit trail say of a request."""


@log.command()
@settings_option
@click.argument("number")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
def show(settings_path: Path | None, number: str, files: Sequence[Path]) -> None:
    """Show all that belongs to NUMBER: the `vorgangsnummer` of a fault, or the `protokollnummer` of any answer.

    FILES hold log lines ("-": standard input, as in `journalctl -u gateway -o cat | gateway log show NUMBER -`). The
    entry on the audit trail is told as far as it names nobody. Exit 1 if there is nothing of it.
    """
    if not re.fullmatch(_UUID, number):
        raise click.UsageError("NUMBER is a vorgangsnummer or a protokollnummer, both UUIDs")
    lines = [line for path in files for line in _lines(path) if number in line]
    protocols = dict.fromkeys(found[1] for line in lines if (found := _PROTOCOL.search(line)))
    # Of the trail are UUIDs of version 7 only; a vorgangsnummer is one of version 4.
    asked = [one for one in protocols or (number,) if UUID(one).version == 7]
    entries = list(_entries(settings_path, asked))
    for line in lines:
        click.echo(printable(line))
    for entry in entries:
        click.echo(json.dumps(entry, ensure_ascii=False))
    if not lines and not entries:
        click.echo("nothing of it: is it older than the log, or of another installation?", err=True)
        raise SystemExit(1)


def _lines(path: Path) -> Iterator[str]:
    with click.open_file(str(path), encoding="utf-8", errors="replace") as file:
        yield from (line.rstrip("\n") for line in file)


def _entries(settings_path: Path | None, numbers: Iterable[str]) -> Iterator[dict[str, object]]:
    """From the audit trail, if there are settings that say where it is."""
    from gateway.store.database import Database
    from gateway.store.usage import belonging

    settings = find_settings(settings_path)
    if settings is None:
        return
    database = Database.open(settings.database.url)
    try:
        for number in numbers:
            yield from belonging(database, number)
    finally:
        database.close()
