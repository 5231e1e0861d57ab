"""The way to the case system: TLS with the configured CA only, and sockets that a deadline can cut."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol
from urllib.parse import urlsplit
from weakref import WeakSet

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from gateway.errors import SettingsError
from gateway.settings import SourceSettings

_CIPHERS = "ECDHE+AESGCM"  # BSI TR-02102-2, 3.3.1: forward secrecy, no CBC, no ChaCha20 (TLS 1.2 names)


class _HasSocket(Protocol):
    sock: socket.socket | None


class Sockets:
    """The open connections of one transport; `cut` ends whatever is being read or written on them."""

    def __init__(self) -> None:
        self._connections: WeakSet[_HasSocket] = WeakSet()

    def add(self, connection: _HasSocket) -> None:
        """From now on `cut` reaches this connection too."""
        self._connections.add(connection)

    def cut(self) -> None:
        """Every open socket is shut down; a read that waits on one returns or fails at once."""
        for connection in tuple(self._connections):
            if connection.sock is not None:
                try:
                    # Not SSLSocket.shutdown: that drops the TLS state under the feet of the reading thread.
                    socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
                except OSError:
                    continue  # closed by the other side in the meantime: what we want


@contextmanager
def deadline(seconds: float, cut: Callable[[], None]) -> Iterator[threading.Event]:
    """Run the body; if it takes longer than `seconds`, the yielded event is set and `cut` is called once.

    A read timeout alone restarts with every byte: a sender that drips could hold us for ever.
    """
    expired = threading.Event()

    def end() -> None:
        expired.set()
        cut()

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield expired
    finally:
        timer.cancel()


class SourceAdapter(HTTPAdapter):
    """A requests adapter without retries whose TLS is ours and whose sockets are known to `sockets`.

    Raises SettingsError if the source is not on this machine and not reached by TLS, if TLS has no CA, or if
    the certificate files do not fit.
    """

    def __init__(self, settings: SourceSettings, sockets: Sockets) -> None:
        self._context = _context(settings)
        self._sockets = sockets
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **_: object) -> None:
        """The pool of urllib3, with our TLS context and connections that `Sockets.cut` reaches."""
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._context)
        plain, tls = _pools(self._sockets)
        self.poolmanager.pool_classes_by_scheme = {"http": plain, "https": tls}


def _pools(sockets: Sockets) -> tuple[type[HTTPConnectionPool], type[HTTPSConnectionPool]]:
    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            sockets.add(self)

    class Tls(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            sockets.add(self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return PlainPool, TlsPool


def _context(settings: SourceSettings) -> ssl.SSLContext | None:
    address = urlsplit(settings.url)
    if address.scheme == "http":
        if not _loopback(address.hostname or ""):
            raise SettingsError("source.url: http is for this machine only; use https")
        return None
    if settings.ca is None:
        raise SettingsError("source.ca: mandatory when source.url is https")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    try:
        context.load_verify_locations(cafile=settings.ca)
        if settings.certificate is not None:
            context.load_cert_chain(settings.certificate, settings.key)
    except OSError as error:
        # ssl.SSLError is an OSError; its text names library and reason, never key material
        raise SettingsError(f"source.ca, source.certificate or source.key: {type(error).__name__}") from None
    return context


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
