"""What a round asks for next, told by pages alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from gateway.errors import SourceError
from gateway.sources.advance import GAP, STUCK, WENT_BACK, Advance, State
from gateway.sources.transport import NOT_ITS_CONTRACT
from gateway.store.batch import Position

START = datetime(2026, 3, 2, tzinfo=UTC)
LATER = START + timedelta(days=1)


@dataclass
class Head:
    next_token: str | None
    change_number: int
    digest: bytes
    taken_at: datetime = START


def _advance(number=10, stored=None, *, full=False, overlap=3):
    return Advance(State(number, START), stored, full=full, overlap=overlap)


def test_an_empty_store_begins_with_a_whole_load():
    """Then the changes from the load's own number, less the overlap."""
    one = _advance()
    assert one.asking == Position(10, None, full_load=True)
    assert one.follow(Head("a", 12, b"1"), asked_at=LATER) == Position(10, "a", full_load=True)
    assert one.follow(Head(None, 12, b"2"), asked_at=LATER) == Position(10, None, full_load=False)
    assert (one.asking, one.done) == (Position(7, None, full_load=False), False)
    assert one.follow(Head(None, 13, b"3"), asked_at=LATER) == Position(13, None, full_load=False)
    assert one.done


def test_a_resumed_withdrawal_is_followed_by_one_of_our_own():
    """Only a withdrawal begun in this round proves that everything of its beginning is stored."""
    one = _advance(stored=Position(4, "t", full_load=False))
    assert one.asking == Position(4, "t", full_load=False)
    assert one.follow(Head(None, 9, b"1"), asked_at=LATER) == Position(9, None, full_load=False)
    assert not one.done
    assert one.asking == Position(6, None, full_load=False)
    one.follow(Head(None, 10, b"1"), asked_at=LATER)
    assert one.done


def test_the_overlap_never_reaches_below_zero():
    """Near the beginning everything is read again."""
    assert _advance(stored=Position(2, None, full_load=False)).asking.change_number == 0


def test_since_is_the_first_page_of_the_last_withdrawal():
    """The later pages do not make the data look fresher."""
    one = _advance(stored=Position(5, None, full_load=False))
    one.follow(Head("a", 10, b"1", START), asked_at=LATER)
    one.follow(Head(None, 10, b"2", START + timedelta(minutes=5)), asked_at=LATER)
    assert one.since == START


def test_a_whole_load_ordered_begins_anew():
    """`full` ignores a stored token, and keeps the older number for the changes afterwards."""
    one = _advance(stored=Position(4, "t", full_load=True), full=True)
    assert one.asking == Position(4, None, full_load=True)
    assert one.follow(Head(None, 10, b"1"), asked_at=LATER) == Position(4, None, full_load=False)


@pytest.mark.parametrize(
    "pages", [(Head("a", 10, b"1"), Head("b", 10, b"1")), (Head("a", 10, b"1"), Head("a", 10, b"2"))]
)
def test_repetition_is_noticed(pages):
    """The same records or the same token a second time."""
    one = _advance(stored=Position(5, None, full_load=False))
    one.follow(pages[0], asked_at=LATER)
    with pytest.raises(SourceError) as caught:
        one.follow(pages[1], asked_at=LATER)
    assert caught.value.code == STUCK


def test_falling_numbers_are_noticed():
    """Behind the store, or between two pages; a whole load that raises its own number breaks the contract."""
    with pytest.raises(SourceError) as caught:
        _advance(4, Position(5, None, full_load=False))
    assert caught.value.code == WENT_BACK
    later = ((Position(5, None, full_load=False), 9, WENT_BACK), (None, 11, NOT_ITS_CONTRACT))
    for stored, second, code in later:
        one = _advance(stored=stored)
        one.follow(Head("a", 10, b"1"), asked_at=LATER)
        with pytest.raises(SourceError) as caught:
            one.follow(Head("b", second, b"2"), asked_at=LATER)
        assert caught.value.code == code


def test_a_gap_at_the_end_is_noticed():
    """Changes that end before the number named at the beginning of the round."""
    one = _advance(stored=Position(5, None, full_load=False))
    with pytest.raises(SourceError) as caught:
        one.follow(Head(None, 9, b"1"), asked_at=LATER)
    assert caught.value.code == GAP


def test_a_restart_is_made_once():
    """A second refusal of tokens ends the round."""
    one = _advance(stored=Position(5, "t", full_load=False))
    one.restart()
    assert one.asking == Position(5, None, full_load=False)
    with pytest.raises(SourceError):
        one.restart()


def test_since_is_the_older_of_two_clocks():
    """A source whose clock is ahead makes the data look no fresher than the moment at which it was asked."""
    one = _advance(stored=Position(5, None, full_load=False))
    one.follow(Head("a", 10, b"1", START + timedelta(days=1)), asked_at=START)
    one.follow(Head(None, 10, b"2", START + timedelta(days=1)), asked_at=START + timedelta(minutes=5))
    assert one.since == START
