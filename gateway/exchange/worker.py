"""One process of the server: threads for those who have something to say, and none for those who only hold on."""

from __future__ import annotations

import errno
import ssl
import time
from collections import deque
from functools import partial
from selectors import EVENT_READ
from typing import Any

import structlog
from gunicorn import util  # type: ignore[import-untyped]  # gunicorn ships no types
from gunicorn.http import errors  # type: ignore[import-untyped]  # gunicorn ships no types
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]  # gunicorn ships no types

from gateway.exchange.tls import TimedSocket

LOG = structlog.stdlib.get_logger("gateway.server")

LINGER = 0.5
"""Seconds a client has to take the end of a connection, so that it can read the last answer (RFC 9112, 9.6)."""

_SPARE = 16
"""Places kept free: above, the silent are sent away to make room for those who may speak."""
_FULL = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_GONE = frozenset({errno.EAGAIN, errno.ECONNABORTED})


class Connection(TConn):  # type: ignore[misc]  # gunicorn ships no types
    """A connection whose end has been waited for where it was served."""

    def close(self, graceful: bool = False) -> None:  # noqa: ARG002 - gunicorn's signature
        """It is closed at once: this runs in the loop on which all connections of the process depend."""
        util.close(self.sock)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's threads, made so that strangers cannot hold them or the loop above them.

    gunicorn itself lets a new connection wait for its first byte in a thread, and waits for the end of a connection
    in the loop; a few clients that just stay would keep all others out, or have the whole process killed.
    """

    def accept(self, listener: Any) -> None:
        """A new connection gets a thread once its first byte is there; the oldest silent one makes room for it."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in _FULL:
                LOG.warning("no room for a connection", error=errno.errorcode.get(error.errno or 0))
                self._send_away()
                self.set_accept_enabled(False)  # until the loop comes round again
            elif error.errno not in _GONE:
                raise
            return
        self.nr_conns += 1
        connection = Connection(self.cfg, client, address, listener.getsockname())
        connection.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(connection)
        self.poller.register(client, EVENT_READ, partial(self.on_pending_socket_readable, connection))
        if self.nr_conns > self.worker_connections - _SPARE:
            self._send_away()

    def handle(self, conn: Any) -> Any:
        """As gunicorn does it; the client's end of a finished connection is waited for here, in the thread."""
        kept = super().handle(conn)
        if kept is False:
            if isinstance(conn.sock, TimedSocket):
                conn.sock.hasten(LINGER)
            util.close_graceful(conn.sock, timeout=LINGER)
        return kept

    def handle_error(self, _req: object, client: Any, _addr: object, exc: BaseException) -> None:
        """The connection gets a constant answer by the kind of the error, the log its class.

        gunicorn's own page and log line would quote the request.
        """
        status, reason = _status(exc)
        LOG.info("no request", error=type(exc).__name__, status=status)
        try:
            util.write_error(client, status, reason, reason)
        except OSError as gone:
            LOG.info("connection lost", error=type(gone).__name__)

    def _send_away(self) -> None:
        """The connection that has been silent for longest is closed: one without a byte, else one kept alive."""
        silent: deque[Any] = self.pending_conns or self.keepalived_conns
        if silent:
            oldest = silent.popleft()
            self.poller.unregister(oldest.sock)
            self.nr_conns -= 1
            oldest.close()


def _status(error: BaseException) -> tuple[int, str]:
    if isinstance(error, errors.LimitRequestLine):
        return 414, "URI Too Long"
    if isinstance(error, errors.LimitRequestHeaders):
        return 431, "Request Header Fields Too Large"
    if isinstance(error, errors.ExpectationFailed):
        return 417, "Expectation Failed"
    if isinstance(error, errors.UnsupportedTransferCoding):
        return 501, "Not Implemented"
    if isinstance(error, errors.ParseException | ssl.SSLError):
        return 400, "Bad Request"
    return 500, "Internal Server Error"
