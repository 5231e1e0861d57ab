"""The client certificate in a proxy's header: one certificate, from the proxy, of a configured authority; or nobody."""

from __future__ import annotations

import socket
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import ValidationError

from gateway.errors import MessageRefused
from gateway.exchange.http import CERTIFICATE_HEADERS
from gateway.exchange.proxy import MOST_CERTIFICATE, admits, certificate_in, peers
from gateway.settings import ProxySettings
from tests.unit.exchange.certificates import Issued, issue
from tests.unit.exchange.certificates import server as server_certificate
from tests.unit.exchange.test_server import PATH, Running, settings, start, stop, unix

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HEADER = "HTTP_X_SSL_CLIENT_CERT"


@pytest.fixture(scope="module")
def ca() -> Issued:
    return issue("ca")


@pytest.fixture(scope="module")
def place(ca: Issued, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("proxy")
    ca.write(folder, "ca")
    server_certificate(ca).write(folder, "server")
    return folder


def pem(client: Issued) -> str:
    return client.certificate.public_bytes(Encoding.PEM).decode()


def nginx(client: Issued) -> str:
    """As nginx writes `$ssl_client_escaped_cert`."""
    return quote(pem(client), safe="")


def haproxy(client: Issued) -> str:
    """As HAProxy writes `%[ssl_c_der,base64]`."""
    return b64encode(client.der).decode()


@pytest.mark.parametrize("write", [nginx, haproxy, lambda c: f":{haproxy(c)}:"])
def test_one_certificate_is_read_in_every_form(ca: Issued, write: Any) -> None:
    """nginx, HAProxy, RFC 9440: the same octets."""
    client = issue("client", ca)
    assert certificate_in(write(client)) == client.der


def test_anything_else_is_refused(ca: Issued) -> None:
    """Several, cut, joined, unescaped, decorated or oversized certificates, and what is none."""
    one, two = issue("client", ca), issue("client", ca)
    for value in [
        nginx(one) + nginx(two),
        f"{nginx(one)},{nginx(one)}",
        f"{haproxy(one)},{haproxy(one)}",
        f"{haproxy(one)}, {haproxy(two)}",
        haproxy(one) + haproxy(two),
        b64encode(one.der + two.der).decode(),
        b64encode(one.der + b"\0").decode(),
        b64encode(one.der[:-1]).decode(),
        haproxy(one)[:-4],
        haproxy(one) + " ",
        f":{haproxy(one)}",
        pem(one),
        pem(one).replace("\n", " "),
        pem(one).replace("\n", ""),
        quote(pem(one).replace("\n", ""), safe=""),
        nginx(one).replace("%0A", "\t"),
        quote("x" + pem(one), safe=""),
        quote(pem(one) + "x", safe=""),
        quote(pem(one).replace("CERTIFICATE", "TRUSTED CERTIFICATE"), safe=""),
        nginx(one) + "%00",
        quote(nginx(one), safe=""),
        "-----BEGIN",
        "FAILED:certificate",
        "NONE",
        "(null)",
        ".",
        "%",
        "ä" * 100,
        "A" * (MOST_CERTIFICATE + 1),
        "A" * 1000,
    ]:
        with pytest.raises(MessageRefused) as caught:
            certificate_in(value)
        assert caught.value.http_status == 400
        assert value[:20] not in str(caught.value)


def asked(place: Path, environ: dict[str, Any], **proxy: Any) -> bytes | None:
    told = settings(place, 8443, proxy={"addresses": ["10.0.0.1", "fd00::/8"], "tls": False} | proxy)
    return peers(told, lambda: NOW)[0](environ)


def test_the_proxy_says_who_calls(place: Path, ca: Issued) -> None:
    """From one of its addresses; without the header, or with an empty one, nobody calls."""
    client = issue("client", ca)
    for address in ("10.0.0.1", "::ffff:10.0.0.1", "fd12::1"):
        assert asked(place, {"REMOTE_ADDR": address, HEADER: nginx(client)}) == client.der
        assert asked(place, {"REMOTE_ADDR": address, HEADER: ""}) is None
        assert asked(place, {"REMOTE_ADDR": address}) is None


@pytest.mark.parametrize(
    "address", ["10.0.0.2", "127.0.0.1", "", "::1", "fe80::1", "10.0.0.1, 10.0.0.2", "localhost", "x"]
)
def test_nobody_else_says_who_calls(place: Path, ca: Issued, address: str) -> None:
    """From any other address the request is refused, with and without the header."""
    for header in ({HEADER: nginx(issue("client", ca))}, {}):
        with pytest.raises(MessageRefused) as caught:
            asked(place, {"REMOTE_ADDR": address, "HTTP_X_FORWARDED_FOR": "10.0.0.1", **header})
        assert caught.value.http_status == 403


def test_the_chain_is_verified_again(place: Path, ca: Issued) -> None:
    """A proxy that verifies nothing lets nobody in: foreign, expired and weak certificates are refused."""
    for client in (issue("client"), issue("client", issue("ca")), issue("client", ca, days=10)):
        with pytest.raises(MessageRefused) as caught:
            asked(place, {"REMOTE_ADDR": "10.0.0.1", HEADER: haproxy(client)})
        assert caught.value.http_status == 403


def test_the_configured_header_alone_is_read(place: Path, ca: Issued) -> None:
    """Of the headers that could claim a certificate exactly one is not refused, and it alone is looked at."""
    told = settings(place, 8443, proxy={"addresses": ["10.0.0.1"], "header": "Client-Cert"})
    peer, claims = peers(told, lambda: NOW)
    assert claims == CERTIFICATE_HEADERS - {"HTTP_CLIENT_CERT"}
    client = issue("client", ca)
    assert peer({"REMOTE_ADDR": "10.0.0.1", HEADER: haproxy(client)}) is None
    assert peer({"REMOTE_ADDR": "10.0.0.1", "HTTP_CLIENT_CERT": f":{haproxy(client)}:"}) == client.der


def test_without_a_proxy_no_header_is_read(place: Path) -> None:
    """The caller is the TLS peer, and every header that claims one is refused."""
    peer, claims = peers(settings(place, 8443), lambda: NOW)
    assert claims == CERTIFICATE_HEADERS
    assert peer({"REMOTE_ADDR": "10.0.0.1", HEADER: "x"}) is None


@pytest.mark.parametrize("told", [
    {},
    {"addresses": []},
    {"addresses": ["0.0.0.0/0"]},
    {"addresses": ["::/0"]},
    {"addresses": ["10.0.0.1/8"]},
    {"addresses": ["proxy.example"]},
    {"addresses": ["10.0.0.1"], "socket": "x.sock"},
    {"addresses": ["10.0.0.1"], "header": "X_Cert"},
    {"addresses": ["10.0.0.1"], "header": "Content-Type"},
    {"addresses": ["10.0.0.1"], "header": "X-Forwarded-For"},
    {"addresses": ["10.0.0.1"], "trust": True},
])  # fmt: skip
def test_a_proxy_is_named_exactly(told: dict[str, Any]) -> None:
    """No address, all addresses, host bits, names, two ways in, a header everybody sends: refused."""
    with pytest.raises(ValidationError):
        ProxySettings.model_validate(told)


def test_a_network_admits_its_own() -> None:
    """Connections: by network, IPv4 in IPv6 clothes included, everybody only where there is no proxy."""
    admit = admits(ProxySettings.model_validate({"addresses": ["10.1.0.0/16", "::1"]}))
    assert [admit((address, 1)) for address in ("10.1.2.3", "::ffff:10.1.2.3", "::1", "10.2.0.1")] == [
        True,
        True,
        True,
        False,
    ]
    assert admits(None)(("192.0.2.1", 1))


@pytest.fixture(scope="module")
def running(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that speaks plain HTTP, with 127.0.0.2 as its proxy."""
    folder = tmp_path_factory.mktemp("plain")
    running = start(place, folder, proxy={"addresses": ["127.0.0.2"], "tls": False}, host="127.0.0.1")
    yield running
    stop(running)


def told(running: Running, head: str, body: bytes = b"x", *, source: str = "127.0.0.2") -> bytes:
    with socket.create_connection(("127.0.0.1", running.port), timeout=5, source_address=(source, 0)) as connection:
        return exchanged(connection, head, body)


def exchanged(connection: socket.socket, head: str, body: bytes) -> bytes:
    request = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{head}\r\n"
    try:
        connection.sendall(request.encode() + body)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    except ConnectionError:
        return b""
    return answer


def test_the_proxy_is_served(running: Running, ca: Issued) -> None:
    """The certificate in its header is the caller; without one nobody calls, and the body is not read."""
    client = issue("client", ca)
    assert f"\r\n\r\n{len(client.der)} bytes".encode() in told(running, f"X-SSL-Client-Cert: {nginx(client)}\r\n")
    assert b"\r\n\r\nnobody" in told(running, "")
    assert told(running, "").endswith(b" 0")


def test_nobody_else_gets_a_word(running: Running, ca: Issued) -> None:
    """A connection from another address is closed without an answer, whatever it sends, and it is logged."""
    head = f"X-SSL-Client-Cert: {nginx(issue('client', ca))}\r\nX-Forwarded-For: 127.0.0.2\r\n"
    assert told(running, head, source="127.0.0.1") == b""
    assert told(running, head, source="127.0.0.3") == b""
    assert "not one of the proxy's" in running.log.read_text()
    assert "127.0.0.3" not in running.log.read_text()


def test_a_doubtful_header_of_the_proxy_is_refused(running: Running, ca: Issued) -> None:
    """Twice, with an underscore, beside another that claims a certificate, garbage, too long: 4xx, nobody called."""
    client = issue("client", ca)
    good = f"X-SSL-Client-Cert: {nginx(client)}\r\n"
    for head in [
        good + good,
        good + f"X-SSL-Client-Cert: {nginx(issue('other', ca))}\r\n",
        good + "X-SSL-Client-Cert: \r\n",
        f"X_SSL_Client_Cert: {nginx(client)}\r\n",
        good + "X_SSL_Client_Cert: x\r\n",
        good + "X-SSL_Client-Cert: x\r\n",
        good + "X-Client-Cert: x\r\n",
        good + f"Client-Cert: :{haproxy(client)}:\r\n",
        "X-SSL-Client-Cert: garbage\r\n",
        f"X-SSL-Client-Cert: {nginx(client)[:500]}\r\n",
        f"X-SSL-Client-Cert: {nginx(issue('client'))}\r\n",
        f"X-SSL-Client-Cert: {nginx(client)}%20\r\n",
        f"X-SSL-Client-Cert:\r\n {nginx(client)}\r\n",
        f"X-SSL-Client-Cert: {'A' * 8100}\r\n",
        f"X-SSL-Client-Cert: {'A' * 9000}\r\n",
    ]:
        answer = told(running, head)
        assert answer.startswith(b"HTTP/1.1 4"), (head[:40], answer[:60])
        assert b"bytes" not in answer


def test_an_old_proxy_protocol_says_nothing(running: Running, ca: Issued) -> None:
    """A PROXY line (HAProxy's send-proxy) is not configured: it is no HTTP."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=5, source_address=("127.0.0.2", 0)) as one:
        one.sendall(b"PROXY TCP4 127.0.0.2 127.0.0.1 1 2\r\n")
        assert exchanged(one, "", b"x").startswith(b"HTTP/1.1 4")


def test_a_unix_socket_is_a_way_in(place: Path, ca: Issued, tmp_path: Path) -> None:
    """Its file is open to owner and group only; who may open it is the proxy."""
    path = tmp_path / "gateway.sock"
    running = start(place, tmp_path, file=str(path), proxy={"socket": str(path)})
    try:
        assert path.stat().st_mode & 0o777 == 0o660
        client = issue("client", ca)
        with unix(str(path)) as connection:
            answer = exchanged(connection, f"X-SSL-Client-Cert: {haproxy(client)}\r\n", b"x")
        assert f"\r\n\r\n{len(client.der)} bytes".encode() in answer
    finally:
        stop(running)


def test_tls_between_proxy_and_server(place: Path, ca: Issued, tmp_path: Path) -> None:
    """The proxy's own certificate names nobody; the header does."""
    issue("proxy", ca).write(place, "client")
    running = start(place, tmp_path, proxy={"addresses": ["127.0.0.1"]})
    try:
        with running.raw("client") as connection:
            assert b"\r\n\r\nnobody" in exchanged(connection, "", b"x")
        client = issue("client", ca)
        with running.raw() as connection:
            answer = exchanged(connection, f"X-SSL-Client-Cert: {nginx(client)}\r\n", b"x")
            assert f"\r\n\r\n{len(client.der)} bytes".encode() in answer
    finally:
        stop(running)
