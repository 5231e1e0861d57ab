"""`gateway stats run | sign | release`: a report is counted, its draft looked at and signed, and released as it is."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from re import fullmatch
from typing import TYPE_CHECKING

import click
from rich.console import Console

from gateway.agreements.approval import Trust
from gateway.cli import signing
from gateway.cli.options import agreements_folder, definitions_folder, load_settings, settings_option, until_option
from gateway.cli.waiting import progress_bars, quiet_option
from gateway.statistics import releasing
from gateway.statistics.approving import ROLE, Office, place, roles
from gateway.statistics.definition import Audience, Definition, load_definitions
from gateway.statistics.papers import paper_of
from gateway.statistics.rendering_terminal import terminal
from gateway.store.audit import Personal
from gateway.store.released_draft import KEPT, Draft

if TYPE_CHECKING:
    from gateway.app import App
    from gateway.settings import Settings
    from gateway.statistics.paper import Paper
    from gateway.statistics.running import Run

_AUDIENCES = click.Choice([one.value for one in Audience])
_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
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
    """Count a report and draft what can be released of it; nothing is released by that.

    Says what the draft would be refused for: before it counts, if that is known before. The draft is kept for a month
    under the digest that is told, and is released as it is.
    """
    from gateway.app import build
    from gateway.cli.subject import login

    settings, who = load_settings(settings_path), Personal(kennung=clerk or login())
    reports = definitions(settings)
    if report not in reports:
        raise click.UsageError(f"there is no such report: {', '.join(reports)}")
    with build(settings) as app:
        wanted = Audience(audience)
        releasing.require_due(reports[report], wanted, day.date(), database=app.database)
        counted = _counted(app, reports[report], day, known, who, quiet=quiet)
        draft = releasing.draft(
            counted,
            wanted,
            database=app.database,
            audit=app.audit,
            safety=_safety(),
            now=app.rules.clock,
            clerk=who,
        )
        app.audit.checkpoint()
        paper = draft_paper(app, draft)
    Console().print(terminal(paper))
    click.echo(f"draft:   {draft.digest.hex()}")
    for role in roles(audience):
        click.echo(f"signed:  by nobody yet; {role}: gateway stats sign DRAFT --key KEY --certificate CERTIFICATE")
    by = "" if wanted is Audience.INTERN else "by somebody else than had it made: "
    click.echo(f"release: within {KEPT.days} days, {by}gateway stats release --draft DRAFT")


@click.command()
@settings_option
@click.argument("draft")
@signing.key_options
def sign(settings_path: Path | None, draft: str, key: Path, certificate: Path) -> None:
    """Sign a draft in the role of the office whose persons are counted; what is signed is shown.

    `gateway stats show DRAFT --out FOLDER` writes the bytes for who signs elsewhere; the signature belongs into the
    folder of approvals, as statistik/DRAFT.abgebende-stelle.p7s.
    """
    from gateway.app import build

    settings = load_settings(settings_path)
    with build(settings) as app:
        one, _ = releasing.find(digest_of(draft), database=app.database, audit=app.audit)
        paper = draft_paper(app, one)
    Console().print(terminal(paper))
    report = one.report
    told = f"{report.name} for {report.audience}, {one.period.first} to {one.period.last}, {draft}"
    to = place(one.digest, ROLE, settings.approvals.folder, agreements_folder(settings))
    signing.sign(one.text.encode(), told, role=ROLE, key=key, certificate=certificate, to=to, settings=settings)


@click.command()
@settings_option
@click.option("--draft", required=True, metavar="DRAFT", help="The digest that `gateway stats run` has told.")
@click.option("--clerk", help="Who releases it (default: the login name); kept sealed in the trail.")
@click.option("--after-restore", is_flag=True, help="All that was told after the backup is released again, or this is.")
def release(settings_path: Path | None, draft: str, clerk: str | None, after_restore: bool) -> None:
    """Release a draft: from then on it is told, and everything later is checked against it.

    Exactly what was looked at is released; nothing is counted again. It is refused, with the reason, if it would give
    anybody away beside what was told meanwhile.
    """
    from gateway.app import build
    from gateway.cli.subject import login

    settings = load_settings(settings_path)
    office = Office(Trust.load(settings.approvals.trusted), settings.approvals.folder, agreements_folder(settings))
    with build(settings) as app:
        if not after_restore:
            releasing.require_recalled(database=app.database, audit=app.audit)
        one = releasing.release(
            digest_of(draft),
            definitions=definitions(settings),
            database=app.database,
            audit=app.audit,
            safety=_safety(),
            approvals=office.approvals,
            now=app.rules.clock,
            clerk=Personal(kennung=clerk or login()),
        )
        app.audit.checkpoint()
    click.echo(f"released: {one.number} ({one.name} for {one.audience}, {one.period.first} to {one.period.last})")


def definitions(settings: Settings) -> dict[str, Definition]:
    """Every report there is, by its name."""
    return load_definitions(definitions_folder(agreements_folder(settings)))


def digest_of(draft: str) -> bytes:
    """The digest that was typed; UsageError if it is none."""
    if not fullmatch("[0-9a-f]{64}", draft):
        raise click.UsageError("a draft is told by 64 hexadecimal digits, as `gateway stats run` prints them")
    return bytes.fromhex(draft)


def draft_paper(app: App, draft: Draft) -> Paper:
    """The draft as it is looked at."""
    report, city = draft.report, app.rules.city
    made = city.today(draft.made)
    return paper_of(report.definition, report.audience, report.rule, draft.table, city=city, made=made)


def _counted(
    app: App, definition: Definition, day: datetime, known: datetime | None, who: Personal, *, quiet: bool
) -> Run:
    from gateway.statistics.running import run as count

    rules = app.rules
    with progress_bars(quiet=quiet) as told:
        return count(
            definition,
            day.date(),
            store=app.store,
            audit=app.audit,
            city=rules.city,
            now=rules.clock(),
            known=known,
            clerk=who.kennung,
            progress=told,
        )


def _safety() -> releasing.Safety:
    from gateway.statistics.safety import SAFETY  # loads scipy, which no other command needs

    return SAFETY
