"""`gateway contract site`: the portal as files, the same pages that the gateway serves at `/`."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.agreements.load import load_every
from gateway.agreements.versions import by_stream
from gateway.cli.contract_place import Place, folders
from gateway.cli.options import FOLDER, find_settings, now
from gateway.contract.serving import served
from gateway.portal.edition import Edition, editions
from gateway.portal.site import Site
from gateway.wire.renewing import published

NOWHERE = "https://gateway.invalid"
"""The address in committed WSDLs: without settings nobody knows another."""


@click.command()
@folders
@click.option("--out", type=FOLDER, default=Path("site"), show_default=True, help="Where the pages are written.")
@click.option("--application", metavar="A", help="Only the pages of this application.")
def site(
    settings_path: Path | None,
    schemas_folder: Path | None,
    wsdl_folder: Path | None,
    out: Path,
    application: str | None,
) -> None:
    """Write the developers' portal as static files; OUT/index.html opens from the disk, too.

    With settings the pages carry the public URL and the signing certificates. Files that are there already are
    written over, and none is deleted.
    """
    settings = find_settings(settings_path)
    place = Place.of(settings_path, schemas_folder, wsdl_folder)
    made = Site(
        _editions(place, application),
        place.city,
        public_url=NOWHERE if settings is None else settings.server.public_url,
        signers={} if settings is None else published(settings.signing.items()),
    )
    for path in made:
        file = out / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(made[path].body)
    click.echo(f"written: {len(made)} files; open {out / 'index.html'}")


def _editions(place: Place, application: str | None) -> tuple[Edition, ...]:
    versions = {
        key: one
        for key, one in by_stream(written.agreement for written in load_every(place.schemas)).items()
        if application in (None, key.partition("/")[0])
    }
    if not versions:
        raise click.UsageError(f"no agreement for {application}" if application else "there is no agreement")
    contracts = [
        served(one.agreements, place.city, schemas=place.schemas, wsdl=place.wsdl) for one in versions.values()
    ]
    return editions(contracts, versions, place.city, place.schemas, place.city.today(now()))
