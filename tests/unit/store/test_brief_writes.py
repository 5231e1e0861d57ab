"""While a poll holds the one write lock it writes what was made before, and makes nothing: design, below 50 ms."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from gateway.store.batch import Upsert
from gateway.store.ingest import piece_size
from gateway.store.tenure import Fenced, Tenure
from tests.unit.store.store_kit import House, address, upsert

DEAR = (
    *("gateway.agreements.", "gateway.contract.", "gateway.model.", "gateway.wire.", "pydantic", "lxml."),
    *("gateway.store.projecting.", "gateway.store.dossier.", "gateway.store.fragments.", "gateway.store.search."),
    *("gateway.store.vault.Vault.", "gateway.store.feed_told.Telling.parts", "gateway.store.feed_told.Telling._keyed"),
)
"""What reads, derives, masks, projects, writes out, indexes and seals persons."""
SEALING = ("encrypt", "decrypt")


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What was called, how often, between the begin of writing transactions for persons and their commit."""
    found: Counter[str] = Counter()
    write = Tenure.write

    def note(frame: FrameType, event: str, called: Any) -> None:
        if event == "call":
            found[f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}"] += 1
        elif event == "c_call":
            found[called.__name__] += 1

    @contextmanager
    def watched(self: Tenure, database: Any) -> Iterator[Fenced]:
        with write(self, database) as connection:
            sys.setprofile(note)
            try:
                yield connection
            finally:
                sys.setprofile(None)

    monkeypatch.setattr(Tenure, "write", watched)
    return found


def family(size: int, change: int, street: str) -> list[Upsert]:
    """So many persons of one family, as the source says them at this change."""
    return [upsert(f"KV-{n}", change, person={"anschrift": address(street)}, familienverband="F") for n in range(size)]


@pytest.mark.parametrize("street", ["Neue Gasse", "Domstraße"])
def test_nothing_dear_happens_while_the_write_lock_is_held(street: str, light_house: House, ran: Counter[str]) -> None:
    """Neither of persons who are new, nor of who has moved, nor of who is as before."""
    for change in (1, 2):
        light_house.take(*family(8, change, "Domstraße" if change == 1 else street))
        assert ran["executemany"] or change == 2
        assert [name for name in ran if name.startswith(DEAR) or name in SEALING] == []


def test_a_transaction_has_as_many_statements_for_many_persons_as_for_few(
    light_house: House, ran: Counter[str]
) -> None:
    """One piece is one transaction, and whatever it writes of one kind is one statement."""
    asked = []
    for size, change in ((4, 1), (4, 2), (16, 3), (16, 4)):
        ran.clear()
        light_house.take(*family(size, change, f"Gasse {change}"))
        assert size <= piece_size(len(light_house.agreements))
        asked.append(ran["execute"] + ran["executemany"])
    assert asked[1] == asked[3] > 0
