"""Checks of what the gateway stands on: server, certificates, keys, audit trail, disk."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from gateway.exchange.proxy import admits
from gateway.exchange.tls import context_for
from gateway.health.finding import Examination, Finding, Levels, State
from gateway.reports.verification import report
from gateway.settings import ServerSettings
from gateway.store.audit_anchor import PUBLIC_KEY, CheckpointKey
from gateway.store.audit_verify import verify
from gateway.store.key_check import KeyCheck
from gateway.store.keyed import KeyedDatabase
from gateway.store.keyring import OLD_DAYS, KeyRing
from gateway.wire import certificates
from gateway.wire.seal import SigningKey

_PATIENCE = 5.0
"""Seconds a reachability check waits."""
_CHECKPOINT_MINUTES = 5
"""A running gateway writes a checkpoint every minute in which something was audited."""
_SAMPLE = 20
"""Of each kind of wrapped key so many are opened."""
_FILES = Levels(warning=10_000, critical=1_000, falling=True)
_WAL = Levels(warning=1024**3)
"""Octets; a poll of everybody and a change of keys stay far below."""
_OTHERS, _GROUP = 0o027, 0o050
"""File modes that a key must not have, and that it should not."""


def server(e: Examination) -> Iterator[Finding]:
    """Asked as its clients ask it; behind a proxy that is on another machine it must hang up on this one."""
    settings = e.settings.server
    try:
        with _connected(settings) as raw:
            admitted = admits(settings.proxy)(raw.getsockname())
            line, shown = _first_line(settings, raw, refused=not admitted)
    except OSError as error:
        yield Finding("server", State.CRITICAL, f"does not answer ({type(error).__name__})", "gateway serve")
        return
    if admitted:
        alive, text = line.startswith(b"HTTP/1.1 200 "), f"answers{' over TLS' if settings.ends_tls else ' its proxy'}"
        good, bad = text, "answers, but not well"
    else:
        alive, good, bad = not line, "answers its proxy only, and hung up on this machine", "answers not only its proxy"
    yield Finding("server", State.OK if alive else State.CRITICAL, good if alive else bad, "look at its log")
    if shown is not None and shown != certificates.load(settings.certificate):
        left = certificates.days_left(shown, now=e.now)
        text = f"shows another certificate than the settings name; that one has {left} days left"
        remedy = "restart the server: it reads its certificate at start"
        yield Finding("server certificate", State.WARNING, text, remedy, left, "d")


def _connected(settings: ServerSettings) -> socket.socket:
    if settings.proxy is not None and settings.proxy.socket is not None:
        unix = socket.socket(socket.AF_UNIX)
        unix.settimeout(_PATIENCE)
        try:
            unix.connect(str(settings.proxy.socket))
        except OSError:
            unix.close()
            raise
        return unix
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - not bound, replaced
    return socket.create_connection((host, settings.port), timeout=_PATIENCE)


def _first_line(
    settings: ServerSettings, raw: socket.socket, *, refused: bool
) -> tuple[bytes, x509.Certificate | None]:
    """The status line of /health/live and the certificate that was shown, over TLS.

    No line if the server hangs up on somebody who is to be `refused`.
    """
    name = urlsplit(settings.public_url).hostname or settings.host
    line, shown = b"", None
    try:
        with _secured(settings, raw, name) if settings.ends_tls else raw as connection:
            if isinstance(connection, ssl.SSLSocket):
                shown = certificates.read(connection.getpeercert(binary_form=True) or b"")
            connection.sendall(f"GET /health/live HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
            while b"\n" not in line and len(line) < 64 and (piece := connection.recv(64)):
                line += piece
    except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
        if not refused:
            raise
    return line, shown


def _secured(settings: ServerSettings, raw: socket.socket, name: str) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(settings.client_ca))
    context.load_verify_locations(cafile=str(settings.certificate))
    # The server's own certificate may be of any CA: it is trusted because it is the one in the settings.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context.wrap_socket(raw, server_hostname=name)


def certificates_in_use(e: Examination) -> Iterator[Finding]:
    s = e.settings
    uses: list[tuple[str, Path]] = [("server", s.server.certificate), ("client CA", s.server.client_ca)]
    uses += [(f"signing {method}", signing.certificate) for method, signing in s.signing.items()]
    uses += [(f"source {what}", path) for what, path in (("CA", s.source.ca), ("client", s.source.certificate)) if path]
    if s.probe is not None:
        uses += [("probe", s.probe.certificate)]
        uses += [("probe server CA", s.probe.server_ca)] if s.probe.server_ca is not None else []
    levels = Levels(s.health.certificate_days, s.health.certificate_last_days, falling=True)
    for use, path in uses:
        yield _validity(f"certificate {use}", path, e.now, levels)


def _validity(name: str, path: Path, now: datetime, levels: Levels) -> Finding:
    """Of several certificates in a file the one that ends first counts."""
    chain = certificates.load_chain(path)
    left = min(certificates.days_left(certificate, now=now) for certificate in chain)
    if not all(certificates.holds(certificate, now=now) for certificate in chain):
        text = f"expired {-left} days ago" if left < 0 else "not yet valid"
        return Finding(name, State.CRITICAL, text, "renew it, or set the clock", left, "d", levels)
    return Finding(name, levels.judge(left), f"{left} days left", "renew it", left, "d", levels)


def audit(e: Examination) -> Iterator[Finding]:
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


def keys(e: Examination) -> Iterator[Finding]:
    ring, _ = KeyRing.load(e.settings.keys.directory), CheckpointKey.load(e.settings.keys.directory)
    yield Finding("keys", State.OK, f"complete and private, generation {ring.current}")
    for purpose, days in ring.ages(e.now).items():
        state, text, remedy = State(days > OLD_DAYS), f"{days} days old", f"gateway keys rotate {purpose}"
        yield Finding(f"key age {purpose}", state, text, remedy, days, "d", Levels(warning=OLD_DAYS))
    for method, pair in e.settings.signing.items():
        SigningKey.load(pair.key, pair.certificate, method)
        yield _private(f"key signing {method}", pair.key)
    context_for(e.settings.server)
    yield _private("key server", e.settings.server.key)
    if e.settings.source.key is not None:
        yield _private("key source", e.settings.source.key)
    if e.settings.probe is not None:
        yield _private("key probe", e.settings.probe.key)


def keys_in_use(e: Examination) -> Iterator[Finding]:
    """Whether the ring is the one this database was written with: `gateway keys check` in small, without a document."""
    keyed = KeyedDatabase(e.database, e.vault)
    keyed.follow()
    tried = KeyCheck(keyed, e.vault, {}, e.city.today(e.now)).opened(_SAMPLE)
    failed = [f"{one.what}: {one.failed} of {one.count} failed" for one in tried if one.failed]
    state, text = (State.CRITICAL, "; ".join(failed)) if failed else (State.OK, "they open what is stored")
    yield Finding("keys in use", state, text, "restore the key folder that belongs to this database")


def _private(name: str, path: Path) -> Finding:
    mode = path.stat().st_mode & 0o777
    state = State.CRITICAL if mode & _OTHERS else State.WARNING if mode & _GROUP else State.OK
    return Finding(name, state, f"mode {mode:04o}", f"chmod 0600 {path.name}; if others could read it, replace it")


def disk(e: Examination) -> Iterator[Finding]:
    """Where something must be written before an answer leaves; a file system is named once."""
    folders = [e.settings.audit.anchor.parent, e.settings.keys.directory]
    if e.database.path is not None:
        folders.insert(0, e.database.path.parent)
    levels = Levels(critical=e.settings.health.free_mib * 1024**2, falling=True)
    remedy = "make room: without it nothing is disclosed"
    for folder in {folder.stat().st_dev: folder for folder in reversed(folders)}.values():
        free, there = shutil.disk_usage(folder).free, os.statvfs(folder)
        text = f"{free // 1024**2} MiB free"
        yield Finding(f"disk {folder.name}", levels.judge(free), text, remedy, free, "B", levels)
        if there.f_files and (few := _FILES.judge(there.f_favail)) is not State.OK:  # some file systems do not count
            text = f"room for {there.f_favail} more files, however small"
            yield Finding(f"files {folder.name}", few, text, remedy, there.f_favail, "", _FILES)
    yield from _log_of_the_database(e.database.path)


def _log_of_the_database(path: Path | None) -> Iterator[Finding]:
    """SQLite cannot shorten its WAL as long as somebody reads an old state of the database."""
    wal = path.with_name(f"{path.name}-wal") if path is not None else None
    if wal is None or not wal.is_file():
        return
    size = wal.stat().st_size
    if (state := _WAL.judge(size)) is not State.OK:
        remedy = "end what reads the database for hours (a copy, a console); else restart server and poller one by one"
        yield Finding("database log", state, f"{size // 1024**2} MiB in {wal.name}", remedy, size, "B", _WAL)
