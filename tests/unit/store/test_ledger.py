"""The erasure ledger as a file: what it says it holds, it holds, also when there is no room."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.errors import StoreError
from gateway.store.ledger import Ledger
from gateway.store.vault import Vault
from tests.unit.store.store_kit import Chance, ring

LINE = 65


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """What is written beyond that many bytes is cut off, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_line_that_does_not_fit_is_an_error(tmp_path: Path) -> None:
    """Half a line on a full disk is no erasure on record; with room again the person is put down whole."""
    ledger = Ledger(tmp_path / "ledger", Vault(ring(), Chance()))
    ledger.add("okvisa", "1")
    with no_file_beyond(LINE + 10), pytest.raises(StoreError, match="no room"):
        ledger.add("okvisa", "2", "3")
    assert [ledger.holds("okvisa", number) for number in "123"] == [True, False, False]
    ledger.add("okvisa", "2", "3")
    assert [ledger.holds("okvisa", number) for number in "123"] == [True, True, True]
    assert len(ledger) == 3
