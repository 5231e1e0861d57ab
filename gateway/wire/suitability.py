"""Whether a certificate would be accepted for a use: everything that speaks against it, before it is installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import Enum

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.errors import CallerUnknown
from gateway.wire import certificates


class Use(Enum):
    """What a certificate is for."""

    SERVER = "server"
    CLIENT = "client"
    SIGNING = "signing"
    AUTHORITY = "authority"


def unsuitable(
    chain: Sequence[x509.Certificate],
    use: Use,
    *,
    now: datetime,
    host: str | None = None,
    authorities: Sequence[x509.Certificate] = (),
) -> Iterator[str]:
    """Each reason why the first certificate of `chain` would be refused for `use`; nothing: it would be accepted.

    `host` is the name or address that a server's certificate must carry (RFC 6125, 6.4); `authorities` are those that
    a client's must be issued by. Of a server's and a client's chain every certificate must be strong.
    """
    certificate = chain[0]
    if not certificates.holds(certificate, now=now):
        yield "it is expired" if certificate.not_valid_after_utc < now else "it is not yet valid"
    for number, one in enumerate(chain, 1):
        if weak := certificates.weakness(one):
            yield weak if number == 1 else f"certificate {number} of its chain: {weak}"
    yield from _OF[use](certificate)
    if use is Use.SERVER and host is not None and host not in names(certificate):
        yield f"it is not for {host}: its names are {', '.join(names(certificate)) or 'none'}"
    if use is Use.CLIENT and authorities and not any(certificates.is_issued_by(certificate, a) for a in authorities):
        yield "it is issued by none of the authorities in server.client_ca"


def names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The DNS names and addresses that it is for (subjectAltName; the common name counts no more)."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return ()
    addresses = (str(address) for address in found.get_values_for_type(x509.IPAddress))
    return (*found.get_values_for_type(x509.DNSName), *addresses)


def _server(certificate: x509.Certificate) -> Iterator[str]:
    if not certificates.may_serve(certificate):
        yield "its keyUsage or extendedKeyUsage does not allow it to serve TLS"


def _client(certificate: x509.Certificate) -> Iterator[str]:
    moment = certificate.not_valid_before_utc  # validity was looked at above
    if certificates.weakness(certificate):
        return
    try:
        certificates.check_client(certificate.public_bytes(Encoding.DER), now=moment)
    except CallerUnknown as error:
        yield str(error)


def _signing(certificate: x509.Certificate) -> Iterator[str]:
    if certificates.public_key(certificate) is None:
        yield "a signature needs RSA from 3,072 bit or EC P-256"
    if not certificates.may_sign(certificate):
        yield "its keyUsage does not allow digital signatures"


def _authority(certificate: x509.Certificate) -> Iterator[str]:
    if not certificates.may_issue(certificate):
        yield "it is no certificate authority's"


_OF = {Use.SERVER: _server, Use.CLIENT: _client, Use.SIGNING: _signing, Use.AUTHORITY: _authority}
