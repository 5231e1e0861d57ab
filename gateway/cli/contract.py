"""`gateway contract` and `gateway validate`: derive, compare and apply the published contracts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import click

from gateway.agreements.city import City, load_city
from gateway.agreements.load import load_all
from gateway.cli.options import (
    FOLDER,
    Command,
    agreements_folder,
    contracts_folder,
    find_settings,
    now,
    settings_option,
)
from gateway.contract import files
from gateway.contract.compiled import Contract, compile_contract
from gateway.contract.diagnosis import explain


@click.group()
def contract() -> None:
    """Derive XSD and WSDL from model and agreements, or compare the committed files with them."""


def _folders(command: Command) -> Command:
    text = "default: the settings', else the shipped"
    add_schemas = click.option("--schemas", "schemas_folder", type=FOLDER, help=f"Agreements and XSDs ({text}).")
    add_wsdl = click.option("--wsdl", "wsdl_folder", type=FOLDER, help=f"WSDLs ({text}).")
    return settings_option(add_wsdl(add_schemas(command)))


@contract.command()
@_folders
def write(settings_path: Path | None, schemas_folder: Path | None, wsdl_folder: Path | None) -> None:
    """Write every derived file; prints those that are new or changed."""
    place = _Place.of(settings_path, schemas_folder, wsdl_folder)
    for path in files.write(place.contracts(), place.city, schemas=place.schemas, wsdl=place.wsdl):
        click.echo(f"written: {path}")


@contract.command()
@_folders
def check(settings_path: Path | None, schemas_folder: Path | None, wsdl_folder: Path | None) -> None:
    """Exit 1 if a committed file is not exactly what model and agreements give."""
    place = _Place.of(settings_path, schemas_folder, wsdl_folder)
    differences = files.check(place.contracts(), place.city, schemas=place.schemas, wsdl=place.wsdl)
    for difference in differences:
        click.echo(str(difference))
    if differences:
        raise SystemExit(1)
    click.echo("every contract is what model and agreements give")


@click.command()
@settings_option
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--application", required=True, help="Whose contract the message belongs to.")
def validate(settings_path: Path | None, file: Path, application: str) -> None:
    """Say in words where FILE breaks the application's contract; exit 1 if it does."""
    for found in _Place.of(settings_path, None, None).contracts():
        if found.application == application:
            findings = explain(file, found)
            for finding in findings:
                click.echo(finding)
            click.echo("invalid" if findings else "valid")
            raise SystemExit(1 if findings else 0)
    raise click.UsageError(f"no agreement for {application}")


@dataclass(frozen=True)
class _Place:
    """Where agreements and contracts lie."""

    schemas: Path
    wsdl: Path
    city: City

    @classmethod
    def of(cls, settings_path: Path | None, schemas: Path | None, wsdl: Path | None) -> Self:
        settings = find_settings(settings_path)
        folder = schemas or agreements_folder(settings)
        return cls(folder, wsdl or contracts_folder(settings), load_city(folder / "stadt.toml"))

    def contracts(self) -> Iterator[Contract]:
        for agreement in load_all(self.schemas, today=self.city.today(now())).values():
            yield compile_contract(agreement, self.city)
