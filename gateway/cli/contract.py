"""`gateway contract` and `gateway validate`: derive, compare and apply the published contracts."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.contract_place import Place, folders
from gateway.cli.contract_usage import called, usage
from gateway.cli.evolution import diff, errors, refused, rules
from gateway.cli.options import find_settings, settings_option
from gateway.cli.site import site
from gateway.contract import evolution, files, history
from gateway.contract.compiled import Contract
from gateway.contract.diagnosis import explain
from gateway.contract.keeping import forgotten
from gateway.store.calls import Calls


@click.group()
def contract() -> None:
    """Derive XSD and WSDL from model and agreements, or compare the committed files with them."""


for _command in (diff, rules, errors, usage, site):
    contract.add_command(_command)


@contract.command()
@folders
@click.option(
    "--unpublished",
    metavar="REASON",
    help="Rewrite a major version although existing clients would break: why there can be none. It is recorded.",
)
def write(
    settings_path: Path | None, schemas_folder: Path | None, wsdl_folder: Path | None, unpublished: str | None
) -> None:
    """Write every derived file and the change logs; prints those that are new or changed, and whom a change breaks.

    What lies there counts as published: nothing at all is written if a change breaks existing clients, exit 1.
    """
    place = Place.of(settings_path, schemas_folder, wsdl_folder)
    found = [(one, evolution.pending(one, schemas=place.schemas, wsdl=place.wsdl)) for one in _intact(place)]
    breaking = [(one, breaks) for one, changes in found if (breaks := evolution.breaks(changes))]
    reason = (unpublished or "").strip()
    if breaking and not reason:
        refused(breaking)
    if breaking and (settings := find_settings(settings_path)) is not None:
        _refuse_called(called(settings, [one for one, _ in breaking]))
    for path in place.publish(found, reason=reason):
        click.echo(f"written: {path}")
    for one, changes in found:
        for line in evolution.lines(f"{one.application}/{one.major}", changes) if changes else ():
            click.echo(line)


@contract.command()
@folders
def check(settings_path: Path | None, schemas_folder: Path | None, wsdl_folder: Path | None) -> None:
    """Exit 1 if a committed file is not exactly what model and agreements give; says what would break by writing."""
    place = Place.of(settings_path, schemas_folder, wsdl_folder)
    contracts = list(place.contracts())
    told = [str(one) for one in files.check(contracts, place.city, schemas=place.schemas, wsdl=place.wsdl)]
    for one in contracts:
        if problem := history.problem(one, history.published_hash(one, place.schemas), place.schemas):
            told.append(problem)
        told += forgotten(one, place.schema_of(one))
        if changes := evolution.pending(one, schemas=place.schemas, wsdl=place.wsdl):
            told += evolution.lines(f"{one.application}/{one.major}", changes)
    for line in told:
        click.echo(line)
    if told:
        raise SystemExit(1)
    click.echo("every contract is what model and agreements give")


@click.command()
@settings_option
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--application", required=True, help="Whose contract the message belongs to.")
def validate(settings_path: Path | None, file: Path, application: str) -> None:
    """Say in words where FILE breaks the application's contract; exit 1 if it does."""
    for found in Place.of(settings_path, None, None).contracts():
        if found.application == application:
            findings = explain(file, found)
            for finding in findings:
                click.echo(finding)
            click.echo("invalid" if findings else "valid")
            raise SystemExit(1 if findings else 0)
    raise click.UsageError(f"no agreement for {application}")


def _intact(place: Place) -> list[Contract]:
    """The contracts, if what lies there is what was last written, and no published code is forgotten."""
    contracts = list(place.contracts())
    problems = [history.problem(one, history.published_hash(one, place.schemas), place.schemas) for one in contracts]
    problems += [told for one in contracts for told in forgotten(one, place.schema_of(one))]
    if told := [problem for problem in problems if problem]:
        for problem in told:
            click.echo(problem)
        raise SystemExit(1)
    return contracts


def _refuse_called(used: dict[str, Calls]) -> None:
    """No reason helps where the audit trail knows of a client."""
    for key, calls in used.items():
        click.echo(f"{key}: refused, it was called {calls.number} times, last on {calls.last}: a client has been built")
    if used:
        raise SystemExit(1)
