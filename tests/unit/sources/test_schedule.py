"""Rounds follow each other at a distance that grows with failures, and leave one line each."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import structlog

from gateway.errors import SourceError, StoreError
from gateway.sources.poll import Counts, PollResult
from gateway.sources.schedule import keep_polling, pause_after


@dataclass
class Rounds:
    outcomes: list[object]
    slept: float = 0.0
    done: int = 0

    def run(self) -> PollResult:
        self.done += 1
        outcome = self.outcomes[self.done - 1]
        if isinstance(outcome, Exception):
            raise outcome
        return PollResult(Counts(pages=2), complete=True)

    def sleep(self, seconds: float) -> None:
        assert seconds <= 1
        self.slept += seconds

    def stop(self) -> bool:
        return self.done >= len(self.outcomes)


def _middle(count: int) -> bytes:
    return b"\x80" + bytes(count - 1)


def _keep(*outcomes):
    rounds = Rounds(list(outcomes))
    times = iter(range(100))
    with structlog.testing.capture_logs() as lines:
        keep_polling(
            rounds.run,
            "okvisa",
            every=10,
            stop=rounds.stop,
            sleep=rounds.sleep,
            monotonic=lambda: next(times),
            randomness=_middle,
        )
    return rounds, lines


def test_one_line_per_round_with_counts_and_time():
    """A good round tells counts and milliseconds, a failed one code and reason, nothing else."""
    _, lines = _keep(None, SourceError("the source cannot be reached", code="quelle-nicht-erreichbar"))
    assert len(lines) == 2
    assert (lines[0]["outcome"], lines[0]["pages"], lines[0]["ms"]) == ("complete", 2, 1000)
    assert (lines[1]["outcome"], lines[1]["failures"], lines[1]["log_level"]) == ("quelle-nicht-erreichbar", 1, "error")


def test_failures_double_the_distance_and_success_resets_it():
    """10 seconds, then 20, 40, and 10 again."""
    down = SourceError()
    rounds, _ = _keep(None, down, down, None, None)
    assert rounds.slept == pytest.approx(10 + 20 + 40 + 10)


def test_a_poller_elsewhere_is_no_failure():
    """Who finds the lock taken asks again at the ordinary distance."""
    rounds, lines = _keep(*[StoreError("", code="abruf-laeuft")] * 3)
    assert rounds.slept == pytest.approx(20)
    assert {one["outcome"] for one in lines} == {"abruf-laeuft"}


def test_the_distance_is_bounded_and_never_exact():
    """At most 15 minutes, a tenth more or less at random; a longer interval of the operator is kept."""
    assert pause_after(50, 10, _middle) == pytest.approx(900)
    assert pause_after(50, 3600, _middle) == pytest.approx(3600)
    assert pause_after(0, 10, bytes) == pytest.approx(9)
    assert pause_after(0, 10, lambda count: b"\xff" * count) == pytest.approx(11)


def test_our_own_mistakes_end_the_loop():
    """Only errors of the house are survived."""
    with pytest.raises(KeyError):
        _keep(KeyError("x"))


def test_stop_is_heard_within_a_second():
    """A long pause ends early."""
    rounds = Rounds([None])
    asked = iter([False, False, False, True, True])
    keep_polling(rounds.run, "okvisa", every=600, stop=lambda: next(asked), sleep=rounds.sleep, randomness=_middle)
    assert rounds.slept == 2
