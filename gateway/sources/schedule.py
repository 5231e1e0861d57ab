"""When rounds of the poller run: regularly, and with growing distance while the source is down."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

import structlog

from gateway.errors import HouseError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance  # exists for type checkers only

_ELSEWHERE = "abruf-laeuft"
"""Another poller has the lock: nothing is wrong, and this one is to take over soon after that one ends."""
_SLICE = 1.0
_LONGEST = 900.0
_MOST_DOUBLINGS = 10


class _Counted(Protocol):
    @property
    def counts(self) -> DataclassInstance: ...


def keep_polling(
    run_once: Callable[[], _Counted],
    source: str,
    *,
    every: float,
    stop: Callable[[], bool],
    sleep: Callable[[float], None],
    monotonic: Callable[[], float] = time.monotonic,
    randomness: Callable[[int], bytes] = os.urandom,
) -> None:
    """Rounds follow each other until `stop()` says so; each writes one log line of counts, code and milliseconds.

    The pause is `every` seconds, after n failures in a row 2^n times as much, at most 15 minutes, and always up to
    a tenth longer or shorter at random, so that several houses do not ask in step. `stop` is asked every second.
    Only errors of the house are survived; a mistake of ours ends the loop.
    """
    log = structlog.get_logger("gateway.poll")
    failures = 0
    while not stop():
        began = monotonic()
        try:
            counts = run_once().counts
        except HouseError as error:
            failures += error.code != _ELSEWHERE
            # No traceback: it may quote what a library below was given.
            log.error(  # noqa: TRY400  # see above
                "poll",
                source=source,
                outcome=error.code,
                reason=str(error),
                failures=failures,
                ms=_ms(began, monotonic),
            )
        else:
            failures = 0
            log.info("poll", source=source, outcome="complete", **asdict(counts), ms=_ms(began, monotonic))
        _wait(pause_after(failures, every, randomness), stop, sleep)


def pause_after(failures: int, every: float, randomness: Callable[[int], bytes]) -> float:
    """Seconds until the next round after `failures` failed ones in a row."""
    doubled = every * 2.0 ** min(failures, _MOST_DOUBLINGS)
    jitter = 0.9 + 0.2 * int.from_bytes(randomness(4), "big") / 2**32
    return min(doubled, max(every, _LONGEST)) * jitter


def _wait(seconds: float, stop: Callable[[], bool], sleep: Callable[[float], None]) -> None:
    while seconds > 0 and not stop():
        sleep(min(seconds, _SLICE))
        seconds -= _SLICE


def _ms(began: float, monotonic: Callable[[], float]) -> int:
    return round((monotonic() - began) * 1000)
