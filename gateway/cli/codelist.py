"""`gateway codelist`: which codes there are, since when, and how newer versions of their lists come in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.cli.codelist_import import import_version, print_difference
from gateway.cli.codelist_sign import sign
from gateway.cli.options import Command, city, find_settings, now, settings_option
from gateway.model import codelists
from gateway.model.codelists import SHIPPED, CodeEntry, CodeList, ListVersion
from gateway.upkeep.codelist_import import Difference, difference


@click.group()
def codelist() -> None:
    """Look at the code lists and their versions, and import newer ones (Genericode)."""


codelist.add_command(import_version)
codelist.add_command(sign)

DAY = click.DateTime(["%Y-%m-%d"])


def _form_option(command: Command) -> Command:
    return click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)(
        command
    )


@codelist.command(name="list")
@settings_option
@click.option("--on", "on", type=DAY, help="Which version is in force on that day (default: today).")
@_form_option
def list_lists(settings_path: Path | None, on: datetime | None, form: str) -> None:
    """Every list: the version in force, where it is from, and which version follows."""
    day = _day(settings_path, on)
    rows = [_summary(codelists.load(name), day) for name in codelists.names()]
    if form == "json":
        _print_json({"day": day.isoformat(), "lists": rows})
        return
    columns = ("list", "version", "begins", "from", "codes", "newest", "begins ")
    _print_table(
        f"code lists on {day}", columns, ([str(value or "") for value in list(row.values())[1:]] for row in rows)
    )


@codelist.command()
@settings_option
@click.argument("name")
@click.option("--on", "on", type=DAY, help="Only the codes that are valid on that day.")
@_form_option
def show(settings_path: Path | None, name: str, on: datetime | None, form: str) -> None:
    """All codes of the list NAME with validity and versions, ended ones included."""
    _day(settings_path, None)
    found = _named(name)
    codes = {code: one for code, one in found.codes.items() if on is None or one.valid_on(on.date())}
    if form == "json":
        versions = [_version(found, one) for one in found.versions]
        told = {code: _entry(one) for code, one in codes.items()}
        _print_json({"list": name, "uri": found.uri, "title": found.title, "versions": versions, "codes": told})
        return
    rows = (
        [code, one.label, str(one.valid_from or ""), str(one.valid_to or ""), ", ".join(one.versions)]
        for code, one in codes.items()
    )
    title = f"{found.title}: {found.uri}, version {', '.join(one.version for one in found.versions)}"
    _print_table(title, ("code", "means", "from", "to", "versions"), rows)


@codelist.command()
@settings_option
@click.argument("name")
@click.argument("old")
@click.argument("new")
@_form_option
def diff(settings_path: Path | None, name: str, old: str, new: str, form: str) -> None:
    """What changes in the list NAME from version OLD to version NEW; exit 1 if anything does."""
    _day(settings_path, None)
    found = _named(name)
    change = difference(name, *(_of(found, number).codes for number in (old, new)))
    if form == "json":
        _print_json({"list": name, "old": old, "new": new, **as_json(change)})
    else:
        print_difference(f"{name}: {old} -> {new}", change)
    raise SystemExit(1 if change else 0)


def as_json(change: Difference) -> dict[str, Any]:
    """A difference as JSON says it."""
    return {
        "added": dict(change.added),
        "ended": {code: None if last is None else last.isoformat() for code, last in change.ended.items()},
        "relabelled": {code: list(labels) for code, labels in change.relabelled.items()},
        "redefined": {code: list(columns) for code, columns in change.redefined.items()},
        "resumed": list(change.resumed),
    }


def _day(settings_path: Path | None, on: datetime | None) -> date:
    """The day that is asked about; the settings' code lists hold from now on."""
    settings = find_settings(settings_path)
    return on.date() if on is not None else city(settings).today(now())


def _named(name: str) -> CodeList:
    if name not in codelists.names():
        raise click.UsageError(f"there is no such list; known are {', '.join(codelists.names())}")
    return codelists.load(name)


def _of(found: CodeList, number: str) -> ListVersion:
    for one in found.versions:
        if one.version == number:
            return one
    known = ", ".join(one.version for one in found.versions)
    raise click.UsageError(f"version {number} of {found.name} is not here; known are {known}")


def _summary(found: CodeList, day: date) -> dict[str, Any]:
    current, newest = found.in_force(day), found.versions[-1]
    return {
        "uri": found.uri,
        "list": found.name,
        "version": current.version,
        "begins": _iso(current.begins),
        "from": _origin(current),
        "codes": sum(entry.valid_on(day) for entry in found.codes.values()),
        "newest": newest.version if newest is not current else None,
        "newest_begins": _iso(newest.begins) if newest is not current else None,
    }


def _version(found: CodeList, one: ListVersion) -> dict[str, Any]:
    last = found.end_of(one)
    return {"version": one.version, "begins": _iso(one.begins), "ends": _iso(last), "file": one.file}


def _entry(one: CodeEntry) -> dict[str, Any]:
    period = {"from": _iso(one.valid_from), "to": _iso(one.valid_to)}
    return {"label": one.label, **period, "versions": list(one.versions)}


def _origin(one: ListVersion) -> str:
    return one.file if one.file == SHIPPED else "imported"


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _print_json(told: dict[str, Any]) -> None:
    click.echo(json.dumps(told, ensure_ascii=False, indent=2))


def _print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(title=escape(title))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    Console().print(table)
