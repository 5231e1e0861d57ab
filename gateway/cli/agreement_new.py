"""`gateway agreement new` and `handover`: from a name to a service of the sandbox that a vendor can call."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypedDict, Unpack

import click

from gateway import shipped
from gateway.agreements import skeleton
from gateway.agreements.agreement import Agreement, SignatureMethod, SignatureProfile
from gateway.agreements.city import City
from gateway.agreements.load import Written, load_every, load_written
from gateway.agreements.proposals import offices, proposal
from gateway.agreements.skeleton import Draft
from gateway.cli import handover, sandbox_place
from gateway.cli.contract_place import Place, folders
from gateway.cli.handover import Sandbox
from gateway.cli.options import FOLDER, find_settings, now
from gateway.cli.periods import load_periods
from gateway.cli.unfinished import begin, begun
from gateway.contract import files
from gateway.contract.compiled import Contract, compile_contract
from gateway.reports.papers import Sources
from gateway.reports.papers_release import Release

_NAME = re.compile("[a-z][a-z0-9]{1,39}")
_RESERVED = files.FOREIGN | {"modell", "model"}
_PROFILES = click.Choice[SignatureProfile](["umschlag", "wsse"])
_DAY = click.DateTime(["%Y-%m-%d"])


class Given(TypedDict):
    """What the command line says of the new agreement; None or empty: the proposal."""

    office: str | None
    like: str | None
    title: str | None
    reference: str | None
    purpose: str | None
    uses: tuple[str, ...]
    norms: tuple[str, ...]
    fields: tuple[str, ...]
    operations: tuple[str, ...]
    valid_from: datetime | None
    valid_to: datetime | None
    signature: SignatureProfile | None
    method: SignatureMethod | None


def _described(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options of Given."""
    for option in reversed(
        (
            click.option("--office", type=click.Choice(offices()), help="Column of the release matrix [default: W56]."),
            click.option("--like", metavar="APPLICATION", help="Take over what this application's agreement says."),
            click.option("--title", help="The office's name, as papers and XSD give it."),
            click.option("--reference", help="File number of the signed paper [default: ENTWURF-NAME]."),
            click.option("--purpose", help="What the data may be used for."),
            click.option("--use", "uses", multiple=True, metavar="KEY=TEXT", help="A Verwendungszweck; repeatable."),
            click.option("--norm", "norms", multiple=True, help="A legal basis; repeatable."),
            click.option("--fields", multiple=True, metavar="PATH,...", help="Fields or whole groups; repeatable."),
            click.option("--operations", multiple=True, metavar="NAME,...", help="Operations; repeatable."),
            click.option("--from", "valid_from", type=_DAY, metavar="DATE", help="First day [default: today]."),
            click.option(
                "--until", "valid_to", type=_DAY, metavar="DATE", help="Last day [default: the end of next year]."
            ),
            click.option("--signature", type=_PROFILES, help="[default: umschlag]"),
            click.option(
                "--method", type=click.Choice(["rsa-sha256", "ecdsa-p256-sha256"]), help="[default: rsa-sha256]"
            ),
        )
    ):
        command = option(command)
    return command


def _of_the_sandbox(command: Callable[..., None]) -> Callable[..., None]:
    """Adds `--sandbox` and `--port`."""
    whose = "Whose CA issues the certificate."
    folder = click.option("--sandbox", type=FOLDER, default=sandbox_place.FOLDER, show_default=True, help=whose)
    ports = click.IntRange(1, 65535)
    return folder(click.option("--port", type=ports, help="Of the sandbox [default: as before, or 8443].")(command))


@click.command()
@folders
@click.argument("name")
@_described
@click.option("--folder", type=FOLDER, help="What the vendor and the office get [default: anschluss/NAME].")
@_of_the_sandbox
@click.option("--ask/--yes", default=None, help="Ask for what no option says [default: on a terminal].")
def new(
    settings_path: Path | None,
    schemas_folder: Path | None,
    wsdl_folder: Path | None,
    name: str,
    folder: Path | None,
    sandbox: Path,
    port: int | None,
    ask: bool | None,
    **given: Unpack[Given],
) -> None:
    """Draft the agreement NAME, and all that its vendor and its office need; nothing is ever written over.

    Writes the agreement with the meaning and class of each field, XSD and WSDL, and a folder with sample messages,
    a test certificate of the sandbox, a checklist for the vendor and a go-live sheet for the data-protection officer.
    """
    place = Place.of(settings_path, schemas_folder, wsdl_folder)
    target = folder or Path("anschluss") / name
    _refuse(name, place)
    by_hand = f"`gateway contract write` and `gateway agreement handover {name}` finish it"
    with begun(place.schemas / f".{name}.unfinished", by_hand=by_hand) as mark:
        places = _own_places(name, place, target)
        moment = now()
        asking = sys.stdin.isatty() if ask is None else ask
        draft = _draft(name, place, given, asking=asking, today=place.city.today(moment))
        written = _encoded(skeleton.text(draft))
        agreement, contract = _checked(name, written, place.city)
        release = Release(agreement, written, contract)
        sources = Sources(place.city, (agreement,), load_periods(find_settings(settings_path)))
        path = place.schemas / name / "agreement.toml"
        begin(mark, path, written, places)
        published = place.publish([(contract, ())])
        count = handover.prepare(release, sources, Sandbox(sandbox, port), place, target, moment=moment)
    for one in (path, *published):
        click.echo(f"written: {one}")
    _report(target, agreement, count)
    click.echo(f"unsigned: until all roles have signed it no gateway starts with {place.schemas}, but the sandbox")


@click.command("handover")
@folders
@click.argument("name")
@click.option("--folder", type=FOLDER, help="What the vendor and the office get [default: anschluss/NAME].")
@_of_the_sandbox
def hand_over(
    settings_path: Path | None,
    schemas_folder: Path | None,
    wsdl_folder: Path | None,
    name: str,
    folder: Path | None,
    sandbox: Path,
    port: int | None,
) -> None:
    """Write anew what the vendor and the office of an existing agreement get, as it gives it today.

    Of several versions the newest is taken: its go-live sheet is what the roles have to sign next.
    """
    place = Place.of(settings_path, schemas_folder, wsdl_folder)
    written = _newest(name, place)
    contract = files.load(compile_contract(written.agreement, place.city), schemas=place.schemas, wsdl=place.wsdl)
    release = Release(written.agreement, written.content, contract)
    sources = Sources(place.city, (written.agreement,), load_periods(find_settings(settings_path)))
    target = folder or Path("anschluss") / name
    _report(
        target,
        written.agreement,
        handover.prepare(release, sources, Sandbox(sandbox, port), place, target, moment=now()),
    )


def _refuse(name: str, place: Place) -> None:
    """It is a name that agreements may have, and a folder where agreements may be."""
    if not _NAME.fullmatch(name):
        raise click.UsageError(f"{name!r} is no name: 2 to 40 small letters and digits, a letter first")
    if name in _RESERVED:
        raise click.UsageError(f"{name} is taken by the house itself")
    if shipped.installed() and place.schemas == shipped.schemas():
        raise click.UsageError(
            f"the shipped agreements belong to the installed package: copy {shipped.schemas()} and {shipped.wsdl()} to "
            "folders of your own, and name these by --schemas and --wsdl or in the settings (agreements, contracts)"
        )


def _own_places(name: str, place: Place, target: Path) -> tuple[Path, ...]:
    """Everything that belongs to this application alone; UsageError if anything of it is there."""
    places = (place.schemas / name, place.wsdl / f"{name}-1.wsdl", place.wsdl / f"{name}-1.soap11.wsdl", target)
    for path in places:
        if path.exists() or path.is_symlink():
            raise click.UsageError(f"{path} is there already: nothing is ever written over")
    return places


def _draft(name: str, place: Place, given: Given, *, asking: bool, today: date) -> Draft:
    model = None if given["like"] is None else _newest(given["like"], place).agreement
    office = given["office"] or (model.recipient if model else None) or _asked_office(asking=asking)
    draft = skeleton.propose(name, office, place.city, today=today)
    if model is not None:
        draft, left_out = skeleton.resembling(draft, model)
        for path in left_out:
            click.echo(f"left out: {path} (the release matrix does not let {office} have it)")
    draft = _with_options(draft, given)
    return _with_answers(draft, given) if asking else draft


def _with_options(draft: Draft, given: Given) -> Draft:
    """The draft as the options want it."""
    fields, operations = _split(given["fields"]), _split(given["operations"])
    return replace(
        draft,
        title=given["title"] or draft.title,
        reference=given["reference"] or draft.reference,
        purpose=given["purpose"] or draft.purpose,
        purposes=dict(_uses(given["uses"])) or draft.purposes,
        legal_bases=given["norms"] or draft.legal_bases,
        fields=skeleton.selected(draft.office, fields) if fields else draft.fields,
        operations=skeleton.operations(operations) if operations else draft.operations,
        valid_from=_day(given["valid_from"]) or draft.valid_from,
        valid_to=_day(given["valid_to"]) or draft.valid_to,
        signature_profile=given["signature"] or draft.signature_profile,
        signature_method=given["method"] or draft.signature_method,
    )


def _with_answers(draft: Draft, given: Given) -> Draft:
    """The draft with what the person at the terminal says to each question that no option has answered."""
    title, purpose, valid_to, profile = draft.title, draft.purpose, draft.valid_to, draft.signature_profile
    if given["title"] is None:
        title = click.prompt("Name of the office", default=title)
    if given["purpose"] is None:
        purpose = click.prompt("Purpose", default=purpose)
    if given["valid_to"] is None:
        valid_to = click.prompt("Last day", default=valid_to.isoformat(), type=_DAY).date()
    if given["signature"] is None:
        profile = click.prompt("Signature (umschlag: .NET, PHP, Delphi; wsse: Java)", default=profile, type=_PROFILES)
    return replace(draft, title=title, purpose=purpose, valid_to=valid_to, signature_profile=profile)


def _asked_office(*, asking: bool) -> str:
    if not asking:
        return offices()[0]
    for office in offices():
        click.echo(f"  {office:4} {proposal(office).amt}: {proposal(office).zweck}")
    chosen: str = click.prompt("Office", default=offices()[0], type=click.Choice(offices()))
    return chosen


def _newest(application: str, place: Place) -> Written:
    """The newest version of the application's agreement."""
    found = [one for one in load_every(place.schemas) if one.agreement.application == application]
    if not found:
        raise click.UsageError(f"no agreement for {application}")
    return max(found, key=lambda one: (one.agreement.major, one.agreement.version))


def _checked(name: str, written: bytes, city: City) -> tuple[Agreement, Contract]:
    """The agreement as the loader reads it, and its contract; AgreementError lists every mistake in it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / name / "agreement.toml"
        path.parent.mkdir()
        path.write_bytes(written)
        agreement = load_written(path).agreement
    return agreement, compile_contract(agreement, city)


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise click.UsageError("an option holds octets that are no text in UTF-8") from None


def _report(target: Path, agreement: Agreement, files: int) -> None:
    click.echo(f"written: {target / handover.VENDOR} ({files} files for the vendor: begin with checkliste.html)")
    click.echo(f"written: {target / handover.OFFICE} (the go-live sheet, for the data-protection officer)")
    click.echo(f"granted: {len(agreement.fields)} fields, {len(agreement.operations)} operations to {agreement.office}")
    click.echo("next:    make sandbox (that is: gateway serve --sandbox)")


def _split(given: Iterable[str]) -> list[str]:
    return [word.strip() for text in given for word in text.split(",") if word.strip()]


def _uses(given: Iterable[str]) -> Mapping[str, str]:
    found = [text.partition("=") for text in given]
    if wrong := [key for key, mark, told in found if not (mark and told)]:
        raise click.UsageError(f"--use {wrong[0]}: KEY=TEXT is wanted")
    return {key: told for key, _, told in found}


def _day(given: datetime | None) -> date | None:
    return None if given is None else given.date()
