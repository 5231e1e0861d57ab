"""`gateway keys`: the key ring and the certificates of one installation, by name and age, never their content."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from gateway.cli.options import load_settings, now, settings_option
from gateway.settings import Settings
from gateway.store.vault import KeyRing
from gateway.wire import certificates


@click.group()
def keys() -> None:
    """Keys and certificates."""


@keys.command(name="list")
@settings_option
def list_keys(settings_path: Path | None) -> None:
    """List every key and certificate with its age or end; refuses a ring that others may read."""
    settings = load_settings(settings_path)
    ring = KeyRing.load(settings.keys.directory)
    console, moment = Console(), now()
    table = Table(title=f"Key ring {settings.keys.directory}: new data keys are wrapped with vault-{ring.current}")
    for column in ("key", "age in days", "mode"):
        table.add_column(column)
    for path in sorted(settings.keys.directory.iterdir()):
        status = path.stat()
        age = (moment - datetime.fromtimestamp(status.st_mtime, UTC)).days
        table.add_row(path.name, str(age), f"{status.st_mode & 0o777:04o}")
    console.print(table)
    console.print(_certificates(settings, moment))


def _certificates(settings: Settings, moment: datetime) -> Table:
    table = Table(title="Certificates")
    for column in ("use", "subject", "days left", "fingerprint"):
        table.add_column(column)
    uses = [("server", settings.server.certificate), ("client CA", settings.server.client_ca)]
    uses += [(f"signing {method}", signing.certificate) for method, signing in settings.signing.items()]
    for use, path in uses:
        certificate = certificates.load(path)
        left = str(certificates.days_left(certificate, now=moment))
        fingerprint = certificates.fingerprint_of(certificate)
        table.add_row(use, certificate.subject.rfc4514_string(), left, fingerprint)
    return table
