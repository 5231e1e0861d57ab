"""The options that several commands share; light, because `gateway serve` reads them twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gateway.shipped import schemas, wsdl

if TYPE_CHECKING:
    from gateway.agreements.city import City
    from gateway.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])

FILE = click.Path(path_type=Path, dir_okay=False)
PATH = click.Path(path_type=Path)
"""Any path: what is wrong with it is a matter of the report, for click would end with the exit code of a violation."""
FOLDER = click.Path(path_type=Path, file_okay=False)


def settings_option(command: Command) -> Command:
    """Adds `--settings FILE`; without it GATEWAY_SETTINGS is asked."""
    return click.option("--settings", "settings_path", type=FILE, help="Settings file (else GATEWAY_SETTINGS).")(
        command
    )


def load_settings(path: Path | None) -> Settings:
    """The settings named by option or environment, whose code lists hold from now on; else SettingsError."""
    from gateway import settings as settings_file
    from gateway.upkeep import codelist_folder

    settings = settings_file.load(settings_file.locate(path))
    codelist_folder.use(settings.codelists)
    return settings


def load_to_fetch(path: Path | None) -> Settings:
    """As `load_settings`, for who fetches from the source; SettingsError if a sandbox would fetch from another's.

    Else a variable of the environment were enough to bring real persons into a place where answers are recorded.
    """
    settings = load_settings(path)
    if settings.sandbox is not None:
        from gateway.sandbox.proving import require_sandbox

        require_sandbox(settings)
    return settings


def find_settings(path: Path | None) -> Settings | None:
    """The settings named by option or environment; None if neither names any: the shipped agreements then hold.

    Of the code lists then hold the shipped ones and those in the folder GATEWAY_CODELISTS_FOLDER, as with settings.
    """
    if path is not None or os.environ.get("GATEWAY_SETTINGS"):
        return load_settings(path)
    from gateway.settings import CodelistSettings
    from gateway.upkeep import codelist_folder

    folder = os.environ.get("GATEWAY_CODELISTS_FOLDER")
    codelist_folder.use(CodelistSettings(folder=None if folder is None else Path(folder)))
    return None


def until_option(_context: click.Context, _parameter: click.Parameter, given: str | None) -> datetime | None:
    """The instant of `--until`: of a date its last millisecond, in UTC where no offset is given."""
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise click.BadParameter("a date (2026-10-31) or an instant (2026-10-31T12:00:00Z)") from None
    if len(given) <= len("2026-10-31"):
        moment += timedelta(days=1) - timedelta(milliseconds=1)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def now() -> datetime:
    """The one clock of the command line: aware UTC."""
    return datetime.now(UTC)


def agreements_folder(settings: Settings | None = None) -> Path:
    """Where the agreements are: the settings' folder, else the shipped ones."""
    return settings.agreements if settings and settings.agreements else schemas()


def definitions_folder(agreements: Path) -> Path:
    """The folder whose `statistik` holds the definitions of reports: that of the agreements, else the shipped one."""
    return agreements if (agreements / "statistik").is_dir() else schemas()


def contracts_folder(settings: Settings | None = None) -> Path:
    """Where the WSDLs are: the settings' folder, else the shipped ones."""
    return settings.contracts if settings and settings.contracts else wsdl()


def city(settings: Settings | None = None) -> City:
    """The city of the agreements' folder."""
    from gateway.agreements.city import load_city

    return load_city(agreements_folder(settings) / "stadt.toml")
