"""Asks the simulated OK.VISA in its own process, without sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from itertools import islice
from typing import Any

from lxml import etree

from gateway.shipped import schemas
from gateway.simulator.population import Population
from gateway.simulator.record import NAMESPACE, Satz, Shape, read_shape, render
from gateway.simulator.server import Simulator

NOW = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
XSD = schemas() / "okvisa" / "okvisa-1.xsd"


@cache
def shape() -> Shape:
    """The order of the contract."""
    return read_shape(XSD)


@cache
def schema() -> etree.XMLSchema:
    """The contract, compiled."""
    return etree.XMLSchema(etree.parse(XSD))


def parsed(satz: Satz) -> etree._Element:
    """The record as a reader sees it."""
    return etree.fromstring(render(satz, shape()).encode())


def simulator(persons: int = 260, *faults: str, pause: Callable[[float], None] | None = None) -> Simulator:
    """A simulated OK.VISA whose clock stands still."""
    return Simulator(Population(1, persons), faults, clock=lambda: NOW, pause=pause or (lambda _seconds: None))


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def payload(self) -> etree._Element:
        """The one child of the SOAP Body."""
        return etree.fromstring(self.body)[0][0]

    def text(self, name: str) -> str | None:
        return self.payload.findtext(f"{{{NAMESPACE}}}{name}")

    @property
    def records(self) -> list[etree._Element]:
        return self.payload.findall(f"{{{NAMESPACE}}}datensatz")

    @property
    def numbers(self) -> list[str]:
        return [record.findtext(f"{{{NAMESPACE}}}personennummer") or "" for record in self.records]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def http(app: Simulator, method: str, path: str, body: bytes = b"", *, pieces: int = 1000, **more: Any) -> Reply:
    """One request; at most `pieces` pieces of the answer are read."""
    path, _, query = path.partition("?")
    seen: list[Any] = []
    environ = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "text/xml; charset=utf-8", "wsgi.input": BytesIO(body),
    }  # fmt: skip
    answer: Iterable[bytes] = app(environ | more, lambda status, headers: seen.extend((status, headers)))
    received = b"".join(islice(answer, pieces))
    return Reply(int(seen[0][:3]), dict(seen[1]), received)


def soap(app: Simulator, payload: str, **more: Any) -> Reply:
    """A SOAP 1.1 call with this payload, whose elements are in the namespace of the contract."""
    envelope = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f"{payload.replace('>', f' xmlns={NAMESPACE!r}>', 1)}</s:Body></s:Envelope>"
    )
    return http(app, "POST", "/okvisa", envelope.encode(), **more)


def page(
    app: Simulator, after: int = 0, token: str | None = None, *, limit: int = 50, full: bool = False, **more: Any
) -> Reply:
    """One call of datensaetzeLesen."""
    mark = f"<seitenmarke>{token}</seitenmarke>" if token else ""
    whole = "<vollabzug>J</vollabzug>" if full else ""
    inner = f"<abAenderungsnummer>{after}</abAenderungsnummer>{mark}<anzahl>{limit}</anzahl>{whole}"
    return soap(app, f"<datensaetzeLesen>{inner}</datensaetzeLesen>", **more)


def pages(app: Simulator, after: int = 0, *, limit: int = 50, full: bool = False) -> Iterator[Reply]:
    """All pages of a load, one after the other."""
    token: str | None = None
    while True:
        reply = page(app, after, token, limit=limit, full=full)
        yield reply
        token = reply.text("seitenmarke")
        if reply.text("weitere") == "N":
            return
