"""`gateway contract` and `gateway validate`: derive, compare and apply the published contracts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from gateway.agreements.load import load_all
from gateway.cli.options import FOLDER, Command, city, now
from gateway.contract import files
from gateway.contract.compiled import Contract, compile_contract
from gateway.contract.diagnosis import explain
from gateway.shipped import schemas, wsdl


@click.group()
def contract() -> None:
    """Derive XSD and WSDL from model and agreements, or compare the committed files with them."""


def _folders(command: Command) -> Command:
    add_schemas = click.option("--schemas", "schemas_folder", type=FOLDER, default=schemas, help="Agreements, XSDs.")
    return click.option("--wsdl", "wsdl_folder", type=FOLDER, default=wsdl, help="WSDLs.")(add_schemas(command))


@contract.command()
@_folders
def write(schemas_folder: Path, wsdl_folder: Path) -> None:
    """Write every derived file; prints those that are new or changed."""
    for path in files.write(_contracts(schemas_folder), city(), schemas=schemas_folder, wsdl=wsdl_folder):
        click.echo(f"written: {path}")


@contract.command()
@_folders
def check(schemas_folder: Path, wsdl_folder: Path) -> None:
    """Exit 1 if a committed file is not exactly what model and agreements give."""
    differences = files.check(_contracts(schemas_folder), city(), schemas=schemas_folder, wsdl=wsdl_folder)
    for difference in differences:
        click.echo(str(difference))
    if differences:
        raise SystemExit(1)
    click.echo("every contract is what model and agreements give")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--application", required=True, help="Whose contract the message belongs to.")
def validate(file: Path, application: str) -> None:
    """Say in words where FILE breaks the application's contract; exit 1 if it does."""
    for found in _contracts(schemas()):
        if found.application == application:
            findings = explain(file, found)
            for finding in findings:
                click.echo(str(finding))
            click.echo("invalid" if findings else "valid")
            raise SystemExit(1 if findings else 0)
    raise click.UsageError(f"no agreement for {application}")


def _contracts(folder: Path) -> Iterator[Contract]:
    for agreement in load_all(folder, today=city().today(now())).values():
        yield compile_contract(agreement, city())
