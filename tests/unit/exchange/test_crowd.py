"""Strangers who hold connections open: they cost no thread, and never the loop that all connections depend on."""

from __future__ import annotations

import re
import resource
import select
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.exchange.allowed import SUITES
from gateway.exchange.hello import TLS13, Offer, read
from tests.unit.exchange.certificates import issue
from tests.unit.exchange.certificates import server as server_certificate
from tests.unit.exchange.test_server import PATH, Running, post, start, stop

SOON = 4.5
"""Seconds within which a caller is answered; each of the crowds below would keep him waiting far longer."""

READ_TIMEOUT = 3


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("crowd")
    ca = issue("ca")
    ca.write(folder, "ca")
    server_certificate(ca).write(folder, "server")
    issue("client", ca).write(folder, "client")
    running = start(folder, folder, read_timeout=READ_TIMEOUT)
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


def test_half_a_handshake_keeps_nobody_out(running: Running) -> None:
    """Many times more begun handshakes than threads, and than there is room for, keep nobody out."""
    hello = Offer(TLS13, tuple(SUITES[TLS13]), (23,)).encode()
    silent(running, 250, b"\x16\x03\x01")
    silent(running, 250, hello[:-1])
    silent(running, 250, hello)  # these got an answer and are to go on
    assert answered_soon(running)


@pytest.mark.parametrize("begun", [
    b"POST ",
    f"POST {PATH} HTTP/1.1\r\nContent-Length: 1000\r\n\r\nx".encode(),
    f"POST {PATH} HTTP/1.1\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n".encode(),
    f"POST {PATH} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nxx".encode(),
    b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n",
])  # fmt: skip
@pytest.mark.parametrize("name", [None, "client"])
def test_slow_requests_and_readers_hold_no_thread(running: Running, begun: bytes, name: str | None) -> None:
    """Five times more slow headers, bodies or readers than threads, with a certificate or without: nobody waits."""
    for _ in range(40):
        running.raw(name, window=2048).sendall(begun)
    began = time.monotonic()
    assert {post(running.connect())[0] for _ in range(4)} == {200}
    assert time.monotonic() - began < READ_TIMEOUT


@pytest.mark.parametrize("together", [True, False])
def test_strangers_that_ask_on_without_reading_hold_no_thread(running: Running, together: bool) -> None:
    """Who has not taken the last answer gets no further one: neither asked for with it nor afterwards."""
    one = b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n"
    crowd = [running.raw(None, window=2048) for _ in range(40)]
    for _ in range(1 if together else 10):
        for connection in crowd:
            with suppress(OSError):
                connection.sendall(one * 10 if together else one)
        assert answered_soon(running)


def test_a_slow_request_is_told_so(running: Running) -> None:
    """After the read timeout, counted from its first byte, 408 and the end; bytes in between win no time.

    Were it counted from the last byte, the end would come after the bytes, which take three minutes.
    """
    connection = running.raw("client")
    began = time.monotonic()
    connection.settimeout(0.2)
    answer = b""
    for byte in f"POST {PATH} HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{'x' * 900}".encode():
        connection.sendall(bytes([byte]))
        try:
            answer = connection.recv(1000)
            break
        except TimeoutError:
            continue
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert READ_TIMEOUT - 1 < time.monotonic() - began < 60


def test_requests_in_one_piece_are_each_answered(running: Running) -> None:
    """Two requests sent at once, and the beginning of a third: three answers on one connection."""
    one = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc".encode()
    connection = running.raw("client")
    connection.sendall(one + one + one[:20])
    answers = b""
    while len(re.findall(rb"bytes \d+ 3", answers)) < 2:
        answers += connection.recv(65536)
    connection.sendall(one[20:])
    while len(re.findall(rb"bytes \d+ 3", answers)) < 3:
        answers += connection.recv(65536)
    assert answers.count(b"HTTP/1.1 200 OK") == 3


def test_who_asks_whether_to_go_on_is_told_once(running: Running) -> None:
    """Expect: 100-continue gets one 100 when the body may come, and none when it may not."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: "
    connection = running.raw("client")
    connection.sendall(f"{head}3\r\n\r\n".encode())
    assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(b"abc")
    assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
    for name, length in ((None, 3), ("client", 100_001)):
        refused = running.raw(name)
        refused.sendall(f"{head}{length}\r\n\r\n".encode())
        assert not refused.recv(1000).startswith(b"HTTP/1.1 100")


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


def test_a_handshake_in_pieces_is_one(running: Running) -> None:
    """A ClientHello that comes byte by byte, and one that comes whole, get the same; what is no TLS is hung up on."""
    hello = Offer(TLS13, tuple(SUITES[TLS13]), (23,)).encode()
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in hello:
            connection.sendall(bytes([byte]))
        assert read(connection.recv(4096)) is not None
    for nonsense in (b"GET / HTTP/1.1\r\n\r\n", b"\x80", b"\x15\x03\x01\x00\x02\x02\x28"):
        with socket.create_connection(("127.0.0.1", running.port), timeout=5) as connection:
            connection.sendall(nonsense)
            assert not connection.recv(4096).startswith(b"HTTP")


@pytest.mark.parametrize("begun", [b"", b"\x16", b"\x16\x03\x01\x02\x00", b"\x16\x03\x01\x02\x00\x01\x00"])
def test_who_hangs_up_in_the_middle_is_let_go_at_once(running: Running, begun: bytes) -> None:
    """The end of a client that has begun to greet is seen, and not reported over and over until its time is up."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=2) as connection:
        connection.sendall(begun)
        connection.shutdown(socket.SHUT_WR)
        try:
            assert connection.recv(1) == b""
        except ConnectionResetError:
            return


def test_five_thousand_connections_keep_nobody_out(running: Running) -> None:
    """Twenty-five times more connections than there is room for, half of them begun: whoever speaks is answered."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8000), hard))
    try:
        for said in (b"", b"\x16\x03\x01") * 10:
            silent(running, 250, said)
        assert answered_soon(running)
        running.close()
        assert answered_soon(running)
    finally:
        running.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_no_worker_was_killed(running: Running, tmp_path: Path) -> None:
    """Through all of this every process has kept beating."""
    log = running.log.read_text()
    assert "TIMEOUT" not in log
    assert "Exception in worker" not in log
    assert "connection ended" not in log
    assert "SIGKILL" not in log
