"""One connection of a client: what it is waiting for, and each next step that can be done without waiting."""

from __future__ import annotations

import fcntl
import socket
import ssl
import sys
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from gunicorn import http, util  # type: ignore[import-untyped]  # gunicorn ships no types
from gunicorn.workers.gthread import TConn  # type: ignore[import-untyped]  # gunicorn ships no types

from gateway.exchange.arrival import Arrival
from gateway.exchange.sockets import PlainSocket, Stock, TlsSocket

_RECORD_HEADER, _HANDSHAKE, _MOST_RECORD = 5, 22, 16384
_GO = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Door:
    """What all connections have in common. `context`: TLS, None behind a proxy that ends it.

    `admits` is asked with the client's address as the socket gives it; times are seconds, `most_body` is octets.
    """

    context: ssl.SSLContext | None
    admits: Callable[[object], bool]
    read_timeout: float
    most_body: int


class Phase(Enum):
    """What a connection is waiting for."""

    SILENT = "the first byte of a request or of a handshake"
    SHAKING = "the rest of the TLS handshake"
    ARRIVING = "the rest of a request"
    KEPT = "the next request"
    LEAVING = "the client's end of the connection"


class Connection(TConn):  # type: ignore[misc]  # gunicorn ships no types
    """A connection. `advance` is called whenever it has become readable; it never waits for the client.

    `since` is when it began to wait as it does (monotonic seconds); `busy`: a thread works on it; `stranger`: the
    client has shown no certificate, or not yet (nobody is one behind a proxy); `closed`: nothing may be done with it;
    `late`: it came while the server was ending.
    """

    def __init__(self, door: Door, cfg: Any, accepted: Any, client: Any, server: Any) -> None:
        super().__init__(cfg, accepted if door.context else PlainSocket.of(accepted), client, server)
        self.sock: Any  # what was accepted, then one of `sockets`
        self.phase = Phase.SILENT
        self.since = 0.0
        self.busy = self.closed = self.late = False
        self.stranger = door.context is not None
        self.arrival = Arrival(door.most_body)
        self._door = door
        self._told_to_go = False
        self._awaited = 0

    def advance(self) -> bool:
        """Whether a request is here to be answered; OSError if handshake or connection are lost.

        Of a client without a certificate only the header is taken: its body will not be read.
        """
        if not self.initialized and not self._shake_hands():
            return False
        stock = self.sock.stock
        if stock is not None:  # the next request may have begun behind the last one
            self.arrival = Arrival(self._door.most_body)
            self._told_to_go, self.sock.stock = False, None
            self._feed(self.parser.unreader.take_buffered() + stock.rest())
        ended = not self._take()
        arrival = self.arrival
        if not arrival.settled and arrival.headed and arrival.awaits_go and not (self.stranger or self._told_to_go):
            self._told_to_go = True
            self.sock.send(_GO)
        if ended and not arrival.headed:
            raise ConnectionResetError("the client has gone")
        ready = ended or arrival.settled or (self.stranger and arrival.headed)
        if ready:
            self.sock.stock = Stock(arrival.content(), ended=ended)
        return ready

    def greets(self) -> bool:
        """Whether there is something for a thread to do: the client's first TLS record is here as a whole.

        Until then no TLS object is made, which takes 80 KiB; the poller reports the connection again when as much has
        come as the record says (RFC 8446, 5.1). OSError if the client has gone or speaks no TLS. May run in the loop.
        """
        if self._door.context is None or isinstance(self.sock, TlsSocket):
            return True
        head = self.sock.recv(_RECORD_HEADER, socket.MSG_PEEK)
        if not head:
            raise ConnectionResetError("the client has gone")
        if head[0] != _HANDSHAKE:
            raise ssl.SSLError(ssl.SSL_ERROR_SSL, "the client does not speak TLS")
        wanted = _RECORD_HEADER
        if len(head) == wanted:
            wanted += min(int.from_bytes(head[3:], "big"), _MOST_RECORD)
        here = len(self.sock.recv(wanted, socket.MSG_PEEK)) >= wanted > _RECORD_HEADER
        if not here and wanted == self._awaited:
            raise ConnectionResetError("the client has gone in the middle")  # else it would be reported without end
        self._awaited = wanted
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1 if here else wanted)
        return here

    @property
    def says_nothing(self) -> bool:
        """Whether the client has connected and not sent one byte."""
        try:
            return self.phase is Phase.SILENT and not self.sock.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    @property
    def begun(self) -> bool:
        """Whether anything of a request has come."""
        return len(self.arrival) > 0

    @property
    def behind(self) -> bool:
        """Whether a stranger has not yet taken what he was sent, so that a thread might wait for him with more.

        Who reads the last answer before he asks on is never behind: with his request comes that he has it (TCP).
        """
        return self.stranger and _untaken(self.sock) > 0

    @property
    def held_back(self) -> bool:
        """Whether more of the client's bytes are here than the poller can see."""
        stock = self.sock.stock
        return bool(self.parser.unreader.buf.getvalue() or (stock and stock.rest()) or self.sock.pending())

    def close(self, graceful: bool = False) -> None:  # noqa: ARG002 - gunicorn's signature
        """It is closed at once: this runs in the loop on which all connections depend."""
        self.closed = True
        util.close(self.sock)

    def _take(self) -> bool:
        """Takes what has come, up to a whole request; False at the client's end."""
        while not self.arrival.settled and not (self.stranger and self.arrival.headed):
            piece = self.sock.arrived()
            if not piece:
                return piece is None
            self._feed(piece)
        return True

    def _feed(self, piece: bytes) -> None:
        if piece:
            self.arrival.feed(piece)

    def _shake_hands(self) -> bool:
        """The next step of the handshake; whether it is finished, or there is none."""
        context = self._door.context
        if context is not None:
            if not isinstance(self.sock, TlsSocket):
                self.sock = context.wrap_socket(self.sock, server_side=True, do_handshake_on_connect=False)
                self.sock.setblocking(False)
            try:
                self.sock.do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            self.stranger = self.sock.getpeercert(binary_form=True) is None
        self.parser = http.get_parser(self.cfg, self.sock, self.client)
        self.initialized = True
        return True


def _untaken(connection: socket.socket) -> int:
    """Octets that the kernel holds for the client, sent or not, as long as he has not confirmed them (tcp(7))."""
    try:
        told = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
    except OSError:
        return 0  # closed, or of a kind that keeps no such count
    return int.from_bytes(told, sys.byteorder)


class Waiting:
    """The connections in one phase, the one that has waited for longest first."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._connections: dict[Connection, None] = {}

    def add(self, connection: Connection) -> None:
        """It waits from now on; one that waits here already goes on doing so."""
        if connection not in self._connections:
            connection.since = time.monotonic()
            self._connections[connection] = None

    def remove(self, connection: Connection) -> None:
        """It does not wait here any more."""
        self._connections.pop(connection, None)

    def overdue(self, now: float) -> list[Connection]:
        """Those whose time is over and that no thread works on."""
        found = []
        for connection in self._connections:
            if connection.since + self._seconds > now:
                break
            if not connection.busy:
                found.append(connection)
        return found

    def oldest(self, *, strangers: bool = False) -> Connection | None:
        """The one that has waited for longest of those (or of the strangers) that no thread works on."""
        idle = (connection for connection in self._connections if not connection.busy)
        return next((connection for connection in idle if connection.stranger or not strangers), None)
