"""Whether this process can serve right now: for a balancer that asks every second, and strangers who ask more often."""

from __future__ import annotations

import threading
from collections.abc import Callable

from gateway.errors import GatewayError

AGE = 1.0
"""Seconds an answer is given again: nobody can make the database work harder by asking more often."""
PATIENCE = 5.0
"""Seconds the last answer holds while the next one is being found out; above, not ready."""


class Readiness:
    """True if `probe` raised no error of the house within the last second; one thread asks, no other waits for it."""

    def __init__(self, probe: Callable[[], object], monotonic: Callable[[], float]) -> None:
        self._probe = probe
        self._monotonic = monotonic
        self._asking = threading.Lock()
        self._known: tuple[float, bool] | None = None

    def __call__(self) -> bool:
        if self._within(AGE) or not self._asking.acquire(blocking=False):
            return self._known is not None and self._known[1] and self._within(PATIENCE)
        try:
            self._known = self._monotonic(), self._asked()
            return self._known[1]
        finally:
            self._asking.release()

    def _within(self, seconds: float) -> bool:
        return self._known is not None and self._monotonic() - self._known[0] < seconds

    def _asked(self) -> bool:
        try:
            self._probe()
        except GatewayError:
            return False
        return True
