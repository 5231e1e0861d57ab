"""The chain of a certificate up to a configured authority, verified as TLS does it; for those whom a proxy lets in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from gateway.errors import CallerUnknown
from gateway.wire import certificates

Authority = x509.Certificate
"""A certificate of the file `client_ca`."""

_MOST_STEPS = 8


def verify(der: bytes, authorities: Sequence[Authority], *, now: datetime) -> None:
    """The certificate leads over `authorities` alone to one of them that is self-signed; CallerUnknown otherwise.

    Each step: issued by the next one's key, strong enough, valid `now`, allowed to issue, and no more authorities
    below than pathLenConstraint says (RFC 5280, 6.1). Name constraints are not looked at: callers are pinned one by
    one.
    """
    path = _path(der, tuple(authorities))
    for certificate, weakness in path.certificates:
        if weakness:
            raise CallerUnknown(f"the client certificate or one above it: {weakness}", code="zertifikat-ungeeignet")
        if not certificates.holds(certificate, now=now):
            raise CallerUnknown("the client certificate or one above it is expired", code="zertifikat-abgelaufen")
    if path.broken:
        raise CallerUnknown(path.broken)


@dataclass(frozen=True, slots=True)
class _Path:
    """The certificates from the client's upwards, each with its weakness; `broken` says why it leads to no root."""

    certificates: tuple[tuple[x509.Certificate, str | None], ...]
    broken: str | None


@lru_cache(maxsize=256)
def _path(der: bytes, authorities: tuple[Authority, ...]) -> _Path:
    """What the bytes of the certificates say, whatever time it is; the signatures are verified once."""
    certificate, found = certificates.read(der), []
    for below in range(_MOST_STEPS):
        weakness = certificates.weakness(certificate)
        found.append((certificate, weakness))
        if weakness:
            return _Path(tuple(found), None)
        issuer = next((one for one in authorities if _issued(certificate, one, below)), None)
        if issuer is None:
            return _Path(tuple(found), "the client certificate is of no configured authority")
        if issuer == certificate:
            return _Path(tuple(found), None)
        certificate = issuer
    return _Path(tuple(found), "the chain of the client certificate is too long")


def _issued(certificate: x509.Certificate, issuer: Authority, below: int) -> bool:
    """Whether `issuer` has issued it; `below` authorities would then stand between the issuer and the end."""
    if not certificates.may_issue(issuer):
        return False
    most = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    itself = issuer == certificate
    if most is not None and below - itself > most:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
