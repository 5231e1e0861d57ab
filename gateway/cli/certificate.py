"""`gateway certificate`: which certificates there are, whether a new one would do, and how it is put in place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.cli.options import FILE, load_settings, now, settings_option
from gateway.errors import SettingsError
from gateway.settings import Settings
from gateway.wire import certificates, issuing, renewing
from gateway.wire.suitability import Use, names, unsuitable

if TYPE_CHECKING:
    from cryptography.x509 import Certificate  # only its name: what is done with it is done in wire

_OWN = click.Choice(("server", "source"))
"""Those whose keys are ours; signing keys overlap and are `gateway keys rotate signing`."""


@click.group()
def certificate() -> None:
    """Certificates in daily life (docs/schluessel.md)."""


@certificate.command(name="list")
@settings_option
def list_certificates(settings_path: Path | None) -> None:
    """List every certificate in the settings with use, subject, end and fingerprint."""
    Console().print(table(load_settings(settings_path), now()))


@certificate.command()
@settings_option
@click.argument("file", type=FILE)
@click.option("--as", "use", type=click.Choice([one.value for one in Use]), required=True, help="What it is for.")
@click.option("--application", help="Of a client: the application that it is to be pinned for.")
def test(settings_path: Path | None, file: Path, use: str, application: str | None) -> None:
    """Would it be accepted? Names all that speaks against it and changes nothing; exit 0 yes, 2 no."""
    settings, chain = load_settings(settings_path), certificates.load_chain(file)
    problems = list(_problems(settings, chain, Use(use)))
    for line in _described(chain):
        click.echo(line)
    for problem in problems:
        click.echo(f"FAILS      {problem}")
    if application is not None:
        click.echo(f"pinned     {_pinned(settings, application, certificates.fingerprint_of(chain[0]))}")
    if not problems:
        click.echo(f"ok         it would be accepted as {use}")
    raise SystemExit(2 if problems else 0)


@certificate.command()
@settings_option
@click.argument("which", type=_OWN)
def request(settings_path: Path | None, which: str) -> None:
    """Make a new key and a request for its certificate (PKCS #10) beside the present one; nothing uses them yet."""
    present, _ = _places(load_settings(settings_path), which)
    made = renewing.request(present.parent, f"{present.stem}-{now().date().isoformat()}", certificates.load(present))
    click.echo(f"{made}: have it signed by your CA, put the certificate with its chain into one file, then")
    click.echo(f"  gateway certificate install {which} FILE --key {made.with_suffix('.key')}")


@certificate.command()
@settings_option
@click.argument("which", type=_OWN)
@click.argument("file", type=FILE)
@click.option("--key", "key_path", type=FILE, required=True, help="Its private key, as `request` made it.")
@click.option("--dry-run", is_flag=True, help="Only say whether it would be accepted.")
def install(settings_path: Path | None, which: str, file: Path, key_path: Path, *, dry_run: bool) -> None:
    """Put a new certificate and its key in the place of the present ones, which are kept beside them.

    Only if it would be accepted. It takes effect with the next start; connections that exist are not touched.
    """
    settings, chain = load_settings(settings_path), certificates.load_chain(file)
    problems = list(_problems(settings, chain, Use.SERVER if which == "server" else Use.CLIENT))
    key = issuing.load(key_path, file).key  # refuses a key that is not its own
    if problems:
        raise SettingsError(problems=[f"{file.name}: {problem}" for problem in problems])
    if dry_run:
        click.echo("it would be accepted; nothing was changed")
        return
    place, key_place = _places(settings, which)
    stem = f"{place.stem}-until-{now().date().isoformat()}"
    renewing.install(chain, key, place, key_place, stem=stem)
    click.echo(f"installed: {place}; the one before is {stem}{place.suffix}. Now restart the server and the poller")


def table(settings: Settings, moment: datetime) -> Table:
    """Every certificate in the settings; what ends soon is in colour, by the levels of `gateway health`."""
    found = Table(title="Certificates", box=box.SIMPLE_HEAD)
    for column in ("use", "ends", "days", "subject and fingerprint"):
        found.add_column(column, overflow="fold", justify="right" if column == "days" else "left")
    for use, path in _uses(settings):
        one = certificates.load(path)
        left = certificates.days_left(one, now=moment)
        last, soon = settings.health.certificate_last_days, settings.health.certificate_days
        style = "bold red" if left <= last else "yellow" if left <= soon else ""
        told = f"{one.subject.rfc4514_string()}\n{certificates.fingerprint_of(one)}"
        cells = (use, f"{one.not_valid_after_utc:%Y-%m-%d}", str(left), told)
        found.add_row(*(Text(cell) for cell in cells), style=style)
    return found


def _uses(settings: Settings) -> Iterator[tuple[str, Path]]:
    yield from (("server", settings.server.certificate), ("client CA", settings.server.client_ca))
    for method, signing in settings.signing.items():
        yield f"signing {method}", signing.certificate
        if signing.next_certificate is not None:
            yield f"signing {method}, next", signing.next_certificate
        yield from ((f"signing {method}, previous", path) for path in signing.previous_certificates)
    source = settings.source
    yield from ((f"source {use}", path) for use, path in (("CA", source.ca), ("client", source.certificate)) if path)
    if settings.probe is not None:
        yield "probe", settings.probe.certificate
        if settings.probe.server_ca is not None:
            yield "probe server CA", settings.probe.server_ca
    for role, trusted in settings.approvals.trusted.items():
        yield from ((f"approver {role}", one) for one in trusted if isinstance(one, Path))


def _problems(settings: Settings, chain: Sequence[Certificate], use: Use) -> Iterator[str]:
    host = urlsplit(settings.server.public_url).hostname
    authorities = certificates.load_chain(settings.server.client_ca)
    return unsuitable(chain, use, now=now(), host=host, authorities=authorities)


def _described(chain: Sequence[Certificate]) -> Iterator[str]:
    first = chain[0]
    yield f"subject    {first.subject.rfc4514_string()}"
    yield f"valid      {first.not_valid_before_utc:%Y-%m-%d} to {first.not_valid_after_utc:%Y-%m-%d}"
    if told := names(first):
        yield f"names      {', '.join(told)}"
    yield f"pin        {certificates.fingerprint_of(first)}"


def _pinned(settings: Settings, application: str, fingerprint: str) -> str:
    from gateway.app import load

    agreements = [one for one in load(settings).agreements.values() if one.application == application]
    pins: Mapping[str, Sequence[str]] = settings.pins
    if not agreements:
        return f"no agreement for {application} is in force"
    if any(fingerprint in one.pins for one in agreements) or fingerprint in pins.get(application, ()):
        return f"for {application}"
    return f'not yet: add it to `zertifikate` of the agreement, or in the settings: [pins] {application} = ["..."]'


def _places(settings: Settings, which: str) -> tuple[Path, Path]:
    certificate, key = settings.server.certificate, settings.server.key
    if which == "source":
        if settings.source.certificate is None or settings.source.key is None:
            raise click.UsageError("the settings name no certificate for the source")
        certificate, key = settings.source.certificate, settings.source.key
    return certificate, key
