"""Makes a new installation in one folder: settings, certificates, keys, trial approvals, database."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.agreements.approval import FOLDER as APPROVALS
from gateway.cli import trial
from gateway.cli.options import agreements_folder
from gateway.errors import SettingsError
from gateway.settings import SandboxSettings
from gateway.store.audit_anchor import CheckpointKey
from gateway.store.database import Database
from gateway.store.vault import KeyRing
from gateway.wire import cms, issuing
from gateway.wire.issuing import Issued, Term

DATABASE = "gateway.sqlite"
_DAYS = 365
_SERIAL_BYTES = 19  # RFC 5280, 4.1.2.2: at most 20 octets, positive


@dataclass(frozen=True)
class Plan:
    """What the installation is for: where it is reached, where the case system is, who gets a client certificate.

    `agreements` and `contracts` are folders of its own, None: the shipped ones. `sandbox` makes it one, for good.
    """

    folder: Path
    host: str
    port: int
    source_url: str
    applications: Sequence[str] = ()
    names: Sequence[str] = issuing.LOCAL_NAMES
    agreements: Path | None = None
    contracts: Path | None = None
    sandbox: SandboxSettings | None = None

    @property
    def public_url(self) -> str:
        return f"https://{self.names[0]}:{self.port}"


@dataclass(frozen=True)
class Installation:
    """Where everything is; `clients` maps an application to its certificate and key files."""

    plan: Plan
    settings: Path
    ca: Path
    signing_certificate: Path
    database_url: str
    clients: Mapping[str, tuple[Path, Path]]


def create(plan: Plan, *, now: datetime, randomness: Callable[[int], bytes] = os.urandom) -> Installation:
    """A complete installation in `plan.folder`, which must be missing or empty; SettingsError otherwise."""
    folder = plan.folder.resolve()
    if folder.exists() and any(folder.iterdir()):
        raise SettingsError(f"{plan.folder} is not empty: an installation is never written over")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    tls, signing, clients = folder / "tls", folder / "signing", folder / "clients"
    term = terms(now, randomness)
    authority = _authority(plan, term())
    store(tls / "ca", authority)
    store(tls / "server", issuing.server(authority, plan.names[0], term(), names=plan.names))
    store(signing / "rsa", issuing.signing(authority, "FLDM gateway signature", term()))
    store(signing / "ec", issuing.signing(authority, "FLDM gateway signature", term(), kind="ec-p256"))
    pins: dict[str, str] = {}
    for name in plan.applications:
        issued = issuing.client(authority, name, term())
        store(clients / name, issued)
        pins[name] = issued.fingerprint
    agreements = plan.agreements or agreements_folder()
    trusted = trial.approvers(agreements, term)
    for role, issued in trusted.items():
        store(folder / APPROVALS / trial.KEYS / role, issued)
    trial.approve(folder, agreements)
    create_store(folder, randomness)
    settings = folder / "settings.toml"
    settings.write_text(settings_text(plan, pins, trusted), "utf-8")
    settings.chmod(0o600)
    return found(plan)


def create_store(folder: Path, randomness: Callable[[int], bytes]) -> None:
    """New keys of the store and an empty database in `folder`; SettingsError if there are any already."""
    KeyRing.create(folder / "keys", randomness)
    CheckpointKey.create(folder / "keys")
    database = Database.open(f"sqlite:///{folder / DATABASE}", create=True)
    database.upgrade()
    database.close()


def found(plan: Plan) -> Installation:
    """Where everything is of an installation that `create` made of this plan."""
    folder = plan.folder.resolve()
    clients = folder / "clients"
    return Installation(
        plan=plan,
        settings=folder / "settings.toml",
        ca=folder / "tls" / "ca.pem",
        signing_certificate=folder / "signing" / "rsa.pem",
        database_url=f"sqlite:///{folder / DATABASE}",
        clients={name: (clients / f"{name}.pem", clients / f"{name}.key") for name in plan.applications},
    )


def terms(now: datetime, randomness: Callable[[int], bytes]) -> Callable[[], Term]:
    """What gives each further certificate of an installation its time and serial number."""
    return lambda: Term(now, _DAYS, int.from_bytes(randomness(_SERIAL_BYTES), "big") | 1)


def _authority(plan: Plan, term: Term) -> Issued:
    if plan.sandbox is None:
        return issuing.authority("FLDM gateway CA", term)
    return issuing.authority(plan.sandbox.authority, term, unit=cms.TRIAL_UNIT)


def store(path: Path, issued: Issued) -> None:
    """Certificate and key lie beside each other as PEM, the key for our eyes only and not written over."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.with_suffix(".pem").write_bytes(issued.certificate_pem)
    descriptor = os.open(path.with_suffix(".key"), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(issued.key_pem)


def settings_text(plan: Plan, pins: Mapping[str, str], roles: Iterable[str]) -> str:
    """The settings file of the plan with these client certificates pinned and these trial approvers trusted."""
    pinned = "\n".join(f'{name} = ["{fingerprint}"]' for name, fingerprint in pins.items())
    trusted = "\n".join(f'{role} = ["{APPROVALS}/{trial.KEYS}/{role}.pem"]' for role in roles)
    folders = {"agreements": plan.agreements, "contracts": plan.contracts}
    own = "".join(f"{name} = {json.dumps(str(path.resolve()))}\n" for name, path in folders.items() if path is not None)
    log = "text" if plan.sandbox is None else "json"
    sandbox = "" if plan.sandbox is None else _SANDBOX.format(sandbox=plan.sandbox)
    following = {f"next_{kind}": _NEXT.format(kind=kind) if plan.sandbox else "" for kind in ("rsa", "ec")}
    given = {"plan": plan, "approvals": APPROVALS, "trusted": trusted, "pinned": pinned, "own": own, "log": log}
    told = _SETTINGS.format(**given, **following)
    return told + sandbox


_SETTINGS = """\
# Settings of one gateway. Relative paths count from this file. Unknown or missing keys refuse to start.
# GATEWAY_<SECTION>_<KEY> in the environment replaces one value, for example GATEWAY_DATABASE_URL.
{own}
[server]
public_url = "{plan.public_url}"          # what the published WSDLs carry
host = "{plan.host}"
port = {plan.port}
certificate = "tls/server.pem"            # replace by one of your own CA
key = "tls/server.key"
client_ca = "tls/ca.pem"                  # client certificates must chain to it and be pinned
processes = 2
threads = 8
connections = 500                         # open at once, in each process

# [server.proxy]                          # nginx or HAProxy ends TLS (docs/tls.md); then nobody else may connect
# addresses = ["127.0.0.1"]
# tls = false                             # plain HTTP, on one machine only

[signing.rsa-sha256]                      # answers of agreements with this method
key = "signing/rsa.key"
certificate = "signing/rsa.pem"
{next_rsa}
[signing.ecdsa-p256-sha256]
key = "signing/ec.key"
certificate = "signing/ec.pem"
{next_ec}
[database]
url = "sqlite:///gateway.sqlite"          # or postgresql://user@host/name (docs/postgresql.md)
# standbys = 2                            # of PostgreSQL, to take over: without synchronous ones nothing starts

[keys]
directory = "keys"                        # back up apart from the database

[source]
url = "{plan.source_url}"
poll_seconds = 60
stale_minutes = 30                        # older data than this is a health problem
reconcile_days = 7                        # the whole stock is compared so often (docs/reconciliation.md)
reconcile_removals_percent = 1            # more than this is removed only after an operator has confirmed it
# maintenance = ["So 02:00-04:30", "23:30-00:15"]   # not asked then, by the city's clock (docs/polling.md)

[quarantine]                              # when refused records are a health problem (docs/quarantaene.md)
report_hours = 24                         # not yet reported to the foreigners office
overdue_days = 7                          # not yet corrected
critical_days = 21                        # soon their content is deleted (30 days)

[health]                                  # from where on `gateway health` complains (gateway health --explain NAME)
certificate_days = 30                     # before the end of a certificate
certificate_last_days = 7                 # critical
free_mib = 500                            # less is critical: without room nothing is disclosed
refused_percent = 20                      # of an application's requests of the last hour
probe_ms = 1000                           # slower answers to the gateway's own probe warn
feed_hours = 48                           # changes wait and an application acknowledges none
restarts = 0                              # more server processes replaced within an hour warn

# [probe]                                 # the gateway asks itself as an application would: `gateway probe init`
# certificate = "probe/eigenprobe.pem"
# key = "probe/eigenprobe.key"
# server_ca = "tls/proxy-ca.pem"          # of whom it believes the answer, where that is not `[server] certificate`

# [metrics]                               # counters for Prometheus, given out by `gateway metrics`
# folder = "/run/gateway/metrics"         # emptied at each start; best in memory
# host = "127.0.0.1"
# port = 9464

[audit]
anchor = "audit.anchor"                   # signed checkpoints, appended; copy it to another machine

[approvals]                               # an agreement is in force only if all its roles have signed it
folder = "{approvals}"                      # <application>/<file stem>.<role>.p7s

[approvals.trusted]                       # TRIAL keys of this installation: replace by the offices' certificates
{trusted}

# [codelists]                             # newer versions of code lists (docs/codelisten.md)
# folder = "codelists"                    # `gateway codelist import` fills it

[log]
format = "{log}"                           # "text" or "json"

[pins]                                    # further pinned client certificates by application
{pinned}
"""

_NEXT = 'next_certificate = "signing/{kind}-next.pem"\n'
_SANDBOX = """
[sandbox]                                 # for synthetic persons only; this file is written anew at every start
number = "{sandbox.number}"
persons = {sandbox.persons}
folder = "."
pages_port = {sandbox.pages_port}
"""
