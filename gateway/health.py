"""What is really there: one small function per check, none cached, none assumed."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from gateway import shipped
from gateway.agreements.agreement import Agreement
from gateway.agreements.approval import Trust, approvals
from gateway.agreements.city import City, load_city
from gateway.agreements.load import Written, load_every
from gateway.agreements.versions import Versions, by_stream
from gateway.contract import files
from gateway.contract.compiled import compile_contract
from gateway.errors import GatewayError
from gateway.exchange.selfattack import Verdict, attack, passed
from gateway.reports.verification import report
from gateway.settings import Settings
from gateway.store import notices
from gateway.store.audit_anchor import PUBLIC_KEY, CheckpointKey
from gateway.store.audit_verify import verify
from gateway.store.database import Database
from gateway.store.keyring import OLD_DAYS, KeyRing
from gateway.store.overview import Overview, overview
from gateway.upkeep import notifying, retention_rules
from gateway.upkeep.retention_standing import standing
from gateway.wire import certificates
from gateway.wire.seal import SigningKey

_SOON, _VERY_SOON = 30, 7
"""Days before an end at which a check warns, and is critical."""
_NOTICE = (1, 7, 14, 30, 60)
"""Days before the end of an agreement, or of an approver's certificate, at which it is announced anew."""
_SIGN_ANEW = "let the role sign anew with its next certificate, and trust that one too"
_SIGN = "let the offices sign, and trust their certificates instead (docs/vereinbarungen.md)"
_FREE_BYTES = 500 * 1024 * 1024
_PATIENCE = 5.0
"""Seconds a reachability check waits."""
_CLOCK_MINUTES = 5
"""So far may the clocks of two machines differ."""
_CHECKPOINT_MINUTES = 5
"""A running gateway writes a checkpoint every minute in which something was audited."""
_OTHERS, _GROUP = 0o027, 0o050
"""File modes that a key must not have, and that it should not."""


class State(IntEnum):
    """As monitoring plugins have it; the value is the exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: its number with unit where there is one, and what to do if it is not OK."""

    check: str
    state: State
    text: str
    remedy: str = ""
    value: float | None = None
    unit: str = ""


class Examination:
    """What the checks look at, each part read when first asked for."""

    def __init__(self, settings: Settings, now: datetime) -> None:
        self.settings = settings
        self.now = now
        self.schemas = settings.agreements or shipped.schemas()
        self.wsdl = settings.contracts or shipped.wsdl()

    @cached_property
    def city(self) -> City:
        return load_city(self.schemas / "stadt.toml")

    @cached_property
    def written(self) -> tuple[Written, ...]:
        return load_every(self.schemas)

    @cached_property
    def versions(self) -> dict[str, Versions]:
        return by_stream(one.agreement for one in self.written)

    @cached_property
    def agreements(self) -> dict[str, Agreement]:
        today = self.city.today(self.now)
        return {key: versions.on(today) for key, versions in self.versions.items()}

    @cached_property
    def database(self) -> Database:
        return Database.open(self.settings.database.url)

    @cached_property
    def overview(self) -> Overview:
        return overview(self.database)


def examine(settings: Settings, now: datetime) -> list[Finding]:
    """Every check's findings, in order; a check that breaks is CRITICAL, not silent."""
    examination = Examination(settings, now)
    try:
        return [finding for name, check in CHECKS.items() for finding in _run(name, check, examination)]
    finally:
        if "database" in examination.__dict__:
            examination.database.close()


def worst(findings: list[Finding]) -> State:
    """The state of the whole: CRITICAL before UNKNOWN before WARNING before OK; UNKNOWN without findings."""
    order = (State.CRITICAL, State.UNKNOWN, State.WARNING, State.OK)
    return next((state for state in order if any(f.state is state for f in findings)), State.UNKNOWN)


def _run(name: str, check: Callable[[Examination], Iterator[Finding]], examination: Examination) -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(check(examination))
    except GatewayError as error:
        found.append(Finding(name, State.CRITICAL, str(error), "see the message"))
    except Exception as error:  # noqa: BLE001 - health must answer whatever is broken; the class name says what
        found.append(Finding(name, State.CRITICAL, f"the check itself failed ({type(error).__name__})", "report this"))
    return found


def _database(e: Examination) -> Iterator[Finding]:
    if e.database.is_current():
        yield Finding("database", State.OK, f"{e.database.dialect}, durable, tables of this version")
    else:
        yield Finding("database", State.CRITICAL, "tables of another version", "gateway db upgrade")


def _source(e: Examination) -> Iterator[Finding]:
    from gateway.sources.okvisa import OkVisa

    source = OkVisa.open(e.settings.source.model_copy(update={"connect_timeout": _PATIENCE, "read_timeout": _PATIENCE}))
    try:
        source.state()
        yield Finding("source", State.OK, "OK.VISA answers")
    except GatewayError as error:
        yield Finding("source", State.CRITICAL, str(error), "ask the operators of OK.VISA; data grow older meanwhile")
    finally:
        source.close()


def _freshness(e: Examination) -> Iterator[Finding]:
    stand = e.overview.stand
    if stand is None:
        yield Finding("freshness", State.CRITICAL, "no complete poll yet", "gateway poll")
        return
    minutes = (e.now - stand).total_seconds() / 60
    limit = e.settings.source.stale_minutes
    if minutes < -_CLOCK_MINUTES:
        text = f"data as of {-minutes:.0f} minutes in the future"
        yield Finding("freshness", State.CRITICAL, text, "set the clock", round(minutes, 1), "min")
        return
    state = State.OK if minutes <= limit else State.WARNING if minutes <= 4 * limit else State.CRITICAL
    text = f"data as of {minutes:.0f} minutes ago"
    yield Finding("freshness", state, text, "is `gateway poll` running?", round(minutes, 1), "min")


def _quarantine(e: Examination) -> Iterator[Finding]:
    count = e.overview.quarantined
    state = State.WARNING if count else State.OK
    yield Finding("quarantine", state, f"{count} records", "gateway quarantine list", count, "records")


def _feeds(e: Examination) -> Iterator[Finding]:
    for application, pending in sorted(e.overview.pending.items()):
        yield Finding(f"feed {application}", State.OK, f"{pending} changes not acknowledged", "", pending, "changes")


def _notifications(e: Examination) -> Iterator[Finding]:
    """DSGVO Art. 19: who had data must learn without delay that it is wrong, restricted or to be erased."""
    with e.database.read() as connection:
        waiting = notices.outstanding(connection)
    for delay in notifying.delays(waiting, e.now):
        one, state = delay.outstanding, State(delay.urgency)
        name = f"notifications {one.application}" if one.by_feed else f"letters {one.application}"
        text = f"{one.count} corrections or erasures not {'acknowledged' if one.by_feed else 'sent'}"
        text += f", the oldest for {delay.days} days"
        remedy = "ask the office why it does not fetch" if one.by_feed else "gateway notice export, then settle"
        yield Finding(name, state, text, remedy, delay.days, "d")


def _certificates(e: Examination) -> Iterator[Finding]:
    s = e.settings
    uses: list[tuple[str, Path]] = [("server", s.server.certificate), ("client CA", s.server.client_ca)]
    uses += [(f"signing {method}", signing.certificate) for method, signing in s.signing.items()]
    uses += [(f"source {what}", path) for what, path in (("CA", s.source.ca), ("client", s.source.certificate)) if path]
    for use, path in uses:
        yield _validity(f"certificate {use}", path, e.now)


def _pins(e: Examination) -> Iterator[Finding]:
    for key, agreement in e.agreements.items():
        pins = agreement.pins | frozenset(e.settings.pins.get(agreement.application, ()))
        if not pins:
            remedy = "pin the application's certificate in its agreement"
            yield Finding(f"pins {key}", State.WARNING, "no client certificate is pinned: nobody can call", remedy)
        else:
            yield Finding(f"pins {key}", State.OK, f"{len(pins)} client certificates pinned")


def _agreements(e: Examination) -> Iterator[Finding]:
    today = e.city.today(e.now)
    for key, versions in e.versions.items():
        left = (versions.end(today) - today).days
        following = versions.following(today)
        if today < versions.on(today).valid_from:
            yield Finding(f"agreement {key}", State.CRITICAL, "not yet in force", "nobody is served under it")
            continue
        text = _noticed(left) if left >= 0 else "expired: every request is refused"
        text += f"; fassung {following.version} begins on {following.valid_from}" if following else ""
        yield Finding(f"agreement {key}", _announced(left), text, "agree on a new version", left, "d")


def _approvals(e: Examination) -> Iterator[Finding]:
    """Who signed each agreement, and how long the certificates hold with which that was done."""
    trust, today = Trust.load(e.settings.approvals.trusted), e.city.today(e.now)
    for written in e.written:
        agreement, given = written.agreement, approvals(written, trust, e.settings.approvals.folder)
        name = f"approval {agreement.application}/{agreement.major} fassung {agreement.version}"
        signers = [one.signer for one in given if one.signer is not None]
        if wrong := [f"{one.role}: {one.problem}" for one in given if one.signer is None]:
            remedy = "gateway agreement approvals; until all have signed, nothing starts"
            yield Finding(name, State.CRITICAL, "; ".join(wrong), remedy)
            continue
        left = min((signer.valid_to - e.now).days for signer in signers)
        ended = today > agreement.valid_to
        state = State.OK if ended else _announced(left)
        text, remedy = f"signed by {len(given)} roles; first certificate: {_noticed(left)}", _SIGN_ANEW
        if any(e.now < signer.valid_from for signer in signers):
            state, text = State.CRITICAL, "signed with a certificate that is not yet valid"
        if any(signer.trial for signer in signers):
            state, text, remedy = max(state, State.WARNING), f"trial approvals, no office behind them; {text}", _SIGN
        yield Finding(name, state, text, remedy, left, "d")


def _contracts(e: Examination) -> Iterator[Finding]:
    for key, agreement in e.agreements.items():
        files.load(compile_contract(agreement, e.city), schemas=e.schemas, wsdl=e.wsdl)
        yield Finding(f"contract {key}", State.OK, "files are what model and agreement give")


def _audit(e: Examination) -> Iterator[Finding]:
    verdict = verify(e.database, anchor=e.settings.audit.anchor, public_key=e.settings.keys.directory / PUBLIC_KEY)
    found = report(verdict)
    text = next((line for line in found.lines if line.startswith("Warnung")), found.lines[0])
    yield Finding("audit", State(found.exit_code), text, "gateway audit verify", verdict.entries, "entries")
    if verdict.unanchored_since is not None:
        minutes = (e.now - datetime.fromisoformat(verdict.unanchored_since)).total_seconds() / 60
        late = minutes > _CHECKPOINT_MINUTES
        text = f"{verdict.unanchored} entries wait for a checkpoint, the first for {minutes:.0f} minutes"
        remedy = "is the server running, and may it write the anchor file? See its log"
        state = State.WARNING if late else State.OK
        yield Finding("audit checkpoint", state, text, remedy, verdict.unanchored, "entries")


def _keys(e: Examination) -> Iterator[Finding]:
    ring, _ = KeyRing.load(e.settings.keys.directory), CheckpointKey.load(e.settings.keys.directory)
    yield Finding("keys", State.OK, f"complete and private, generation {ring.current}")
    for purpose, days in ring.ages(e.now).items():
        state, text, remedy = State(days > OLD_DAYS), f"{days} days old", f"gateway keys rotate {purpose}"
        yield Finding(f"key age {purpose}", state, text, remedy, days, "d")
    for method, pair in e.settings.signing.items():
        SigningKey.load(pair.key, pair.certificate, method)
        yield _private(f"key signing {method}", pair.key)
    yield _private("key server", e.settings.server.key)
    if e.settings.source.key is not None:
        yield _private("key source", e.settings.source.key)


def _retention(e: Examination) -> Iterator[Finding]:
    found = standing(e.database, retention_rules.load(e.settings.retention.rules), e.now, e.city.timezone)
    remedy = "run `gateway retention run` daily; see what it says"
    yield Finding("retention", State(found.grade), found.text, remedy, found.due, "items")


def _disk(e: Examination) -> Iterator[Finding]:
    """Where something must be written before an answer leaves; a file system is named once."""
    folders = [e.settings.audit.anchor.parent, e.settings.keys.directory]
    if e.database.path is not None:
        folders.insert(0, e.database.path.parent)
    for folder in {folder.stat().st_dev: folder for folder in reversed(folders)}.values():
        free = shutil.disk_usage(folder).free
        state = State.OK if free > _FREE_BYTES else State.CRITICAL
        name, text = f"disk {folder.name}", f"{free // 1024**2} MiB free"
        yield Finding(name, state, text, "make room: without it nothing is disclosed", free, "B")


def _server(e: Examination) -> Iterator[Finding]:
    server = e.settings.server
    name = urlsplit(server.public_url).hostname or server.host
    context = ssl.create_default_context(cafile=str(server.client_ca))
    context.load_verify_locations(cafile=str(server.certificate))
    # The server's own certificate may be of any CA: it is trusted because it is the one in the settings.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(server.host, server.host)  # noqa: S104 - not bound, replaced
    try:
        with (
            socket.create_connection((host, server.port), timeout=_PATIENCE) as raw,
            context.wrap_socket(raw, server_hostname=name) as tls,
        ):
            tls.sendall(f"GET /health/live HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
            alive = _first_line(tls).startswith(b"HTTP/1.1 200 ")
    except (OSError, ssl.SSLError) as error:
        yield Finding("server", State.CRITICAL, f"does not answer ({type(error).__name__})", "gateway serve")
        return
    state = State.OK if alive else State.CRITICAL
    yield Finding("server", state, "answers over TLS" if alive else "answers, but not well", "look at its log")


def _self_attack(e: Examination) -> Iterator[Finding]:
    """The gateway's own negative messages, sent to the agreements and contracts as they lie there now."""
    contracts = {key: compile_contract(agreement, e.city) for key, agreement in e.agreements.items()}
    probes = attack(e.agreements, contracts, e.city, clock=lambda: e.now, randomness=os.urandom)
    for one in passed(probes):
        text, remedy = f"{one.attack}: was answered", "stop the server; report this"
        yield Finding(f"self-attack {one.service}", State.CRITICAL, text, remedy)
    refused = sum(one.verdict is Verdict.REFUSED for one in probes)
    idle = [f"{one.service} {one.attack} ({one.told})" for one in probes if one.verdict is Verdict.NOT_RUN]
    if idle:
        text = f"{len(idle)} attacks could not run: {'; '.join(idle[:3])}"
        yield Finding("self-attack", State.WARNING, text, "report this", refused, "attacks")
    else:
        yield Finding("self-attack", State.OK, f"{refused} attacks refused", "", refused, "attacks")


def _first_line(tls: ssl.SSLSocket) -> bytes:
    line = b""
    while b"\n" not in line and len(line) < 64 and (piece := tls.recv(64)):
        line += piece
    return line


def _validity(name: str, path: Path, now: datetime) -> Finding:
    """Of several certificates in a file the one that ends first counts."""
    chain = certificates.load_chain(path)
    left = min(certificates.days_left(certificate, now=now) for certificate in chain)
    if not all(certificates.holds(certificate, now=now) for certificate in chain):
        text = f"expired {-left} days ago" if left < 0 else "not yet valid"
        return Finding(name, State.CRITICAL, text, "renew it, or set the clock", left, "d")
    return Finding(name, _ending(left), f"{left} days left", "renew it", left, "d")


def _private(name: str, path: Path) -> Finding:
    mode = path.stat().st_mode & 0o777
    state = State.CRITICAL if mode & _OTHERS else State.WARNING if mode & _GROUP else State.OK
    return Finding(name, state, f"mode {mode:04o}", f"chmod 0600 {path.name}; if others could read it, replace it")


def _announced(days: int) -> State:
    return State.CRITICAL if days <= _VERY_SOON else State.WARNING if days <= _NOTICE[-1] else State.OK


def _noticed(days: int) -> str:
    if days < 0:
        return f"expired {-days} days ago"
    notice = next((f" (notice: {step} days before)" for step in _NOTICE if days <= step), "")
    return f"{days} days left{notice}"


def _ending(days: int) -> State:
    return State.CRITICAL if days <= _VERY_SOON else State.WARNING if days <= _SOON else State.OK


CHECKS: dict[str, Callable[[Examination], Iterator[Finding]]] = {
    "database": _database,
    "server": _server,
    "source": _source,
    "freshness": _freshness,
    "quarantine": _quarantine,
    "feed": _feeds,
    "notifications": _notifications,
    "certificates": _certificates,
    "pins": _pins,
    "agreements": _agreements,
    "approvals": _approvals,
    "contracts": _contracts,
    "self-attack": _self_attack,
    "audit": _audit,
    "keys": _keys,
    "retention": _retention,
    "disk": _disk,
}
