"""The pages for browsers: a listener of its own on the loopback address, without TLS, beside the running gateway.

It has the public pages of the gateway as well, to be read without knowing the sandbox's CA, and takes no call.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from gateway.exchange.http import Environ
from gateway.sandbox.keys import is_below

LOOPBACK = "127.0.0.1"
_TIMEOUT = 15

Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


@contextmanager
def listening(listener: socket.socket, pages: Application, public: Application) -> Iterator[None]:
    """Browsers of this machine are answered meanwhile: by `pages` below /sandbox/, else by `public`."""
    with _Server(listener) as server:
        server.set_app(_Door(server.server_port, pages, public))
        thread = Thread(target=server.serve_forever, name="sandbox pages", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


class _Door:
    """Only for who has typed our own address: another site's name that leads here (DNS rebinding) opens nothing."""

    def __init__(self, port: int, pages: Application, public: Application) -> None:
        self._hosts = {f"{name}:{port}" for name in (LOOPBACK, "localhost")}
        self._pages, self._public = pages, public

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("HTTP_HOST") not in self._hosts:
            return _refuse(start_response, "421 Misdirected Request")
        if is_below(environ.get("PATH_INFO", "")):
            return self._pages(environ, start_response)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _refuse(start_response, "405 Method Not Allowed")
        return self._public(environ, _without_hsts(start_response))


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(listener.getsockname(), _Requests, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_name, self.server_port = listener.getsockname()
        self.setup_environ()


class _Requests(WSGIRequestHandler):
    timeout = _TIMEOUT

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the overridden signature
        """No access log: the link is in the address."""


def _refuse(start_response: Callable[..., Any], status: str) -> list[bytes]:
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", "0")])
    return [b""]


def _without_hsts(start_response: Callable[..., Any]) -> Callable[..., Any]:
    """A browser that believed it would ask every port of this machine for TLS (RFC 6797, 8.3)."""

    def started(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        kept = [(name, value) for name, value in headers if name != "Strict-Transport-Security"]
        return start_response(status, kept, *rest)

    return started
