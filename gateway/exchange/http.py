"""The WSGI callable: the few paths there are, bodies read within limits, one log line per request."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

import structlog

from gateway.errors import MessageRefused
from gateway.exchange.measuring import Measure, unmeasured
from gateway.exchange.message import Reply, Request

LOG = structlog.stdlib.get_logger("gateway.request")

Environ = dict[str, Any]
"""What a WSGI server hands over (PEP 3333)."""

CERTIFICATE_HEADERS = frozenset(
    "HTTP_" + name
    for name in (
        "CLIENT_CERT",  # RFC 9440
        "CLIENT_CERT_CHAIN",
        "SSL_CLIENT_CERT",
        "X_ARR_CLIENTCERT",
        "X_CLIENT_CERT",
        "X_CLIENT_CERTIFICATE",
        "X_FORWARDED_CLIENT_CERT",
        "X_FORWARDED_TLS_CLIENT_CERT",
        "X_SSL_CERT",
        "X_SSL_CLIENT_CERT",
        "X_SSL_CLIENT_FINGERPRINT",
    )
)
"""Headers with which a proxy could claim who calls: refused, but for the one that the configured proxy sends."""

READY = "/health/ready"
"""Asked by a balancer: 200 or 503. Alive is something else: `/health/live`, a page like any other."""

_TEXT = "text/plain; charset=utf-8"
_SERVICE = re.compile(r"/soap/([a-z0-9-]{1,60})/([1-9][0-9]{0,3})")
_PIECE = 64 * 1024
_MOST_DISCARDED = 64 * 1024 * 1024
_HEADERS = [
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Strict-Transport-Security", "max-age=31536000"),
    ("Content-Security-Policy", "default-src 'none'"),
]


class Answering(Protocol):
    """What stands behind the door: the pipeline."""

    def answer(self, request: Request) -> Reply:
        """The reply to one request; never raises."""


@dataclass(frozen=True, slots=True)
class Page:
    """Finished bytes of a public page or of a refusal by HTTP's own rules."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = field(default=())


class Web:
    """The WSGI application. `pages` maps paths (with `?wsdl` and `?xsd`) to what is public without a certificate.

    `services` are those there are, with the headers that each has of its own. `peer` finds the verified client
    certificate (DER) of a request; `claims` are the headers (as in the environ)
    that nobody may send who is not its source; `monotonic` is for the duration in the log. `ready` says whether the
    process can serve now, for a balancer.
    """

    def __init__(
        self,
        pipeline: Answering,
        pages: Mapping[str, Page],
        *,
        services: Mapping[tuple[str, int], tuple[tuple[str, str], ...]],
        max_bytes: int,
        peer: Callable[[Environ], bytes | None],
        monotonic: Callable[[], float],
        ready: Callable[[], bool],
        measure: Measure = unmeasured,
        claims: frozenset[str] = CERTIFICATE_HEADERS,
    ) -> None:
        self._pipeline = pipeline
        self._pages = pages
        self._ready = ready
        self._services = services
        self._max_bytes = max_bytes
        self._peer = peer
        self._monotonic = monotonic
        self._claims = claims
        self._measure = measure

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """PEP 3333; the body is one piece, with its Content-Length."""
        began = self._monotonic()
        service = self._named_service(environ)
        reply = self._respond(environ, service)
        if reply.status >= 400:
            _discard(environ["wsgi.input"])
        body = b"" if environ["REQUEST_METHOD"] == "HEAD" else reply.body
        headers = _headers(reply) + list(self._services[service] if service else ())
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", headers)
        application = service[0] if service else None
        return _Delivery(body, lambda whole: self._log(reply, application, began, whole=whole))

    def _respond(self, environ: Environ, service: tuple[str, int] | None) -> Reply | Page:
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        if service is not None and method == "POST":
            try:
                return self._pipeline.answer(self._request(environ, service))
            except MessageRefused as refusal:
                return refused(refusal.http_status)
        asked = path + _document(environ) if service else path
        # Not `get`: a KeyError out of making a page must not look as if there were no such page.
        page = self._pages[asked] if asked in self._pages else None  # noqa: SIM401
        if path == READY:
            page = Page(200, _TEXT, b"ready\n") if self._ready() else Page(503, _TEXT, b"not ready\n")
        if page is None:
            return refused(405, allow="POST") if service else refused(404)
        if method not in ("GET", "HEAD"):
            return refused(405, allow="GET, HEAD")
        return _unchanged(page) if _is_known(page, environ) else page

    def _named_service(self, environ: Environ) -> tuple[str, int] | None:
        match = _SERVICE.fullmatch(environ.get("PATH_INFO", ""))
        service = (match[1], int(match[2])) if match else None
        return service if service in self._services else None

    def _request(self, environ: Environ, service: tuple[str, int]) -> Request:
        if self._claims & environ.keys():
            raise MessageRefused("a header claims to carry the client certificate")
        if environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() != "identity":
            raise MessageRefused("Content-Encoding", http_status=415)
        peer = self._peer(environ)
        return Request(
            application=service[0],
            major=service[1],
            content_type=environ.get("CONTENT_TYPE", ""),
            soap_action=environ.get("HTTP_SOAPACTION"),
            body=read_body(environ, self._max_bytes) if peer else b"",  # a stranger is refused; his body is not read
            peer=peer,
        )

    def _log(self, reply: Reply | Page, application: str | None, began: float, *, whole: bool) -> None:
        took = self._monotonic() - began
        milliseconds = round(took * 1000, 1)
        if isinstance(reply, Reply) and application is not None:
            self._measure(reply, application, took)
        said: dict[str, Any] = {"application": application, "status": reply.status, "milliseconds": milliseconds}
        if isinstance(reply, Reply):
            said |= {"number": reply.number, "operation": reply.operation, "outcome": reply.outcome}
            said |= {"protocol": reply.protocol}
        if whole:
            LOG.info("request", **said)
        else:
            # How much of it arrived cannot be known; the audit entry stands, and the caller will ask again.
            LOG.warning("answer not written", **said)


class _Delivery:
    """A body in one piece that notices whether the server took it: `close` is called either way (PEP 3333)."""

    def __init__(self, body: bytes, closed: Callable[[bool], None]) -> None:
        self._body = body
        self._closed = closed
        self._whole = False

    def __iter__(self) -> Iterator[bytes]:
        yield self._body
        self._whole = True

    def close(self) -> None:
        """The server is done with the body; writes the request's log line."""
        self._closed(self._whole)


def tls_peer(environ: Environ) -> bytes | None:
    """The client certificate (DER) of gunicorn's TLS socket; None without TLS or without a certificate."""
    connection = environ.get("gunicorn.socket")
    return connection.getpeercert(binary_form=True) if isinstance(connection, ssl.SSLSocket) else None


def refused(status: int, *, allow: str | None = None) -> Page:
    """The constant answer to what HTTP itself forbids."""
    headers = (("Allow", allow),) if allow else ()
    return Page(status, "text/plain; charset=utf-8", f"{status} {HTTPStatus(status).phrase}\n".encode(), headers)


def read_body(environ: Environ, most: int) -> bytes:
    """The whole body, never more than `most` bytes of it; MessageRefused with the HTTP status otherwise."""
    stated = environ.get("CONTENT_LENGTH") or None
    if stated is not None and not (stated.isascii() and stated.isdigit() and len(stated) <= 18):
        raise MessageRefused("Content-Length")
    if stated is None and not environ.get("wsgi.input_terminated"):
        raise MessageRefused("Content-Length is missing", http_status=411)
    if stated is not None and int(stated) > most:
        raise MessageRefused("body is too large", http_status=413)
    body = _pieces(environ["wsgi.input"], int(stated) if stated is not None else most + 1)
    if len(body) > most:
        raise MessageRefused("body is too large", http_status=413)
    if not body or (stated is not None and len(body) != int(stated)):
        raise MessageRefused("body is empty or shorter than stated")
    return body


def _pieces(stream: Any, wanted: int) -> bytes:
    body = bytearray()
    try:
        while wanted > len(body) and (piece := stream.read(min(_PIECE, wanted - len(body)))):
            body += piece
    except TimeoutError:
        raise MessageRefused("body did not arrive in time", http_status=408) from None
    return bytes(body)


def _discard(stream: Any) -> None:
    """What is left of a refused body is thrown away, so that the connection can be kept for the next request.

    Only what is here already (TimeoutError otherwise): what is still on its way the server lets run out.
    """
    left = _MOST_DISCARDED
    try:
        while left > 0 and (piece := stream.read(min(_PIECE, left))):
            left -= len(piece)
    except OSError:
        return  # the connection ends with this answer


def _document(environ: Environ) -> str:
    """`?wsdl` or `?xsd` as tools ask for it (`?WSDL`, `?wsdl=`, `?singleWsdl`); anything else is no page."""
    asked = str(environ.get("QUERY_STRING", "")).lower().removesuffix("=")
    return "?" + {"singlewsdl": "wsdl"}.get(asked, asked)


def _is_known(page: Page, environ: Environ) -> bool:
    """Whether the caller holds just this page (RFC 9110, 13.1.2: weak comparison)."""
    tag = dict(page.headers).get("ETag")
    asked = str(environ.get("HTTP_IF_NONE_MATCH", ""))
    return tag is not None and tag in [one.strip().removeprefix("W/") for one in asked.split(",")]


def _unchanged(page: Page) -> Page:
    """Nothing of the page but what it says about itself (RFC 9110, 15.4.5)."""
    return Page(304, page.content_type, b"", page.headers)


def _headers(reply: Reply | Page) -> list[tuple[str, str]]:
    """Those of the house, but where a page has its own of the same name."""
    own = [] if isinstance(reply, Reply) else list(reply.headers)
    replaced = {name for name, _ in own}
    headers = [("Content-Type", reply.content_type), ("Content-Length", str(len(reply.body)))]
    if reply.status == HTTPStatus.NOT_MODIFIED:
        headers = []  # RFC 9110, 8.6: the length would be that of the page
    headers += [(name, value) for name, value in _HEADERS if name not in replaced] + own
    if isinstance(reply, Page):
        return headers
    if reply.retry_after is not None:
        headers.append(("Retry-After", str(reply.retry_after)))
    return headers
