"""Puts down what vendors send and get. It exists in the sandbox alone: nothing of production imports this file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog

from gateway.errors import MessageRefused
from gateway.exchange.http import Answering, Environ
from gateway.exchange.message import Reply, Request
from gateway.exchange.service import Service
from gateway.sandbox.messages import Message, Messages
from gateway.wire import certificates

LOG = structlog.stdlib.get_logger("gateway.sandbox")

Services = Mapping[tuple[str, int], Service]


class Orders(Protocol):
    """What applications have ordered; see `gateway.sandbox.mischief.Orders`."""

    def take(self, owner: str) -> str | None: ...


class Wrong(Protocol):
    """What answers wrongly; see `gateway.sandbox.mischief.Mischief`."""

    def answer(self, request: Request, name: str) -> Reply: ...


@dataclass(frozen=True)
class Owners:
    """Whose certificate is whose, by the pins of the services."""

    services: Services

    def of(self, peer: bytes | None) -> str | None:
        """The application that has pinned this certificate (DER); None if none has."""
        if peer is None:
            return None
        fingerprint = certificates.fingerprint(peer)
        return next((name for (name, _), one in self.services.items() if fingerprint in one.pins), None)

    def knows(self, application: str) -> bool:
        """Whether there is such an application."""
        return any(name == application for name, _ in self.services)


@dataclass(frozen=True)
class Recording:
    """A pipeline around the pipeline: the same replies, and each call is put down for its owner to see."""

    pipeline: Answering
    owners: Owners
    messages: Messages
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    orders: Orders
    mischief: Wrong

    def answer(self, request: Request) -> Reply:
        """The pipeline's reply, or the one that the caller himself has ordered."""
        at, began = self.clock(), self.monotonic()
        caller = self.owners.of(request.peer)
        ordered = _taken(self.orders, caller) if caller is not None and caller == request.application else None
        reply = self.mischief.answer(request, ordered) if ordered else self.pipeline.answer(request)
        message = Message(
            owner=caller or request.application,
            at=at,
            path=f"/soap/{request.application}/{request.major}",
            status=reply.status,
            outcome=reply.outcome,
            milliseconds=round((self.monotonic() - began) * 1000, 1),
            peer="" if request.peer is None else certificates.fingerprint(request.peer),
            content_type=request.content_type,
            soap_action=request.soap_action or "",
            operation=reply.operation or "",
            vorgangsnummer=reply.number,
            protokollnummer=reply.protocol or "",
            ordered=ordered or "",
            request=request.body if caller == request.application else b"",
            answer=reply.body,
        )
        _keep(self.messages, message)
        return reply


@dataclass(frozen=True)
class Refusals:
    """Around the door: what HTTP's own rules refuse is put down, too, for it never reaches a pipeline."""

    door: Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
    owners: Owners
    messages: Messages
    peer: Callable[[Environ], bytes | None]
    clock: Callable[[], datetime]

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The door's answer."""
        told: list[tuple[str, str]] = []

        def noting(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            told.append((status, dict(headers).get("Content-Type", "")))
            return start_response(status, headers, *rest)

        answer = self.door(environ, noting)
        status, media = told[-1]
        if environ["REQUEST_METHOD"] == "POST" and media.startswith("text/plain"):
            self._keep(environ, int(status[:3]))
        return answer

    def _keep(self, environ: Environ, status: int) -> None:
        path = environ.get("PATH_INFO", "")
        peer = _peer(self.peer, environ)
        called = path.split("/")[2] if path.startswith("/soap/") else ""
        owner = self.owners.of(peer) or (called if self.owners.knows(called) else None)
        if owner is not None:
            message = Message(
                owner=owner,
                at=self.clock(),
                path=path[:200],
                status=status,
                outcome="zu-gross" if status == 413 else "nachricht-abgewiesen",
                milliseconds=0.0,
                peer="" if peer is None else certificates.fingerprint(peer),
                content_type=environ.get("CONTENT_TYPE", ""),
                soap_action=environ.get("HTTP_SOAPACTION", ""),
            )
            _keep(self.messages, message)


def _peer(find: Callable[[Environ], bytes | None], environ: Environ) -> bytes | None:
    try:
        return find(environ)
    except MessageRefused:
        return None


def _taken(orders: Orders, owner: str) -> str | None:
    try:
        return orders.take(owner)
    except sqlite3.Error as error:
        LOG.warning("orders cannot be read", error=type(error).__name__)
        return None


def _keep(messages: Messages, message: Message) -> None:
    try:
        messages.keep(message)
    except sqlite3.Error as error:
        # The answer stands on the audit trail and is on its way; that it cannot be looked at later stops nothing.
        LOG.warning("message not recorded", error=type(error).__name__)
