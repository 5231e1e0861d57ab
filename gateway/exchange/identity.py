"""Who calls: the TLS client certificate, pinned by fingerprint and valid now.

That it chains to the configured CA was decided in the TLS handshake; here it is compared with the pins, closed by
default. No request header ever says who calls: behind a proxy that ends TLS nobody is identified.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.wire import certificates


@dataclass(frozen=True, slots=True)
class Caller:
    """An identified caller: the fingerprint "sha256:<64 hex>" of the certificate."""

    fingerprint: str


def identify(peer: bytes | None, pins: frozenset[str], *, now: datetime) -> Caller:
    """The caller behind the verified certificate `peer` (DER); CallerUnknown unless it is pinned and valid `now`."""
    return Caller(certificates.check_client(peer, now=now, pins=pins))
