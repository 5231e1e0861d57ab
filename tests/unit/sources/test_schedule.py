"""A poller looks whose turn it is, takes what nobody else takes, and leaves one line for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
import structlog

from gateway.errors import SourceError, StoreError
from gateway.sources.poll import Counts, PollResult
from gateway.sources.schedule import keep_polling
from gateway.store.batch import Turn

START = datetime(2026, 3, 2, tzinfo=UTC)
DONE = PollResult(Counts(pages=2), complete=True)


@dataclass
class Life:
    """Turns that are due at once until the outcomes are used up; `left` may say otherwise."""

    outcomes: list[object]
    waits: list[float] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    done: int = 0

    def last(self) -> Turn | None:
        return Turn(self.done, START, 10.0)

    def left(self, _last: Turn | None) -> float:
        return self.waits.pop(0) if self.waits else 0.0

    def take(self, seen: Turn | None) -> PollResult | None:
        assert seen is not None
        assert seen.number == self.done
        self.done += 1
        outcome = self.outcomes[self.done - 1]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome  # type: ignore[return-value]  # what the test says

    def sleep(self, seconds: float) -> None:
        assert seconds <= 1
        self.slept.append(seconds)

    def stop(self) -> bool:
        return self.done >= len(self.outcomes)


def lived(*outcomes: object, waits: tuple[float, ...] = ()) -> tuple[Life, list[dict[str, object]]]:
    life, times = Life(list(outcomes), list(waits)), iter(range(1000))
    with structlog.testing.capture_logs() as lines:
        keep_polling(life, life.take, "okvisa", stop=life.stop, sleep=life.sleep, monotonic=lambda: next(times))
    return life, lines  # type: ignore[return-value]  # structlog's own type


def test_one_line_per_turn_with_counts_and_time() -> None:
    """A good round tells counts and milliseconds, a failed one code and reason, a turn of rest only that."""
    rest = PollResult(Counts(), complete=False)
    down = SourceError("the source cannot be reached", code="quelle-nicht-erreichbar")
    window = SourceError("maintenance", code="quelle-wartungsfenster")
    _, lines = lived(DONE, rest, down, window)
    assert [one["outcome"] for one in lines] == [
        "complete",
        "rest",
        "quelle-nicht-erreichbar",
        "quelle-wartungsfenster",
    ]
    assert [one["log_level"] for one in lines] == ["info", "info", "error", "info"]
    assert (lines[0]["pages"], lines[0]["ms"]) == (2, 1000)
    assert "pages" not in lines[1]


def test_a_turn_is_waited_for_in_short_looks() -> None:
    """However long it is until the next turn, two seconds later somebody looks again: another may have gone."""
    life, _ = lived(DONE, DONE, waits=(0.0, 300.0, 300.0, 0.5, 0.0))
    assert life.slept == [1, 1, 1, 1, 1, 0.5]


def test_a_faster_poller_leaves_no_line() -> None:
    """Who finds that the turn has been taken says nothing, and goes on looking."""
    life, lines = lived(None, DONE)
    assert life.done == 2
    assert [one["outcome"] for one in lines] == ["complete"]


def test_a_poller_elsewhere_is_no_failure_and_said_once() -> None:
    """Who finds the lock taken looks again after two seconds, and does not fill the log meanwhile."""
    life, lines = lived(*[StoreError("", code="abruf-laeuft")] * 5)
    assert len(life.slept) == 8
    assert [(one["outcome"], one["log_level"]) for one in lines] == [("abruf-laeuft", "info")]


def test_our_own_trouble_is_waited_out_for_seconds_only() -> None:
    """While our database fails the looks come further apart, but never so far that nobody takes over."""
    life, _ = lived(*[StoreError("down")] * 7, DONE)
    assert len(life.slept) == 4 + 8 + 15 * 5


def test_our_own_mistakes_end_the_loop() -> None:
    """Only errors of the house are survived."""
    with pytest.raises(KeyError):
        lived(KeyError("x"))


def test_stop_is_heard_within_a_second() -> None:
    """A pause ends early."""
    life = Life([DONE], [600.0])
    asked = iter([False, False, True, True])
    keep_polling(life, life.take, "okvisa", stop=lambda: next(asked), sleep=life.sleep)
    assert life.slept == [1]
