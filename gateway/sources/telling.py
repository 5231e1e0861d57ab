"""Long work of a poller in its log: who looks there after an update must not take it for hung."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from gateway.store.progress import Progress

_MUCH = 1000
"""Less is done in a moment, every day anew."""
_EVERY = 30.0
"""Seconds between two lines."""


def logged(progress: Progress, monotonic: Callable[[], float] = time.monotonic) -> Progress:
    """Tells `progress` as ever, and of much work the log: at its beginning, every half minute and at its end."""
    log = structlog.get_logger("gateway.poll")
    told: dict[str, float] = {}

    def tell(what: str, done: int, total: int | None) -> None:
        progress(what, done, total)
        if total is None or total < _MUCH:
            return
        now = monotonic()
        if what not in told or now - told[what] >= _EVERY or done >= total:
            told[what] = now
            log.info(what, done=done, of=total)

    return tell
