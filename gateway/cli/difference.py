"""`gateway agreement diff`: what a new version of an agreement changes, for whom, and for how many."""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import click

from gateway.agreements.agreement import Agreement
from gateway.agreements.city import City
from gateway.agreements.difference import Effect, difference, differs
from gateway.agreements.load import load_every, load_written
from gateway.agreements.versions import Versions
from gateway.cli.options import FOLDER, agreements_folder, city, find_settings, now, settings_option
from gateway.contract import evolution
from gateway.contract.change import worst
from gateway.contract.compiled import compile_contract
from gateway.settings import Settings
from gateway.store.audit import AuditTrail, Entry, Kind
from gateway.store.audit_anchor import Anchor, CheckpointKey
from gateway.store.comparing import effect
from gateway.store.continuity import continuing
from gateway.store.database import Database
from gateway.store.vault import KeyRing, Vault

_ONE, _OPERATION = "@", "vereinbarungVergleichen"


@click.command()
@settings_option
@click.argument("old")
@click.argument("new", required=False)
@click.option("--dir", "folder", type=FOLDER, help="Folder of agreements (default: the settings', else the shipped).")
def diff(settings_path: Path | None, old: str, new: str | None, folder: Path | None) -> None:
    """Say in German what changes from OLD to NEW; exit 0 if nothing does, 1 if something does.

    Each is a file, or APPLICATION@FASSUNG. APPLICATION alone compares the version in force today with the next, or if
    none follows, with the one before. With settings the persons concerned are counted in today's store.
    """
    settings = find_settings(settings_path)
    place, today = folder or agreements_folder(settings), city(settings).today(now())
    one, other = _pair(place, old, today) if new is None else (_named(place, old), _named(place, new))
    if one.application != other.application:
        raise click.UsageError(f"{one.application} and {other.application} are different applications")
    counted = _counted(settings, one, other, today) if settings is not None else None
    contract = _contract(one, other, city(settings))
    click.echo(difference(one, other, effect=counted, contract=contract))
    raise SystemExit(1 if differs(one, other) else 0)


def _named(folder: Path, name: str) -> Agreement:
    if Path(name).is_file():
        return load_written(Path(name)).agreement
    application, _, fassung = name.partition(_ONE)
    for one in load_every(folder):
        if one.agreement.application == application and str(one.agreement.version) == fassung:
            return one.agreement
    raise click.UsageError(f"{name} is neither a file nor APPLICATION@FASSUNG of an agreement")


def _pair(folder: Path, application: str, today: date) -> tuple[Agreement, Agreement]:
    """Of all versions of an application: today's and the next, else the one before and today's."""
    found = [one.agreement for one in load_every(folder) if one.agreement.application == application]
    if len(found) < 2:
        raise click.UsageError(f"{application}: there are no two versions beside each other to compare")
    every = Versions(tuple(sorted(found, key=lambda one: (one.valid_from, one.version))))
    place = every.agreements.index(every.on(today))
    first = min(place, len(found) - 2)
    return every.agreements[first], every.agreements[first + 1]


def _counted(settings: Settings, old: Agreement, new: Agreement, today: date) -> Effect:
    """Counted past `app.load`: the new version is not approved yet, and that must not keep anyone from looking."""
    directory = settings.keys.directory
    ring, checkpoint = KeyRing.load(directory), CheckpointKey.load(directory)
    with ExitStack() as closing:
        anchor = Anchor(settings.audit.anchor, checkpoint, now)
        database = Database.open(settings.database.url, guard=continuing(anchor))
        closing.callback(database.close)
        vault = Vault(ring, os.urandom)
        trail = AuditTrail.open(database, vault, now, os.urandom, anchor=anchor)
        closing.callback(trail.close)
        found = effect(database, vault, old, new, stichtag=today)
        counts = {"personenBisher": found.before, "personenNeu": found.after}
        entry = Entry(
            kind=Kind.ABFRAGE, operation=_OPERATION, outcome="ok", application=new.application,
            legal_basis=new.reference, fassung=new.version, major=new.major, counts=counts,
        )  # fmt: skip
        trail.record(entry)  # before a number is shown
    return found


def _contract(old: Agreement, new: Agreement, where: City) -> str:
    """What becomes of the published interface."""
    if old.major != new.major:
        return (
            f"neue Hauptversion {new.major} mit eigener Adresse: die Anwendung stellt um; "
            f"beide nebeneinander, solange Hauptversion {old.major} gilt"
        )
    found = evolution.changes(*(evolution.edition(compile_contract(one, where)) for one in (old, new)))
    if not found:
        return "unverändert: die Anwendung muss nichts tun, die neue Fassung gilt ab ihrem ersten Tag von selbst"
    together = "nebeneinander liegen können beide Fassungen nur mit einer neuen Hauptversion (vertrag)"
    if breaks := evolution.breaks(found):
        return "\n    ".join([f"BRICHT an {len(breaks)} Stellen; {together}:", *(one.german() for one in breaks)])
    return "\n    ".join([f"{worst(found).german}; {together}:", *(one.german() for one in found)])
