"""What an attempt to read a source does to the next ones: back-off with jitter, and a circuit that opens.

Counted are only errors that say that the source cannot be read: unreachable, too slow, nonsense, not its contract,
gone back, stuck, a gap, no admission. Not counted are our own (database, keys, trail), a lock that another holds,
and a maintenance window. All waiting is counted in turns, so that no clock can stop it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.sources.advance import WENT_BACK
from gateway.store.batch import Turn

Randomness = Callable[[int], bytes]

OPEN_AFTER = 5
"""After so many failures in a row the circuit is open: one cheap call, not repeated, decides whether to go on."""
WINDOW = "quelle-wartungsfenster"
_LONGEST = 900.0
_MOST_DOUBLINGS = 10


def taken(last: Turn | None, *, now: datetime, every: float, randomness: Randomness) -> Turn:
    """The turn that begins now; the next one is due after `every` seconds, a tenth more or less at random."""
    pause = every * _jitter(randomness)
    return Turn(1, now, pause) if last is None else replace(last, number=last.number + 1, taken_at=now, pause=pause)


def attempted(turn: Turn) -> Turn:
    """The same turn, in which the source is asked."""
    return replace(turn, rest=0, attempted_at=turn.taken_at)


def rest(turn: Turn, every: float) -> int:
    """How many turns are still to pass before the source is asked again, at most as many as 15 minutes have.

    Whoever failed may have been told of much shorter turns than `every`: as many of ours would take days.
    """
    return min(turn.rest, round(1.1 * max(every, _LONGEST) / every) - 1)


def rested(turn: Turn, every: float) -> Turn:
    """The same turn, in which the source is not asked."""
    return replace(turn, rest=max(0, rest(turn, every) - 1))


def failed(turn: Turn, code: str, *, now: datetime, every: float, randomness: Randomness) -> Turn:
    """After n failures in a row 2^n turns pass to the next attempt, but at most 15 minutes; a tenth more or less."""
    failures = turn.failures + 1
    seconds = min(every * 2.0 ** min(failures, _MOST_DOUBLINGS), max(every, _LONGEST)) * _jitter(randomness)
    return replace(
        turn,
        rest=max(0, round(seconds / every) - 1),
        failures=failures,
        failing_since=turn.failing_since or now,
        code=code,
        went_back=turn.went_back or code == WENT_BACK,
    )


def succeeded(turn: Turn) -> Turn:
    """One round that came to its end closes the circuit."""
    return replace(turn, rest=0, failures=0, failing_since=None, code=None, went_back=False)


def is_open(turn: Turn) -> bool:
    """Whether the source has failed so often that it is only tried."""
    return turn.failures >= OPEN_AFTER


def next_attempt(turn: Turn, every: float) -> datetime:
    """About when the source is asked again, by the clock of whoever took the turn."""
    return turn.taken_at + timedelta(seconds=turn.pause + rest(turn, every) * every)


def _jitter(randomness: Randomness) -> float:
    return 0.9 + 0.2 * int.from_bytes(randomness(4), "big") / 2**32
