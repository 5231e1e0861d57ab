"""wsu:Timestamp of a request: when it was made, and until when it may be answered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from lxml import etree

from gateway.wire.names import wsu
from gateway.wire.signature import closed, refused

WINDOW = timedelta(seconds=300)
"""How far Created may lie before or after our clock."""

_INSTANT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?Z")


@dataclass(frozen=True, slots=True)
class Timestamp:
    """Both ends of a wsu:Timestamp, in UTC."""

    created: datetime
    expires: datetime


def read_timestamp(element: etree._Element) -> Timestamp:
    """Created and then Expires, both in UTC (WS-Security 1.1, 10); SignatureRefused for any other form."""
    created, expires = closed(element, wsu("Created"), wsu("Expires"), attributes={wsu("Id")}, ids=True)
    return Timestamp(_instant(created), _instant(expires))


def check_window(timestamp: Timestamp, *, now: datetime) -> None:
    """Nothing, if Created is within 300 s of `now` and Expires lies after both; else SignatureRefused."""
    if abs(now - timestamp.created) > WINDOW:
        raise refused("signatur-zeit", "Created is more than 300 seconds away")
    if timestamp.expires <= max(now, timestamp.created):
        raise refused("signatur-zeit", "the request has expired")


def _instant(element: etree._Element) -> datetime:
    closed_text = (element.text or "").strip(" \t\r\n")
    match = _INSTANT.fullmatch(closed_text)
    if match is None or len(element) or element.attrib:
        raise refused("signatur-zeit", "an instant of the Timestamp is not xs:dateTime in UTC")
    try:
        return datetime.fromisoformat(f"{match[1]}{(match[2] or '.0')[:7]:0<7}+00:00")
    except ValueError:
        raise refused("signatur-zeit", "an instant of the Timestamp does not exist") from None
