"""Parts of a sandbox for tests that need no gateway: services, owners, a WSGI call."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlencode

from gateway.exchange.http import Environ
from gateway.sandbox.recording import Owners, Services

OURS, THEIRS, STRANGER = b"certificate of a", b"certificate of b", b"certificate of nobody"
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


def pin(der: bytes) -> str:
    return f"sha256:{sha256(der).hexdigest()}"


def owners(name: str = "a") -> Owners:
    """Applications a (or `name`) and b, each with one certificate."""
    services = {
        (name, 1): SimpleNamespace(pins=frozenset({pin(OURS)})),
        ("b", 1): SimpleNamespace(pins=frozenset({pin(THEIRS)})),
    }
    return Owners(cast("Services", services))


@dataclass(frozen=True)
class Got:
    """What a WSGI application answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def call(
    web: Wsgi, method: str, path: str, body: bytes = b"", *, form: dict[str, str] | None = None, **extra: Any
) -> Got:
    """One request."""
    path, _, query = path.partition("?")
    if form is not None:
        body = urlencode(form).encode()
        extra = {"CONTENT_TYPE": "application/x-www-form-urlencoded", **extra}
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **extra,
    }
    seen: list[tuple[str, dict[str, str]]] = []

    def start(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
        seen.append((status, dict(headers)))

    answer = b"".join(web(environ, start))
    status, headers = seen[-1]
    return Got(int(status[:3]), headers, answer)
