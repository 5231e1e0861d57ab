"""The life of a poller: it looks every few seconds whose turn it is, and takes the turns that nobody else takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

import structlog

from gateway.errors import HouseError, SourceError
from gateway.sources.circuit import WINDOW
from gateway.store.batch import Turn

if TYPE_CHECKING:
    from _typeshed import DataclassInstance  # exists for type checkers only

_ELSEWHERE = "abruf-laeuft"
"""Another has the poll lock: nothing is wrong, and this one is to take over soon after that one ends."""
_LOOK = 2.0
"""Seconds between two looks: so soon another poller goes on when the one that had the turn is gone."""
_SLICE = 1.0
_LONGEST = 15.0
_MOST_DOUBLINGS = 3


class Rota(Protocol):
    """Whose turn it is; see `gateway.sources.turns.Turns`."""

    def last(self) -> Turn | None: ...
    def left(self, last: Turn | None) -> float: ...


class Taken(Protocol):
    """What came of a turn."""

    @property
    def counts(self) -> DataclassInstance: ...
    @property
    def complete(self) -> bool: ...


def keep_polling(
    rota: Rota,
    take: Callable[[Turn | None], Taken | None],
    source: str,
    *,
    stop: Callable[[], bool],
    sleep: Callable[[float], None],
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Until `stop()`, every turn that is due is taken here or elsewhere; each taken here writes one log line.

    `take` is given the turn before, and says None if somebody was faster. Between two looks lie at most 2 seconds,
    while our own database fails up to 15. `stop` is asked every second. Only errors of the house are survived; a
    mistake of ours ends the loop.
    """
    line = _Line(source, monotonic)
    troubles = 0
    while not stop():
        line.begin()
        try:
            last = rota.last()
            left = rota.left(last)
            if left <= 0:
                line.taken(take(last))
                left = _SLICE
            troubles, pause = 0, min(left, _LOOK)
        except SourceError as error:
            line.failed(error)
            pause = _SLICE  # it is remembered in the turn, and so is how long to leave it in peace
        except HouseError as error:
            troubles += error.code != _ELSEWHERE
            line.failed(error)
            pause = min(_LOOK * 2.0 ** min(troubles, _MOST_DOUBLINGS), _LONGEST)
        _wait(pause, stop, sleep)


class _Line:
    """Log lines of counts, code and milliseconds; that another has the lock is said once, not at every look."""

    def __init__(self, source: str, monotonic: Callable[[], float]) -> None:
        self._log = structlog.get_logger("gateway.poll")
        self._source = source
        self._monotonic = monotonic
        self._elsewhere = False
        self._began = 0.0

    def begin(self) -> None:
        self._began = self._monotonic()

    def taken(self, result: Taken | None) -> None:
        self._elsewhere = False
        if result is not None:
            outcome, counts = ("complete", asdict(result.counts)) if result.complete else ("rest", {})
            self._log.info("poll", source=self._source, outcome=outcome, **counts, ms=self._ms())

    def failed(self, error: HouseError) -> None:
        if error.code == _ELSEWHERE and self._elsewhere:
            return
        self._elsewhere = error.code == _ELSEWHERE
        say = self._log.info if error.code in (_ELSEWHERE, WINDOW) else self._log.error
        # No traceback: it may quote what a library below was given.
        say("poll", source=self._source, outcome=error.code, reason=str(error), ms=self._ms())

    def _ms(self) -> int:
        return round((self._monotonic() - self._began) * 1000)


def _wait(seconds: float, stop: Callable[[], bool], sleep: Callable[[float], None]) -> None:
    while seconds > 0 and not stop():
        sleep(min(seconds, _SLICE))
        seconds -= _SLICE
