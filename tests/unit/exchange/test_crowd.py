"""Strangers who hold connections open: they cost no thread, and never the loop that all connections depend on."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.exchange.certificates import issue
from tests.unit.exchange.certificates import server as server_certificate
from tests.unit.exchange.test_server import Running, post, start, stop

SOON = 4.5
"""Seconds within which a caller is answered; each of the crowds below would keep him waiting far longer."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("crowd")
    ca = issue("ca")
    ca.write(folder, "ca")
    server_certificate(ca).write(folder, "server")
    issue("client", ca).write(folder, "client")
    running = start(folder, folder)
    yield running
    stop(running)


@pytest.fixture(autouse=True)
def _hang_up(running: Running) -> Iterator[None]:
    yield
    running.close()


def answered_soon(running: Running) -> bool:
    began = time.monotonic()
    statuses = {post(running.connect())[0] for _ in range(4)}
    return statuses == {200} and time.monotonic() - began < SOON


def silent(running: Running, number: int, said: bytes = b"") -> None:
    for _ in range(number):
        connection = socket.create_connection(("127.0.0.1", running.port), timeout=5)
        connection.sendall(said)
        running.connections.append(connection)


def test_connections_that_say_nothing_hold_no_thread(running: Running) -> None:
    """Many times more silent connections than threads keep nobody out."""
    silent(running, 80)
    assert answered_soon(running)


def test_half_a_handshake_keeps_nobody_out_for_long(running: Running) -> None:
    """As many begun handshakes as threads are given up after the read timeout."""
    silent(running, 8, b"\x16\x03\x01")
    assert answered_soon(running)


def test_clients_that_do_not_hang_up_stop_nobody(running: Running) -> None:
    """After "Connection: close" the server waits for the client's end in no place that others need."""
    began = time.monotonic()
    for _ in range(30):
        running.raw().sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answered_soon(running)
    assert time.monotonic() - began < 10


def test_more_connections_than_there_is_room_for_push_out_the_silent(running: Running) -> None:
    """When all places are taken the oldest silent connection goes, not the caller who has something to say."""
    silent(running, 250)
    assert answered_soon(running)
    readable, _, _ = select.select([one for one in running.connections if isinstance(one, socket.socket)], [], [], 5)
    assert readable
    assert readable[0].recv(1) == b""


def test_no_worker_was_killed(running: Running, tmp_path: Path) -> None:
    """Through all of this every process has kept beating."""
    log = running.log.read_text()
    assert "TIMEOUT" not in log
    assert "SIGKILL" not in log
