"""The request of an identified caller on its way through the pipeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gateway.agreements.context import Abrufkontext
from gateway.agreements.operation import Operation
from gateway.exchange.identity import Caller
from gateway.exchange.service import Service
from gateway.store.audit_entry import Disclosure
from gateway.wire.soap import MediaType


@dataclass(slots=True)
class Admitted:
    """What is known of the request so far; it exists only once the caller is identified.

    `number` is the correlation number (UUID), `now` the one moment all rules of this request refer to, `digest` the
    SHA-256 of the request's bytes. The rest is filled in step by step and is what the audit entry can say when a
    later step fails; `stand` is read before the data are, so it never claims fresher data than were read. `once` is
    the replay key of a signed request, spent together with the audit entry. `validation` is how many seconds the check
    of the answer took.
    """

    number: str
    now: datetime
    digest: bytes
    service: Service
    media: MediaType
    caller: Caller
    stand: datetime | None = None
    operation: Operation | None = None
    context: Abrufkontext | None = None
    once: bytes | None = None
    validation: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What will stand in the Body: canonical `payload` bytes, its HTTP status, "ok" or an error code, who is in it."""

    payload: bytes
    status: int
    code: str
    persons: tuple[Disclosure, ...] = field(default=())
    retry_after: int | None = None
