"""`gateway codelist sign`: the approval of a version that decides who is in scope."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli import signing
from gateway.cli.codelist_import import folder_of
from gateway.cli.options import load_settings, settings_option
from gateway.model import relied
from gateway.upkeep.codelist_approval import ROLE, place, signed_entry
from gateway.upkeep.codelist_folder import version_in


@click.command()
@settings_option
@click.argument("name", type=click.Choice(list(relied.COLUMNS)))
@click.argument("version")
@signing.key_options
def sign(settings_path: Path | None, name: str, version: str, key: Path, certificate: Path) -> None:
    """Sign the imported VERSION of the list NAME, which says who is entitled, as data-protection officer.

    What is signed is its entry.toml; `openssl cms -sign -binary` does the same. Nothing starts before.
    """
    settings = load_settings(settings_path)
    entry = signed_entry(folder_of(settings), name, version)
    if not entry.is_file():
        raise click.UsageError(f"version {version} of {name} is not imported")
    version_in(entry.parent)  # nobody signs what would be refused
    told, to = f"{name} version {version}", place(settings, name, version)
    signing.sign(entry.read_bytes(), told, role=ROLE, key=key, certificate=certificate, to=to, settings=settings)
