"""`gateway contract diff`: what changes from one published contract to another, and whom it breaks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import click

from gateway.agreements.load import load_every
from gateway.cli.contract_place import Place, folders
from gateway.contract import catalogue, evolution
from gateway.contract.change import Change, Effect, worst
from gateway.contract.change_rules import table
from gateway.contract.compiled import Contract, compile_contract
from gateway.contract.evolution import Edition

_ONE = "@"
_Found = Mapping[str, tuple[Change, ...]]


@click.command()
@folders
@click.argument("old")
@click.argument("new", required=False)
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True,
    help="text is English, markdown is German (for a change log), json has both.",
)  # fmt: skip
def diff(
    settings_path: Path | None,
    schemas_folder: Path | None,
    wsdl_folder: Path | None,
    old: str,
    new: str | None,
    form: str,
) -> None:
    """Say of each change from OLD to NEW whether it breaks an existing client, and why; exit 1 if one does.

    Each is an XSD or WSDL, a folder of them, APPLICATION or APPLICATION/MAJOR (what is committed), or
    APPLICATION@FASSUNG (what model and this version of the agreement give). Without NEW what is committed for the
    application is compared with what model and agreement give now.
    """
    place = Place.of(settings_path, schemas_folder, wsdl_folder)
    before = _named(place, old)
    after = _named(place, new) if new is not None else _derived(place, old)
    found = evolution.compared(before, after)
    for line in _FORMS[form](found):
        click.echo(line)
    broken = any(worst(changes) is Effect.BREAKING for changes in found.values())
    raise SystemExit(1 if broken else 0)


@click.command()
def rules() -> None:
    """Print the rules of contract evolution as a Markdown table (docs/contract-evolution.md)."""
    for line in table():
        click.echo(line)


@click.command()
def errors() -> None:
    """Print every error code with its meaning and what to do, as Markdown (docs/errors.md)."""
    for line in catalogue.document():
        click.echo(line)


def refused(breaking: Iterable[tuple[Contract, tuple[Change, ...]]]) -> NoReturn:
    """Says why nothing is written, and what can be done; exit 1."""
    for one, changes in breaking:
        click.echo(f"{one.application}/{one.major}: refused, {len(changes)} changes break existing clients:")
        for change in changes:
            click.echo(f"  {change.english()}")
        click.echo(
            f"  Give it a new major version (vertrag = {one.major + 1}, in an agreement beside the present one), "
            "and the old one an end (docs/contract-evolution.md)."
        )
    click.echo('nothing was written; where no client can have been built yet: --unpublished "REASON" (recorded)')
    raise SystemExit(1)


def _named(place: Place, name: str) -> dict[str, Edition]:
    if Path(name).exists():
        return evolution.editions(Path(name))
    application, at, fassung = name.partition(_ONE)
    if at:
        for written in load_every(place.schemas):
            one = written.agreement
            if one.application == application and str(one.version) == fassung:
                return {f"{application}-{one.major}": evolution.edition(compile_contract(one, place.city))}
        raise click.UsageError(f"{name} is no version of an agreement")
    application, slash, major = name.partition("/")
    every: dict[str, dict[str, bytes]] = {}
    for folder in (place.schemas, place.wsdl):
        for stem, files in evolution.editions(folder).items():
            every.setdefault(stem, {}).update(files)
    wanted = f"{application}-{major}"
    found: dict[str, Edition] = {
        stem: files
        for stem, files in every.items()
        if (stem == wanted if slash else stem.rpartition("-")[0] == application)
    }
    if not found:
        raise click.UsageError(f"{name} is neither a file nor a folder nor an application with a published contract")
    return found


def _derived(place: Place, name: str) -> dict[str, Edition]:
    application = name.partition("/")[0]
    found = {
        f"{one.application}-{one.major}": evolution.edition(one)
        for one in place.contracts()
        if one.application == application and name in (application, f"{application}/{one.major}")
    }
    if not found:
        raise click.UsageError(f"{name}: no agreement gives a contract to compare it with; name NEW")
    return found


def _text(found: _Found) -> Iterator[str]:
    for name, changes in found.items():
        yield from evolution.lines(name, changes)


def _markdown(found: _Found) -> Iterator[str]:
    for name, changes in found.items():
        yield f"## {name}: {worst(changes).german if changes else 'keine Änderung'}"
        yield ""
        yield from (f"- **{change.effect.german}**: {change.german()}" for change in changes)
        yield ""


def _json(found: _Found) -> Iterator[str]:
    told = [
        {"contract": name, "effect": worst(changes).value, "changes": [_document(change) for change in changes]}
        for name, changes in found.items()
    ]
    yield json.dumps(told, ensure_ascii=False, indent=2)


def _document(change: Change) -> dict[str, object]:
    return {
        "rule": change.rule.name,
        "effect": change.effect.value,
        "direction": change.direction.value,
        "places": list(change.places),
        "old": change.old,
        "new": change.new,
        "breaks": list(change.rule.breaks),
        "english": change.english(),
        "german": change.german(),
    }


_FORMS = {"text": _text, "json": _json, "markdown": _markdown}
