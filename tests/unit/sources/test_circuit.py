"""What failures in a row do to the next attempts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.sources import circuit
from gateway.sources.advance import WENT_BACK
from gateway.store.batch import Turn

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def middle(count: int) -> bytes:
    return b"\x80" + bytes(count - 1)


def fails(turn: Turn, code: str = "quelle-nicht-erreichbar", every: float = 10.0) -> Turn:
    return circuit.failed(turn, code, now=NOW + timedelta(minutes=turn.failures), every=every, randomness=middle)


def test_turns_follow_each_other_a_tenth_more_or_less() -> None:
    """The pause is random by a tenth, so that several houses do not ask in step."""
    first = circuit.taken(None, now=NOW, every=10, randomness=bytes)
    assert (first.number, first.pause) == (1, pytest.approx(9))
    second = circuit.taken(first, now=NOW, every=10, randomness=lambda count: b"\xff" * count)
    assert (second.number, second.pause) == (2, pytest.approx(11))


def test_failures_double_the_rest_and_success_ends_it() -> None:
    """After n failures 2^n turns lie between two attempts; the first failure's moment and the last code are kept."""
    turn, rests = Turn(1, NOW, 10.0), []
    for code in ("a", "b", "c"):
        turn = fails(turn, code)
        rests.append(turn.rest)
    assert rests == [1, 3, 7]
    assert (turn.failures, turn.failing_since, turn.code) == (3, NOW, "c")
    assert circuit.next_attempt(turn, 10.0) == NOW + timedelta(seconds=80)
    assert circuit.succeeded(turn) == Turn(1, NOW, 10.0)


def test_the_rest_is_bounded_and_random() -> None:
    """At most 15 minutes, a tenth more or less; a longer interval of the operator is kept."""
    many = Turn(1, NOW, 10.0, failures=50)
    assert fails(many).rest == 89
    assert fails(many, every=3600).rest == 0
    low = circuit.failed(many, "a", now=NOW, every=10, randomness=bytes)
    high = circuit.failed(many, "a", now=NOW, every=10, randomness=lambda count: b"\xff" * count)
    assert (low.rest, high.rest) == (80, 98)


def test_the_circuit_opens_after_five_failures_and_one_success_closes_it() -> None:
    """Not before the fifth."""
    turn = Turn(1, NOW, 10.0)
    opened = [circuit.is_open(turn := fails(turn)) for _ in range(6)]
    assert opened == [False, False, False, False, True, True]
    assert not circuit.is_open(circuit.succeeded(turn))


def test_resting_comes_to_an_end() -> None:
    """Each turn of rest is one less, and none is below none."""
    turn = replace(Turn(1, NOW, 10.0), rest=2)
    once = circuit.rested(turn, 10)
    assert [once.rest, circuit.rested(circuit.rested(once, 10), 10).rest] == [1, 0]


def test_a_rest_counted_in_short_turns_is_no_longer_in_long_ones() -> None:
    """Who polled every second left 900 turns; for one who polls every five minutes they must not be three days."""
    turn = circuit.failed(Turn(1, NOW, 1.0, failures=50), "a", now=NOW, every=1, randomness=middle)
    assert turn.rest == 899
    assert circuit.rest(turn, 300) == 2
    assert circuit.rested(turn, 300).rest == 1
    assert circuit.rest(turn, 3600) == 0
    assert circuit.next_attempt(turn, 300.0) <= NOW + timedelta(minutes=15)


def test_that_it_went_back_is_not_forgotten_for_another_failure() -> None:
    """Only a round that was complete after all forgets it."""
    turn = fails(fails(Turn(1, NOW, 10.0), WENT_BACK), "quelle-zu-langsam")
    assert (turn.went_back, turn.code) == (True, "quelle-zu-langsam")
    assert not circuit.succeeded(turn).went_back
