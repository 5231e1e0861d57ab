"""What comes in and what goes out, free of any web server: Request and Reply."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """One POST as it was read: path, the three headers that matter, the whole body, the TLS peer.

    `peer` is the client certificate (DER) that the TLS layer has verified against the configured CA; None: none.
    """

    application: str
    major: int
    content_type: str
    soap_action: str | None
    body: bytes
    peer: bytes | None


@dataclass(frozen=True, slots=True)
class Reply:
    """The finished bytes, and what the request's log line says of them (never a value of a person).

    `outcome` is "ok" or an error code; `number` the correlation number; `protocol` the number of the audit entry,
    None where nothing was audited; `persons` how many are told of; `signature` and `validation`
    are seconds, None where nothing was signed or no answer was checked.
    """

    status: int
    content_type: str
    body: bytes
    outcome: str
    number: str
    operation: str | None = None
    protocol: str | None = None
    retry_after: int | None = None
    persons: int = 0
    signature: float | None = None
    validation: float | None = None
