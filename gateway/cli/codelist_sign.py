"""`gateway codelist sign`: the approval of a version that decides who is in scope."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.agreements.approval import Trust
from gateway.cli.codelist_import import folder_of
from gateway.cli.options import load_settings, settings_option
from gateway.model import relied
from gateway.upkeep.codelist_approval import ROLE, place, signed_entry
from gateway.upkeep.codelist_folder import version_in
from gateway.wire import cms

_KEY = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@settings_option
@click.argument("name", type=click.Choice(list(relied.COLUMNS)))
@click.argument("version")
@click.option("--key", required=True, type=_KEY, help="Private key, PEM; a password is asked for.")
@click.option("--certificate", required=True, type=_KEY, help="Its certificate, PEM.")
def sign(settings_path: Path | None, name: str, version: str, key: Path, certificate: Path) -> None:
    """Sign the imported VERSION of the list NAME, which says who is entitled, as data-protection officer.

    What is signed is its entry.toml; `openssl cms -sign -binary` does the same. Nothing starts before.
    """
    settings = load_settings(settings_path)
    entry = signed_entry(folder_of(settings), name, version)
    if not entry.is_file():
        raise click.UsageError(f"version {version} of {name} is not imported")
    version_in(entry.parent)  # nobody signs what would be refused
    password = click.prompt("Password of the key", hide_input=True) if b"ENCRYPTED" in key.read_bytes() else None
    pair = cms.load_pair(key, certificate, password.encode() if password is not None else None)
    content = entry.read_bytes()
    signature = cms.sign_detached(content, pair)
    signer = cms.verify_detached(signature, content, {cms.signer(pair.certificate).fingerprint})
    path = place(settings, name, version)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(signature)
    click.echo(f"signed:  {name} version {version} by {signer.name} ({signer.fingerprint}) as {ROLE}")
    click.echo(f"written: {path}")
    if signer.fingerprint not in Trust.load(settings.approvals.trusted).roles.get(ROLE, ()):
        click.echo(f"note:    the settings do not trust this certificate as {ROLE}: [approvals.trusted]", err=True)
