"""`gateway keys`: the key ring and the certificates of one installation, by name and age, never their content."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from gateway.cli.certificate import table
from gateway.cli.options import FILE, load_settings, now, settings_option
from gateway.cli.waiting import progress_bars, quiet_option
from gateway.settings import Settings, SigningSettings
from gateway.store.database import Database
from gateway.store.key_check import usage
from gateway.store.keyed import KeyedDatabase
from gateway.store.keyring import REPLACED, ROTATABLE, KeyRing, file_name
from gateway.store.vault import Vault
from gateway.upkeep.rehearsal import Rehearsal
from gateway.upkeep.rekeying import Rekeying
from gateway.wire import certificates, renewing
from gateway.wire.issuing import KeyKind, Term

_SERIAL_BYTES = 19  # RFC 5280, 4.1.2.2: at most 20 octets, positive
_KINDS: dict[str, KeyKind] = {"rsa-sha256": "rsa-3072", "ecdsa-p256-sha256": "ec-p256"}


@click.group()
def keys() -> None:
    """Keys and certificates."""


@keys.command(name="list")
@settings_option
def list_keys(settings_path: Path | None) -> None:
    """List every key with its age and what it still opens, and every certificate with its end."""
    settings = load_settings(settings_path)
    console, moment = Console(), now()
    console.print(_ring(settings, moment))
    console.print(table(settings, moment))


@keys.command()
@settings_option
@click.option("--all", "every", is_flag=True, help="Try the keys on everything stored, not on 200 persons.")
def check(settings_path: Path | None, every: bool) -> None:
    """Rehearse every key without effect: does it open, hash, sign and verify what it must? Exit 0 yes, 2 no."""
    from gateway.app import load
    from gateway.store.feed import streams

    settings, moment = load_settings(settings_path), now()
    rules = load(settings)
    today = rules.city.today(moment)
    rehearsal = Rehearsal(
        settings, streams(rules.agreements.values()), moment, today, os.urandom, None if every else 200
    )
    found = list(rehearsal.run())
    for one in found:
        click.echo(f"{'FAILS' if one.problem else 'ok':<6} {one.what}: {one.problem or one.detail}")
    raise SystemExit(2 if any(one.problem for one in found) else 0)


@keys.group()
def rotate() -> None:
    """Change a key; what was broken off before is finished instead of begun again."""


def _rotation(purpose: str) -> click.Command:
    @settings_option
    @quiet_option
    def command(settings_path: Path | None, quiet: bool) -> None:
        with _rekeying(settings_path, quiet=quiet) as work:
            done = work.rotate(purpose)
        counts = ", ".join(f"{count} {what}" for what, count in done.counts.items())
        begun = "finished the change begun earlier: " if done.resumed else ""
        click.echo(f"{begun}{purpose} key, generation {done.generation}{': ' if counts else ''}{counts}")

    return click.command(name=purpose, help=_HELP[purpose])(command)


@rotate.command()
@settings_option
@click.argument("method", type=click.Choice(tuple(_KINDS)))
@click.option("--days", default=365, show_default=True, help="How long the certificate holds.")
@click.option(
    "--ca", type=FILE, help="Certificate of the issuing CA (default: the settings' own, if its key is there)."
)
@click.option("--ca-key", type=FILE, help="Its private key (default: beside it).")
def signing(settings_path: Path | None, method: str, days: int, ca: Path | None, ca_key: Path | None) -> None:
    """Prepare the next signing key beside the one in use; the change itself is made in the settings."""
    settings = load_settings(settings_path)
    pair = settings.signing.get(method)  # type: ignore[call-overload]  # click's choice is the literal
    if pair is None:
        raise click.UsageError(f"there is no [signing.{method}] in the settings")
    authority = ca or settings.server.client_ca
    key = ca_key or authority.with_suffix(".key")
    issuer = renewing.authority(authority, key) if ca or ca_key or key.is_file() else None
    subject = certificates.load(pair.certificate).subject
    term = Term(now(), days, int.from_bytes(os.urandom(_SERIAL_BYTES), "big") | 1)
    stem = f"{pair.certificate.stem}-{now().date().isoformat()}"
    made = renewing.prepare(pair.certificate.parent, stem, _KINDS[method], issuer, subject, term)
    click.echo(_next_steps(method, pair, made, signed=issuer is not None))


@keys.command()
@settings_option
@click.argument("purpose", type=click.Choice(REPLACED))
@click.argument("generation", type=click.IntRange(min=1))
def retire(settings_path: Path | None, purpose: str, generation: int) -> None:
    """Destroy an older generation of a key, if nothing needs it any more.

    A backup of the database from before the change cannot be read without it.
    """
    with _rekeying(settings_path, quiet=True) as work:
        work.retire(purpose, generation, now())
    click.echo(f"{file_name(purpose, generation)} is destroyed; backups from before the change cannot be read with it")


@contextmanager
def _rekeying(settings_path: Path | None, *, quiet: bool) -> Iterator[Rekeying]:
    from gateway.app import build

    settings = load_settings(settings_path)
    folder = settings.keys.directory
    with build(settings) as app, progress_bars(quiet=quiet) as told:
        vault = Vault(KeyRing.load(folder))
        yield Rekeying(app.database, vault, app.audit, folder, time.sleep, progress=told)
        app.audit.checkpoint()


def _ring(settings: Settings, moment: datetime) -> Table:
    folder = settings.keys.directory
    ring = KeyRing.load(folder)
    used = _usage(settings, ring)
    table = Table(title=f"Key ring {folder}: new data keys are wrapped with vault-{ring.current}")
    for column in ("key", "age in days", "mode", "still opens"):
        table.add_column(column)
    names = {
        file_name(purpose, generation): used.get(purpose, {}).get(generation, 0) if purpose in used else None
        for purpose in (*ROTATABLE, "ledger")
        for generation in ring.of(purpose)
    }
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        status = path.stat()
        age = (moment - datetime.fromtimestamp(status.st_mtime, UTC)).days
        opens = names.get(path.name)
        table.add_row(path.name, str(age), f"{status.st_mode & 0o777:04o}", "" if opens is None else str(opens))
    return table


def _usage(settings: Settings, ring: KeyRing) -> dict[str, dict[int, int]]:
    vault = Vault(ring)
    database = Database.open(settings.database.url)
    try:
        keyed = KeyedDatabase(database, vault)
        keyed.follow()
        return usage(keyed, vault)
    finally:
        database.close()


def _next_steps(method: str, pair: SigningSettings, made: Path, *, signed: bool) -> str:
    certificate = made.with_suffix(".pem").name
    steps = [] if signed else [f"have {made.name} signed by your CA and put the certificate beside it as {certificate}"]
    steps += [
        f'in [signing.{method}] add  next_certificate = "{pair.certificate.parent.name}/{certificate}"  and restart',
        "gateway keys check; then let every client pin the next certificate (published at /signing/)",
        f"on the day: key and certificate = the new pair, previous_certificates = [{pair.certificate.name}, ...],"
        " no next_certificate; restart",
        "when no stored answer under the old certificate matters any more, take it out of previous_certificates",
    ]
    lines = [f"{made.with_suffix('.key').name} and {made.name} are prepared; nothing uses them yet. Next:"]
    return "\n".join([*lines, *(f"  {number}. {step}" for number, step in enumerate(steps, start=1))])


_HELP = {
    "vault": "New wrapping key; everything wrapped with older ones is wrapped anew, while all runs.",
    "feed": "New feed key; identifiers sealed with older ones are sealed anew, while all runs.",
    "token": "New key of the page tokens; older tokens hold until they end.",
    "index": "New key of the blind indexes. Polls wait; at the end writers do, for seconds; readers never.",
    "digest": "New key of the digests. Polls wait; at the end writers do, for seconds; readers never.",
}
for _purpose in ROTATABLE:
    rotate.add_command(_rotation(_purpose))
