"""TLS as the server speaks it: 1.2 and 1.3, client certificates of one CA, and nobody may dawdle on a connection."""

from __future__ import annotations

import math
import ssl
import time
from pathlib import Path
from typing import Any

from gateway.errors import SettingsError
from gateway.settings import ServerSettings

CIPHERS = ":".join(
    f"ECDHE-{key}-AES{bits}" for bits in ("256-GCM-SHA384", "128-GCM-SHA256") for key in ("ECDSA", "RSA")
)
"""TLS 1.2: forward secrecy and AES-GCM only (BSI TR-02102-2, 3.3). TLS 1.3 suites cannot be chosen from Python: its
ChaCha20 is switched off with OPENSSL_CONF or by the proxy in front."""

HANDSHAKE_TIMEOUT = 5.0
"""Seconds for a handshake, which takes a thread before anybody is known; it is a few round trips."""

WRITE_TIMEOUT = 60.0
"""Seconds in which one answer must be taken by the client."""


class TimedContext(ssl.SSLContext):
    """A server context that knows how many seconds a request may take to arrive."""

    read_timeout: float = 15.0


class TimedSocket(ssl.SSLSocket):
    """A TLS connection whose handshake, and then each whole request, must arrive in time.

    gunicorn's threads read in blocking mode without any limit; here "blocking" means "until the deadline", counted
    from when a thread takes the connection up, so that a trickle of bytes does not hold the thread either.
    """

    _deadline: float | None = None

    def do_handshake(self, block: bool = False) -> None:
        """The handshake is done, or TimeoutError; the clock of the first request starts."""
        self._begin(HANDSHAKE_TIMEOUT)
        super().do_handshake(block)
        self._begin()

    def setblocking(self, flag: bool) -> None:
        """Blocking (a thread begins to serve the connection): the clock of the next request starts."""
        if flag:
            self._begin()
        else:
            self._deadline = None
            super().setblocking(False)

    def hasten(self, seconds: float) -> None:
        """What is still to come must come within `seconds`."""
        self._deadline = time.monotonic() + seconds

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Bytes of the request; TimeoutError once its time is over."""
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the request did not arrive in time")
            self.settimeout(left)
        return super().recv(buflen, flags)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """All bytes are given to the client; TimeoutError if it does not take them."""
        if self._deadline is not None:
            self.settimeout(WRITE_TIMEOUT)
        super().sendall(data, flags)

    def _begin(self, most: float = math.inf) -> None:
        context = self.context
        seconds = min(most, context.read_timeout if isinstance(context, TimedContext) else TimedContext.read_timeout)
        self._deadline = time.monotonic() + seconds
        self.settimeout(seconds)


def server_context(settings: ServerSettings) -> ssl.SSLContext:
    """The context for all connections, made once before the fork; SettingsError if a file is missing or wrong.

    A client certificate is asked for but not needed (WSDLs are public); one that does not chain to `client_ca`
    ends the handshake with an alert. No compression, no renegotiation and no session tickets: every connection
    proves its certificate anew, and no ticket key lives as long as the process.
    """
    context = TimedContext(ssl.PROTOCOL_TLS_SERVER)
    context.read_timeout = float(settings.read_timeout)
    context.sslsocket_class = TimedSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.set_ecdh_curve("prime256v1")  # also for TLS 1.3, where it leaves out x25519 (BSI TR-02102-2, 3.6)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_OPTIONAL
    problems = [*_load_key(context, settings.certificate, settings.key), *_load_ca(context, settings.client_ca)]
    if problems:
        raise SettingsError(problems=problems)
    return context


def _load_key(context: ssl.SSLContext, certificate: Path, key: Path) -> list[str]:
    try:
        # An encrypted key would ask on the terminal; an empty password refuses it instead.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        return [f"server.certificate, server.key: {type(error).__name__}: {error}"]
    return []


def _load_ca(context: ssl.SSLContext, client_ca: Path) -> list[str]:
    try:
        context.load_verify_locations(cafile=client_ca)
    except (OSError, ValueError) as error:
        return [f"server.client_ca: {type(error).__name__}: {error}"]
    if not context.get_ca_certs():
        return ["server.client_ca: no CA certificate in it"]
    return []
