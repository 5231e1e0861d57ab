"""How a service whose contract major has a successor says so: in HTTP headers, and in the fault after its last day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from email.utils import format_datetime

from gateway.agreements.city import City
from gateway.agreements.versions import Succession
from gateway.contract.wsdl import path
from gateway.errors import NotAgreed
from gateway.model.days import next_day


@dataclass(frozen=True, slots=True)
class Superseded:
    """`headers` go with every answer of the old major, refusals and WSDL included; `until` is its last day.

    `Deprecation` (RFC 9745) names the first moment of the successor, `Sunset` (RFC 8594) the moment after the last
    day, `Link` the successor's WSDL (RFC 5829).
    """

    until: date
    address: str
    major: int
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, succession: Succession | None, public_url: str, city: City) -> Superseded | None:
        """None where nothing succeeds."""
        if succession is None:
            return None
        address = public_url.rstrip("/") + path(succession.application, succession.major)
        deprecated, sunset = (
            _midnight(succession.since, city),
            _midnight(next_day(succession.until) or succession.until, city),
        )
        headers = (
            ("Deprecation", f"@{int(deprecated.timestamp())}"),
            ("Sunset", format_datetime(sunset, usegmt=True)),
            ("Link", f'<{address}?wsdl>; rel="successor-version"'),
        )
        return cls(succession.until, address, succession.major, headers)

    def refuse_after_the_end(self, today: date) -> None:
        """NotAgreed with the successor's address once the last day is over."""
        if today > self.until:
            told = f"Nachfolger: Hauptversion {self.major}, {self.address} (WSDL: {self.address}?wsdl)"
            raise NotAgreed("this major has been superseded", code="hauptversion-abgeloest", findings=[told])


def _midnight(day: date, city: City) -> datetime:
    return datetime.combine(day, time.min, city.timezone).astimezone(UTC)
