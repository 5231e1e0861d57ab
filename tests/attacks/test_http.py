"""Hostile HTTP over TLS: lengths that lie, bodies that never end, methods and hosts that are not ours."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.attacks.attack import PLANTED, Fortress
from tests.interop.calling import sample

ASKED = sample("schulentwicklung", "good", "dienstauskunft")
PATH = "/soap/schulentwicklung/1"
READ_TIMEOUT = 1
PATIENCE = 20.0
"""Seconds after which a slow or endless message must have been given up: the read timeout, and a busy machine."""
TYPE = "Content-Type: text/xml; charset=utf-8"


@contextmanager
def connected(fortress: Fortress) -> Iterator[ssl.SSLSocket]:
    """A connection of schulentwicklung's own client."""
    installation = fortress.running.installation
    context = ssl.create_default_context(cafile=str(installation.ca))
    context.load_cert_chain(*map(str, installation.clients["schulentwicklung"]))
    plan = installation.plan
    with (
        socket.create_connection((plan.host, plan.port), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        yield tls


def told(tls: ssl.SSLSocket) -> bytes:
    """Everything until the server closes, or nothing if it does so without a word."""
    found = b""
    with suppress(ConnectionError, ssl.SSLError):
        while piece := tls.recv(65_536):
            found += piece
            head, end, body = found.partition(b"\r\n\r\n")
            length = next(
                (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), None
            )
            if end and length is not None and len(body) >= length:
                break
    return found


def said(*lines: str, body: bytes = b"") -> bytes:
    return "\r\n".join([*lines, "", ""]).encode() + body


def post(*headers: str) -> tuple[str, ...]:
    return (f"POST {PATH} HTTP/1.1", "Host: localhost", TYPE, *headers)


LIES = {
    "negative length": said(*post("Content-Length: -1"), body=ASKED),
    "length in words": said(*post(f"Content-Length: {PLANTED}"), body=ASKED),
    "length with a sign": said(*post(f"Content-Length: +{len(ASKED)}"), body=ASKED),
    "length in hexadecimal": said(*post("Content-Length: 0x10"), body=ASKED),
    "two lengths": said(*post("Content-Length: 5", f"Content-Length: {len(ASKED)}"), body=ASKED),
    "length and chunks": said(*post(f"Content-Length: {len(ASKED)}", "Transfer-Encoding: chunked"), body=ASKED),
    "length too short": said(*post(f"Content-Length: {len(ASKED) - 40}"), body=ASKED),
    "length of more than a megabyte": said(*post("Content-Length: 2000000"), body=ASKED),
    "unknown transfer encoding": said(*post(f"Transfer-Encoding: {PLANTED}"), body=ASKED),
    "compressed transfer": said(*post("Transfer-Encoding: gzip, chunked"), body=ASKED),
    "chunk that lies": said(*post("Transfer-Encoding: chunked"), body=b"zz\r\n" + ASKED),
    "chunk of negative size": said(*post("Transfer-Encoding: chunked"), body=b"-5\r\n" + ASKED),
    "no length": said(*post(), body=ASKED),
    "two hosts": said(*post("Host: kanarie.example", f"Content-Length: {len(ASKED)}"), body=ASKED),
    "header without a colon": said(*post(PLANTED, f"Content-Length: {len(ASKED)}"), body=ASKED),
    "header with blanks before the colon": said(*post(f"Content-Length : {len(ASKED)}"), body=ASKED),
    "folded header": said(*post(f"X-A: b\r\n {PLANTED}", f"Content-Length: {len(ASKED)}"), body=ASKED),
    "too many headers": said(*post(*(f"X-{n}: {PLANTED}" for n in range(5_000)))),
    "one long header": said(*post("X-A: " + PLANTED * 20_000)),
    "one long line": said(f"POST {PATH}?{PLANTED * 20_000} HTTP/1.1", "Host: localhost"),
    "unknown version": said(f"POST {PATH} HTTP/9.9", "Host: localhost"),
    "no http at all": b"\x16\x03\x01\x02\x00" + PLANTED.encode() * 100,
    "http/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "certificate by header": said(*post("X-SSL-Client-Cert: kanarie", f"Content-Length: {len(ASKED)}"), body=ASKED),
    "path above": said(f"GET /soap/../../{PLANTED} HTTP/1.1", "Host: localhost"),
    "get": said(f"GET {PATH} HTTP/1.1", "Host: localhost"),
    "put": said(f"PUT {PATH} HTTP/1.1", "Host: localhost", f"Content-Length: {len(ASKED)}", body=ASKED),
    "trace": said(f"TRACE {PATH} HTTP/1.1", "Host: localhost", f"X-A: {PLANTED}"),
    "connect": said("CONNECT kanarie.example:443 HTTP/1.1", "Host: kanarie.example"),
    "options": said("OPTIONS * HTTP/1.1", "Host: localhost"),
    "absolute address": said(f"POST http://kanarie.example{PATH} HTTP/1.1", TYPE, "Content-Length: 3", body=b"<a>"),
}


@pytest.mark.parametrize("message", LIES.values(), ids=list(LIES))
def test_what_is_no_honest_http_is_refused(fortress: Fortress, counted: None, message: bytes) -> None:
    """A constant 4xx, 5xx or a closed connection: no answer, no echo, and no second request inside the first."""
    before = [outcome for _, outcome in fortress.outcomes()].count("ok")
    with connected(fortress) as tls:
        with suppress(OSError):  # closed while we were still talking: refused
            tls.sendall(message)
        answer = told(tls)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")), answer[:300]
    assert answer.count(b"HTTP/1.1 ") <= 2
    assert PLANTED.encode() not in answer.lower()
    assert [outcome for _, outcome in fortress.outcomes()].count("ok") == before


SLOW = {
    "headers that do not end": said(*post())[:-2],
    "body that does not come": said(*post("Content-Length: 1000")),
    "body that is too short": said(*post(f"Content-Length: {len(ASKED) + 1}"), body=ASKED),
    "chunks without an end": said(*post("Transfer-Encoding: chunked"), body=b"3\r\n<a>\r\n"),
    "nothing": b"",
}


@pytest.mark.parametrize("message", SLOW.values(), ids=list(SLOW))
def test_who_does_not_finish_is_given_up(fortress: Fortress, counted: None, message: bytes) -> None:
    """Within the read timeout the connection is closed or told 4xx, while others are served."""
    started = time.monotonic()
    with connected(fortress) as tls:
        tls.sendall(message)
        assert fortress.house.post("schulentwicklung", ASKED).status == 200
        answer = told(tls)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert time.monotonic() - started < READ_TIMEOUT + PATIENCE


@pytest.mark.parametrize("host", ["kanarie.example", "localhost:1@kanarie", "[::1]", "", "localhost\tkanarie"])
def test_no_host_header_gets_into_a_wsdl(fortress: Fortress, counted: None, host: str) -> None:
    """`?wsdl` carries the address of the settings, whatever the caller calls us."""
    with connected(fortress) as tls:
        tls.sendall(said(f"GET {PATH}?wsdl HTTP/1.1", f"Host: {host}", "Connection: close"))
        answer = told(tls)
    assert PLANTED.encode() not in answer.lower()
    if answer.startswith(b"HTTP/1.1 200"):
        assert answer.count(f'location="{fortress.house.url("schulentwicklung")}"'.encode()) == 2


def test_nothing_of_it_is_in_the_log(fortress: Fortress) -> None:
    """After all of this no line of the log repeats anything that was sent."""
    assert PLANTED not in fortress.log().lower()
