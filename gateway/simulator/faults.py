"""How the simulated case system misbehaves: a closed list of faults, each always, for a share or for some calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final, TypeAlias

from gateway.simulator.chance import chance
from gateway.simulator.record import Satz, Schreibung, changed

FAULTS: Final[Mapping[str, str]] = {
    "timeout": "takes the request and does not answer for ten minutes",
    "slow": "sends the answer in twenty pieces, half a second apart",
    "http500": "HTTP 500 with a page for people",
    "soapfault": "a SOAP fault (Server, OV-0201 maintenance)",
    "truncated": "announces the whole answer and sends half of it",
    "endless": "begins a page and never ends it",
    "not-xml": "HTTP 200, text/xml, and HTML in it",
    "reset": "resets the connection in the middle of the answer",
    "huge": "one text of 80 million characters",
    "dtd": "a document type with an entity in front of the answer",
    "old-schema": "everything in the namespace of an older interface",
    "invalid-shell": "a page whose shell breaks the contract",
    "invalid-record": "one record of the page breaks the contract",
    "unknown-code": "one record of the page has a title that no list knows",
    "wrong-person": "one record of the page carries its neighbour's person number",
    "duplicate": "one record of the page comes twice",
    "out-of-order": "the records of the page stand in reverse order",
    "repeat-page": "the page token leads to the same page again",
    "lost-record": "one record of the page is missing, silently",
    "early-end": "the page says that it is the last, silently",
    "wrong-count": "the count of the stock is that of another one",
}
"""Every fault by its name. From `invalid-shell` on they befall pages only, `wrong-count` counts, others every call."""

COUNT: Final = "wrong-count"
ON_PAGES: Final = frozenset(list(FAULTS)[list(FAULTS).index("invalid-shell") :]) - {COUNT}
NONE: Final = "keine"
_SPEC: Final = re.compile(
    r"(?P<name>[a-z0-9-]+)(:(?P<often>[1-9][0-9]*|0?\.[0-9]+))?(\+(?P<skip>[0-9]+))?(@(?P<operation>[A-Za-z]+))?"
)
_OPERATIONS: Final = ("datensaetzeLesen", "bestandszaehlung", "aenderungsstand")


@dataclass(frozen=True, slots=True)
class Stoerung:
    """A fault that is switched on: `count` calls (None: no end), each with chance `share`, after `skip` calls."""

    name: str
    count: int | None
    share: float
    skip: int
    operation: str | None


def parse_fault(spec: str) -> Stoerung:
    """`name`, `name:3` (three calls), `name:0.2` (a fifth of all calls), then `+2` (not the first two), `@operation`.

    `truncated:1+2@datensaetzeLesen` truncates the third page only. ValueError for anything else.
    """
    found = _SPEC.fullmatch(spec)
    if found is None or found["name"] not in FAULTS:
        raise ValueError(f"unknown fault; there are: {', '.join(FAULTS)}, each NAME[:COUNT|:SHARE][+SKIP][@OPERATION]")
    usual = "datensaetzeLesen" if found["name"] in ON_PAGES else "bestandszaehlung" if found["name"] == COUNT else None
    operation = found["operation"] or usual
    if operation is not None and operation not in _OPERATIONS:
        raise ValueError(f"unknown operation; there are: {', '.join(_OPERATIONS)}")
    often = found["often"] or ""
    share = float(often) if "." in often else 1.0
    count = int(often) if often and "." not in often else None
    return Stoerung(found["name"], count, share, int(found["skip"] or 0), operation)


class Stoerungen:
    """The faults that are switched on now; safe for several threads. The draws of shares follow from the seed."""

    def __init__(self, specs: Iterable[str] = (), *, seed: int = 0) -> None:
        self._active = [parse_fault(spec) for spec in specs]
        self._random = chance(seed, "stoerung")
        self._lock = Lock()

    def switch(self, spec: str) -> None:
        """The fault is on from the next call on; `keine` switches all off. ValueError for an unknown one."""
        fault = None if spec == NONE else parse_fault(spec)
        with self._lock:
            self._active = [] if fault is None else [*self._active, fault]

    def due(self, operation: str) -> tuple[str, ...]:
        """The names of the faults that befall this call of `operation`; their counts go down by it."""
        with self._lock:
            befallen: list[str] = []
            left: list[Stoerung] = []
            for fault in self._active:
                after = self._after(fault, operation, befallen)
                if after is not None:
                    left.append(after)
            self._active = left
            return tuple(befallen)

    def _after(self, fault: Stoerung, operation: str, befallen: list[str]) -> Stoerung | None:
        if fault.operation not in (None, operation):
            return fault
        if fault.skip:
            return replace(fault, skip=fault.skip - 1)
        if fault.share < 1.0 and self._random.random() >= fault.share:
            return fault
        befallen.append(fault.name)
        if fault.count is None:
            return fault
        return replace(fault, count=fault.count - 1) if fault.count > 1 else None


@dataclass(frozen=True, slots=True)
class Seite:
    """A page before it is written; `token` leads on, `own` would lead to this page again."""

    records: tuple[Satz, ...]
    last: int
    token: str | None
    own: str
    more: str = "N"
    broken: frozenset[int] = frozenset()
    """Places of records that are written against the contract."""


def befall(page: Seite, names: Sequence[str]) -> Seite:
    """The page after its faults."""
    for name in names:
        if name in _PAGE:
            page = _PAGE[name](page)
    return page


def _middle(page: Seite) -> int:
    return len(page.records) // 2


def _on_middle(change: Callable[[Satz, Seite], Satz]) -> Callable[[Seite], Seite]:
    def fault(page: Seite) -> Seite:
        if not page.records:
            return page
        place = _middle(page)
        records = (*page.records[:place], change(page.records[place], page), *page.records[place + 1 :])
        return replace(page, records=records)

    return fault


def _unknown_code(satz: Satz, _page: Seite) -> Satz:
    return replace(satz, inhalt=changed(satz.inhalt, "aufenthaltstitel", [{"schluessel": "ZZ-99"}]))


def _neighbours(satz: Satz, page: Seite) -> Satz:
    place = page.records.index(satz)
    neighbour = page.records[place - 1]
    return replace(satz, personennummer=neighbour.personennummer, schreibung=Schreibung.SCHLICHT)


def _duplicate(page: Seite) -> Seite:
    place = _middle(page)
    return replace(page, records=(*page.records[: place + 1], *page.records[place:]))


_PAGE: Final[Mapping[str, Callable[[Seite], Seite]]] = {
    "invalid-shell": lambda page: replace(page, more="vielleicht"),
    "invalid-record": lambda page: replace(page, broken=frozenset({_middle(page)})),
    "unknown-code": _on_middle(_unknown_code),
    "wrong-person": _on_middle(_neighbours),
    "duplicate": _duplicate,
    "out-of-order": lambda page: replace(page, records=page.records[::-1]),
    "repeat-page": lambda page: replace(page, token=page.own, more="J"),
    "lost-record": lambda page: replace(
        page, records=(*page.records[: _middle(page)], *page.records[_middle(page) + 1 :])
    ),
    "early-end": lambda page: replace(page, token=None, more="N"),
}


@dataclass(frozen=True, slots=True)
class Lieferung:
    """How an answer goes out: `length` is announced if not None; `reset` ends the connection by force."""

    status: str
    content_type: str
    pieces: Iterable[bytes]
    length: int | None
    reset: bool = False


Pause: TypeAlias = Callable[[float], None]
Delivery: TypeAlias = Callable[[Lieferung, bytes, Pause], Lieferung]


def whole(body: bytes, status: str = "200 OK", content_type: str = "text/xml; charset=utf-8") -> Lieferung:
    """The ordinary way: all of it, with its length."""
    return Lieferung(status, content_type, (body,), len(body))


def deliver(answer: Lieferung, body: bytes, names: Sequence[str], pause: Pause) -> Lieferung:
    """The answer after its faults; `pause` waits for a number of seconds."""
    for name in names:
        if name in _WIRE:
            answer = _WIRE[name](answer, body, pause)
    return answer


def _timeout(answer: Lieferung, body: bytes, pause: Pause) -> Lieferung:
    def pieces() -> Iterator[bytes]:
        pause(600.0)
        yield body

    return replace(answer, pieces=pieces())


def _slow(answer: Lieferung, body: bytes, pause: Pause) -> Lieferung:
    def pieces() -> Iterator[bytes]:
        step = max(1, -(-len(body) // 20))
        for start in range(0, len(body), step):
            pause(0.5)
            yield body[start : start + step]

    return replace(answer, pieces=pieces())


def _endless(answer: Lieferung, body: bytes, _pause: Pause) -> Lieferung:
    def pieces() -> Iterator[bytes]:
        begin = body.find(b"</soap:Body>")
        yield body[:begin]
        while True:
            yield b"<endlos/>" * 455

    return replace(answer, pieces=pieces(), length=None)


def _huge(answer: Lieferung, body: bytes, _pause: Pause) -> Lieferung:
    def pieces() -> Iterator[bytes]:
        begin = body.find(b"</soap:Body>")
        yield body[:begin]
        for _ in range(1280):
            yield b"A" * 62_500
        yield body[begin:]

    return replace(answer, pieces=pieces(), length=None)


def _changed_bytes(
    change: Callable[[bytes], bytes],
) -> Callable[[Lieferung, bytes, Callable[[float], None]], Lieferung]:
    def fault(answer: Lieferung, body: bytes, _pause: Pause) -> Lieferung:
        written = change(body)
        return replace(answer, pieces=(written,), length=len(written))

    return fault


_PEOPLE: Final = "<html><body>Störung & Wartung<br>Bitte später erneut".encode()
_DTD: Final = b'<!DOCTYPE r [<!ENTITY e "verboten">]>'

_WIRE: Final[Mapping[str, Delivery]] = {
    "timeout": _timeout,
    "slow": _slow,
    "http500": lambda _a, _b, _p: whole(_PEOPLE, "500 Internal Server Error", "text/html; charset=utf-8"),
    "truncated": lambda answer, body, _p: replace(answer, pieces=(body[: len(body) // 2],)),
    "endless": _endless,
    "not-xml": _changed_bytes(lambda _body: _PEOPLE),
    "reset": lambda answer, body, _p: replace(answer, pieces=(body[: len(body) // 2],), reset=True),
    "huge": _huge,
    "dtd": _changed_bytes(lambda body: body.replace(b"<soap:Envelope", _DTD + b"<soap:Envelope", 1)),
    "old-schema": _changed_bytes(lambda body: body.replace(b"urn:okvisa:webservice:1", b"urn:okvisa:webservice:0")),
}
