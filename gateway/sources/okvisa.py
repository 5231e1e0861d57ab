"""OK.VISA as a source: pages that keep its contract, and records that are judged one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from lxml import etree
from lxml.etree import QName, _Element

from gateway import shipped
from gateway.errors import MessageRefused, RecordRefused, SourceError
from gateway.settings import SourceSettings
from gateway.sources.advance import State
from gateway.sources.basis import basis
from gateway.sources.endpoint import Endpoint
from gateway.sources.okvisa_blocks import hides
from gateway.sources.okvisa_fields import RECORD
from gateway.sources.okvisa_reading import NAMESPACE, cut
from gateway.sources.okvisa_record import map_record
from gateway.sources.okvisa_values import Unreadable, instant, number, opaque
from gateway.sources.record_schema import RecordSchema
from gateway.sources.refusing import INVALID, UNREAD
from gateway.sources.sweep import Stock
from gateway.sources.transport import NOT_ITS_CONTRACT
from gateway.store.batch import Change, Quarantined
from gateway.wire.xml import canonical

T = TypeVar("T")

_INTERFACE = "1.0"
_RECORD = f"{{{NAMESPACE}}}datensatz"
_PERSON_NUMBER = f"{{{NAMESPACE}}}personennummer"
_PAGE = "datensaetzeLesenResponse"
_COUNT = "bestandszaehlungResponse"
_SHELL = {
    _PAGE: ("seitenmarke", "letzteAenderungsnummer", "abzugsZeitpunkt", "weitere"),
    _COUNT: ("letzteAenderungsnummer", "zeitpunkt", "gesamt", "pruefsumme", "zaehlung"),
    "aenderungsstandResponse": ("letzteAenderungsnummer", "letzteAenderungAm", "zeitpunkt", "schnittstelle"),
}
_MOST_RECORDS = 5000  # xs:maxInclusive of datensaetzeLesen/anzahl


@dataclass(frozen=True, slots=True)
class Page:
    """One page: unjudged records, the token of the next page (None: last), the change number that a reader is
    complete to after the last page, the moment it was read at the source (UTC), and a digest of the records.

    `contradictory` are the places of records that share a person number, but not name, birth date and sex.
    """

    records: tuple[_Element, ...]
    next_token: str | None
    change_number: int
    taken_at: datetime
    digest: bytes
    contradictory: frozenset[int] = frozenset()


class OkVisa:
    """The port to OK.VISA; not to be shared between threads, to be closed after use."""

    name = "okvisa"

    def __init__(self, endpoint: Endpoint, *, page_size: int, schema: Path) -> None:
        self._endpoint = endpoint
        self._page_size = page_size
        self._schema = RecordSchema(schema)

    @classmethod
    def open(cls, settings: SourceSettings) -> OkVisa:
        """The source at `settings.url` under the shipped contract; nothing is called yet."""
        endpoint = Endpoint(
            shipped.wsdl() / "okvisa-1.wsdl", settings, folders=(shipped.wsdl(), shipped.schemas() / "okvisa")
        )
        return cls(endpoint, page_size=settings.page_size, schema=contract())

    @property
    def basis(self) -> bytes:
        """What records are judged by; see `gateway.sources.basis`."""
        return basis()

    def close(self) -> None:
        """The connections are closed."""
        self._endpoint.close()

    def state(self, *, once: bool = False) -> State:
        """How far the source is; SourceError if it does not answer or speaks another version of its contract.

        `once`: no failed exchange is repeated.
        """
        call = self._endpoint.call_once if once else self._endpoint.call
        shell = self._shell(call("aenderungsstand"), "aenderungsstandResponse")
        if shell["schnittstelle"] != _INTERFACE:
            raise SourceError("the source speaks another version of its interface", code=NOT_ITS_CONTRACT)
        return State(_number(shell["letzteAenderungsnummer"]), _instant(shell["zeitpunkt"]))

    def stock(self) -> Stock:
        """What the source counts; SourceError if it does not answer or its figures do not add up."""
        payload = self._endpoint.call("bestandszaehlung")
        shell = self._shell(payload, _COUNT)
        counts = Counter[tuple[str, str | None]]()
        for row in payload.iterchildren(_child("zaehlung")):
            kind = row.findtext(_child("satzart")) or ""
            counts[kind, row.findtext(_child("titelSchluessel"))] += _number(row.findtext(_child("anzahl")) or "")
        total = _number(shell["gesamt"])
        if counts.total() != total:
            raise SourceError("the source's counts do not add up to its total", code=NOT_ITS_CONTRACT)
        return Stock(_number(shell["letzteAenderungsnummer"]), total, shell["pruefsumme"], counts)

    def page(self, after: int, token: str | None, *, full: bool, size: int | None = None) -> Page:
        """The next page of the whole stock (`full`) or of the changes after number `after`; SourceError otherwise."""
        asked: dict[str, object] = {"abAenderungsnummer": 0 if full else after, "anzahl": size or self._page_size}
        if token is not None:
            asked["seitenmarke"] = token
        if full:
            asked["vollabzug"] = "J"
        payload = self._endpoint.call("datensaetzeLesen", **asked)
        shell = self._shell(payload, _PAGE)
        records = tuple(payload.iterchildren(_RECORD))
        more = shell["weitere"] == "J"
        if more != ("seitenmarke" in shell) or len(records) > _MOST_RECORDS:
            raise SourceError("a page has no token, a token too much or too many records", code=NOT_ITS_CONTRACT)
        return Page(
            records,
            shell["seitenmarke"] if more else None,
            _number(shell["letzteAenderungsnummer"]),
            _instant(shell["abzugsZeitpunkt"]),
            _digest(records),
            _contradictory(records),
        )

    def take(self, record: _Element) -> Change:
        """What the record changes; RecordRefused with all reasons if it is not valid or cannot be mapped."""
        if findings := self._schema.findings(record):
            raise RecordRefused(reasons=findings, code=INVALID)
        return map_record(record)

    def quarantined(self, record: _Element, refusal: RecordRefused) -> Quarantined:
        """What is kept of a refused record: the allow-listed elements, or of an invalid one its numbers only."""
        content = None if refusal.code in UNREAD else cut(record, RECORD)
        return Quarantined(
            *self.numbers(record),
            refusal.reasons,
            content,
            _fingerprint(record),
            hides(record),
            _first(record, "hauptPersonennummer", opaque) or None,
            refusal.code,
            self.basis,
        )

    def numbers(self, record: _Element) -> tuple[str | None, int | None]:
        """The person number and the change number of an unjudged record, as far as they can be read.

        An empty number is none: all who have it would be one person.
        """
        return _first(record, "personennummer", opaque) or None, _first(record, "aenderungsnummer", number)

    def _shell(self, payload: _Element, name: str) -> dict[str, str]:
        """The simple children of a valid answer by local name; the records of a page are not looked at."""
        if payload.tag != f"{{{NAMESPACE}}}{name}":
            raise SourceError("the source's answer is of another contract", code=NOT_ITS_CONTRACT)
        children = [child for child in payload if name != _PAGE or child.tag != _RECORD]
        shell = etree.Element(payload.tag)
        for attribute, value in payload.items():
            shell.set(attribute, value)
        shell.text = payload.text
        shell.extend(deepcopy(child) for child in children)
        known = {f"{{{NAMESPACE}}}{one}" for one in _SHELL[name]}
        if self._schema.findings(shell) or not all(child.tag in known for child in children):
            raise SourceError(f"{name} is not valid", code=NOT_ITS_CONTRACT)
        return {QName(child).localname: child.text or "" for child in shell}


def contract() -> Path:
    """The shipped XSD of OK.VISA."""
    return shipped.schemas() / "okvisa" / "okvisa-1.xsd"


def _digest(records: Iterable[_Element]) -> bytes:
    digest = sha256()
    for record in records:
        digest.update(etree.tostring(record))
    return digest.digest()


def _contradictory(records: tuple[_Element, ...]) -> frozenset[int]:
    """Places of records of one number that speak of different persons: two states of one person would not.

    The contract delivers a person once. A twice delivered record is harmless, a later state too; but if two
    persons come under one number, taking either would tell one office of the wrong human being.
    """
    places: dict[str, list[int]] = {}
    for place, record in enumerate(records):
        number = next(record.iterchildren(_PERSON_NUMBER), None)
        places.setdefault((None if number is None else number.text) or "", []).append(place)
    doubtful: set[int] = set()
    for same in places.values():
        if len(same) > 1 and len({_identity(records[place]) for place in same} - {None}) > 1:
            doubtful.update(same)
    return frozenset(doubtful)


def _identity(record: _Element) -> tuple[str | None, ...] | None:
    personal = record.find(_child("personalien"))
    if personal is None:
        return None  # deleted and merged records say nothing of the person
    return tuple(personal.findtext(_child(name)) for name in ("famName", "vorname", "gebDat", "geschl"))


def _child(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _fingerprint(record: _Element) -> bytes:
    """SHA-256 of the record's canonical form, or, if it has none (relative namespace names), of its text form."""
    try:
        return sha256(canonical(record)).digest()
    except MessageRefused:
        return sha256(etree.tostring(record, with_tail=False)).digest()


def _number(text: str) -> int:
    try:
        return number(text.strip())
    except Unreadable:
        raise SourceError("a change number is out of range", code=NOT_ITS_CONTRACT) from None


def _instant(text: str) -> datetime:
    try:
        return instant(text.strip())
    except Unreadable:
        raise SourceError("a moment of the source is none", code=NOT_ITS_CONTRACT) from None


def _first(record: _Element, name: str, read: Callable[[str], T]) -> T | None:
    """The one child called `name`, read; None if there is none, more than one, or it cannot be read."""
    found = list(record.iterchildren(_child(name)))
    try:
        return read(found[0].text or "") if len(found) == 1 else None
    except Unreadable:
        return None
