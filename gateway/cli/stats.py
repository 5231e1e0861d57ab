"""`gateway stats`: reports that are counted, made safe and released; what was released, as table, file and page."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from gateway.cli.options import (
    FOLDER,
    agreements_folder,
    definitions_folder,
    find_settings,
    load_settings,
    settings_option,
)
from gateway.cli.private import require_new, write_new
from gateway.cli.stats_release import digest_of, draft_paper, release, run, sign
from gateway.errors import StatisticError
from gateway.statistics import releasing
from gateway.statistics.definition import Definition, load_definitions
from gateway.statistics.papers import paper_of
from gateway.statistics.rendering import FORMATS, file_name
from gateway.statistics.rendering_terminal import terminal
from gateway.store import released
from gateway.store.audit import Personal
from gateway.store.released import Reason, Registered

if TYPE_CHECKING:
    from gateway.app import App
    from gateway.statistics.paper import Paper


@click.group()
def stats() -> None:
    """Statistics of everybody who is stored; only what is safe for everybody goes out."""


for _command in (run, sign, release):
    stats.add_command(_command)


@stats.command(name="list")
@settings_option
def list_reports(settings_path: Path | None) -> None:
    """List the reports there are, and every table that was released."""
    from gateway.app import build

    settings = load_settings(settings_path)
    reports = load_definitions(definitions_folder(agreements_folder(settings)))
    with build(settings) as app, app.database.read() as connection:
        register = released.read(connection)
    table = Table(title=f"{len(reports)} reports")
    for column in ("name", "version", "title", "period", "audiences"):
        table.add_column(column, overflow="fold")
    for one in reports.values():
        table.add_row(one.name, str(one.version), one.title, one.span.value, ", ".join(one.rules))
    Console().print(table)
    Console().print(_listed(register.tables))


@stats.command()
@settings_option
@click.option("--dir", "folder", type=FOLDER, help="Folder of agreements (default: the settings', else the shipped).")
def check(settings_path: Path | None, folder: Path | None) -> None:
    """Check every definition; exit 1 with all mistakes at once.

    With settings also that no definition by which something was released has another text under the same version.
    """
    settings = find_settings(settings_path)
    problems: list[str] = []
    reports: dict[str, Definition] = {}
    try:
        reports = load_definitions(definitions_folder(folder or agreements_folder(settings)))
    except StatisticError as error:
        problems += error.problems
    if settings is not None:
        from gateway.app import build

        with build(settings) as app, app.database.read() as connection:
            problems += releasing.changed_definitions(list(reports.values()), released.read(connection))
    for problem in problems:
        click.echo(problem)
    for one in reports.values():
        click.echo(f"{one.name}: fassung {one.version}, {len(one.margins)} tables, for {', '.join(one.rules)}")
    raise SystemExit(1 if problems else 0)


@stats.command()
@settings_option
@click.argument("which", metavar="NUMBER|DRAFT")
@click.option("--out", type=FOLDER, help="Write files into this folder instead; nothing is written over.")
@click.option("--format", "forms", type=click.Choice(list(FORMATS)), multiple=True, help="Which files (default: all).")
def show(settings_path: Path | None, which: str, out: Path | None, forms: tuple[str, ...]) -> None:
    """Show a released table or a draft, or write it as CSV, workbook and page; the same files every time.

    Of a draft also the bytes that a role signs, for whoever signs them elsewhere (openssl cms -sign -binary).
    """
    from gateway.app import build

    with build(load_settings(settings_path)) as app:
        paper, signed = _shown(app, which)
    if out is None:
        Console().print(terminal(paper))
        return
    out.mkdir(parents=True, exist_ok=True)
    paths = {out / file_name(paper, form): FORMATS[form](paper) for form in dict.fromkeys(forms or FORMATS)}
    paths |= {out / f"{which}.json": signed} if signed is not None else {}
    for path in paths:
        require_new(path)
    for path, content in paths.items():
        write_new(path, content)
        click.echo(f"written: {path}")


@stats.command()
@settings_option
@click.argument("number", type=int)
@click.option("--reason", type=click.Choice([one.value for one in Reason]), required=True)
@click.option("--clerk", help="Who withdraws it (default: the login name); kept sealed in the trail.")
def withdraw(settings_path: Path | None, number: int, reason: str, clerk: str | None) -> None:
    """Mark a released table as no longer to be used. It stays in the register: it was told."""
    from gateway.app import build
    from gateway.cli.subject import login

    with build(load_settings(settings_path)) as app:
        one = releasing.withdraw(
            number,
            Reason(reason),
            database=app.database,
            audit=app.audit,
            now=app.rules.clock(),
            clerk=Personal(kennung=clerk or login()),
        )
        app.audit.checkpoint()
    click.echo(f"withdrawn: {one.number} ({one.name} for {one.audience})")


def _shown(app: App, which: str) -> tuple[Paper, bytes | None]:
    """The table, and of a draft the bytes that are signed."""
    if not which.isdecimal() or len(which) > 18:  # a digest of 64 decimals is none of a number
        draft, _ = releasing.find(digest_of(which), database=app.database, audit=app.audit)
        return draft_paper(app, draft), draft.text.encode()
    one, table, text, earlier = releasing.opened(int(which), database=app.database)
    city = app.rules.city
    return paper_of(
        text,
        one.audience,
        one.rule,
        table,
        city=city,
        made=city.today(one.time),
        number=one.number,
        earlier=earlier,
        withdrawn=one.withdrawn is not None,
    ), None


def _listed(tables: tuple[Registered, ...]) -> Table:
    table = Table(title=f"{len(tables)} released tables")
    for column in ("number", "report", "version", "audience", "from", "to", "released", "signed", "withdrawn"):
        table.add_column(column, overflow="fold")
    for one in tables:
        gone = "" if one.withdrawn is None else f"{one.withdrawn.time.astimezone(UTC):%Y-%m-%d} {one.withdrawn.reason}"
        days = (f"{one.period.first}", f"{one.period.last}", f"{one.time.astimezone(UTC):%Y-%m-%d %H:%M}")
        signed = ", ".join(each.role for each in one.approvals)
        table.add_row(str(one.number), one.name, str(one.version), one.audience, *days, signed, gone)
    return table
