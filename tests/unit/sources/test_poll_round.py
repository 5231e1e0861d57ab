"""What a round leaves behind: freshness, the day's own changes, and progress."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from gateway.errors import SourceError
from gateway.sources import transport
from gateway.sources.poll import RECORDS, Poll
from gateway.store.batch import Upsert

from .fakes import XML
from .okvisa_fake import FakeOkVisa, FakeStore

NOW = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
SECRET = "Ahmadzai"


def _filled(count: int = 5, **changes) -> FakeOkVisa:
    fake = FakeOkVisa(**changes)
    for number in range(1, count + 1):
        fake.put(f"P{number}", number)
    return fake


def _poll(fake: FakeOkVisa, store: FakeStore, now: datetime = NOW, **changes) -> Poll:
    return Poll(fake.source(**changes), store, lambda _day: {}, lambda: now, overlap=2)


def _fails(poll: Poll, code: str, **options) -> None:
    with pytest.raises(SourceError) as caught:
        poll.run_once(**options)
    assert caught.value.code == code
    assert SECRET not in str(caught.value)


def test_the_stand_is_the_sources_own_moment():
    """Freshness is when the last withdrawal of changes began, by the source's clock, never later than now."""
    fake, store = _filled(), FakeStore()
    _poll(fake, store).run_once()
    assert store.finished == [("okvisa", datetime(2026, 3, 2, 11, 0, 5, tzinfo=UTC), NOW)]
    early = datetime(2026, 3, 1, tzinfo=UTC)
    _poll(fake, store, early).run_once()
    assert store.finished[-1][1] == early


def test_every_round_is_anchored_however_it_ended():
    """After each turn of the long run, the failed ones too, the trail gets its checkpoint before the pause."""
    fake, store, done, now = _filled(), FakeStore(), [], [NOW]
    fake.spoil = lambda call, payload: "" if call == 1 else payload
    poll = Poll(fake.source(), store, lambda _day: {}, lambda: now[0], overlap=2)

    def sleep(seconds: float) -> None:
        done.append("pause")
        now[0] += timedelta(seconds=seconds)

    poll.run_forever(1, lambda: bool(store.finished), sleep, anchor=lambda: done.append("anchor"))
    assert done[0] == done[-1] == "anchor"
    assert done.count("anchor") == len(store.finished) + 2, "a failed turn, one of rest, one that was complete"


def test_what_changes_by_the_day_does_not_wait_for_the_source():
    """The reprojection of the city's own day is done under the lock before the source is asked."""
    fake, store = _filled(), FakeStore()
    fake.spoil = lambda _call, _payload: (503, XML, b"")
    _fails(_poll(fake, store), transport.UNAVAILABLE)
    assert store.reprojected == [date(2026, 3, 2)]
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    _fails(_poll(fake, store, late), transport.UNAVAILABLE)
    assert store.reprojected[-1] == date(2026, 3, 3)
    assert store.locked == 2


def test_progress_is_told_after_every_page():
    """How many records were read so far; how many will come nobody knows."""
    seen = []
    _poll(_filled(), FakeStore()).run_once(progress=lambda *told: seen.append(told))
    assert seen == [(RECORDS, count, None) for count in (2, 4, 5, 7)]


def test_upserts_carry_the_checked_record():
    """What reaches the store is the model's own record."""
    fake, store = _filled(1), FakeStore()
    _poll(fake, store).run_once()
    change = store.people["P1"]
    assert isinstance(change, Upsert)
    assert change.datensatz.person.familienname == SECRET
