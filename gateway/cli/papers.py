"""`gateway papers`: the papers of data protection, made from what the gateway does."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.options import FOLDER, agreements_folder, city, find_settings, settings_option
from gateway.cli.periods import load_periods
from gateway.reports import papers_files
from gateway.reports.papers import Sources
from gateway.reports.versions import every_version


@click.group()
def papers() -> None:
    """Record of processing (Art. 30), transparency texts (Art. 13, 14), input for the impact assessment (Art. 35)."""


@papers.command()
@settings_option
@click.argument("folder", type=FOLDER, metavar="DIR")
@click.option("--application", help="Only the papers of this application.")
def write(settings_path: Path | None, folder: Path, application: str | None) -> None:
    """Write every paper to DIR, in German, as HTML and Markdown; prints those that are new or changed."""
    for path in papers_files.write(_sources(settings_path), folder, application):
        click.echo(f"written: {path}")


@papers.command()
@settings_option
@click.argument("folder", type=FOLDER, metavar="DIR")
@click.option("--application", help="Only the papers of this application.")
def check(settings_path: Path | None, folder: Path, application: str | None) -> None:
    """Exit 1 if a paper in DIR is not what model, agreements, city and deletion rules give today."""
    stale = papers_files.check(_sources(settings_path), folder, application)
    for one in stale:
        click.echo(str(one))
    if stale:
        raise SystemExit(1)
    click.echo("every paper is what its sources give")


def _sources(settings_path: Path | None) -> Sources:
    settings = find_settings(settings_path)
    return Sources(city(settings), every_version(agreements_folder(settings)), load_periods(settings))
