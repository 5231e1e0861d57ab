"""Waiting for what must come: again and again until a deadline, which is a failure and never an end."""

from __future__ import annotations

import time
from collections.abc import Iterator

PATIENCE = 120


def attempts(what: str, *, seconds: float = PATIENCE, every: float = 0.05) -> Iterator[int]:
    """Counts attempts, `every` seconds apart; AssertionError that says `what` did not come when time is up."""
    deadline, attempt = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        yield (attempt := attempt + 1)
        time.sleep(every)
    raise AssertionError(f"{what}: not within {seconds:g} seconds, in {attempt} attempts")
