"""A tiny OK.VISA that follows its contract, and whose single answers a test can spoil."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from lxml import etree

from gateway import shipped
from gateway.sources.endpoint import Endpoint
from gateway.sources.okvisa import OkVisa, contract
from gateway.store.batch import Batch, Ingested, Position
from gateway.store.tenure import Tenure

from .fakes import XML, InProcess, settings

NS = "urn:okvisa:webservice:1"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


def record(person: str = "P1", number: int = 1, inner: str = "", *, kind: str = "N", names: str | None = None) -> str:
    """A small sound record; `inner` comes after the personal particulars."""
    head = f"<personennummer>{person}</personennummer><aenderungsnummer>{number}</aenderungsnummer>"
    head += f"<geaendertAm>2026-03-01T10:00:00+01:00</geaendertAm><satzart>{kind}</satzart>"
    if names is None:
        names = "<famName>Ahmadzai</famName><vorname>Karim</vorname><gebDat>05.04.1990</gebDat>"
        names += "<geschl>1</geschl><staatsang>423</staatsang>"
    body = "" if kind in "LZ" else f"<personalien>{names}</personalien>"
    return f'<datensatz xmlns="{NS}">{head}{body}{inner}</datensatz>'


def element(xml: str) -> etree._Element:
    return etree.fromstring(xml)


def envelope(payload: str) -> bytes:
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{payload}</s:Body></s:Envelope>'.encode()


def fault(code: str, text: str = "") -> tuple[int, dict[str, str], bytes]:
    body = f"<s:Fault><faultcode>s:{code}</faultcode><faultstring>{text}</faultstring></s:Fault>"
    return 500, XML, envelope(body)


@dataclass
class FakeOkVisa:
    """Holds (person, number, xml), newest per person; `spoil(call, payload)` may replace an answer's payload."""

    records: list[tuple[str, int, str]] = field(default_factory=list)
    page_size: int = 2
    spoil: Callable[[int, str], Any] = lambda _call, payload: payload
    last: int | None = None
    interface: str = "1.0"
    calls: int = 0
    asked: list[dict[str, str]] = field(default_factory=list)

    def put(self, person: str, number: int, xml: str | None = None) -> None:
        self.records = [one for one in self.records if one[0] != person]
        self.records.append((person, number, xml or record(person, number)))

    def source(self, **changes: Any) -> OkVisa:
        endpoint = Endpoint(
            shipped.wsdl() / "okvisa-1.wsdl",
            settings(**changes),
            folders=(shipped.wsdl(), shipped.schemas() / "okvisa"),
            adapter=InProcess(self.answer),
            sleep=lambda _seconds: None,
            randomness=bytes,
            attempts=2,
        )
        return OkVisa(endpoint, page_size=self.page_size, schema=contract())

    def answer(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], Any]:
        self.calls += 1
        body = etree.fromstring(request.body)[0][0]
        asked = {etree.QName(child).localname: child.text or "" for child in body} | {"op": etree.QName(body).localname}
        self.asked.append(asked)
        payload = self.spoil(self.calls, self._state() if asked["op"] == "aenderungsstand" else self._page(asked))
        return payload if isinstance(payload, tuple) else (200, XML, envelope(payload))

    def _number(self) -> int:
        return self.last if self.last is not None else max([number for _, number, _ in self.records], default=0)

    def _state(self) -> str:
        moment = "2026-03-02T12:00:00+01:00"
        return (
            f'<aenderungsstandResponse xmlns="{NS}"><letzteAenderungsnummer>{self._number()}</letzteAenderungsnummer>'
            f"<letzteAenderungAm>{moment}</letzteAenderungAm><zeitpunkt>{moment}</zeitpunkt>"
            f"<schnittstelle>{self.interface}</schnittstelle></aenderungsstandResponse>"
        )

    def _page(self, asked: dict[str, str]) -> str:
        full = asked.get("vollabzug") == "J"
        after = int(asked["abAenderungsnummer"])
        due = [one for one in self.records if full or one[1] > after]
        due.sort(key=lambda one: one[0] if full else one[1])
        start, size = int(asked.get("seitenmarke", "m0")[1:]), int(asked["anzahl"])
        more = len(due) > start + size
        token = f"<seitenmarke>m{start + size}</seitenmarke>" if more else ""
        return (
            f'<datensaetzeLesenResponse xmlns="{NS}">{token}'
            f"<letzteAenderungsnummer>{self._number()}</letzteAenderungsnummer>"
            f"<abzugsZeitpunkt>2026-03-02T12:00:0{min(self.calls, 9)}+01:00</abzugsZeitpunkt>"
            f"<weitere>{'J' if more else 'N'}</weitere>"
            + "".join(one[2] for one in due[start : start + size])
            + "</datensaetzeLesenResponse>"
        )


class FakeWaiting:
    """Nothing waits; remembers what it was told to forget."""

    def __init__(self) -> None:
        self.forgotten: list[Any] = []

    def due(self, _source, _basis, _limit):
        return []

    def forget_vanished(self, _tenure, _source, before):
        self.forgotten.append(before)


class FakeStore:
    """Keeps the newest version per person, as the store does, and everything it was told."""

    def __init__(self) -> None:
        self.people: dict[str, Any] = {}
        self.numbers: dict[str, int] = {}
        self.quarantine: list[Any] = []
        self.at: Position | None = None
        self.finished: list[tuple[str, Any, Any]] = []
        self.reprojected: list[Any] = []
        self.batches: list[Batch] = []
        self.locked = 0
        self.kept: list[Any] = []
        self.waiting = FakeWaiting()

    @contextmanager
    def poll_lock(self):
        self.locked += 1
        yield Tenure(self.locked, "")

    def position(self, _source):
        return self.at

    def turn(self, _source):
        return self.kept[-1] if self.kept else None

    def keep_turn(self, _tenure, _source, turn):
        self.kept.append(turn)

    def forget_numbers(self, _tenure, _source, at):
        self.numbers = dict.fromkeys(self.numbers, 0)
        self.at = Position(at, None, full_load=True)
        return self.at

    def knows(self, _source, records):
        stale = [number is not None and number <= self.numbers.get(person, -1) for person, number in records]
        return frozenset(place for place, found in enumerate(stale) if found)

    def ingest(self, _tenure, batch, _agreements, *, now, stichtag):
        self.batches.append(batch)
        counts = Ingested(quarantined=len(batch.quarantined))
        for change in batch.changes:
            if change.aenderungsnummer <= self.numbers.get(change.personennummer, -1):
                counts.stale += 1
                continue
            counts.stored += 1
            self.numbers[change.personennummer] = change.aenderungsnummer
            self.people[change.personennummer] = change
        self.quarantine += batch.quarantined
        self.at = batch.position or self.at
        return counts

    def reproject(self, _tenure, agreements, *, now, stichtag, progress):
        self.reprojected.append(stichtag)

    def finish_poll(self, _tenure, source, stand, now):
        self.finished.append((source, stand, now))
