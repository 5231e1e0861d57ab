"""`gateway probe`: what the gateway needs to ask itself as an application would (`gateway health --check probe`)."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gateway.cli.installation import store, terms
from gateway.cli.options import FILE, load_settings, now, settings_option
from gateway.errors import StoreError
from gateway.settings import ProbeSettings, Settings, locate
from gateway.wire import issuing, renewing

_NAME = "eigenprobe"


@click.group()
def probe() -> None:
    """The gateway's probe of itself, from end to end."""


@probe.command()
@settings_option
@click.option("--ca-key", type=FILE, help="Key of the CA for clients (else beside its certificate, if it is there).")
def init(settings_path: Path | None, ca_key: Path | None) -> None:
    """Make the probe's certificate, and its invented person in the database; may be repeated.

    No application but the probe ever sees this person, and no report counts it. Without the CA's key a request
    (PKCS #10) is made for your CA to sign.
    """
    from gateway.app import build
    from gateway.upkeep.probing import invented, with_probe

    path = locate(settings_path)
    settings = load_settings(settings_path)
    told = settings.probe or _certified(settings, path.resolve().parent / "probe", ca_key)
    with build(with_probe(settings, told)) as app:
        moment = app.rules.clock()
        with app.store.poll_lock() as tenure:
            today = app.rules.city.today(moment)
            taken = app.store.ingest(tenure, invented(moment), app.rules.agreements, now=moment, stichtag=today)
        app.audit.checkpoint()
    if taken.erased:
        raise StoreError("the invented person was erased, and whoever was is never taken in again")
    click.echo("the invented person is in the store")
    if settings.probe is None:
        click.echo(
            f'to be added to {path}; then restart server and poller:\n\n[probe]\ncertificate = "{told.certificate}"'
        )
        click.echo(f'key = "{told.key}"')


def _certified(settings: Settings, folder: Path, ca_key: Path | None) -> ProbeSettings:
    """A certificate for the probe, made now if need be and possible; else the command ends with what is to be done."""
    certificate, key = folder / f"{_NAME}.pem", folder / f"{_NAME}.key"
    authority_key = ca_key or settings.server.client_ca.with_suffix(".key")
    term = terms(now(), os.urandom)
    if not key.exists() and authority_key.is_file():
        store(folder / _NAME, issuing.client(issuing.load(authority_key, settings.server.client_ca), _NAME, term()))
    elif not key.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        renewing.prepare(folder, _NAME, "rsa-3072", None, issuing.subject(_NAME), term())
    if not certificate.exists():
        click.echo(f"{folder / _NAME}.csr: have it signed by the CA for clients, put the certificate beside it")
        click.echo(f"as {certificate.name}, and repeat this command")
        raise SystemExit(1)
    issuing.load(key, certificate)  # they belong together
    return ProbeSettings(certificate=certificate, key=key)
