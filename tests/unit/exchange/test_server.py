"""gunicorn as it is started by the gateway, over real TLS on the loopback interface."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.exchange.http import Page, Web
from gateway.exchange.message import Reply, Request
from gateway.exchange.openssl import enforce
from gateway.exchange.proxy import peers
from gateway.exchange.server import serve
from gateway.exchange.tls import context_for
from gateway.settings import ServerSettings
from tests.patience import PATIENCE, attempts
from tests.ports import free_port
from tests.unit.exchange.certificates import issue
from tests.unit.exchange.certificates import server as server_certificate
from tests.unit.exchange.processes import serving, watched

PATH, SLOW = "/soap/wohnung2000/1", b"slow "


class Mirror:
    """Answers with who called, from which process, and how much came; `slow` and a file: as soon as that is there."""

    def answer(self, request: Request) -> Reply:
        if request.body.startswith(SLOW):
            print("slow begins", flush=True)
            for _ in attempts("the file"):
                if Path(request.body.removeprefix(SLOW).decode()).exists():
                    break
        caller = "nobody" if request.peer is None else f"{len(request.peer)} bytes"
        return Reply(200, "text/plain", f"{caller} {os.getpid()} {len(request.body)}".encode(), "ok", "1")


class Opened:
    """What a process works with."""

    def __init__(self, told: ServerSettings) -> None:
        peer, claims = peers(told, lambda: datetime.now(UTC))
        self.web = Web(
            Mirror(),
            {"/big": Page(200, "text/plain", b"x" * 150_000)},
            services={("wohnung2000", 1): ()},
            max_bytes=told.max_request_bytes,
            peer=peer,
            claims=claims,
            monotonic=time.monotonic,
            ready=lambda: True,
        )

    def http(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return self.web(environ, start_response)

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with certificates: ca, server, client, and a client of a foreign CA."""
    folder = tmp_path_factory.mktemp("server")
    ca, foreign = issue("ca"), issue("foreign")
    ca.write(folder, "ca")
    server_certificate(ca).write(folder, "server")
    issue("client", ca).write(folder, "client")
    issue("stranger", foreign).write(folder, "stranger")
    return folder


def settings(place: Path, port: int, **more: Any) -> ServerSettings:
    told: dict[str, Any] = {
        "public_url": "https://localhost",
        "port": port,
        "certificate": place / "server.crt",
        "key": place / "server.key",
        "client_ca": place / "ca.crt",
        "processes": 2,
        "threads": 4,
        "connections": 100,
        "read_timeout": 1,
        "max_request_bytes": 100_000,
    }
    return ServerSettings.model_validate(told | more)


@dataclass
class Running:
    """A server process, its port, its log, and the connections made to it."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    place: Path
    connections: list[Any] = field(default_factory=list)

    def connect(self, name: str | None = "client") -> http.client.HTTPSConnection:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=client_context(self.place, name), timeout=5
        )
        self.connections.append(connection)
        return connection

    def raw(self, name: str | None = None, *, window: int | None = None) -> ssl.SSLSocket:
        """A bare TLS connection; with `window` the client takes no more than about so many bytes unread."""
        plain = socket.socket()
        plain.settimeout(5)
        if window is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        plain.connect(("127.0.0.1", self.port))
        wrapped = client_context(self.place, name).wrap_socket(plain, server_hostname="localhost")
        self.connections.append(wrapped)
        return wrapped

    def close(self) -> None:
        for connection in self.connections:
            connection.close()
        self.connections.clear()


def start(
    place: Path, folder: Path, *, environment: Mapping[str, str] = os.environ, file: str | None = None, **more: Any
) -> Running:
    """A server with the certificates in `place`; its log is <folder>/log. `file`: a Unix socket instead of a port."""
    port, log = free_port(), folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.exchange.test_server", str(place), str(port), json.dumps(more)],
            stdout=output,
            stderr=output,
            env=dict(environment),
            cwd=Path(__file__).parents[3],
        )
    for _ in attempts("it listens", every=0.02):
        try:
            if file is None:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            else:
                unix(file).close()
            return Running(process, port, log, place)
        except OSError:
            assert process.poll() is None, log.read_text()
    raise AssertionError


def unix(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(5)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection


def stop(running: Running) -> None:
    """SIGTERM must end it by itself, in good order."""
    running.close()
    running.process.terminate()
    assert running.process.wait(15) == 0, running.log.read_text()


@pytest.fixture(scope="module")
def shared(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for the tests that leave it as it was."""
    running = start(place, tmp_path_factory.mktemp("log"))
    yield running
    stop(running)


@pytest.fixture
def running(shared: Running) -> Iterator[Running]:
    """The shared server; connections are closed after each test."""
    yield shared
    shared.close()


def client_context(place: Path, name: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=place / "ca.crt")
    if name:
        context.load_cert_chain(place / f"{name}.crt", place / f"{name}.key")
    return context


def post(connection: http.client.HTTPSConnection, body: Any = b"x") -> tuple[int, str]:
    connection.request("POST", PATH, body=body, headers={"Content-Type": "text/xml"})
    response = connection.getresponse()
    return response.status, response.read().decode()


def test_the_client_certificate_reaches_the_pipeline(running: Running) -> None:
    """The verified certificate is the peer, on every request of a kept-alive connection; without one there is none."""
    connection = running.connect()
    first, second = post(connection), post(connection, iter([b"in ", b"chunks"]))
    assert first[0] == second[0] == 200
    assert re.fullmatch(r"\d+ bytes \d+ 1", first[1])
    assert second[1].endswith(" 9")
    assert post(running.connect(None))[1].startswith("nobody ")


def test_a_foreign_client_certificate_ends_the_handshake(running: Running) -> None:
    """A certificate of an unknown CA is a TLS alert, not an answer."""
    with pytest.raises((ssl.SSLError, ConnectionError)):
        post(running.connect("stranger"))


@pytest.mark.parametrize("arguments", [
    ["-tls1_1"],
    ["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"],
    ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA"],
    ["-tls1_2", "-groups", "X25519"],
    ["-tls1_3", "-groups", "X25519"],
])  # fmt: skip
def test_weak_tls_is_refused(running: Running, arguments: list[str]) -> None:
    """Old versions, other ciphers and x25519 find no common ground (BSI TR-02102-2)."""
    assert "Cipher is (NONE)" in handshake(running.port, arguments)


@pytest.mark.parametrize(
    "arguments", [["-tls1_2"], ["-tls1_3"], ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"]]
)
def test_sound_tls_is_spoken(running: Running, arguments: list[str]) -> None:
    """TLS 1.2 with AES-GCM and TLS 1.3 work, and no session ticket is given."""
    told = handshake(running.port, arguments)
    assert re.search(r"Cipher is .*AES", told)
    assert "session ticket" not in told


def handshake(port: int, arguments: list[str]) -> str:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *arguments]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=10, check=False)
    return (done.stdout + done.stderr).decode(errors="replace")


def test_a_trickle_does_not_hold_a_thread(running: Running) -> None:
    """More dawdling connections than threads do not keep a caller out for longer than the read timeout."""
    for begun in [b"", b"POST ", f"POST {PATH} HTTP/1.1\r\nContent-Length: 1000\r\n\r\nx".encode()] * 5:
        running.raw().sendall(begun)
    assert post(running.connect())[0] == 200


def test_nonsense_is_answered_without_quoting_it(running: Running) -> None:
    """What is no HTTP gets constant bytes, and neither answer nor log repeats it."""
    for nonsense in [
        b"GEHEIM / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nGEHEIM GEHEIM\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: GEHEIM\r\n\r\n",
        b"GET /" + b"GEHEIM" * 1000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"GEHEIM" * 3000 + b"\r\n\r\n",
        b"POST " + PATH.encode() + b" HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nGEHEIM\r\n",
    ]:
        wrapped = running.raw("client")
        wrapped.sendall(nonsense)
        answer = wrapped.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 4"), answer
        assert b"GEHEIM" not in answer
    assert "no request" in running.log.read_text()
    assert "GEHEIM" not in running.log.read_text()


def slow(running: Running, pool: Executor, go_on: Path) -> Future[tuple[int, str]]:
    """An answer that is in the making until there is a file `go_on`."""
    connection = running.connect()
    assert post(connection)[0] == 200
    connection.sock.settimeout(PATIENCE)
    answer = pool.submit(post, connection, SLOW + bytes(go_on))
    for _ in attempts("an answer is in the making"):
        if "slow begins" in running.log.read_text():
            break
    return answer


def test_sigterm_finishes_what_is_in_flight(place: Path, tmp_path: Path) -> None:
    """An answer in the making is still delivered after SIGTERM, and then the server ends."""
    running = start(place, tmp_path)
    with ThreadPoolExecutor(1) as pool:
        answer = slow(running, pool, go_on := tmp_path / "go on")
        running.process.terminate()
        for _ in attempts("the process that has nothing to do ends"):
            if len(serving(running.process.pid)) < 2:
                break
        go_on.touch()
        assert answer.result()[0] == 200
    stop(running)


def test_who_has_just_connected_is_still_answered(place: Path, tmp_path: Path) -> None:
    """A client that was let in before SIGTERM, and speaks when nobody is let in any more, gets its answer."""
    running = start(place, tmp_path, processes=1)
    for _ in range(2):
        assert post(running.connect())[0] == 200  # it is at work
    silent, shaken = socket.create_connection(("127.0.0.1", running.port)), running.connect()
    shaken.connect()
    (process,) = serving(running.process.pid)
    everything = 6  # the listener, the queue of the threads, two that are kept, and the two that are new
    for _ in attempts("all connections wait in the loop"):
        if watched(process) == everything:
            break
    running.process.terminate()
    for _ in attempts("the server ends", every=0.02):
        if post(running.connect())[0] == 503:
            break
    assert post(shaken)[0] == 200
    late = running.connect()
    late.sock = client_context(place, "client").wrap_socket(silent, server_hostname="localhost")
    assert post(late)[0] == 200
    stop(running)


def test_who_comes_while_it_ends_is_told_when_to_ask_again(place: Path, tmp_path: Path) -> None:
    """503 with Retry-After, and nothing of the request reaches the pipeline; who was in the making gets his answer."""
    running = start(place, tmp_path, processes=1)
    with ThreadPoolExecutor(1) as pool:
        answer = slow(running, pool, go_on := tmp_path / "go on")
        running.process.terminate()
        for _ in attempts("the server ends", every=0.02):
            late = running.connect()
            late.request("POST", PATH, b"x", {"Content-Type": "text/xml"})
            told = late.getresponse()
            if told.status == 503:
                break
            told.read()
        assert (told.getheader("Retry-After"), told.read()) == ("5", b"Service Unavailable\n")
        go_on.touch()
        assert answer.result()[0] == 200
    stop(running)


def test_processes_are_replaced_without_a_lost_request(place: Path, tmp_path: Path) -> None:
    """SIGHUP under load: every request is answered, by the processes there were and then by others."""
    running = start(place, tmp_path)
    answered: list[tuple[int, str]] = []
    replaced = threading.Event()

    def ask() -> None:
        kept = running.connect()
        while not replaced.is_set():
            answered.append(post(running.connect()))
            answered.append(post(kept))

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        for _ in attempts("answers before"):
            if len(answered) > 20:
                break
        before = {told.split()[2] for _, told in answered}
        running.process.send_signal(signal.SIGHUP)
        for _ in attempts("the others are gone"):
            latest = {told.split()[2] for _, told in answered[-20:]}
            if not latest & before:
                break
        replaced.set()
        for one in asking:
            one.result()
    assert {status for status, _ in answered} == {200}
    stop(running)


def test_both_processes_serve_and_stay_apart(running: Running) -> None:
    """Each request is answered by one of the processes that were made after the fork."""
    answers = [post(running.connect()) for _ in range(12)]
    assert all(status == 200 for status, _ in answers)
    assert {text.split()[2] for _, text in answers}.isdisjoint({str(running.process.pid)})


def test_an_oversized_body_is_413(running: Running) -> None:
    """A body above the limit is refused, stated or chunked."""
    assert post(running.connect(), b"x" * 100_001)[0] == 413
    assert post(running.connect(), iter([b"x" * 60_000, b"x" * 60_000]))[0] == 413
    assert post(running.connect(), b"x" * 5_000_000)[0] == 413
    assert post(running.connect(), iter([b"x" * 60_000] * 50))[0] == 413


if __name__ == "__main__":
    enforce()
    told = settings(Path(sys.argv[1]), int(sys.argv[2]), **json.loads(sys.argv[3]))
    serve(told, context_for(told), lambda: Opened(told))
