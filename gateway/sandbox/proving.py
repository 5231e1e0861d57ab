"""Whether this is a sandbox and nothing else: asked at every start, closed by default.

What is recorded here would be personal data anywhere else. So nothing is taken on trust: not the settings, which name
the sandbox, but what they lead to.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path

from gateway.agreements.approval import Trust
from gateway.app import App
from gateway.errors import MessageRefused, RecordRefused, SettingsError
from gateway.model.types import Tree
from gateway.sandbox.keys import JOURNAL
from gateway.sandbox.source import SEED, OwnSource
from gateway.settings import SandboxSettings, Settings
from gateway.shipped import schemas
from gateway.simulator.history import PERSON_PREFIX, History
from gateway.simulator.journal import Told
from gateway.simulator.population import Population
from gateway.simulator.record import Satz, Shape, read_shape, render
from gateway.sources.okvisa_record import map_record
from gateway.store.batch import Upsert
from gateway.store.dossier import group
from gateway.store.overview import overview
from gateway.store.subjects import Record
from gateway.wire import certificates, cms, issuing
from gateway.wire.xml import parse

_SOURCE = "okvisa"
_SQLITE = "sqlite:///"
_LOOKS = 20
_PAUSE_SECONDS = 0.5


def require_sandbox(settings: Settings) -> SandboxSettings:
    """What the settings say of the sandbox; SettingsError lists everything in them that is not one's.

    The CA is this sandbox's own, server and signing certificates are issued by it, whoever approves does so for
    trial, keys and database lie in its folder, and its case system is its own simulator on the loopback address.
    """
    if settings.sandbox is None:
        raise SettingsError("these are not the settings of a sandbox: they have no section [sandbox]")
    problems = [
        *_foreign_certificates(settings, settings.sandbox),
        *_foreign_approvers(settings),
        *_foreign_places(settings, settings.sandbox.folder),
    ]
    try:
        source_of(settings.sandbox, settings).require_own()
    except SettingsError as error:
        problems.append(str(error))
    if problems:
        raise SettingsError(problems=problems)
    return settings.sandbox


def source_of(sandbox: SandboxSettings, settings: Settings) -> OwnSource:
    """The sandbox's own simulator."""
    return OwnSource(settings.source.url, sandbox.number)


def require_synthetic(sandbox: SandboxSettings, app: App) -> None:
    """Nobody stands in the database who is not a person of this sandbox's simulator; SettingsError otherwise.

    Every active record is found under a number of the simulator, and is there as one of the states that the simulator
    gave it: same change number, same moment, same name, sex and birth. The sandbox may be polled meanwhile: then it is
    looked at again; if it never stays as it is, it is refused.
    """
    for _ in range(_LOOKS):
        before, ours, after = overview(app.database), _ours(sandbox, app), overview(app.database)
        if (before.persons, before.finished_at) == (after.persons, after.finished_at):
            if ours >= before.persons:
                return
            break
        time.sleep(_PAUSE_SECONDS)  # a poll brought somebody while we looked, or took somebody away
    raise SettingsError("database.url: there are persons in it who do not come from the sandbox's simulator")


def _ours(sandbox: SandboxSettings, app: App) -> int:
    """How many active records are the simulator's, as it stands now."""
    history = Told(Population(SEED, sandbox.persons), app.rules.clock, sandbox.folder / JOURNAL)
    ours: set[str] = set()
    for index in range(history.persons):
        subject = app.store.subject(_SOURCE, history.latest(index).personennummer)
        records = subject.records if subject is not None else ()
        ours |= {one.audit_id for one in records if one.audit_id is not None and _is_ours(one, history)}
    return len(ours)


def _foreign_certificates(settings: Settings, sandbox: SandboxSettings) -> Iterator[str]:
    try:
        authority = certificates.load(settings.server.client_ca)
        used = [settings.server.certificate]
        for one in settings.signing.values():
            following = () if one.next_certificate is None else (one.next_certificate,)
            used += [one.certificate, *following, *one.previous_certificates]
        strangers = [path for path in used if not certificates.is_issued_by(certificates.load(path), authority)]
    except SettingsError as error:
        yield str(error)
        return
    if authority.subject != issuing.subject(sandbox.authority, cms.TRIAL_UNIT):
        yield "server.client_ca: this is not the CA of this sandbox"
    if len(certificates.load_chain(settings.server.client_ca)) != 1:
        yield "server.client_ca: a sandbox knows no CA but its own"
    yield from (f"{path}: not issued by the CA of this sandbox" for path in strangers)


def _foreign_approvers(settings: Settings) -> Iterator[str]:
    try:
        trust = Trust.load(settings.approvals.trusted)
    except SettingsError as error:
        yield from error.problems or (str(error),)
        return
    for role, fingerprints in trust.roles.items():
        if fingerprints != {one.fingerprint for one in trust.known[role] if one.trial}:
            yield f"approvals.trusted.{role}: a sandbox trusts nobody but its own keys, made for trial"


def _foreign_places(settings: Settings, folder: Path) -> Iterator[str]:
    places = {"keys.directory": settings.keys.directory, "audit.anchor": settings.audit.anchor}
    if settings.database.url.startswith(_SQLITE):
        places["database.url"] = Path(settings.database.url.removeprefix(_SQLITE))
    else:
        yield "database.url: a sandbox has its own SQLite file"
    for name, path in places.items():
        if not path.resolve().is_relative_to(folder.resolve()):
            yield f"{name}: not in the folder of the sandbox"


def _is_ours(record: Record, history: History) -> bool:
    """Whether the simulator gave the record out as it stands; a record that is no longer active is nobody's."""
    control = {} if record.current is None else group(record.current, "steuerung")
    number, change, moment = (control.get(name) for name in ("quellsystemPersonennummer", "aenderungsnummer", "stand"))
    if record.state != "active" or not (isinstance(number, str) and isinstance(change, int)):
        return False
    try:
        satz = history.as_of(int(number.removeprefix(PERSON_PREFIX)) - 1, change)
    except (ValueError, IndexError):
        return False
    if satz is None or record.current is None or satz.aenderungsnummer != change or not isinstance(moment, str):
        return False
    same_time = datetime.fromisoformat(satz.geaendert_am) == datetime.fromisoformat(moment)
    return same_time and _who(record.current) == _who(_taken(satz))


def _taken(satz: Satz) -> Tree:
    """The record as our own adapter takes it from the simulator; nobody if it would be refused."""
    try:
        taken = map_record(parse(render(satz, _shape()).encode()).root)
    except (RecordRefused, MessageRefused):
        return {}
    return taken.tree if isinstance(taken, Upsert) else {}


def _who(datensatz: Tree) -> tuple[object, ...]:
    person = group(datensatz, "person")
    return (*(person.get(name) for name in ("familienname", "vornamen", "geschlecht")), group(person, "geburt"))


@cache
def _shape() -> Shape:
    return read_shape(schemas() / "okvisa" / "okvisa-1.xsd")
