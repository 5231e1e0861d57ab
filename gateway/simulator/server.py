"""The simulated OK.VISA on the network: SOAP, a few addresses for tests and demos, optionally TLS.

It writes no file, but the journal of a sandbox, if it is given one.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from socketserver import ThreadingMixIn
from threading import Event as Signal
from typing import IO, Any, Final, cast
from urllib.parse import parse_qs
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

from gateway.shipped import schemas, wsdl
from gateway.simulator import faults
from gateway.simulator.drift import SILENT
from gateway.simulator.events import EVENTS
from gateway.simulator.faults import Lieferung, Stoerungen, whole
from gateway.simulator.history import Clock, History, keep_changing
from gateway.simulator.journal import Written
from gateway.simulator.population import Population
from gateway.simulator.service import Webservice

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]

PATH: Final = "/okvisa"
_ABORT: Final = "okvisa.abort"
_MOST: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificate and key (PEM); with `client_ca` callers need a certificate of that authority."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def context(self) -> ssl.SSLContext:
        """A server context of TLS 1.2 and up."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate, self.key)
        if self.client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.client_ca)
        return context


class Simulator:
    """A WSGI application: POST /okvisa (SOAP), GET /okvisa?wsdl and ?xsd, GET /lebt, POST /schritt, POST /stoerung.

    `history` and `stoerungen` may be steered directly as well. With `journal` all that happened happens again; as
    `name` it says to everybody who asks whose simulator it is. ValueError if the journal is of another population.
    """

    def __init__(
        self, population: Population, specs: Iterable[str] = (), *, clock: Clock | None = None,
        pause: Callable[[float], None] = time.sleep, journal: Path | None = None, name: str | None = None,
    ) -> None:  # fmt: skip
        clock = clock or (lambda: datetime.now(UTC))
        self.history = History(population, clock) if journal is None else Written(population, clock, journal)
        self.name = name
        self.stoerungen = Stoerungen(specs, seed=population.seed)
        self._service = Webservice(self.history, self.stoerungen, clock)
        self._pause = pause

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = self._respond(environ)
        headers = [("Content-Type", answer.content_type)]
        if answer.length is not None:
            headers.append(("Content-Length", str(answer.length)))
        start_response(answer.status, headers)
        return _then_reset(answer.pieces, environ.get(_ABORT)) if answer.reset else answer.pieces

    def _respond(self, environ: Environ) -> Lieferung:
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        asked = {name: values[0] for name, values in query.items()}
        match environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""):
            case "POST", "/" | "/okvisa":
                return self._soap(environ)
            case "GET", "/" | "/okvisa" if "wsdl" in asked:
                return whole((wsdl() / "okvisa-1.wsdl").read_bytes())
            case "GET", "/" | "/okvisa" if "xsd" in asked:
                return whole((schemas() / "okvisa" / "okvisa-1.xsd").read_bytes())
            case "GET", "/lebt":
                told = {"personen": len(self.history.population), "aenderungsnummer": self.history.number}
                sandbox = {"name": self.name, "nummern": self.history.persons}
                return _json(told if self.name is None else {**told, **sandbox})
            case "POST", "/schritt":
                return self._step(asked)
            case "POST", "/stoerung":
                return self._switch(asked)
        return whole(b"", "404 Not Found", "text/plain")

    def _soap(self, environ: Environ) -> Lieferung:
        length = environ.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or int(length) > _MOST:
            return whole(b"", "413 Content Too Large", "text/plain")
        raw = environ["wsgi.input"].read(int(length))
        answer = self._service.answer(raw, environ.get("CONTENT_TYPE"), environ.get("HTTP_SOAPACTION"))
        return faults.deliver(whole(answer.body, answer.status), answer.body, answer.befallen, self._pause)

    def _step(self, asked: dict[str, str]) -> Lieferung:
        try:
            done = self.history.step(asked.get("ereignis"), person=asked.get("person"))
        except KeyError:
            return _json({"ereignisse": [*EVENTS, *SILENT]}, "400 Bad Request")
        except (LookupError, ValueError):
            return _json({"fehler": "niemand, dem das geschehen kann"}, "409 Conflict")
        return _json({"ereignis": done.ereignis, "aenderungen": done.aenderungen})

    def _switch(self, asked: dict[str, str]) -> Lieferung:
        try:
            self.stoerungen.switch(asked.get("art", ""))
        except ValueError:
            return _json({"stoerungen": [faults.NONE, *faults.FAULTS]}, "400 Bad Request")
        return _json({"stoerung": asked["art"]})


def application(population: Population, faults: Iterable[str] = (), *, clock: Clock | None = None) -> Simulator:
    """A WSGI callable for tests without sockets; ValueError for an unknown fault."""
    return Simulator(population, faults, clock=clock)


def serve(
    host: str, port: int, *, persons: int, seed: int, faults: Sequence[str] = (), changes_per_minute: float = 0.0,
    ready: Callable[[str], object] = lambda _url: None, tls: Tls | None = None, stop: Signal | None = None,
    journal: Path | None = None, name: str | None = None, descriptor: int | None = None,
) -> None:  # fmt: skip
    """Serves until interrupted or `stop` is set; `ready` is told the address once connections are taken.

    Port 0 takes a free one; `descriptor` is a socket that listens already and is served instead. ValueError for an
    unknown fault or a journal of another population, OSError if the port is taken.
    """
    simulator = Simulator(Population(seed, persons), faults, journal=journal, name=name)
    stop = stop or Signal()
    listener = socket.create_server((host, port)) if descriptor is None else socket.socket(fileno=descriptor)
    with _Server(listener) as server:
        server.set_app(simulator)
        if tls is not None:
            server.socket = tls.context().wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        if changes_per_minute > 0:
            keep_changing(simulator.history, per_minute=changes_per_minute, stop=stop)
        ready(f"{'https' if tls else 'http'}://{host}:{server.server_port}{PATH}")
        server.timeout = 0.5
        try:
            while not stop.is_set():
                server.handle_request()
        except KeyboardInterrupt:
            pass
        finally:
            stop.set()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(listener.getsockname(), _Requests, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_name, self.server_port = listener.getsockname()[:2]  # no name look-up, which can take long
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing is printed: connections that break are part of the game."""


class _Requests(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the overridden signature
        """No access log."""

    def handle(self) -> None:
        """One request per connection (HTTP/1.0)."""
        self.raw_requestline = self.rfile.readline(65537)
        if len(self.raw_requestline) > 65536 or not self.parse_request():
            return
        environ = self.get_environ() | {_ABORT: lambda: _abort(self.connection)}
        responder = ServerHandler(self.rfile, cast(IO[bytes], self.wfile), self.get_stderr(), environ)
        responder.request_handler = self  # type: ignore[attr-defined]  # as wsgiref itself does
        responder.run(self.server.get_app())  # type: ignore[attr-defined]  # it is our _Server


def _abort(connection: socket.socket) -> None:
    """The peer sees a reset: linger zero turns the close into RST (RFC 9293, 3.10.4)."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())


def _then_reset(pieces: Iterable[bytes], abort: Callable[[], None] | None) -> Iterator[bytes]:
    yield from pieces
    if abort is not None:
        abort()
    raise ConnectionResetError("simulated")


def _json(content: object, status: str = "200 OK") -> Lieferung:
    return whole(json.dumps(content, ensure_ascii=False).encode(), status, "application/json")
