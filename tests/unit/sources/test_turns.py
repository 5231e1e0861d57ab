"""Any number of pollers share the turns at one source, whatever their clocks say."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from gateway.errors import SourceError, StoreError
from gateway.sources import transport
from gateway.sources.circuit import OPEN_AFTER, WINDOW
from gateway.sources.maintenance import Windows
from gateway.sources.poll import Poll
from gateway.sources.turns import Turns
from gateway.store.tenure import Tenure

from .fakes import XML
from .okvisa_fake import FakeOkVisa, FakeStore

START = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
TENURE = Tenure(1, "")
DAY = timedelta(days=1)


@dataclass
class Time:
    """The one time there is, and how far each clock on the wall is off."""

    seconds: float = 0.0
    off: dict[str, timedelta] = field(default_factory=dict)

    def turns(self, store: FakeStore, name: str, every: float = 60.0) -> Turns:
        return Turns(
            store,
            "okvisa",
            lambda: START + timedelta(seconds=self.seconds) + self.off.get(name, timedelta()),
            Windows((), UTC),
            every=every,
            randomness=lambda count: b"\x80" + bytes(count - 1),
            monotonic=lambda: self.seconds,
        )


def play(time: Time, pollers: list[Turns], minutes: int, store: FakeStore) -> list[float]:
    """Everybody looks every two seconds; when the turns were taken."""
    taken = []
    for _ in range(minutes * 30):
        for one in pollers:
            if one.left(one.last()) <= 0:
                one.take(TENURE)
                taken.append(time.seconds)
        time.seconds += 2
    return taken


def test_two_pollers_do_not_double_the_load() -> None:
    """As many turns as one would take, a minute apart."""
    time, store = Time(), FakeStore()
    taken = play(time, [time.turns(store, "a"), time.turns(store, "b")], 10, store)
    assert taken == [60.0 * number for number in range(10)]


def test_another_takes_the_next_turn_when_one_is_gone() -> None:
    """It begins when it is due, within one look."""
    time, store = Time(), FakeStore()
    gone, other = time.turns(store, "a"), time.turns(store, "b")
    play(time, [gone, other], 2, store)
    assert play(time, [other], 2, store)[0] == 120.0


@pytest.mark.parametrize("off", [timedelta(seconds=3), -timedelta(seconds=3), timedelta(hours=1), -timedelta(hours=1)])
def test_clocks_that_differ_neither_stop_nor_double_anything(off: timedelta) -> None:
    """Two machines whose clocks differ by seconds or an hour: about one turn a minute, from one of them or both."""
    time, store = Time(off={"b": off}), FakeStore()
    taken = play(time, [time.turns(store, "a"), time.turns(store, "b")], 30, store)
    assert 29 <= len(taken) <= 32


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_clock_that_jumps_by_a_day_does_not_stop_polling(jump: timedelta) -> None:
    """Forward: one turn comes early. Back: the next one comes when it would have come."""
    time, store = Time(), FakeStore()
    pollers = [time.turns(store, "a"), time.turns(store, "b")]
    play(time, pollers, 5, store)
    time.off = {"a": jump, "b": jump}
    assert 5 <= len(play(time, pollers, 5, store)) <= 6
    time.off = {}
    assert 5 <= len(play(time, pollers, 5, store)) <= 6


def test_a_shorter_interval_does_not_wait_for_a_longer_one() -> None:
    """An operator who asks for a minute instead of a day need not wait until tomorrow."""
    time, store = Time(), FakeStore()
    time.turns(store, "a", every=86400.0).take(TENURE)
    assert time.turns(store, "a").left(store.turn("okvisa")) <= 66


# What a round does with it.


def poll(fake: FakeOkVisa, store: FakeStore, now: datetime = START, *windows: str) -> Poll:
    source = fake.source()
    return Poll(source, store, lambda _day: {}, lambda: now, overlap=2, every=60.0, maintenance=windows)


def filled() -> FakeOkVisa:
    fake = FakeOkVisa()
    for number in range(1, 6):
        fake.put(f"P{number}", number)
    return fake


def down(_call: int, _payload: str) -> tuple[int, dict[str, str], bytes]:
    return 503, XML, b""


def test_failures_are_remembered_by_all() -> None:
    """Another poller, or this one after a restart, knows how often and since when it failed, and lets it rest."""
    fake, store = filled(), FakeStore()
    fake.spoil = down
    with pytest.raises(SourceError):
        poll(fake, store).take_turn(None)
    known = store.turn("okvisa")
    assert (known.failures, known.code, known.failing_since) == (1, transport.UNAVAILABLE, START)
    assert known.rest >= 1
    calls = fake.calls
    result = poll(fake, store).take_turn(known)
    assert result is not None
    assert not result.complete
    assert fake.calls == calls


def test_what_changes_by_the_day_goes_on_while_the_source_rests() -> None:
    """A turn of rest, and one in a maintenance window, reproject as any other."""
    fake, store = filled(), FakeStore()
    fake.spoil = down
    with pytest.raises(SourceError):
        poll(fake, store).take_turn(None)
    poll(fake, store).take_turn(store.turn("okvisa"))
    with pytest.raises(SourceError):
        poll(fake, store, START, "23:00-00:00").run_once()
    assert len(store.reprojected) == 3


def test_an_open_circuit_costs_the_source_one_call() -> None:
    """After five failures an attempt is one call, not repeated; the first success reads everything and closes it."""
    fake, store = filled(), FakeStore()
    fake.spoil = down
    for _ in range(OPEN_AFTER):
        with pytest.raises(SourceError):
            poll(fake, store).run_once()
    calls = fake.calls
    with pytest.raises(SourceError):
        poll(fake, store).run_once()
    assert fake.calls == calls + 1
    fake.spoil = lambda _call, payload: payload
    assert poll(fake, store).run_once().complete
    assert (store.turn("okvisa").failures, store.turn("okvisa").code, len(store.people)) == (0, None, 5)


def test_our_own_failures_are_not_the_sources() -> None:
    """A record's, the database's or the trail's trouble opens no circuit."""
    fake, store = filled(), FakeStore()

    def broken(*_arguments: object, **_named: object) -> None:
        raise StoreError

    store.ingest = broken  # type: ignore[method-assign]  # the database fails
    with pytest.raises(StoreError):
        poll(fake, store).run_once()
    assert store.turn("okvisa").failures == 0


def test_a_turn_taken_by_somebody_faster_is_not_taken_again() -> None:
    """Whoever gets the lock second sees that the turn is another by now, and asks nothing."""
    fake, store = filled(), FakeStore()
    first, second = poll(fake, store), poll(fake, store)
    seen = second.turns.last()
    assert first.take_turn(seen) is not None
    calls = fake.calls
    assert second.take_turn(seen) is None
    assert fake.calls == calls


def test_no_round_begins_in_a_maintenance_window() -> None:
    """Not one call; nothing is counted as a failure."""
    fake, store = filled(), FakeStore()
    with pytest.raises(SourceError) as caught:
        poll(fake, store, START, "23:00-00:00").run_once()
    assert caught.value.code == WINDOW
    assert fake.calls == 0
    assert (store.turn("okvisa").failures, store.finished) == (0, [])


def test_no_refused_record_is_fetched_in_a_maintenance_window() -> None:
    """An operator's order asks nothing either."""
    fake, store = filled(), FakeStore()
    with pytest.raises(SourceError) as caught:
        poll(fake, store, START, "23:00-00:00").retry()
    assert caught.value.code == WINDOW
    assert fake.calls == 0


def test_a_round_that_runs_into_a_window_ends_between_two_pages() -> None:
    """The page is stored with its position; afterwards it goes on from there."""
    fake, store = filled(), FakeStore()
    now = [START]
    one = Poll(fake.source(), store, lambda _day: {}, lambda: now[0], overlap=2, maintenance=("23:40-00:00",))
    with pytest.raises(SourceError) as caught:
        one.run_once(progress=lambda *_told: now.__setitem__(0, START + timedelta(minutes=15)))
    assert caught.value.code == WINDOW
    assert len(store.people) == 2
    assert store.at is not None
    assert store.at.page_token is not None
    now[0] = START + timedelta(hours=1)
    assert one.run_once().complete
    assert (len(store.people), store.turn("okvisa").failures) == (5, 0)


def test_a_source_that_went_back_is_refused_until_a_whole_load_is_ordered() -> None:
    """Even if its numbers have passed ours meanwhile: else what it numbered anew would never be read."""
    fake, store = filled(), FakeStore()
    poll(fake, store).run_once()
    fake.records = [one for one in fake.records if one[1] <= 3]
    with pytest.raises(SourceError):
        poll(fake, store).run_once()
    fake.put("P1", 4)
    fake.put("P9", 7)
    stands = len(store.finished)
    with pytest.raises(SourceError, match="--full"):
        poll(fake, store).run_once()
    assert len(store.finished) == stands
    assert poll(fake, store).run_once(full=True).complete
    assert not store.turn("okvisa").went_back
    assert store.numbers["P9"] == 7
    assert poll(fake, store).run_once().complete


def test_a_whole_load_overrules_although_nobody_had_noticed_before() -> None:
    """Ordered at once after a restore of the source: what it says now is taken under its lower numbers."""
    fake, store = filled(), FakeStore()
    poll(fake, store).run_once()
    fake.records = []
    fake.put("P5", 3)
    assert store.numbers["P5"] == 5
    assert poll(fake, store).run_once(full=True).complete
    assert store.numbers["P5"] == 3
    assert not store.turn("okvisa").went_back
