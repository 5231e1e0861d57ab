"""`gateway agreement sign | approvals`: give an approval, and see who has given which."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.agreements.agreement import Agreement
from gateway.agreements.approval import Trust, approvals, place
from gateway.agreements.load import Written, load_every
from gateway.cli import signing
from gateway.cli.options import FOLDER, agreements_folder, find_settings, load_settings, settings_option
from gateway.wire.certificates import fingerprint


@click.command()
@settings_option
@click.argument("application")
@click.option("--role", required=True, help="Role in which it is signed, as the agreement names it.")
@signing.key_options
@click.option("--fassung", type=int, help="Which version, if there are several.")
@click.option("--dir", "folder", type=FOLDER, help="Folder of agreements (default: the settings', else the shipped).")
@click.option("--to", "target", type=FOLDER, help="Folder of approvals (default: the settings', else beside them).")
def sign(
    settings_path: Path | None,
    application: str,
    role: str,
    key: Path,
    certificate: Path,
    fassung: int | None,
    folder: Path | None,
    target: Path | None,
) -> None:
    """Sign an agreement's exact bytes in one role; nobody signs what `agreement check` would refuse."""
    settings = find_settings(settings_path)
    written = choose(load_every(folder or agreements_folder(settings)), application, fassung)
    if role not in written.agreement.roles:
        raise click.UsageError(f"{written.name} names the roles {', '.join(written.agreement.roles)}, not {role}")
    signing.sign(
        written.content,
        f"{written.name}, {_title(written.agreement)}, {fingerprint(written.content)}",
        role=role,
        key=key,
        certificate=certificate,
        to=place(written, role, target or (settings.approvals.folder if settings else None)),
        settings=settings,
    )


@click.command("approvals")
@settings_option
@click.argument("application", required=False)
def list_approvals(settings_path: Path | None, application: str | None) -> None:
    """List who approved which agreement, and why what does not count does not; exit 1 if anything is missing."""
    settings = load_settings(settings_path)
    every = load_every(agreements_folder(settings))
    chosen = [one for one in every if application in (None, one.agreement.application)]
    if not chosen:
        raise click.UsageError(f"no agreement for {application}")
    trust, missing = Trust.load(settings.approvals.trusted), 0
    for written in chosen:
        click.echo(f"{written.name}: {_title(written.agreement)}, {fingerprint(written.content)}")
        for one in approvals(written, trust, settings.approvals.folder):
            if one.signer is None:
                missing += 1
                click.echo(f"  {one.role}: NOT APPROVED: {one.problem} ({one.path})")
            else:
                trial = "TRIAL, no office: " if one.signer.trial else ""
                until = f"certificate until {one.signer.valid_to:%Y-%m-%d}"
                click.echo(f"  {one.role}: valid: {trial}{one.signer.name}, {until}, {one.signer.fingerprint}")
    raise SystemExit(1 if missing else 0)


def choose(every: tuple[Written, ...], application: str, fassung: int | None) -> Written:
    """The one version meant; UsageError if there is none, or several and no number to tell which."""
    found = [one for one in every if one.agreement.application == application]
    if fassung is not None:
        found = [one for one in found if one.agreement.version == fassung]
    if not found:
        raise click.UsageError(f"no agreement for {application}" + (f", fassung {fassung}" if fassung else ""))
    if len(found) > 1:
        names = ", ".join(f"{one.path.name} = fassung {one.agreement.version}" for one in found)
        raise click.UsageError(f"several versions ({names}): give --fassung")
    return found[0]


def _title(agreement: Agreement) -> str:
    return f"{agreement.reference}, fassung {agreement.version}"
