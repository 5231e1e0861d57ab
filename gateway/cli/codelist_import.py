"""`gateway codelist import`: a newer version of a code list comes in, looked at before anything is written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.agreements.load import load_every
from gateway.cli.options import agreements_folder, load_settings, now, settings_option
from gateway.errors import CodelistError, SettingsError
from gateway.model import codelists, relied
from gateway.settings import Settings
from gateway.sources import okvisa_keys
from gateway.store.audit import AuditTrail, Entry, Kind
from gateway.store.audit_anchor import Anchor, CheckpointKey
from gateway.store.code_usage import persons_by_code
from gateway.store.continuity import continuing
from gateway.store.database import Database
from gateway.store.vault import KeyRing, Vault
from gateway.upkeep import codelist_folder, genericode
from gateway.upkeep.codelist_import import (
    Difference,
    Proposal,
    Uses,
    agreed_codes,
    known_list,
    objections,
    propose,
)


@click.command(name="import")
@settings_option
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--list", "name", help="Which list it must be (default: the one that the file names).")
@click.option("--valid-from", "begins", type=click.DateTime(["%Y-%m-%d"]), help="First day (default: the file's own).")
@click.option("--history", is_flag=True, help="An older version, for the codes of old records.")
@click.option("--accept-ended", "ended", multiple=True, metavar="CODE", help="This code may end although it is used.")
@click.option("--accept-relabelled", "relabelled", multiple=True, metavar="CODE", help="This code may mean otherwise.")
@click.option(
    "--without-store", is_flag=True, help="Where no database is: persons are not counted, nothing is audited."
)
@click.option("--dry-run", is_flag=True, help="Say what would change, and what speaks against it; write nothing.")
def import_version(
    settings_path: Path | None,
    file: Path,
    name: str | None,
    begins: datetime | None,
    history: bool,
    ended: tuple[str, ...],
    relabelled: tuple[str, ...],
    without_store: bool,
    dry_run: bool,
) -> None:
    """Take in the version of a code list that FILE (Genericode 1.0) holds.

    Prints what changes. Refused, with every reason at once: another content under a version that is there, a code that
    ends but is still used, a code that comes to mean something else. Repeating is harmless.
    """
    settings = load_settings(settings_path)
    folder = folder_of(settings)
    raw = file.read_bytes()
    published = genericode.read(raw)
    known = known_list(published, name)
    day = None if begins is None else begins.date()
    digest = sha256(raw).hexdigest()
    imported, before = codelist_folder.read(folder), codelists.load(known.name)
    proposal = propose(published, before, imported, begins=day, file=digest, history=history)
    if proposal is None:
        click.echo(f"{known.name} version {published.version} is there already, and nothing was done")
        return
    print_difference(f"{known.name}: {before.version} -> {published.version}", proposal.difference)
    with _store(settings, absent=without_store) as store:
        uses = _uses(settings, proposal, store)
        if wrong := objections(proposal, uses, ended=ended, relabelled=relabelled):
            raise CodelistError(problems=wrong)
        if dry_run:
            click.echo("nothing was written (--dry-run)")
            return
        entry = _entry(proposal, digest, ended, relabelled)
        if store is not None:
            store[2].record(_note(proposal))  # before it is there: an entry without an import is allowed
        place = codelist_folder.write(folder, entry, raw)
    click.echo(f"written: {place}")
    if known.name in relied.COLUMNS:
        click.echo(f"next: gateway codelist sign {known.name} {published.version}: it says who is entitled")
    click.echo("next: gateway contract write, review and commit both, restart server and poller")


def print_difference(title: str, change: Difference) -> None:
    """A table of what becomes of which code, or one line if nothing does."""
    if not change:
        click.echo(f"{title}: no code changes")
        return
    table = Table(title=escape(title))
    for column in ("code", "", "means"):
        table.add_column(column, overflow="fold")
    for code, label in change.added.items():
        table.add_row(code, "added", escape(label))
    for code, last in change.ended.items():
        table.add_row(code, "is no more" if last is None else f"ends {last}", "")
    for code, (old, new) in change.relabelled.items():
        table.add_row(code, "relabelled", escape(f"{old} -> {new}"))
    for code, columns in change.redefined.items():
        table.add_row(code, "redefined", escape(", ".join(columns)))
    for code in change.resumed:
        table.add_row(code, "holds again", "")
    Console().print(table)


def folder_of(settings: Settings) -> Path:
    """Where imported lists lie; SettingsError if the settings do not say."""
    if settings.codelists.folder is None:
        raise SettingsError(problems=["codelists.folder: not set, so there is no place for imported code lists"])
    return settings.codelists.folder


_Opened = tuple[Database, Vault, AuditTrail]


@contextmanager
def _store(settings: Settings, *, absent: bool) -> Iterator[_Opened | None]:
    """Opened past `app.load`: published contracts may be those of an earlier import, and that must not keep anyone."""
    if absent:
        yield None
        return
    ring, checkpoint = KeyRing.load(settings.keys.directory), CheckpointKey.load(settings.keys.directory)
    with ExitStack() as closing:
        anchor = Anchor(settings.audit.anchor, checkpoint, now)
        database = Database.open(settings.database.url, guard=continuing(anchor))
        closing.callback(database.close)
        vault = Vault(ring, os.urandom)
        trail = AuditTrail.open(database, vault, now, os.urandom, anchor=anchor)
        closing.callback(trail.close)
        yield database, vault, trail


def _uses(settings: Settings, proposal: Proposal, store: _Opened | None) -> Uses:
    """Who goes by the list; persons are counted only where a code ends, and the trail says so before a number shows."""
    name, persons = proposal.before.name, {}
    if store is not None and proposal.difference.ended:
        database, vault, trail = store
        counted = persons_by_code(database, vault, name)
        trail.record(Entry(kind=Kind.ABFRAGE, operation="codelistePruefen", outcome="ok", counts={name: len(counted)}))
        persons = dict(counted)
    agreements = [one.agreement for one in load_every(agreements_folder(settings))]
    source = okvisa_keys.TARGETS.get(name, frozenset())
    return Uses(relied.CODES.get(name, frozenset()), source, agreed_codes(name, agreements), persons)


def _entry(
    proposal: Proposal, digest: str, ended: tuple[str, ...], relabelled: tuple[str, ...]
) -> codelist_folder.Entry:
    columns = codelists.index()[proposal.before.name].columns
    return codelist_folder.Entry(
        list=proposal.before.name,
        version=proposal.version.version,
        sha256=digest,
        begins=proposal.version.begins or date.min,
        imported=now().replace(microsecond=0),
        code=columns.code,
        label=columns.label,
        valid_from=columns.valid_from,
        valid_to=columns.valid_to,
        accepted_ended=ended,
        accepted_relabelled=relabelled,
    )


def _note(proposal: Proposal) -> Entry:
    change = proposal.difference
    counts = {
        proposal.before.name: len(proposal.version.codes),
        "hinzugekommen": len(change.added),
        "beendet": len(change.ended),
        "umbenannt": len(change.relabelled),
    }
    return Entry(kind=Kind.BETRIEB, operation="codelisteEinspielen", outcome="ok", counts=counts)
