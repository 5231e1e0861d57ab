"""Whose turn it is to ask a source: any number of pollers on any number of machines share one row of the store.

Every `every` seconds it is somebody's turn, whoever is first; a turn that was taken counts, however it ended, so a
second poller does not double the load, and a machine that dies is replaced at the next turn. Everyone waits by two
clocks, the one on the wall and his own that only goes forward: whichever has waited long enough first. So a clock
that jumps makes a turn come early, once, and can never keep one from coming.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

from gateway.errors import SourceError
from gateway.sources import circuit
from gateway.sources.maintenance import Windows
from gateway.store.batch import Turn
from gateway.store.tenure import Tenure


class Remembered(Protocol):
    """What is needed of the store."""

    def turn(self, source: str) -> Turn | None: ...
    def keep_turn(self, tenure: Tenure, source: str, turn: Turn) -> None: ...


class Turns:
    """The turns at one source; `every` seconds lie between them. `windows` are those of its maintenance."""

    def __init__(
        self,
        store: Remembered,
        source: str,
        clock: Callable[[], datetime],
        windows: Windows,
        *,
        every: float,
        randomness: Callable[[int], bytes] = os.urandom,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._source = source
        self._clock = clock
        self._windows = windows
        self._randomness = randomness
        self._monotonic = monotonic
        self._seen: tuple[int, float] | None = None
        self.every = every

    def last(self) -> Turn | None:
        """The last turn that anybody took."""
        return self._store.turn(self._source)

    def left(self, last: Turn | None) -> float:
        """Seconds until the turn after `last` may be taken; nothing or less: now."""
        if last is None:
            return 0.0
        now = self._monotonic()
        if self._seen is None or self._seen[0] != last.number:
            self._seen = (last.number, now)
        waited = max((self._clock() - last.taken_at).total_seconds(), now - self._seen[1])
        # Who took the turn may have been told to wait much longer than we are.
        return min(last.pause, self.every * 1.1) - waited

    def take(self, tenure: Tenure) -> Turn:
        """The turn after the last one, in which the source is asked."""
        return self._keep(tenure, circuit.attempted(self._next()))

    def rest(self, tenure: Tenure) -> None:
        """The turn after the last one, in which the source is not asked: it has failed, and is left in peace."""
        self._keep(tenure, circuit.rested(self._next(), self.every))

    def is_resting(self, last: Turn | None) -> bool:
        """Whether in the turn after `last` the source is to be left in peace."""
        return last is not None and circuit.rest(last, self.every) > 0

    @contextmanager
    def attempt(self, tenure: Tenure, turn: Turn) -> Iterator[None]:
        """Around the reading of the source in this turn: how it ended is remembered for everybody."""
        try:
            yield
        except SourceError as error:
            if error.code != circuit.WINDOW:
                # As it stands now: an order to forget that the source went back may have been carried out meanwhile.
                failed = circuit.failed(
                    self.last() or turn,
                    error.code,
                    now=self._clock(),
                    every=self.every,
                    randomness=self._randomness,
                )
                self._keep(tenure, failed)
            raise
        if circuit.succeeded(turn) != turn:
            self._keep(tenure, circuit.succeeded(turn))

    @property
    def closed_until(self) -> datetime | None:
        """When the source may be asked again; None if it may be now."""
        return self._windows.until(self._clock())

    def require_open(self) -> None:
        """SourceError (code "quelle-wartungsfenster") while the source must not be asked."""
        until = self.closed_until
        if until is not None:
            raise SourceError(f"maintenance window of the source until {until:%Y-%m-%d %H:%M} UTC", code=circuit.WINDOW)

    def _next(self) -> Turn:
        return circuit.taken(self.last(), now=self._clock(), every=self.every, randomness=self._randomness)

    def _keep(self, tenure: Tenure, turn: Turn) -> Turn:
        self._store.keep_turn(tenure, self._source, turn)
        return turn
