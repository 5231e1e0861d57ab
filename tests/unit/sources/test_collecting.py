"""The cycle collector is as it was after a stock has been read, however that ended."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from gateway.sources import collecting


@pytest.fixture(autouse=True)
def nothing_set_aside() -> Iterator[None]:
    """As a process begins; the process of the tests has set aside what it has imported, and does so again."""
    gc.unfreeze()
    yield
    gc.freeze()


def test_as_it_was_afterwards() -> None:
    """Thresholds and what is looked at are the same again, also after an error."""
    before = gc.get_threshold(), gc.get_freeze_count()

    def broken_off() -> None:
        with collecting.rarely():
            assert gc.isenabled()
            assert gc.get_threshold() > before[0]
            raise LookupError

    with pytest.raises(LookupError):
        broken_off()
    assert (gc.get_threshold(), gc.get_freeze_count()) == before


def test_what_others_set_aside_stays_so() -> None:
    """A server that has set its own objects aside before keeps them so."""
    gc.freeze()
    with collecting.rarely():
        pass
    assert gc.get_freeze_count() > 0
