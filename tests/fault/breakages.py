"""Thirty things that break in a city's cellar, each made for real and mended again."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import requests

from gateway.app import build
from gateway.settings import load
from gateway.wire import issuing
from gateway.wire.issuing import Term
from tests.running import Running
from tests.unit.exchange.house import message

Making = Callable[[Running], AbstractContextManager[object]]
DATABASE = "gateway.sqlite"


@dataclass(frozen=True)
class Breakage:
    """What is broken, in which check it must show, and as what: the exit code of `gateway health`."""

    what: str
    check: str
    state: str
    made: Making


@contextmanager
def _kept(running: Running, *names: str) -> Iterator[None]:
    """Files are afterwards as they were, whatever was done to them."""
    before = {path: (path.read_bytes(), path.stat().st_mode) for name in names for path in running.folder.glob(name)}
    try:
        yield
    finally:
        for name in names:
            for path in set(running.folder.glob(name)) - before.keys():
                path.unlink()
        for path, (content, mode) in before.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(mode)


def file(name: str, change: Callable[[bytes], bytes | None]) -> Making:
    """The file with that name holds something else, or is gone."""

    @contextmanager
    def made(running: Running) -> Iterator[None]:
        (path,) = running.folder.glob(name)
        with _kept(running, name):
            content = change(path.read_bytes())
            path.unlink() if content is None else path.write_bytes(content)
            yield

    return made


def gone(_content: bytes) -> None:
    """The file is away."""


def another(_content: bytes) -> bytes:
    """A private key, and not the one that was here."""
    return issuing.authority("Another", Term(datetime.now(UTC), 1, 4712)).key_pem


def replaced(old: str, new: str) -> Callable[[bytes], bytes]:
    """Another text in it."""

    def change(content: bytes) -> bytes:
        assert old.encode() in content, old
        return content.replace(old.encode(), new.encode())

    return change


def mode(name: str, bits: int) -> Making:
    """Others may do more with the file than they should."""

    @contextmanager
    def made(running: Running) -> Iterator[None]:
        with _kept(running, name):
            next(running.folder.glob(name)).chmod(bits)
            yield

    return made


def sql(*statements: str) -> Making:
    """Somebody writes in the database; afterwards it is as it was."""

    @contextmanager
    def made(running: Running) -> Iterator[None]:
        with _kept(running, f"{DATABASE}*"):
            with closing(sqlite3.connect(running.folder / DATABASE, isolation_level=None)) as connection:
                for statement in statements:
                    connection.execute(statement)
            yield

    return made


@contextmanager
def rolled_back(running: Running) -> Iterator[None]:
    """A copy of the database is put back under the anchor: what was answered since is missing."""
    with _kept(running, f"{DATABASE}*", "audit.anchor"):
        before = (running.folder / DATABASE).read_bytes()
        with build(load(running.installation.settings, {})) as app:
            _asked(running, app)
        for path in running.folder.glob(f"{DATABASE}*"):
            path.unlink()
        (running.folder / DATABASE).write_bytes(before)
        yield


@contextmanager
def of_the_future(running: Running) -> Iterator[None]:
    """The clock was an hour ahead when something was answered."""
    later = datetime.now(UTC) + timedelta(hours=1)
    with _kept(running, f"{DATABASE}*", "audit.anchor"):
        with build(load(running.installation.settings, {}), clock=lambda: later) as app:
            _asked(running, app)
        yield


def _asked(running: Running, app: object) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from gateway.exchange.message import Request

    certificate = x509.load_pem_x509_certificate(running.installation.clients["wohnung2000"][0].read_bytes())
    peer = certificate.public_bytes(Encoding.DER)
    app.pipeline.answer(Request("wohnung2000", 1, "text/xml", None, message(), peer))  # type: ignore[attr-defined]  # an App


@contextmanager
def hung(running: Running) -> Iterator[None]:
    """The server holds its port and answers nobody."""
    running.serve()
    group = running.children["serve"].pid
    os.killpg(group, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(group, signal.SIGCONT)
        running.end("serve")


@contextmanager
def nothing(_running: Running) -> Iterator[None]:
    """It is so already."""
    yield


@contextmanager
def refused(running: Running) -> Iterator[None]:
    """A record of the source was refused and waits."""
    unreported = setting("report_hours = 24", "report_hours = 0")
    with _kept(running, f"{DATABASE}*", "audit.anchor"), unreported(running), source("unknown-code")(running):
        for _ in range(20):  # so that the record which the fault spoils is a new one
            running.step("umzug")
        running.gateway("poll", "--once", "--quiet")
        yield


def source(fault: str) -> Making:
    """OK.VISA answers, but not well."""

    @contextmanager
    def made(running: Running) -> Iterator[None]:
        _disturb(running, fault)
        try:
            yield
        finally:
            _disturb(running, "keine")

    return made


def _disturb(running: Running, fault: str) -> None:
    requests.post(f"{running.source_url}/stoerung", params={"art": fault}, timeout=30).raise_for_status()


def certificate(name: str, days: int, start: int = -400) -> Making:
    """The certificate ends in so many days; key and issuer are as they were."""

    def change(running: Running, _content: bytes) -> bytes:
        tls, now = running.folder / "tls", datetime.now(UTC)
        term = Term(now + timedelta(days=start), days - start, 4711)
        authority = issuing.load(tls / "ca.key", tls / "ca.pem")
        return issuing.server(authority, "localhost", term).certificate_pem

    @contextmanager
    def made(running: Running) -> Iterator[None]:
        with file(name, partial(change, running))(running):
            yield

    return made


def setting(old: str, new: str) -> Making:
    """A line of the settings is another."""
    return file("settings.toml", replaced(old, new))


def add(text: str) -> Making:
    """The settings say more."""
    return file("settings.toml", lambda content: content + text.encode())


_OLD = "UPDATE retention_run SET finished_at = '2026-01-01T00:00:00.000000Z'"

BREAKAGES = (
    Breakage("no settings", "disk", "UNKNOWN", file("settings.toml", gone)),
    Breakage("a key of the settings is misspelt", "disk", "UNKNOWN", setting("[log]", "[lgo]")),
    Breakage("the database file is gone", "database", "CRITICAL", file(DATABASE, gone)),
    Breakage("the database is no database", "database", "CRITICAL", file(DATABASE, lambda _: b"x" * 8192)),
    Breakage(
        "tables of another version", "database", "CRITICAL", sql("UPDATE alembic_version SET version_num = '0001'")
    ),
    Breakage("the server is not running", "server", "CRITICAL", nothing),
    Breakage("the server hangs", "server", "CRITICAL", hung),
    Breakage("OK.VISA is somewhere else", "source", "CRITICAL", setting('/okvisa"', '/nobody"')),
    Breakage("OK.VISA answers 500", "source", "CRITICAL", source("http500")),
    Breakage("OK.VISA answers something else", "source", "CRITICAL", source("not-xml")),
    Breakage(
        "no poll for months", "freshness", "CRITICAL", sql("UPDATE poll_run SET stand = '2026-01-01T00:00:00.000000Z'")
    ),
    Breakage("never polled", "freshness", "CRITICAL", sql("DELETE FROM poll_run")),
    Breakage("never reconciled", "reconciliation", "WARNING", sql("DELETE FROM reconciliation")),
    Breakage("a refused record nobody has reported", "quarantine", "WARNING", refused),
    Breakage("never backed up", "backup", "WARNING", sql("DELETE FROM backup_run")),
    Breakage("deletion rules have not run for days", "retention", "WARNING", sql(_OLD)),
    Breakage(
        "less room on the disk than the settings ask for",
        "disk",
        "CRITICAL",
        setting("free_mib = 500", "free_mib = 99999999"),
    ),
    Breakage("the server's certificate ends in 20 days", "certificates", "WARNING", certificate("tls/server.pem", 20)),
    Breakage("it ends in 3 days", "certificates", "CRITICAL", certificate("tls/server.pem", 3)),
    Breakage("it ended yesterday", "certificates", "CRITICAL", certificate("tls/server.pem", -1)),
    Breakage("it is not valid yet", "certificates", "CRITICAL", certificate("tls/server.pem", 50, start=3)),
    Breakage("its file is no certificate", "certificates", "CRITICAL", file("tls/server.pem", lambda _: b"?")),
    Breakage("the signing key is another's", "keys", "CRITICAL", file("signing/rsa.key", another)),
    Breakage("others may read a private key", "keys", "CRITICAL", mode("tls/server.key", 0o644)),
    Breakage("a key of the ring is gone", "keys", "CRITICAL", file("keys/index.key", gone)),
    Breakage(
        "the ring is another installation's",
        "keys in use",
        "CRITICAL",
        file("keys/digest.key", lambda key: bytes(len(key))[: len(key)] if len(key) == 32 else key[::-1]),
    ),
    Breakage("the ledger of erasures is gone", "erasures", "CRITICAL", sql("UPDATE epoch SET erasures = 3")),
    Breakage(
        "a signature is missing",
        "approvals",
        "CRITICAL",
        file("approvals/sozialamt/agreement.abgebende-stelle.p7s", gone),
    ),
    Breakage("the settings pin somebody unknown", "pins", "CRITICAL", setting("[pins]", "[pins]\nniemand = []")),
    Breakage("nobody is pinned", "pins", "WARNING", setting("sozialamt = [", "# sozialamt = [")),
    Breakage(
        "an entry of the trail was changed", "audit", "CRITICAL", sql("UPDATE audit_entry SET hash = zeroblob(32)")
    ),
    Breakage("an entry was taken away", "audit", "CRITICAL", sql("DELETE FROM audit_entry WHERE position = 0")),
    Breakage("the database was put back", "audit", "CRITICAL", rolled_back),
    Breakage("the anchor file is gone", "audit", "WARNING", file("audit.anchor", gone)),
    Breakage("a clock was an hour ahead", "clock", "CRITICAL", of_the_future),
)
