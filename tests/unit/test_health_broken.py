"""Health: what the house stands on is broken for real, and the one check that looks at it says so."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.app import build
from gateway.health import CHECKS, Finding, State, examine
from gateway.store.keyring import KeyRing, file_name
from gateway.store.ledger import LEDGER
from tests.unit.exchange.house import message
from tests.unit.place import NOW, Place
from tests.unit.store.store_kit import Holding

Look = Callable[..., Finding]


@pytest.fixture
def look(place: Place, monkeypatch: pytest.MonkeyPatch) -> Look:
    """What one check alone finds now."""

    def looked(check: str, finding: str | None = None) -> Finding:
        with monkeypatch.context() as alone:
            for other in CHECKS.keys() - {check}:
                alone.delitem(CHECKS, other)
            return {found.check: found for found in examine(place.settings, NOW)}[finding or check]

    return looked


@pytest.fixture
def used(place: Place) -> Place:
    """A place that has polled and answered."""
    with build(place.settings, clock=lambda: NOW) as app:
        place.ask(app, "wohnung2000", message())
        Holding(app.store, app.database).finish_poll("okvisa", NOW, NOW)
    return place


def test_a_database_that_can_only_be_read_is_critical(used: Place, look: Look) -> None:
    """Nothing leaves without an audit entry: who cannot write answers nobody."""
    with (used.folder / "gateway.sqlite").open("r+b") as file:
        file.seek(18)  # SQLite file format, 1.3.3: a write version above 2 makes it read-only
        file.write(b"\3")
    assert look("database").state is State.CRITICAL


def test_a_ledger_that_is_lost_cut_or_ahead_is_critical(used: Place, look: Look) -> None:
    """Without it a restore or a full poll brings the erased back; ahead of the database nothing starts."""
    assert look("erasures").state is State.OK
    ledger = used.folder / "keys" / LEDGER
    ledger.write_text("0" * 64 + "\n", "ascii")
    assert "not finished" in look("erasures").text
    connection = sqlite3.connect(used.folder / "gateway.sqlite")
    with connection:
        connection.execute("UPDATE epoch SET erasures = 1")
    connection.close()
    assert look("erasures").state is State.OK
    ledger.write_text("0" * 63 + "\n", "ascii")
    assert look("erasures").state is State.CRITICAL
    ledger.unlink()
    assert look("erasures").state is State.CRITICAL


@pytest.mark.parametrize("purpose", ["index", "vault"])
def test_keys_of_another_database_are_critical(used: Place, look: Look, tmp_path: Path, purpose: str) -> None:
    """A key folder that is complete and private but another's opens nothing, and finds nobody."""
    assert look("keys in use").state is State.OK
    KeyRing.create(tmp_path / "other", os.urandom)
    name = file_name(purpose, 1)
    shutil.copy(tmp_path / "other" / name, used.folder / "keys" / name)
    assert (look("keys").state, look("keys in use").state) == (State.OK, State.CRITICAL)


@pytest.mark.parametrize("text", [None, "garbage"])
def test_a_server_key_that_does_not_fit_is_critical(place: Place, look: Look, text: str | None) -> None:
    """The server that runs has the old one in memory, and does not start again."""
    key = place.folder / "tls" / "server.key"
    key.write_text((place.folder / "tls" / "ca.key").read_text() if text is None else text)
    assert look("keys").state is State.CRITICAL


def test_a_pin_for_nobody_is_critical(place: Place, look: Look) -> None:
    """The server does not start with it again."""
    place.edit("settings.toml", "[pins]", "[pins]\nwohnung3000 = []")
    assert look("pins", "pins wohnung3000").state is State.CRITICAL


class Listener:
    """Answers one connection with these bytes, and hangs up."""

    def __init__(self, listening: socket.socket, answer: bytes) -> None:
        self._listening = listening
        self._answer = answer
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> None:
        self._listening.listen()
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        with connection:
            if self._answer:
                connection.recv(4096)
                connection.sendall(self._answer)


LIVE = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.parametrize(("answer", "expected"), [(LIVE, State.OK), (b"HTTP/1.1 500 No\r\n\r\n", 2), (b"", 2)])
def test_behind_a_socket_the_server_is_asked_through_it(place: Place, look: Look, answer: bytes, expected: int) -> None:
    """Where a proxy ends TLS on the same machine, the check takes the proxy's own way."""
    place.edit("settings.toml", "[signing.rsa-sha256]", '[server.proxy]\nsocket = "s"\n[signing.rsa-sha256]')
    assert look("server").state is State.CRITICAL
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place.folder / "s"))
        with Listener(listening, answer):
            assert look("server").state is State(expected)


@pytest.mark.parametrize(
    ("proxy", "answer", "expected"),
    [
        ("127.0.0.0/8", LIVE, State.OK),
        ("127.0.0.0/8", b"", State.CRITICAL),
        ("192.0.2.1", b"", State.OK),
        ("192.0.2.1", LIVE, State.CRITICAL),
    ],
)
def test_behind_another_machine_the_server_hangs_up(
    place: Place, look: Look, proxy: str, answer: bytes, expected: State
) -> None:
    """Who is not the proxy is refused, and the refusal is the sign of life; an answer would be an open door."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        section = f'[server.proxy]\naddresses = ["{proxy}"]\ntls = false\n[signing.rsa-sha256]'
        place.edit("settings.toml", "[signing.rsa-sha256]", section)
        place.edit("settings.toml", "port = 8443", f"port = {listening.getsockname()[1]}")
        with Listener(listening, answer):
            assert look("server").state is expected
