"""One process of the server: threads for requests that are here, and none for those who keep us waiting."""

from __future__ import annotations

import errno
import math
import socket
import ssl
import time
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ
from typing import Any

import structlog
from gunicorn import util  # type: ignore[import-untyped]  # gunicorn ships no types
from gunicorn.http import errors  # type: ignore[import-untyped]  # gunicorn ships no types
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker  # type: ignore[import-untyped]  # gunicorn ships no types

from gateway.exchange.connection import Connection, Door, Phase, Waiting
from gateway.exchange.ending import hear
from gateway.exchange.sharing import ASIDE, Turn

LOG = structlog.stdlib.get_logger("gateway.server")

HANDSHAKE_TIMEOUT = 5.0
"""Seconds for a handshake from its first byte on; it is a few round trips."""

LINGER = 5.0
"""Seconds a client has to take the end of a connection, so that it can read the last answer (RFC 9112, 9.6)."""

MOST_HELD = 64 * 1024 * 1024
"""Bytes of unfinished requests that one process holds; above, the largest of them is given up."""

_SEND_BUFFER = 256 * 1024
# The kernel takes an answer of this size at once: whoever reads a WSDL slowly holds no thread.
RETRY = 5
"""Seconds after which whoever came while the server ended should ask again: it takes about two to start."""

_SPARE = 16
# Places kept free: above, those who keep us waiting are sent away to make room for those who may speak.
_ROUND_TRIP, _LAST_LINGER = 0.05, 0.5
_FULL = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_GONE = frozenset({errno.EAGAIN, errno.ECONNABORTED})
_NOT_YET = object()


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's threads, made so that no client can hold one by being slow.

    gunicorn lets handshakes, headers and bodies arrive in the threads, and waits for the end of connections in the
    loop; a few clients that just stay would keep all others out. Here the loop waits, for all connections at once;
    a thread gets one when a step of its handshake or a whole request is there.
    """

    def __init__(self, *parts: Any, **more: Any) -> None:
        super().__init__(*parts, **more)
        self._door: Door = self.app.door
        self._waiting = {
            Phase.SILENT: Waiting(min(self.cfg.keepalive, self._door.read_timeout)),
            Phase.SHAKING: Waiting(HANDSHAKE_TIMEOUT),
            Phase.ARRIVING: Waiting(self._door.read_timeout),
            Phase.KEPT: Waiting(self.cfg.keepalive),
            Phase.LEAVING: Waiting(LINGER),
        }
        self._unfinished: dict[Connection, int] = {}
        self._held = 0
        self._ended: float | None = None
        self._busy = self._busiest = 0
        self._noted = 0.0
        self._let_in = 0
        self._quitting = False
        self._turn = Turn(self.app.shares, self.age)
        self._aside_until = 0.0

    def init_signals(self) -> None:
        """As gunicorn does it; who asked for the end while this process was made is heard now."""
        super().init_signals()
        hear()

    def run(self) -> None:
        """As gunicorn does it; from now on the other processes leave connections to this one."""
        make_plain(self.cfg)
        self._turn.note(0)
        super().run()

    def accept(self, listener: Any) -> None:
        """A new connection waits for its first byte; one that must not be here is closed at once.

        It is not taken as long as another process is to have it (`Turn`).
        """
        now = time.monotonic()
        if self.alive and not self._turn.has_come(self.nr_conns, now):
            self._aside_until = now + ASIDE
            super().set_accept_enabled(False)
            return
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in _FULL:
                LOG.warning("no room for a connection", error=errno.errorcode.get(error.errno or 0))
                self._send_away()
                super().set_accept_enabled(False)  # until the loop comes round again; while the server ends, for good
            elif error.errno not in _GONE:
                raise
            return
        if not self._door.admits(address):
            LOG.warning("connection refused", reason="its address is not one of the proxy's")
            client.close()
            return
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self.nr_conns += 1
        self._turn.took(self.nr_conns)
        if self.nr_conns > self.worker_connections - _SPARE:
            self._send_away()
        connection = Connection(self._door, self.cfg, client, address, listener.getsockname())
        connection.late = not self.alive and self.app.board.ending
        self._let_in += not connection.late
        self._wait(connection, Phase.SILENT)

    def set_accept_enabled(self, enabled: bool) -> None:
        """As gunicorn does it; but while the server ends, and answers are in the making, whoever comes is told so.

        Not where another process takes this one's place, or systemd holds the socket for the next server.
        """
        late = not self.alive and self._let_in > 0 and self.app.board.ending
        super().set_accept_enabled(late or (enabled and time.monotonic() >= self._aside_until))

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """As gunicorn does it; but the loop comes round when it is time to look again who wants to come in."""
        aside = self._aside_until - time.monotonic()
        super().wait_for_and_dispatch_events(min(timeout, aside) if aside > 0 else timeout)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """This process ends at once; told twice, as at Ctrl-C by the terminal and by the parent, it does so once.

        gunicorn would wait for itself: the second signal comes while the first holds the lock of the threads' pool.
        Their end is asked for when the interpreter ends, in any case.
        """
        if not self._quitting:
            self._quitting = True
            super(ThreadWorker, self).handle_quit(sig, frame)

    def handle(self, conn: Any) -> Any:
        """In a thread: the next step of a connection; if that completes a request, its answer."""
        try:
            if not conn.advance():
                return _NOT_YET
        except ssl.SSLError as error:
            # The reason is one of OpenSSL's constants.
            LOG.info("no TLS", error=type(error).__name__, reason=getattr(error, "reason", None))
            return False
        except (OSError, ValueError):
            return False  # the client has gone
        if conn.arrival.refusal is not None:
            self._refuse(conn, conn.arrival.refusal)
            return False
        if conn.late:
            self._refuse(conn, HTTPStatus.SERVICE_UNAVAILABLE)
            return False
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """As gunicorn does it; a connection of which a request is not here as a whole ends with the answer."""
        if not conn.arrival.whole:
            req.force_close()
        # The client was told to go on when its header was here; a thread never waits for a body. No public way to it.
        req._expected_100_continue = False
        conn.sock.gather()
        try:
            kept = super().handle_request(req, conn)
            conn.sock.flush()
        finally:
            conn.sock.drop()  # if it failed: what is said instead must not stand behind half an answer
        return kept

    def finish_request(self, conn: Any, fs: Any) -> None:
        """In the loop, when a thread is done with a connection: it waits for more, or it is the end."""
        conn.busy = False
        self._busy -= 1
        broken = fs.cancelled() or fs.exception() is not None
        if broken:
            LOG.warning("connection broken")
        result = False if broken else fs.result()
        if result is _NOT_YET:
            self._wait(conn, Phase.ARRIVING if conn.initialized else Phase.SHAKING)
        elif not result:
            self._leave(conn)
        else:
            self._wait(conn, Phase.KEPT)
            if conn.held_back and conn.behind:
                self._leave(conn)
            elif conn.held_back:  # the poller does not see it
                self.poller.unregister(conn.sock)
                self._serve(conn)

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

    def murder_pending(self) -> None:
        """Each time the loop comes round: whose time is over goes; when the server ends, whoever has not begun."""
        now = time.monotonic()
        if now > self._noted + 1:
            self.app.board.note(self.age, self._busiest)
            self._busiest, self._noted = self._busy, now
        if not self.alive:
            self._send_home(now)
        for phase, waiting in self._waiting.items():
            for connection in waiting.overdue(now):
                if phase is Phase.ARRIVING:
                    if connection.begun:
                        self._refuse(connection, 408)
                    self._leave(connection)
                else:
                    self._close(connection)
        if self.alive:
            self._turn.note(self.nr_conns)

    def _send_home(self, now: float) -> None:
        """The server ends: who has said nothing goes when no request can be on its way to us any more."""
        self._ended = self._ended or now
        self._turn.leave()
        if self._let_in == 0:
            self.set_accept_enabled(False)
        if now > self._ended + STOP_KEEPALIVE_LINGER:
            for connection in self._waiting[Phase.KEPT].overdue(math.inf):
                self._leave(connection)
        # Whoever has connected may be about to speak, and would take an end for the answer.
        for phase in (Phase.SILENT, Phase.ARRIVING):
            for connection in self._waiting[phase].overdue(math.inf):
                waited = now - max(connection.since, self._ended)
                if waited > STOP_KEEPALIVE_LINGER and not (phase is Phase.ARRIVING and connection.begun):
                    self._leave(connection)
        for connection in self._waiting[Phase.LEAVING].overdue(now + LINGER - _LAST_LINGER):
            self._close(connection)

    def _wait(self, connection: Connection, phase: Phase) -> None:
        if phase is not connection.phase:
            self._waiting[connection.phase].remove(connection)
            connection.phase = phase
        self._waiting[phase].add(connection)
        connection.sock.setblocking(False)
        self.poller.register(connection.sock, EVENT_READ, partial(self._on_readable, connection))
        self._hold(connection, len(connection.arrival) if phase is Phase.ARRIVING else 0)

    def _on_readable(self, connection: Connection, _file: object) -> None:
        if connection.closed:
            return  # sent away while this event was on its way
        if connection.phase is Phase.LEAVING:
            self._drain(connection)
            return
        if connection.phase is Phase.KEPT and connection.behind:
            self._leave(connection)
            return
        self.poller.unregister(connection.sock)
        try:
            greeted = connection.greets()
        except ssl.SSLError:
            LOG.info("no TLS", reason="the client speaks something else")
            self._leave(connection)
        except OSError:
            self._close(connection)
        else:
            if greeted:
                self._serve(connection)
            else:
                self._wait(connection, Phase.SHAKING)

    def _serve(self, connection: Connection) -> None:
        connection.busy = True
        self._busy += 1
        self._busiest = max(self._busiest, self._busy)
        if connection.phase in (Phase.SILENT, Phase.KEPT):
            self._waiting[connection.phase].remove(connection)
        self.enqueue_req(connection)

    def _leave(self, connection: Connection) -> None:
        """Our side of the connection is ended, and what the client still sends is thrown away for a while.

        Closing with unread bytes would reset the connection, and the client would never see the last answer.
        """
        self._forget(connection)
        try:
            connection.sock.shutdown(socket.SHUT_WR)
        except (OSError, ValueError):
            self._close(connection)
            return
        self._wait(connection, Phase.LEAVING)

    def _drain(self, connection: Connection) -> None:
        try:
            # Past TLS: what comes now is of no interest.
            more = socket.socket.recv(connection.sock, 1024 * 1024)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        if not more:
            self._close(connection)

    def _refuse(self, connection: Connection, status: int) -> None:
        """A constant answer, as far as the client takes it at once; may run in the loop."""
        LOG.info("no request", status=status)
        reason = HTTPStatus(status).phrase
        head = f"HTTP/1.1 {int(status)} {reason}\r\nConnection: close\r\nContent-Type: text/plain\r\n"
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            head += f"Retry-After: {RETRY}\r\n"
        try:
            connection.sock.send(f"{head}Content-Length: {len(reason) + 1}\r\n\r\n{reason}\n".encode())
        except OSError as gone:
            LOG.info("connection lost", error=type(gone).__name__)

    def _send_away(self) -> None:
        """Room is made: who has kept us waiting for longest goes; one kept for its next request only if need be.

        Never one whose client has shown a certificate and is sending a request; and, as long as there is room at all,
        nobody before he has had the time for one answer over the network, unless he says nothing.
        """
        found = [self._waiting[phase].oldest() for phase in (Phase.LEAVING, Phase.SILENT, Phase.SHAKING)]
        found.append(self._waiting[Phase.ARRIVING].oldest(strangers=True))
        slow = [connection for connection in found if connection is not None]
        oldest = min(slow, key=lambda one: one.since, default=None) or self._waiting[Phase.KEPT].oldest()
        full = self.nr_conns >= self.worker_connections - 1
        if oldest is not None and (full or oldest.says_nothing or oldest.since < time.monotonic() - _ROUND_TRIP):
            self._close(oldest)

    def _hold(self, connection: Connection, size: int) -> None:
        """Notes how much of an unfinished request is held, and gives up the largest if it is too much in all."""
        self._held += size - self._unfinished.pop(connection, 0)
        if size:
            self._unfinished[connection] = size
        while self._held > MOST_HELD:
            idle = [one for one in self._unfinished if not one.busy]
            if not idle:
                break
            LOG.warning("unfinished request given up", reason="too many of them")
            self._close(max(idle, key=self._unfinished.__getitem__))

    def _close(self, connection: Connection) -> None:
        self._forget(connection)
        self.nr_conns -= 1
        self._let_in -= not connection.late
        connection.close()

    def _forget(self, connection: Connection) -> None:
        self._waiting[connection.phase].remove(connection)
        self._held -= self._unfinished.pop(connection, 0)
        try:
            self.poller.unregister(connection.sock)
        except (KeyError, ValueError):
            return  # a thread had it until now


def make_plain(config: Any) -> None:
    """gunicorn's settings, which do not change any more, are plain attributes: it asks for twenty in each request."""
    vars(config).update({name: setting.get() for name, setting in config.settings.items()})


def _status(error: BaseException) -> tuple[int, str]:
    if isinstance(error, errors.LimitRequestLine):
        return 414, "URI Too Long"
    if isinstance(error, errors.LimitRequestHeaders):
        return 431, "Request Header Fields Too Large"
    if isinstance(error, errors.ExpectationFailed):
        return 417, "Expectation Failed"
    if isinstance(error, errors.UnsupportedTransferCoding):
        return 501, "Not Implemented"
    if isinstance(error, errors.ParseException):
        return 400, "Bad Request"
    if isinstance(error, TimeoutError):
        return 408, "Request Timeout"
    return 500, "Internal Server Error"
