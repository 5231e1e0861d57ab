"""A sweep over the whole stock at one change number, and whether it saw what the source itself counts.

Contract of OK.VISA, bestandszaehlung: SHA-256 over "personennummer;aenderungsnummer\\n" of all records N and A,
ascending by person number. Only if both agree is somebody absent who was not seen: half an answer proves nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from lxml.etree import _Element

from gateway.errors import SourceError
from gateway.sources.advance import STUCK, WENT_BACK
from gateway.sources.okvisa_reading import NAMESPACE


@dataclass(frozen=True, slots=True)
class Stock:
    """What the source counts at one change number: records N and A, their digest, and per (kind, title)."""

    change_number: int
    total: int
    digest: str
    counts: Mapping[tuple[str, str | None], int]


class SweptPage(Protocol):
    """What a sweep looks at; see `gateway.sources.okvisa.Page`."""

    @property
    def records(self) -> tuple[_Element, ...]: ...
    @property
    def next_token(self) -> str | None: ...
    @property
    def change_number(self) -> int: ...
    @property
    def digest(self) -> bytes: ...


class Sweep:
    """The pages of one whole load, in order; remembers a digest and counters, and of each record nothing."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.records = 0
        self._digest = sha256()
        self._counts = Counter[tuple[str, str | None]]()
        self._last = ""
        self._ordered = True
        self._pages: set[bytes] = set()

    def add(self, page: SweptPage) -> None:
        """The page belongs to it now; SourceError if it came already or is of another change number."""
        if page.digest in self._pages and page.records:
            raise SourceError("the source sent a page a second time", code=STUCK)
        if page.change_number != self.at:
            raise SourceError("a whole load changed its change number", code=WENT_BACK)
        self._pages.add(page.digest)
        # A record that comes twice, or out of order on its page, is the same stock: the digest decides.
        heads = sorted({_head(record): record for record in page.records}.items(), key=lambda item: item[0])
        for (person, number), record in heads:
            self._ordered = self._ordered and person > self._last
            self._last = person
            self._digest.update(f"{person};{number}\n".encode())
            self._counts[record.findtext(_tag("satzart")) or "", _title(record)] += 1
        self.records += len(heads)

    def agrees(self, stock: Stock) -> bool:
        """Whether the records seen are those that the source counted at the same number."""
        same = (self.at, self.records, self._digest.hexdigest()) == (stock.change_number, stock.total, stock.digest)
        return same and self._ordered

    def otherwise_titled(self, stock: Stock) -> int:
        """How many (kind, title) the source counts otherwise than they were seen."""
        return sum(self._counts[key] != stock.counts.get(key, 0) for key in self._counts.keys() | stock.counts.keys())


def person_number(record: _Element) -> str:
    """The person number as the record says it, unjudged; empty if it says none."""
    return record.findtext(_tag("personennummer")) or ""


def _head(record: _Element) -> tuple[str, str]:
    return person_number(record), (record.findtext(_tag("aenderungsnummer")) or "").strip()


def _title(record: _Element) -> str | None:
    titles = record.findall(_tag("aufenthaltstitel"))
    return titles[-1].findtext(_tag("schluessel")) if titles else None


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"
