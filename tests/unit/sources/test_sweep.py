"""What the source counts is read strictly, and a sweep is the stock only if it is exactly what was counted."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast

import pytest
from lxml import etree

from gateway.errors import SourceError
from gateway.sources.endpoint import Endpoint
from gateway.sources.okvisa import OkVisa, contract
from gateway.sources.sweep import Stock, Sweep

from .okvisa_fake import NS, record

ROWS = (("N", "AG-01", 2), ("N", None, 1), ("A", "AE-11", 1))


@dataclass
class Says:
    """An endpoint that answers everything with one payload."""

    xml: str

    def call(self, _operation: str) -> etree._Element:
        return etree.fromstring(self.xml)


def counted(*, total: int = 4, rows: tuple[Any, ...] = ROWS, more: str = "", digest: str = "ab" * 32) -> Stock:
    """What is understood of such a count."""
    told = "".join(
        f"<zaehlung><satzart>{kind}</satzart>{f'<titelSchluessel>{title}</titelSchluessel>' if title else ''}"
        f"<anzahl>{count}</anzahl></zaehlung>"
        for kind, title, count in rows
    )
    xml = (
        f'<bestandszaehlungResponse xmlns="{NS}"><letzteAenderungsnummer>9</letzteAenderungsnummer>'
        f"<zeitpunkt>2026-03-02T12:00:00+01:00</zeitpunkt><gesamt>{total}</gesamt><pruefsumme>{digest}</pruefsumme>"
        f"{told}{more}</bestandszaehlungResponse>"
    )
    return OkVisa(cast(Endpoint, Says(xml)), page_size=1, schema=contract()).stock()


@dataclass(frozen=True)
class SweptPage:
    """A page as a sweep sees it."""

    records: tuple[etree._Element, ...]
    digest: bytes
    next_token: str | None = None
    change_number: int = 9


def page(*heads: tuple[str, int], at: int = 9, digest: bytes = b"") -> SweptPage:
    found = tuple(etree.fromstring(record(person, number)) for person, number in heads)
    return SweptPage(found, digest or repr(heads).encode(), change_number=at)


def stock(*heads: tuple[str, int], at: int = 9) -> Stock:
    """What a source with these records counts."""
    text = "".join(f"{person};{number}\n" for person, number in sorted(heads))
    return Stock(at, len(heads), sha256(text.encode()).hexdigest(), {("N", None): len(heads)})


def swept(*pages: SweptPage) -> Sweep:
    sweep = Sweep(9)
    for one in pages:
        sweep.add(one)
    return sweep


def test_a_count_is_read() -> None:
    """Number, total, digest and the rows, with and without a title."""
    found = counted()
    assert (found.change_number, found.total, found.digest) == (9, 4, "ab" * 32)
    assert found.counts == {("N", "AG-01"): 2, ("N", None): 1, ("A", "AE-11"): 1}


@pytest.mark.parametrize("wrong", [{"total": 5}, {"more": "<anders/>"}, {"digest": "AB" * 32}, {"total": -1}])
def test_a_count_that_contradicts_itself_or_its_contract_is_refused(wrong: dict[str, Any]) -> None:
    """Rows that do not add up, unknown elements, another form of digest."""
    with pytest.raises(SourceError) as caught:
        counted(**wrong)
    assert caught.value.code == "quelle-vertrag-verletzt"


def test_a_complete_sweep_agrees() -> None:
    """In any order on a page, and with a record that came twice, it is the same stock."""
    heads = (("P1", 1), ("P2", 7), ("P3", 3))
    assert swept(page(("P2", 7), ("P1", 1), ("P1", 1)), page(("P3", 3))).agrees(stock(*heads))
    assert swept(page(*heads)).otherwise_titled(stock(*heads)) == 0


@pytest.mark.parametrize(
    "pages",
    [
        [page(("P1", 1), ("P2", 7))],
        [page(("P1", 1), ("P2", 7), ("P3", 4))],
        [page(("P1", 1), ("P2", 7), ("P3", 3), ("P4", 4))],
        [page(("P2", 7), ("P3", 3)), page(("P1", 1))],
        [page(("P1", 1), ("P2", 7)), page(("P2", 7), ("P3", 3))],
    ],
)
def test_any_other_sweep_does_not(pages: list[SweptPage]) -> None:
    """A person missing, under another number, too many, out of order over pages, or on two of them."""
    assert not swept(*pages).agrees(stock(("P1", 1), ("P2", 7), ("P3", 3)))


def test_a_count_at_another_number_does_not_agree() -> None:
    """The same records, counted at another change number, prove nothing."""
    assert not swept(page(("P1", 1))).agrees(stock(("P1", 1), at=8))


def test_a_page_that_comes_again_or_of_another_number_ends_the_sweep() -> None:
    """Whoever turns in circles or moves on is not read to the end."""
    with pytest.raises(SourceError, match="second time"):
        swept(page(("P1", 1)), page(("P1", 1)))
    with pytest.raises(SourceError, match="changed its change number"):
        swept(page(("P1", 1)), page(("P2", 2), at=10))
