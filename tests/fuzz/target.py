"""What is fuzzed, and what must hold for any bytes at all."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from gateway.errors import CallerError
from gateway.wire import certificates
from gateway.wire.soap import media_type as read_media_type
from gateway.wire.soap import open_envelope
from gateway.wire.verify import verify_request
from gateway.wire.xml import canonical, parse

CORPUS = Path(__file__).parent / "corpus"
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
"""The moment at which the signed messages of the corpus were signed."""
TYPES = (
    ("text/xml; charset=utf-8", None),
    ("text/xml", '""'),
    ("application/soap+xml; charset=utf-8", None),
    ("text/xml; charset=utf-16", None),
)
PAYLOAD = (
    b'<personAbrufen xmlns="urn:de:koeln:fldm:wohnung2000:1"><personenkennung>c0ffee</personenkennung></personAbrufen>'
)
"""What every soundly signed message of the corpus asks; a proof of anything else would be a forgery."""


def pins() -> frozenset[str]:
    """The certificates whose signatures count: those of the fixtures' clients."""
    folder = Path(__file__).parents[2] / "fixtures" / "certificates"
    return frozenset(
        certificates.fingerprint_of(certificates.load(folder / name)) for name in ("client.pem", "client-ec.pem")
    )


def attempt(data: bytes, pinned: frozenset[str]) -> bool:
    """True if a signature was proved; AssertionError if it covers anything that its owner never signed.

    The first byte chooses the media type. Only errors of the caller may come out of reading: any other exception
    passes through, and is a finding.
    """
    content_type, action = TYPES[data[0] % len(TYPES)] if data else TYPES[0]
    proved = False
    for profile in ("umschlag", "wsse"):
        try:
            media = read_media_type(content_type, action)
            envelope = open_envelope(
                parse(data[1:], charset=media.charset), media, understood=frozenset({WSSE, DSIG, CONTEXT})
            )
            verify_request(envelope, pinned, profile=profile, now=NOW)  # type: ignore[arg-type]  # both are profiles
        except CallerError:
            continue
        if canonical(envelope.payload) != PAYLOAD:
            raise AssertionError("a signature was proved over something that nobody signed")
        proved = True
    return proved


WSSE = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}Security"
DSIG = "{http://www.w3.org/2000/09/xmldsig#}Signature"
CONTEXT = "{urn:de:koeln:fldm:wohnung2000:1}abrufkontext"
