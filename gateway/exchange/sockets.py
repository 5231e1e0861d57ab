"""The two kinds of connections: TLS with clients, plain with a proxy; both are read in the loop, never in a thread."""

from __future__ import annotations

import socket
import ssl
import time
from typing import Self

WRITE_TIMEOUT = 60.0
"""Seconds in which one whole answer must be taken by the client."""

_PIECE = 64 * 1024


class Stock:
    """The bytes of a request that are here already; nothing else will be read while a thread works on it."""

    def __init__(self, content: bytes, *, ended: bool) -> None:
        self._content = content
        self._at = 0
        self._ended = ended

    def take(self, most: int) -> bytes:
        """The next bytes; none after the client's last one. TimeoutError if the rest of the request never came."""
        if self._at == len(self._content) and not self._ended:
            raise TimeoutError("the request did not arrive in time")
        piece = self._content[self._at : self._at + most]
        self._at += len(piece)
        return piece

    def rest(self) -> bytes:
        """What has not been taken: the beginning of the client's next request."""
        return self._content[self._at :]


class Gathering:
    """The head of an answer is kept back until its body comes, so that a small one leaves as one piece.

    Two pieces are two packets, or two TLS records, and the client is woken twice.
    """

    _gathers = False
    _head = b""

    def gather(self) -> None:
        """The next piece is a head: it waits for the one after it, or for `flush`."""
        self._gathers, self._head = True, b""

    def drop(self) -> None:
        """What was kept back never leaves."""
        self._gathers, self._head = False, b""

    def flush(self) -> None:
        """What was kept back leaves now: there was no body."""
        if self._head:
            self.sendall(b"")

    def sendall(self, data: bytes, flags: int = 0) -> None:
        """Sends what is to be sent now that there is `data`; whatever sends it says how long it may take."""
        raise NotImplementedError

    def _pieces(self, data: bytes) -> tuple[bytes, ...]:
        if self._gathers and not self._head:
            self._head = data
            return ()
        head, self._head, self._gathers = self._head, b"", False
        if not head:
            return (data,)
        return (head + data,) if len(data) <= _PIECE else (head, data)


class TlsSocket(Gathering, ssl.SSLSocket):
    """A TLS connection. In the loop `arrived` reads it; in a thread `recv` gives what is in `stock`."""

    stock: Stock | None = None

    def arrived(self) -> bytes | None:
        """What has arrived, at most 64 KiB; b"" at the client's end, None if there is nothing now. Never waits."""
        try:
            return super().recv(_PIECE)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Bytes of the request from the stock; TimeoutError if they never came."""
        return self.stock.take(buflen) if self.stock else super().recv(buflen, flags)

    def sendall(self, data: bytes, flags: int = 0) -> None:  # type: ignore[override]  # gunicorn gives bytes only
        """All bytes are given to the client; TimeoutError if it has not taken them after WRITE_TIMEOUT."""
        for piece in self._pieces(data):
            self._send_whole(piece, flags)

    def _send_whole(self, data: bytes, flags: int) -> None:
        deadline = time.monotonic() + WRITE_TIMEOUT
        with memoryview(data) as left:
            sent = 0
            while sent < len(left):
                # Not SSLSocket.sendall: there the time begins anew with each record that the client has taken.
                self.settimeout(max(deadline - time.monotonic(), 0.001))
                sent += self.send(left[sent : sent + _PIECE], flags)


class PlainSocket(Gathering, socket.socket):
    """The same without TLS, for the connection of a proxy."""

    stock: Stock | None = None

    @classmethod
    def of(cls, accepted: socket.socket) -> Self:
        """The accepted connection as one of this kind; the given socket is empty afterwards."""
        return cls(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())

    def arrived(self) -> bytes | None:
        """As `TlsSocket.arrived`."""
        try:
            return super().recv(_PIECE)
        except BlockingIOError:
            return None

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """As `TlsSocket.recv`."""
        return self.stock.take(buflen) if self.stock else super().recv(buflen, flags)

    def sendall(self, data: bytes, flags: int = 0) -> None:  # type: ignore[override]  # gunicorn gives bytes only
        """As `TlsSocket.sendall`: for plain sockets the timeout is that of the whole (Python, socket.sendall)."""
        for piece in self._pieces(data):
            self.settimeout(WRITE_TIMEOUT)
            socket.socket.sendall(self, piece, flags)

    def pending(self) -> int:
        """Nothing is held back below, as TLS may do."""
        return 0


Socket = TlsSocket | PlainSocket
