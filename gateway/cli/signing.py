"""What commands share that sign something in a role: agreements, code lists, drafts of statistics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.agreements.approval import Trust
from gateway.settings import Settings
from gateway.wire import cms

Command = TypeVar("Command", bound=Callable[..., Any])

_KEY = click.Path(path_type=Path, exists=True, dir_okay=False)


def key_options(command: Command) -> Command:
    """Adds `--key` and `--certificate`."""
    command = click.option("--certificate", required=True, type=_KEY, help="Its certificate, PEM.")(command)
    return click.option("--key", required=True, type=_KEY, help="Private key, PEM; a password is asked for.")(command)


def sign(
    content: bytes, told: str, *, role: str, key: Path, certificate: Path, to: Path, settings: Settings | None
) -> None:
    """Afterwards a signature over exactly these bytes lies at `to`, and who signed what as which role is said."""
    password = click.prompt("Password of the key", hide_input=True) if b"ENCRYPTED" in key.read_bytes() else None
    pair = cms.load_pair(key, certificate, password.encode() if password is not None else None)
    signature = cms.sign_detached(content, pair)
    signer = cms.verify_detached(signature, content, {cms.signer(pair.certificate).fingerprint})
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(signature)
    click.echo(f"signed:  {told}")
    click.echo(f"by:      {'TRIAL, no office: ' if signer.trial else ''}{signer.name} ({signer.fingerprint}) as {role}")
    click.echo(f"written: {to}")
    if settings and signer.fingerprint not in Trust.load(settings.approvals.trusted).roles.get(role, ()):
        click.echo(f"note:    the settings do not trust this certificate as {role}: [approvals.trusted]", err=True)
