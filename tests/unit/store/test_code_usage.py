"""How many persons carry a code: everyone who is stored, each once, and nobody who has gone."""

from __future__ import annotations

import pytest

from gateway.store import code_usage
from gateway.store.code_usage import persons_by_code
from tests.unit.store.store_kit import House, removal, upsert


def test_each_person_counts_once_for_each_code(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever field the code stands and how often, read in pieces; removed persons carry nothing."""
    monkeypatch.setattr(code_usage, "PIECE", 2)
    double = {"staatsangehoerigkeit": ["475", "423"]}
    alias = [{"familienname": "Anders", "staatsangehoerigkeit": ["475"]}]
    house.take(
        upsert("1", 1, person=double),
        upsert("2", 2, person={"staatsangehoerigkeit": ["475"], "aliaspersonalie": alias}),
        upsert("3", 3, person={"staatsangehoerigkeit": ["423"], "aliaspersonalie": alias}),
        upsert("4", 4, person=double),
    )
    house.take(removal("4", 5))
    assert persons_by_code(house.database, house.vault, "staatsangehoerigkeit") == {"475": 3, "423": 2}
    assert persons_by_code(house.database, house.vault, "religion") == {}
