"""The sandbox as a folder: an installation that is made, and made complete, as often as anybody asks for it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from gateway import settings as settings_file
from gateway.agreements.approval import FOLDER as APPROVALS
from gateway.agreements.load import load_every
from gateway.cli import trial
from gateway.cli.installation import (
    DATABASE,
    Installation,
    Plan,
    create,
    create_store,
    found,
    settings_text,
    store,
    terms,
)
from gateway.cli.options import agreements_folder
from gateway.errors import SettingsError
from gateway.sandbox.keys import KEY_FILE
from gateway.settings import SandboxSettings, Settings
from gateway.wire import certificates, cms, issuing
from gateway.wire.chain import Authority as Certificate
from gateway.wire.issuing import Term

FOLDER = Path("sandbox")
PASSWORD = "sandbox"  # noqa: S105 - of the .p12 files: the stacks that read them insist on one; it protects nothing
PERSONS = 240
PORT = 8443
_SOURCE = "http://127.0.0.1:8081/okvisa"
_NUMBER_BYTES, _PAGE_KEY_BYTES = 16, 32
_FEWEST_DAYS = 2
_LASTING = frozenset({"tls", "signing", "clients", "approvals", KEY_FILE, "settings.toml"})
"""What vendors hold a part of, and what is not data."""


@dataclass(frozen=True)
class Wishes:
    """What is to be other than it was, or than is usual; None: as it was.

    `host` is the address to listen on, `names` are those under which others reach it, beside those of this machine.
    `agreements` and `contracts` are the folders whose services are tried out; without them the shipped ones.
    """

    port: int | None = None
    host: str | None = None
    names: tuple[str, ...] = ()
    source_url: str | None = None
    pages_port: int | None = None
    persons: int | None = None
    agreements: Path | None = None
    contracts: Path | None = None


_AS_IT_WAS = Wishes()


def ensure(
    folder: Path = FOLDER,
    wishes: Wishes = _AS_IT_WAS,
    *,
    now: datetime,
    fresh: bool = False,
    randomness: Callable[[int], bytes] = os.urandom,
) -> Installation:
    """A complete sandbox in `folder`: what is missing is made, what is there stays, so it may be called at any time.

    CA, keys, database, and for every agreement there is: trial approvals, a test client certificate
    (`clients/<application>.pem`, `.key`, `.p12`) that is pinned. SettingsError if the folder holds anything else than
    a sandbox, or one whose certificates have expired; AgreementError if an agreement is wrong.

    With `fresh` all data are thrown away; certificates that vendors have stay, unless they have expired.
    """
    with _alone(folder):
        if fresh and folder.exists() and any(folder.iterdir()):
            _throw_away(folder, now)
        if not folder.exists() or not any(folder.iterdir()):
            _found(folder, wishes, now=now, randomness=randomness)
        settings = require_sandbox(folder / "settings.toml", now=now)
        plan = _plan(folder, settings, wishes, fresh=fresh)
        _complete(plan, now=now, randomness=randomness)
        return found(plan)


def require_sandbox(path: Path, *, now: datetime) -> Settings:
    """The settings in `path`; SettingsError unless they are a sandbox's and its CA, made for trial, is this sandbox's.

    A real installation never becomes one: no CA of an office bears a sandbox's number.
    """
    settings = _settings_of(path)
    if not _lasts(_authority(settings, path), now):
        raise SettingsError(f"the certificates of {path.parent} have expired: begin anew with --fresh")
    return settings


@contextmanager
def sole_use(folder: Path) -> Iterator[None]:
    """Nobody else runs the sandbox in this folder meanwhile; SettingsError if somebody does."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = _beside(folder, "lock")
    try:
        # A link of that name in a folder of many, /tmp for example, leads to somebody's file.
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingsError(f"{path} cannot be locked: {error.strerror}") from None
    with os.fdopen(descriptor, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SettingsError(f"the sandbox in {folder} is running already") from None
        yield


def _settings_of(path: Path) -> Settings:
    if not path.parent.exists():
        raise SettingsError(f"there is no sandbox in {path.parent}: `gateway serve --sandbox` makes one")
    if not path.is_file():
        raise SettingsError(f"{path.parent} is not empty and no sandbox: choose another --dir")
    settings = settings_file.load(path, {})
    if settings.sandbox is None:
        raise SettingsError(f"{path.parent} is an installation, and no sandbox: choose another --dir")
    return settings


def _authority(settings: Settings, path: Path) -> Certificate:
    authority = certificates.load(settings.server.client_ca)
    if settings.sandbox is None or authority.subject != issuing.subject(settings.sandbox.authority, cms.TRIAL_UNIT):
        raise SettingsError(f"{path}: server.client_ca is not the CA of this sandbox")
    return authority


def _lasts(authority: Certificate, now: datetime) -> bool:
    return certificates.holds(authority, now=now + timedelta(days=_FEWEST_DAYS))


def _throw_away(folder: Path, now: datetime) -> None:
    """The data of the sandbox are gone, or all of it if its certificates have expired; SettingsError if it is none."""
    authority = _authority(_settings_of(folder / "settings.toml"), folder / "settings.toml")
    if _lasts(authority, now):
        _remove_all_but(folder, _LASTING)
    else:
        shutil.rmtree(folder)


def _found(folder: Path, wishes: Wishes, *, now: datetime, randomness: Callable[[int], bytes]) -> None:
    """A new sandbox; it appears as a whole, or not at all if we are killed before."""
    begun = _partial(folder)
    number, persons = randomness(_NUMBER_BYTES).hex(), wishes.persons or PERSONS
    sandbox = SandboxSettings(number=number, persons=persons, folder=begun)
    if begun.exists():
        shutil.rmtree(begun)
    plan = Plan(
        begun,
        "127.0.0.1",
        wishes.port or PORT,
        wishes.source_url or _SOURCE,
        agreements=wishes.agreements,
        contracts=wishes.contracts,
        sandbox=sandbox,
    )
    create(plan, now=now, randomness=randomness)
    begun.replace(folder)


def _plan(folder: Path, settings: Settings, wishes: Wishes, *, fresh: bool) -> Plan:
    """What the sandbox is for from now on. How many persons there are is decided when it begins."""
    sandbox = settings.sandbox
    if sandbox is not None and not fresh and wishes.persons not in (None, sandbox.persons):
        raise SettingsError(f"{folder} has {sandbox.persons} persons: begin anew with --fresh for others")
    if sandbox is not None:
        wished = {"pages_port": wishes.pages_port, "persons": wishes.persons}
        sandbox = sandbox.model_copy(update={name: value for name, value in wished.items() if value is not None})
    agreements = wishes.agreements or settings.agreements
    applications = sorted({one.agreement.application for one in load_every(agreements or agreements_folder())})
    return Plan(
        folder,
        wishes.host or settings.server.host,
        wishes.port or settings.server.port,
        wishes.source_url or settings.source.url,
        applications,
        tuple(dict.fromkeys((*wishes.names, *issuing.LOCAL_NAMES))) if wishes.names else _names(settings),
        agreements=agreements,
        contracts=wishes.contracts or settings.contracts,
        sandbox=sandbox,
    )


def _names(settings: Settings) -> tuple[str, ...]:
    return certificates.server_names(certificates.load(settings.server.certificate))


def _complete(plan: Plan, *, now: datetime, randomness: Callable[[int], bytes]) -> None:
    """Every agreement has what it needs, and the settings say so."""
    folder, term = plan.folder.resolve(), terms(now, randomness)
    if not (folder / DATABASE).is_file():
        _remove_all_but(folder, _LASTING)
        create_store(folder, randomness)
    for name in plan.applications:
        _give_certificate(folder, name, term)
    _give_names(folder, plan.names, term)
    _give_next_keys(folder, term)
    agreements = plan.agreements or agreements_folder()
    roles = trial.roles(agreements)
    for role in roles:
        key = folder / APPROVALS / trial.KEYS / role
        if _is_missing(key):
            store(key, issuing.approver(role, term(), unit=cms.TRIAL_UNIT))
    trial.approve(folder, agreements)
    if not (folder / KEY_FILE).is_file():
        _replace(folder / KEY_FILE, randomness(_PAGE_KEY_BYTES))
    certificate = {name: certificates.load(folder / "clients" / f"{name}.pem") for name in plan.applications}
    pins = {name: certificates.fingerprint_of(one) for name, one in certificate.items()}
    settings, text = folder / "settings.toml", settings_text(plan, pins, roles)
    if settings.read_text("utf-8") != text:
        _replace(settings, text.encode())


def _give_certificate(folder: Path, name: str, term: Callable[[], Term]) -> None:
    """The application has its test certificate with the key, and both in one file as well."""
    client, bundle = folder / "clients" / name, folder / "clients" / f"{name}.p12"
    missing = _is_missing(client)
    if missing or not bundle.is_file():
        authority = issuing.load(folder / "tls" / "ca.key", folder / "tls" / "ca.pem")
        if missing:
            store(client, issuing.client(authority, name, term()))
        issued = issuing.load(client.with_suffix(".key"), client.with_suffix(".pem"))
        _replace(bundle, issued.pkcs12(name, PASSWORD, authority.certificate))


def _give_names(folder: Path, names: Sequence[str], term: Callable[[], Term]) -> None:
    """The server's certificate stands for exactly these names."""
    server = folder / "tls" / "server"
    if certificates.server_names(certificates.load(server.with_suffix(".pem"))) != tuple(names):
        authority = issuing.load(folder / "tls" / "ca.key", folder / "tls" / "ca.pem")
        issued = issuing.server(authority, names[0], term(), names=names)
        _replace(server.with_suffix(".pem"), issued.certificate_pem)
        _replace(server.with_suffix(".key"), issued.key_pem)


def _give_next_keys(folder: Path, term: Callable[[], Term]) -> None:
    """What answers are signed with after a change of keys: published beforehand, so that vendors can try one."""
    kinds: dict[str, issuing.KeyKind] = {"rsa-next": "rsa-3072", "ec-next": "ec-p256"}
    for name, kind in kinds.items():
        if _is_missing(folder / "signing" / name):
            authority = issuing.load(folder / "tls" / "ca.key", folder / "tls" / "ca.pem")
            store(folder / "signing" / name, issuing.signing(authority, "FLDM gateway signature", term(), kind=kind))


def _is_missing(path: Path) -> bool:
    """Whether certificate or key is not there; what is left of the two is thrown away."""
    files = path.with_suffix(".key"), path.with_suffix(".pem")
    if all(file.is_file() for file in files):
        return False
    for file in files:
        file.unlink(missing_ok=True)
    return True


def _remove_all_but(folder: Path, names: frozenset[str]) -> None:
    for path in folder.iterdir():
        if path.name in names:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _replace(path: Path, content: bytes) -> None:
    """The file has this content, or the one before if we are killed; nobody else may read it."""
    beside = path.with_name(f"{path.name}.partial")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)
    beside.replace(path)


def _partial(folder: Path) -> Path:
    return _beside(folder, "partial")


def _beside(folder: Path, ending: str) -> Path:
    """A hidden neighbour of the folder; SettingsError if that has no name of its own (`.`, `..` or the root)."""
    if folder.name in ("", ".."):
        raise SettingsError(f"{folder} cannot be a sandbox: choose another --dir")
    return folder.with_name(f".{folder.name}.{ending}")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time makes or completes sandboxes beside each other; whoever comes second waits."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
