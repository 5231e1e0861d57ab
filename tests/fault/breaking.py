"""Ways to break a house for real, and to mend it again."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
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


@contextmanager
def hidden(running: Running) -> Iterator[None]:
    """What the probe may see stands under another name; the database goes on meanwhile, so it is not put back."""
    _rename(running, "eigenprobe/1", "eigenprobe/9")
    yield
    _rename(running, "eigenprobe/9", "eigenprobe/1")


def _rename(running: Running, old: str, new: str) -> None:
    with closing(sqlite3.connect(running.folder / DATABASE, isolation_level=None)) as connection:
        connection.execute("UPDATE projection SET stream = ? WHERE stream = ?", (new, old))


_UNACKNOWLEDGED = (
    "UPDATE feed_counter SET acked = 1, waiting_from = 0, waiting_since = '{}' WHERE stream = 'sozialamt/1'"
)


def waiting(ago: timedelta) -> Making:
    """An application acknowledges nothing since then."""

    @contextmanager
    def made(running: Running) -> Iterator[None]:
        moment = datetime.now(UTC) - ago
        with sql(_UNACKNOWLEDGED.format(f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"))(running):
            yield

    return made


@contextmanager
def growing(running: Running) -> Iterator[None]:
    """It acknowledges nothing, and more comes than the settings think normal."""
    with waiting(timedelta(hours=1))(running), setting("feed_hours = 48", "feed_changes = 5")(running):
        yield
