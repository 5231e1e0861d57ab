"""Python's cycle collector while a stock is read: pages and persons are trees, it would find nothing."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_RARELY = (100_000, 50, 100)
"""Objects made, and collections of younger ones, before it looks again: it took an eighth of a round."""


@contextmanager
def rarely() -> Iterator[None]:
    """Inside, cycles are looked for rarely, and never among what was there before; afterwards as before."""
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    if not frozen:
        gc.freeze()  # what others have set aside cannot be told from ours afterwards
    gc.set_threshold(*_RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if not frozen:
            gc.unfreeze()
