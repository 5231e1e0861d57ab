"""`gateway db`: the tables of this version, backups, and what a restore requires."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.options import FOLDER, load_settings, settings_option
from gateway.cli.waiting import progress_bars, quiet_option
from gateway.errors import StoreError
from gateway.store import backup, backup_manifest, database, restoring
from gateway.store.alone import require_alone
from gateway.store.audit import Entry, Kind
from gateway.store.backup_manifest import Manifest
from gateway.store.database import Database
from gateway.store.key_check import KeyCheck
from gateway.store.keyed import KeyedDatabase
from gateway.store.keyring import PURPOSES, VAULT, KeyRing
from gateway.store.ledger import LEDGER, Ledger
from gateway.store.progress import Progress, silent
from gateway.store.vault import Vault

if TYPE_CHECKING:
    from gateway.app import App, Rules

OPERATION = "datenbankSichern"
"""The name under which backups stand in the audit trail."""
_SAMPLE = 50
"""Of each kind of wrapped key so many are opened before a restored database is let in."""


@click.group()
def db() -> None:
    """The database."""


@db.command()
@settings_option
def upgrade(settings_path: Path | None) -> None:
    """Bring the tables to this version (Alembic); safe to repeat."""
    database.upgrade(load_settings(settings_path).database.url)
    click.echo("database is up to date")


@db.command(name="backup")
@click.argument("folder", type=FOLDER)
@settings_option
@quiet_option
def take_backup(folder: Path, settings_path: Path | None, quiet: bool) -> None:
    """Write a consistent copy of the database into a new FOLDER, beside all traffic, and read it back.

    Keys, erasure ledger and anchor file are not in it: they are kept apart (docs/sicherung.md). That it was made
    stands on the audit trail, once before and once after, so that no backup can be put back unnoticed.
    """
    from gateway.app import load

    settings = load_settings(settings_path)
    backup.require_file(database.located(settings.database.url))
    with progress_bars(quiet=quiet) as told:
        made = make_backup(load(settings), folder, told)
    click.echo(f"{folder}: {made.eintraege} audit entries, {made.groesse} bytes, SHA-256 {made.sha256}")


def make_backup(rules: Rules, folder: Path, progress: Progress = silent) -> Manifest:
    """A backup lies in `folder`; the trail and the database say so."""
    from gateway.app import open_house

    with open_house(rules) as app:
        _note(app, "begonnen")
        made = backup.take(
            app.database,
            folder,
            vault=Vault(rules.ring, rules.randomness),
            anchor=rules.settings.audit.anchor,
            key=rules.checkpoint,
            clock=rules.clock,
            progress=progress,
        )
        backup.remember(app.database, made.moment)
        _note(app, "ok")
        app.audit.checkpoint()
    return made


@db.command()
@click.argument("folder", type=FOLDER)
@settings_option
@quiet_option
def restore(folder: Path, settings_path: Path | None, quiet: bool) -> None:
    """Put the backup in FOLDER in the place of the database (SQLite), and do what a restore requires.

    Refuses while server or poller run, and if a key is missing that the backup needs. The old database is set aside.
    Safe to repeat after whatever ended it.
    """
    from gateway.app import load

    settings = load_settings(settings_path)
    backup.require_file(database.located(settings.database.url))
    put_back(load(settings, database=False), folder, quiet=quiet)


def put_back(rules: Rules, folder: Path, *, quiet: bool = False) -> None:
    """The backup in `folder` is the database, and may be served; said on the command line."""
    path = backup.require_file(database.located(rules.settings.database.url))
    manifest = backup_manifest.read(folder, rules.checkpoint.public)
    _require_companions(rules, manifest)
    with progress_bars(quiet=quiet) as told:
        aside = restoring.restore(path, folder, manifest, os.urandom, told)
    click.echo(f"in place: the backup of {manifest.zeitpunkt} with {manifest.eintraege} audit entries")
    if aside is not None:
        click.echo(f"set aside: {aside.name}; it holds personal data, delete it when nobody needs it any more")
    finish_restore(rules)


@db.command()
@settings_option
def restored(settings_path: Path | None) -> None:
    """Say that the database was restored by other tools, and do what that requires. Before it nothing starts.

    Persons erased since the backup are erased again, every token of an application ends (it fetches its stock anew),
    and the anchor file says from where the audit trail goes on.
    """
    from gateway.app import load

    finish_restore(load(load_settings(settings_path)))


def finish_restore(rules: Rules) -> None:
    """The restored database may be served; said on the command line. StoreError if anybody uses it."""
    from gateway.app import open_house

    _require_alone(rules)
    with open_house(rules, restored=True) as app:
        _require_keys(app)
        moment = rules.clock()
        with app.store.poll_lock() as tenure:
            erased = app.store.after_restore(
                tenure,
                rules.agreements,
                now=moment,
                stichtag=rules.city.today(moment),
                anchored=lambda: app.audit.checkpoint(restored=True),
            )
        point = app.audit.checkpoint()
    click.echo(f"{erased} persons erased again; every application is told to fetch its stock anew")
    click.echo(f"anchored: {point.gesamt} entries up to batch {point.block}" if point else "there is no entry yet")


def _note(app: App, outcome: str) -> None:
    app.audit.record(Entry(kind=Kind.BETRIEB, operation=OPERATION, outcome=outcome))


def _require_companions(rules: Rules, manifest: Manifest) -> None:
    """StoreError if key ring or erasure ledger are older than the backup, or a key was destroyed that it needs."""
    keys = {purpose: rules.ring.of(purpose) for purpose in (*PURPOSES, VAULT)}
    if missing := manifest.missing(keys):
        raise StoreError(
            f"the backup needs keys that are not in the ring ({', '.join(missing)}): they were destroyed since, "
            "or the key folder is older than the backup"
        )
    if older := manifest.older(keys):
        click.echo(f"keys changed since the backup ({', '.join(older)}): gateway keys rotate brings it to the newest")
    ledger = Ledger(rules.settings.keys.directory / LEDGER, Vault(rules.ring, rules.randomness))
    ledger.require(manifest.loeschungen)


def _require_alone(rules: Rules) -> None:
    found = Database.open(rules.settings.database.url)
    found.close()
    require_alone(found)


def _require_keys(app: App) -> None:
    """StoreError if the ring does not open what is stored: a key was destroyed since, or it is another's ring."""
    rules = app.rules
    vault = Vault(KeyRing.load(rules.settings.keys.directory), rules.randomness)
    keyed = KeyedDatabase(app.database, vault)
    keyed.follow()
    tried = KeyCheck(keyed, vault, {}, rules.city.today(rules.clock())).opened(_SAMPLE)
    if failed := [f"{one.what}: {one.failed} of {one.count}" for one in tried if one.failed]:
        told = "; ".join(failed)
        raise StoreError(f"the key ring does not open the restored database ({told}): nothing was changed")
