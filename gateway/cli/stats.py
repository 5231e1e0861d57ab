"""`gateway stats`: reports that are counted, made safe and released; what was released, as table, file and page."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import normalize

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
    until_option,
)
from gateway.cli.private import require_new, write_new
from gateway.cli.waiting import progress_bars, quiet_option
from gateway.errors import StatisticError
from gateway.statistics import releasing
from gateway.statistics.definition import Audience, Definition, load_definitions
from gateway.statistics.papers import paper_of
from gateway.statistics.rendering import FORMATS, file_name
from gateway.statistics.rendering_terminal import terminal
from gateway.store import released
from gateway.store.released import Reason, Registered

if TYPE_CHECKING:
    from gateway.app import App
    from gateway.settings import Settings
    from gateway.statistics.paper import Paper
    from gateway.statistics.running import Run

_AUDIENCES = click.Choice([one.value for one in Audience])
_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def stats() -> None:
    """Statistics of everybody who is stored; only what is safe for everybody goes out."""


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
@click.argument("report")
@click.option("--day", type=_DAY, required=True, help="The day, or any day of the month, quarter or year.")
@click.option("--audience", type=_AUDIENCES, default=Audience.INTERN.value, show_default=True)
@click.option("--known", metavar="TIME", callback=until_option, help="As the stock was known then (default: now).")
@click.option("--clerk", help="Who asks (default: the login name); kept sealed in the trail.")
@quiet_option
def run(
    settings_path: Path | None,
    report: str,
    day: datetime,
    audience: str,
    known: datetime | None,
    clerk: str | None,
    quiet: bool,
) -> None:
    """Count a report and show what could be released of it: a draft that stays here and is no release."""
    from gateway.app import build

    settings = load_settings(settings_path)
    with build(settings) as app:
        counted = _counted(app, _definition(settings, report), day.date(), known, clerk, quiet=quiet)
        draft = releasing.draft(counted, Audience(audience), database=app.database, safety=_safety())
        app.audit.checkpoint()
        one = draft.report
        today = app.rules.city.today(app.rules.clock())
        paper = paper_of(one.definition, audience, one.rule, draft.table, city=app.rules.city, made=today)
    Console().print(terminal(paper))


@stats.command()
@settings_option
@click.argument("report")
@click.option("--day", type=_DAY, required=True, help="The day, or any day of the month, quarter or year.")
@click.option("--audience", type=_AUDIENCES, required=True)
@click.option("--known", metavar="TIME", callback=until_option, help="As the stock was known then (default: now).")
@click.option("--clerk", help="Who releases it (default: the login name); kept sealed in the trail.")
@click.option("--second", help="Who has looked at the draft and agreed; needed but for internal tables, kept sealed.")
@click.option("--after-restore", is_flag=True, help="All that was told after the backup is released again, or this is.")
@quiet_option
def release(
    settings_path: Path | None,
    report: str,
    day: datetime,
    audience: str,
    known: datetime | None,
    clerk: str | None,
    second: str | None,
    after_restore: bool,
    quiet: bool,
) -> None:
    """Count a report and release it: from then on it is told, and everything later is checked against it.

    Nothing is released that would, with all that was released before, give anybody away; the reason is told.
    """
    from gateway.app import build
    from gateway.cli.subject import login

    clerk = clerk or login()
    if audience != Audience.INTERN.value and _plain(second or "") in ("", _plain(clerk)):
        raise click.UsageError("--second: somebody else than --clerk must have looked at the draft and agreed")
    settings = load_settings(settings_path)
    with build(settings) as app:
        definition = _definition(settings, report)
        if not after_restore:
            releasing.require_recalled(database=app.database, audit=app.audit)
        releasing.require_due(definition, Audience(audience), day.date(), database=app.database)
        counted = _counted(app, definition, day.date(), known, clerk, quiet=quiet)
        one = releasing.release(
            counted,
            Audience(audience),
            database=app.database,
            audit=app.audit,
            safety=_safety(),
            now=app.rules.clock,
            clerk=releasing.with_reason(clerk, second),
        )
        app.audit.checkpoint()
    click.echo(f"released: {one.number} ({one.name} for {one.audience}, {one.period.first} to {one.period.last})")


@stats.command()
@settings_option
@click.argument("number", type=int)
@click.option("--out", type=FOLDER, help="Write files into this folder instead; nothing is written over.")
@click.option("--format", "forms", type=click.Choice(list(FORMATS)), multiple=True, help="Which files (default: all).")
def show(settings_path: Path | None, number: int, out: Path | None, forms: tuple[str, ...]) -> None:
    """Show a released table, or write it as CSV, workbook and page; the same files every time."""
    from gateway.app import build

    with build(load_settings(settings_path)) as app:
        paper = _paper(app, number)
    if out is None:
        Console().print(terminal(paper))
        return
    out.mkdir(parents=True, exist_ok=True)
    paths = {form: out / file_name(paper, form) for form in dict.fromkeys(forms or FORMATS)}
    for path in paths.values():
        require_new(path)
    for form, path in paths.items():
        write_new(path, FORMATS[form](paper))
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
            clerk=releasing.with_reason(clerk or login(), None),
        )
        app.audit.checkpoint()
    click.echo(f"withdrawn: {one.number} ({one.name} for {one.audience})")


def _plain(name: str) -> str:
    """A name, however it is typed."""
    return "".join(normalize("NFKC", name).casefold().split())


def _definition(settings: Settings, report: str) -> Definition:
    reports = load_definitions(definitions_folder(agreements_folder(settings)))
    if report not in reports:
        raise click.UsageError(f"there is no such report: {', '.join(reports)}")
    return reports[report]


def _counted(
    app: App, definition: Definition, day: date, known: datetime | None, clerk: str | None, *, quiet: bool
) -> Run:
    from gateway.cli.subject import login
    from gateway.statistics.running import run as count

    rules = app.rules
    with progress_bars(quiet=quiet) as told:
        return count(
            definition,
            day,
            store=app.store,
            audit=app.audit,
            city=rules.city,
            now=rules.clock(),
            known=known,
            clerk=clerk or login(),
            progress=told,
        )


def _safety() -> releasing.Safety:
    from gateway.statistics.safety import make_safe  # loads scipy, which no other command needs

    return make_safe


def _paper(app: App, number: int) -> Paper:
    one, table, text, earlier = releasing.opened(number, database=app.database)
    return paper_of(
        text,
        one.audience,
        one.rule,
        table,
        city=app.rules.city,
        made=app.rules.city.today(one.time),
        number=one.number,
        earlier=earlier,
        withdrawn=one.withdrawn is not None,
    )


def _listed(tables: tuple[Registered, ...]) -> Table:
    table = Table(title=f"{len(tables)} released tables")
    for column in ("number", "report", "version", "audience", "from", "to", "released", "withdrawn"):
        table.add_column(column, overflow="fold")
    for one in tables:
        gone = "" if one.withdrawn is None else f"{one.withdrawn.time.astimezone(UTC):%Y-%m-%d} {one.withdrawn.reason}"
        days = (f"{one.period.first}", f"{one.period.last}", f"{one.time.astimezone(UTC):%Y-%m-%d %H:%M}")
        table.add_row(str(one.number), one.name, str(one.version), one.audience, *days, gone)
    return table
