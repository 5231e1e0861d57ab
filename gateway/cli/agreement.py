"""`gateway agreement`: begin, check, explain, compare and approve agreements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import click

from gateway.agreements.agreement import Agreement
from gateway.agreements.explain import explain as explain_text
from gateway.agreements.load import load_agreement, load_all, load_every
from gateway.agreements.versions import by_stream, successions
from gateway.cli.agreement_new import hand_over, new
from gateway.cli.approval import list_approvals, sign
from gateway.cli.difference import diff
from gateway.cli.options import FOLDER, agreements_folder, city, definitions_folder, find_settings, now, settings_option
from gateway.errors import AgreementError, StatisticError
from gateway.statistics.definition import load_definitions


@click.group()
def agreement() -> None:
    """Begin, check, explain, compare and approve agreements."""


for _command in (diff, hand_over, new, sign, list_approvals):
    agreement.add_command(_command)


@agreement.command()
@settings_option
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dir", "folder", type=FOLDER, help="Folder of agreements (default: the settings', else the shipped).")
def check(settings_path: Path | None, files: tuple[Path, ...], folder: Path | None) -> None:
    """Find every mistake in the agreements at once; exit 1 if there is one."""
    settings = find_settings(settings_path)
    today = city(settings).today(now())
    problems: list[str] = []
    found: list[Agreement] = []
    try:
        found = [load_agreement(file) for file in files] or list(
            load_all(folder or agreements_folder(settings), today=today).values()
        )
    except AgreementError as error:
        problems += error.problems or (str(error),)
    problems += _unknown_reports(found, folder or agreements_folder(settings))
    problems += [f"{a.application}: {_validity(a, today)}" for a in found if not a.valid_from <= today <= a.valid_to]
    for problem in problems:
        click.echo(problem)
    for a in found:
        click.echo(f"{a.application}/{a.major}: {len(a.fields)} fields, {len(a.operations)} operations, {a.reference}")
    raise SystemExit(1 if problems else 0)


@agreement.command()
@settings_option
@click.argument("application")
@click.option("--dir", "folder", type=FOLDER, help="Folder of agreements (default: the settings', else the shipped).")
def explain(settings_path: Path | None, application: str, folder: Path | None) -> None:
    """Print an agreement in plain German for the data-protection officer, each contract major of it."""
    settings = find_settings(settings_path)
    today = city(settings).today(now())
    versions = by_stream(one.agreement for one in load_every(folder or agreements_folder(settings)))
    ends = successions(versions)
    told = [
        explain_text(one.on(today), ends.get(key))
        for key, one in versions.items()
        if one.on(today).application == application
    ]
    if told:
        click.echo("\n\n".join(told))
        return
    raise click.UsageError(f"no agreement for {application}")


def _unknown_reports(found: Sequence[Agreement], folder: Path) -> list[str]:
    """What agreements on statistics name and nobody can count; and every mistake in the definitions."""
    wanted = {(one.application, name) for one in found if one.statistics for name in one.statistics.reports}
    try:
        known = load_definitions(definitions_folder(folder)) if wanted else {}
    except StatisticError as error:
        return list(error.problems)
    unknown = sorted((application, name) for application, name in wanted if name not in known)
    return [f"{application}: statistik.berichte: {name} is no report" for application, name in unknown]


def _validity(agreement: Agreement, today: date) -> str:
    return "expired" if today > agreement.valid_to else "not yet in force"
