"""gunicorn as the server, direct or behind a proxy: processes, threads, and silence about what it could not read."""

from __future__ import annotations

import os
import ssl
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import structlog
from gunicorn import systemd  # type: ignore[import-untyped]  # gunicorn ships no types
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]  # gunicorn ships no types
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]  # gunicorn ships no types
from gunicorn.glogging import Logger  # type: ignore[import-untyped]  # gunicorn ships no types

from gateway.errors import AuditError, SettingsError, StoreError
from gateway.exchange.connection import Door
from gateway.exchange.ending import held_back
from gateway.exchange.proxy import admits
from gateway.exchange.sharing import Shares
from gateway.exchange.standing import Board, Notes
from gateway.exchange.tls import prove
from gateway.exchange.worker import Worker
from gateway.settings import ServerSettings

LOG = structlog.stdlib.get_logger("gateway.server")

GRACE = 30
"""Seconds an answer in flight has to finish after SIGTERM."""

KEEPALIVE = 30
"""Seconds an idle connection stays open; waiting takes no thread."""


NO_DATABASE = 1
"""Exit status of a process that had no database; gunicorn ends the whole server on 3 and 4."""

PAUSE = 1.0
"""Seconds before it ends, so that the next one does not try at once."""


class Opened(Protocol):
    """What one server process works with, made after the fork."""

    def http(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The WSGI callable."""

    def close(self) -> None:
        """Threads and database connections are ended."""


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """The gateway under gunicorn. `open_app` runs in every process after the fork, so engines, the audit
    writer and their threads are never shared; everything else was loaded before and is shared by copy on write."""

    def __init__(
        self,
        settings: ServerSettings,
        context: ssl.SSLContext | None,
        open_app: Callable[[], Opened],
        pause: Callable[[float], None] = time.sleep,
        state: Path | None = None,
        listening: Callable[[], object] = lambda: None,
    ) -> None:
        self._settings = settings
        self._listening = listening
        self.board = Board()
        self.shares = Shares()
        self.notes = Notes(state, self.board, expected=settings.processes, threads=settings.threads)
        self._pause = pause
        self._context = context
        self._open_app = open_app
        self._opened: Opened | None = None
        self.door = Door(context, admits(settings.proxy), settings.read_timeout, settings.max_request_bytes)
        super().__init__()

    def load_config(self) -> None:
        """Our settings as gunicorn's; nothing is read from its own files or environment variables."""
        settings = self._settings
        for name, value in {
            **_listener(settings),
            **_tls(settings, self._context),
            "workers": settings.processes,
            "threads": settings.threads,
            "worker_class": Worker,
            "logger_class": QuietLog,
            "errorlog": "-",
            "loglevel": "warning",
            "graceful_timeout": GRACE,
            "keepalive": KEEPALIVE,
            "worker_connections": settings.connections,
            "limit_request_line": 2048,
            "limit_request_fields": 64,
            "limit_request_field_size": 8190,
            "forwarded_allow_ips": "",
            "secure_scheme_headers": {},
            "forwarder_headers": "",
            # A proxy's header must not be mistaken for another that WSGI calls by the same name.
            "header_map": "drop" if settings.proxy is None else "refuse",
            "control_socket_disable": True,
            "when_ready": lambda _arbiter: self._listening(),
            "child_exit": lambda _arbiter, worker: self.shares.leave(worker.age),
            "worker_exit": lambda _arbiter, _worker: self.close(),
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Iterable[bytes]]:
        """Called by gunicorn in each process after the fork.

        A process that takes another's place while the database is away, or its anchor cannot be read, ends, and the
        next one tries. That both could be opened was seen before anything listened; if the error left here, the
        arbiter would give up the whole server.
        """
        try:
            self._opened = self._open_app()
        except (StoreError, AuditError) as error:
            LOG.warning("no database, another process will try", error=error.code, reason=str(error))
            self._pause(PAUSE)
            raise SystemExit(NO_DATABASE) from error
        return self._opened.http

    def run(self) -> None:
        """Serves until it is told to end."""
        parent = os.getpid()
        try:
            _Watched(self).run()
        finally:
            if os.getpid() == parent:  # every process it forks comes by here, too
                self.notes.end()

    def close(self) -> None:
        """What this process opened is closed."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None


def serve(
    settings: ServerSettings,
    context: ssl.SSLContext | None,
    open_app: Callable[[], Opened],
    state: Path | None = None,
    listening: Callable[[], object] = lambda: None,
) -> None:
    """Serves until SIGTERM or SIGINT; answers in flight are finished first. Does not return in the usual case.

    SettingsError, and nothing listens, if TLS is not what BSI TR-02102-2 allows (`tls.prove`), or if there is no
    context where the server ends TLS itself. How its processes stand is written to `state`. `listening` is called once
    it listens, before any process answers.
    """
    if context is not None:
        prove(context)
    elif settings.ends_tls:
        raise SettingsError("without a proxy that ends TLS the server needs a context")
    Server(settings, context, open_app, state=state, listening=listening).run()


class _Watched(Arbiter):  # type: ignore[misc]  # gunicorn ships no types
    """The parent of all server processes; it looks after them each second, and tells the watchdog of systemd so."""

    def spawn_worker(self) -> int:
        """A process begins; it is not told to end before it can."""
        self.app.notes.started(self.worker_age + 1, time.time())
        with held_back():
            started: int = super().spawn_worker()
        return started

    def reload(self) -> None:
        """SIGHUP: other processes take the place of all, one set after the other, and no request is lost."""
        self.app.notes.renew()
        super().reload()

    def stop(self, graceful: bool = True) -> None:
        """The server ends; where systemd holds the listening socket, whoever comes waits for the next one."""
        if not self.systemd:
            self.app.board.end()
        super().stop(graceful)

    def manage_workers(self) -> None:
        """As many processes as there should be; how they stand is written from the first moment on."""
        super().manage_workers()
        self.app.notes.write({process: worker.age for process, worker in self.WORKERS.items()}, time.time())

    def murder_workers(self) -> None:
        """Processes that hang are ended; that this was looked at is told (sd_notify(3), WATCHDOG=1)."""
        super().murder_workers()
        systemd.sd_notify("WATCHDOG=1", self.log)


def _listener(settings: ServerSettings) -> dict[str, Any]:
    """Where gunicorn listens; a Unix socket can be opened by its owner and its group."""
    if settings.proxy is not None and settings.proxy.socket is not None:
        return {"bind": f"unix:{settings.proxy.socket}", "umask": 0o117}
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return {"bind": f"{host}:{settings.port}"}


def _tls(settings: ServerSettings, context: ssl.SSLContext | None) -> dict[str, Any]:
    """What makes gunicorn call it https; the connections are made with our context (`Door`)."""
    if context is None:
        return {}
    return {
        "certfile": str(settings.certificate),
        "keyfile": str(settings.key),
        "ssl_context": lambda _config, _default: context,
    }


class QuietLog(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's log without tracebacks and request lines: both can carry what a stranger sent."""

    def exception(self, _msg: str, *_args: object, **_kwargs: object) -> None:
        """Only the class of the error is written."""
        kind = sys.exc_info()[0]
        LOG.warning("connection ended", error=kind.__name__ if kind else "unknown")

    def access(self, resp: object, req: object, environ: object, request_time: object) -> None:
        """No access log: our own has one line per request."""
