"""Answers that go wrong because the vendor has ordered them: so he can try how his application takes it.

Each is what the real gateway would answer in such a case, made by its own pipeline: a declared fault is audited and
signed, an unsigned answer is what is sent when the audit trail is down.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, Final
from uuid import uuid4

from gateway.agreements.agreement import Agreement
from gateway.app import App
from gateway.errors import AuditError, LimitExceeded, NotFound, StoreError
from gateway.exchange.http import Answering
from gateway.exchange.limits import Budgets
from gateway.exchange.message import Reply, Request
from gateway.exchange.pipeline import Pipeline
from gateway.exchange.service import Service
from gateway.settings import SigningSettings
from gateway.store.audit import AuditTrail, Receipt
from gateway.store.persons import Store
from gateway.wire.seal import Method, SigningKey
from gateway.wire.xml import Limits

MOST = 100
"""So many answers can be ordered at once."""
MOST_SLOW = 2
"""So many answers of one process are slow at a time: each holds a thread, and the others' calls need some."""
_SLOW_SECONDS = 20.0
_RETRY_SECONDS = 30
_PROXY = b"<html><body><h1>503 Service Unavailable</h1></body></html>\n"
_END, _SPOILT_END = b"</soap:Body>", b"\n</soap:Body>"


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to go wrong, told to the vendor."""

    name: str
    german: str
    english: str


KINDS: Final = (
    Kind("ausfall", "HTTP 503 mit HTML, wie von einem Proxy in der Wartung", "HTTP 503 with HTML, as of a proxy"),
    Kind("langsam", "Die Antwort kommt nach 20 Sekunden", "the answer takes 20 seconds"),
    Kind("grenze", "Fehler grenze-erreicht mit Wartezeit", "fault grenze-erreicht with seconds to wait"),
    Kind("abgelaufen", "Fehler vereinbarung-nicht-in-kraft", "fault vereinbarung-nicht-in-kraft"),
    Kind("hausfehler", "Fehler interner-fehler, signiert", "fault interner-fehler, signed"),
    Kind("unsigniert", "HTTP 500 ohne Signatur und Detail", "HTTP 500 without signature and detail"),
    Kind("schluesselwechsel", "Antwort, mit dem nächsten Schlüssel signiert", "answer signed with the next key"),
    Kind("verfaelscht", "Antwort, deren Signatur nicht stimmt", "answer whose signature does not hold"),
)


def kind(name: str) -> Kind:
    """The kind of that name; NotFound if there is none."""
    found = next((one for one in KINDS if one.name == name), None)
    if found is None:
        raise NotFound(f"no such kind; there are: {', '.join(one.name for one in KINDS)}")
    return found


class Orders:
    """What was ordered for the next answers to each application, in a file that all processes share."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS ordered (owner TEXT PRIMARY KEY, kind TEXT, remaining INTEGER)"
            )

    def place(self, owner: str, wanted: Kind | None, times: int = 1) -> None:
        """The next `times` answers to the owner go wrong in this way; None: no more of them."""
        with self._open() as database:
            database.execute("DELETE FROM ordered WHERE owner = ?", (owner,))
            if wanted is not None:
                remaining = max(1, min(times, MOST))
                database.execute("INSERT INTO ordered VALUES (?, ?, ?)", (owner, wanted.name, remaining))

    def standing(self, owner: str) -> tuple[str, int] | None:
        """The kind, and how many answers are still to go wrong; None if none is."""
        with self._open() as database:
            row = database.execute("SELECT kind, remaining FROM ordered WHERE owner = ? AND remaining > 0", (owner,))
            found: tuple[str, int] | None = row.fetchone()
            return found

    def take(self, owner: str) -> str | None:
        """The kind for this answer, which counts; None if it is to be right."""
        if self.standing(owner) is None:
            return None
        taken = "UPDATE ordered SET remaining = remaining - 1 WHERE owner = ? AND remaining > 0 RETURNING kind"
        with self._open() as database:
            row = database.execute(taken, (owner,)).fetchone()
        return None if row is None else str(row[0])

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=5.0)) as database, database:
            yield database


class Mischief:
    """The ways to go wrong, ready to answer; safe for several threads."""

    def __init__(self, app: App, pause: Callable[[float], None] = time.sleep) -> None:
        self._right, self._pause, self._slow = app.pipeline, pause, BoundedSemaphore(MOST_SLOW)
        self._wrong: Mapping[str, Answering] = {
            "grenze": _pipeline(app, budgets=_UsedUp()),
            "abgelaufen": _pipeline(app, services=_changed(app, _ended)),
            "hausfehler": _pipeline(app, store=_Away()),
            "unsigniert": _pipeline(app, audit=_Down()),
            "schluesselwechsel": _pipeline(app, services=_changed(app, _next_key(app.rules.settings.signing))),
        }

    def answer(self, request: Request, name: str) -> Reply:
        """The reply to the request, gone wrong in this way."""
        if name == "ausfall":
            return Reply(503, "text/html; charset=utf-8", _PROXY, name, str(uuid4()), retry_after=_RETRY_SECONDS)
        if name == "langsam" and self._slow.acquire(blocking=False):
            try:
                self._pause(_SLOW_SECONDS)
            finally:
                self._slow.release()
        reply = self._wrong.get(name, self._right).answer(request)
        return replace(reply, body=reply.body.replace(_END, _SPOILT_END)) if name == "verfaelscht" else reply


class _UsedUp(Budgets):
    def __init__(self) -> None:
        """Nothing is counted."""

    @contextmanager
    def admitted(self, agreement: Agreement, *, now: datetime) -> Iterator[None]:
        del agreement, now
        raise LimitExceeded("ordered by the vendor", retry_after=_RETRY_SECONDS)
        yield


class _Away(Store):
    def __init__(self) -> None:
        """There is no database."""

    def freshness(self) -> datetime | None:
        raise StoreError("ordered by the vendor")


class _Down(AuditTrail):
    def __init__(self) -> None:
        """There is no audit trail."""

    def record(self, *_: Any, **__: Any) -> Receipt:
        raise AuditError("ordered by the vendor")


def _pipeline(
    app: App,
    *,
    services: Mapping[tuple[str, int], Service] | None = None,
    store: Store | None = None,
    audit: AuditTrail | None = None,
    budgets: Budgets | None = None,
) -> Pipeline:
    """The pipeline of the house with another part."""
    return Pipeline(
        services or app.pipeline.services,
        city=app.rules.city,
        store=store or app.store,
        audit=audit or app.audit,
        budgets=budgets or app.budgets,
        limits=Limits(max_bytes=app.rules.settings.server.max_request_bytes),
        clock=app.rules.clock,
        randomness=app.rules.randomness,
    )


def _changed(app: App, change: Callable[[Service], Service]) -> dict[tuple[str, int], Service]:
    today = app.rules.city.today(app.rules.clock())
    return {key: change(one.on(today)) for key, one in app.pipeline.services.items()}


def _ended(service: Service) -> Service:
    day = service.agreement.valid_from - timedelta(days=1)
    return replace(service, agreement=replace(service.agreement, valid_from=day, valid_to=day), earlier=None)


def _next_key(signing: Mapping[Method, SigningSettings]) -> Callable[[Service], Service]:
    keys = {
        method: SigningKey.load(pair.next_certificate.with_suffix(".key"), pair.next_certificate, method)
        for method, pair in signing.items()
        if pair.next_certificate is not None
    }
    return lambda service: replace(service, key=keys.get(service.agreement.signature_method, service.key))
