"""gunicorn as the direct server: threads, TLS with client certificates, and silence about what it could not read."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import structlog
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]  # gunicorn ships no types
from gunicorn.glogging import Logger  # type: ignore[import-untyped]  # gunicorn ships no types

from gateway.exchange.worker import Worker
from gateway.settings import ServerSettings

LOG = structlog.stdlib.get_logger("gateway.server")

GRACE = 30
"""Seconds an answer in flight has to finish after SIGTERM."""

KEEPALIVE = 30
"""Seconds an idle connection stays open; waiting takes no thread."""


class Opened(Protocol):
    """What one server process works with, made after the fork."""

    def http(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The WSGI callable."""

    def close(self) -> None:
        """Threads and database connections are ended."""


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """The gateway under gunicorn. `open_app` runs in every process after the fork, so engines, the audit
    writer and their threads are never shared; everything else was loaded before and is shared by copy on write."""

    def __init__(self, settings: ServerSettings, context: ssl.SSLContext, open_app: Callable[[], Opened]) -> None:
        self._settings = settings
        self._context = context
        self._open_app = open_app
        self._opened: Opened | None = None
        super().__init__()

    def load_config(self) -> None:
        """Our settings as gunicorn's; nothing is read from its own files or environment variables."""
        settings = self._settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        for name, value in {
            "bind": f"{host}:{settings.port}",
            "workers": settings.processes,
            "threads": settings.threads,
            "worker_class": Worker,
            "logger_class": QuietLog,
            "errorlog": "-",
            "loglevel": "warning",
            "certfile": str(settings.certificate),
            "keyfile": str(settings.key),
            "ssl_context": lambda _config, _default: self._context,
            "graceful_timeout": GRACE,
            "keepalive": KEEPALIVE,
            "worker_connections": settings.connections,
            "limit_request_line": 2048,
            "limit_request_fields": 64,
            "limit_request_field_size": 8190,
            "forwarded_allow_ips": "",
            "secure_scheme_headers": {},
            "forwarder_headers": "",
            "control_socket_disable": True,
            "worker_exit": lambda _arbiter, _worker: self.close(),
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Iterable[bytes]]:
        """Called by gunicorn in each process after the fork."""
        self._opened = self._open_app()
        return self._opened.http

    def close(self) -> None:
        """What this process opened is closed."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None


def serve(settings: ServerSettings, context: ssl.SSLContext, open_app: Callable[[], Opened]) -> None:
    """Serves until SIGTERM or SIGINT; answers in flight are finished first. Does not return in the usual case."""
    Server(settings, context, open_app).run()


class QuietLog(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's log without tracebacks and request lines: both can carry what a stranger sent."""

    def exception(self, _msg: str, *_args: object, **_kwargs: object) -> None:
        """Only the class of the error is written."""
        kind = sys.exc_info()[0]
        LOG.warning("connection ended", error=kind.__name__ if kind else "unknown")

    def access(self, resp: object, req: object, environ: object, request_time: object) -> None:
        """No access log: our own has one line per request."""
