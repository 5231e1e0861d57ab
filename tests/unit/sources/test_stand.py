"""What `stand` promises: everything the source knew at that moment is stored, or in quarantine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway.errors import SourceError
from gateway.sources.circuit import OPEN_AFTER
from gateway.sources.poll import Poll

from .fakes import XML
from .okvisa_fake import FakeOkVisa, FakeStore

READ_AT = datetime(2026, 3, 2, 11, tzinfo=UTC)
"""About what the fake source's clock says."""


def filled(*numbers: int) -> FakeOkVisa:
    fake = FakeOkVisa(page_size=50)
    for number in numbers:
        fake.put(f"P{number}", number)
    return fake


def poll(fake: FakeOkVisa, store: FakeStore, now: datetime = READ_AT + timedelta(hours=1)) -> Poll:
    return Poll(fake.source(), store, lambda _day: {}, lambda: now, overlap=2)


def test_two_changes_in_one_second_are_both_read() -> None:
    """Their numbers tell them apart, whichever of them a round has seen."""
    fake, store = filled(1, 2, 3), FakeStore()
    poll(fake, store).run_once()
    fake.put("P1", 4)
    poll(fake, store).run_once()
    fake.put("P2", 5)  # in the same second: the fake's records have one moment
    poll(fake, store).run_once()
    assert (store.numbers["P1"], store.numbers["P2"]) == (4, 5)


def test_a_late_commit_is_read_within_the_overlap_only() -> None:
    """A lower number that becomes visible after a higher one is read by the next round; here of the last two."""
    fake, store = filled(1, 2, 5, 7), FakeStore()
    poll(fake, store).run_once()
    fake.put("P6", 6)
    fake.put("P4", 4)
    fake.put("P8", 8)
    poll(fake, store).run_once()
    assert "P6" in store.people
    assert "P4" not in store.people, "the limit that docs/polling.md tells of"


def test_a_source_ahead_of_us_looks_no_fresher_than_it_was_asked() -> None:
    """A round that takes an hour is as fresh as its beginning, although the source's clock is a day ahead of ours."""
    fake, store = filled(1, 2, 3), FakeStore()
    poll(fake, store).run_once()
    now = [READ_AT - timedelta(days=1)]
    begun = now[0]

    def slow(_call: int, payload: str) -> str:
        now[0] += timedelta(minutes=20)
        return payload

    fake.spoil = slow
    one = Poll(fake.source(), store, lambda _day: {}, lambda: now[0], overlap=2)
    one.run_once()
    source, stand, finished = store.finished[-1]
    assert source == "okvisa"
    assert begun <= stand <= begun + timedelta(minutes=20)
    assert finished == begun + timedelta(minutes=40)


def test_a_day_without_the_source_and_back() -> None:
    """Its calls are few, `stand` stays what it was, the day's own changes go on, and the first answer brings it all."""
    fake, store = filled(1, 2, 3), FakeStore()
    now = [READ_AT + timedelta(hours=1)]
    one = Poll(fake.source(), store, lambda _day: {}, lambda: now[0], overlap=2, every=60.0)
    one.run_once()
    stand, end, before = store.finished[-1], now[0] + timedelta(days=1), fake.calls
    fake.put("P4", 4)
    sound, fake.spoil = fake.spoil, lambda _call, _payload: (503, XML, b"")
    while now[0] < end:
        take(one)
        now[0] += timedelta(seconds=max(1.0, one.turns.left(one.turns.last())))
    assert store.finished[-1] == stand
    assert 90 <= fake.calls - before <= 110 + 2 * OPEN_AFTER
    assert len({str(day) for day in store.reprojected}) == 2
    assert len(store.reprojected) > 1300
    fake.spoil = sound
    until = now[0] + timedelta(minutes=17)
    while "P4" not in store.people and now[0] < until:
        take(one)
        now[0] += timedelta(seconds=max(1.0, one.turns.left(one.turns.last())))
    assert "P4" in store.people
    assert store.turn("okvisa").failures == 0


def take(one: Poll) -> None:
    try:
        one.take_turn(one.turns.last())
    except SourceError:
        return
