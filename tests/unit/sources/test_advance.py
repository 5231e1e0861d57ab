"""What a round asks for next, told by pages alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from gateway.errors import SourceError
from gateway.sources.advance import GAP, STUCK, WENT_BACK, Advance, State
from gateway.store.batch import Position

START = datetime(2026, 3, 2, tzinfo=UTC)


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
    assert one.follow(Head("a", 12, b"1")) == Position(10, "a", full_load=True)
    assert one.follow(Head(None, 12, b"2")) == Position(10, None, full_load=False)
    assert (one.asking, one.done) == (Position(7, None, full_load=False), False)
    assert one.follow(Head(None, 13, b"3")) == Position(13, None, full_load=False)
    assert one.done


def test_a_resumed_withdrawal_is_followed_by_one_of_our_own():
    """Only a withdrawal begun in this round proves that everything of its beginning is stored."""
    one = _advance(stored=Position(4, "t", full_load=False))
    assert one.asking == Position(4, "t", full_load=False)
    assert one.follow(Head(None, 9, b"1")) == Position(9, None, full_load=False)
    assert not one.done
    assert one.asking == Position(6, None, full_load=False)
    one.follow(Head(None, 10, b"1"))
    assert one.done


def test_the_overlap_never_reaches_below_zero():
    """Near the beginning everything is read again."""
    assert _advance(stored=Position(2, None, full_load=False)).asking.change_number == 0


def test_since_is_the_first_page_of_the_last_withdrawal():
    """The later pages do not make the data look fresher."""
    one = _advance(stored=Position(5, None, full_load=False))
    one.follow(Head("a", 10, b"1", START))
    one.follow(Head(None, 10, b"2", START + timedelta(minutes=5)))
    assert one.since == START


def test_a_whole_load_ordered_begins_anew():
    """`full` ignores a stored token, and keeps the older number for the changes afterwards."""
    one = _advance(stored=Position(4, "t", full_load=True), full=True)
    assert one.asking == Position(4, None, full_load=True)
    assert one.follow(Head(None, 10, b"1")) == Position(4, None, full_load=False)


@pytest.mark.parametrize(
    "pages", [(Head("a", 10, b"1"), Head("b", 10, b"1")), (Head("a", 10, b"1"), Head("a", 10, b"2"))]
)
def test_repetition_is_noticed(pages):
    """The same records or the same token a second time."""
    one = _advance(stored=Position(5, None, full_load=False))
    one.follow(pages[0])
    with pytest.raises(SourceError) as caught:
        one.follow(pages[1])
    assert caught.value.code == STUCK


def test_falling_numbers_are_noticed():
    """Behind the store, between two pages, or a whole load that changes its number."""
    with pytest.raises(SourceError) as caught:
        _advance(4, Position(5, None, full_load=False))
    assert caught.value.code == WENT_BACK
    for stored, second in ((Position(5, None, full_load=False), 9), (None, 11)):
        one = _advance(stored=stored)
        one.follow(Head("a", 10, b"1"))
        with pytest.raises(SourceError) as caught:
            one.follow(Head("b", second, b"2"))
        assert caught.value.code == WENT_BACK


def test_a_gap_at_the_end_is_noticed():
    """Changes that end before the number named at the beginning of the round."""
    one = _advance(stored=Position(5, None, full_load=False))
    with pytest.raises(SourceError) as caught:
        one.follow(Head(None, 9, b"1"))
    assert caught.value.code == GAP


def test_a_restart_is_made_once():
    """A second refusal of tokens ends the round."""
    one = _advance(stored=Position(5, "t", full_load=False))
    one.restart()
    assert one.asking == Position(5, None, full_load=False)
    with pytest.raises(SourceError):
        one.restart()
