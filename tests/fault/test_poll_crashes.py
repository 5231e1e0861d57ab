"""Kills the poller at every step of a round and looks whether the next one makes everything good."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

from tests.fault import crash
from tests.fault.house import SOURCE, House, house
from tests.running import APPLICATIONS

CHANGES = ("namensaenderung", "umzug", "zuzug", None)
GONE = ("loeschung", "zusammenfuehrung", "namensaenderung", None)
SOME = "w"
_REPROJECTING = {"reproject", "reproject-piece", "reproject-write", "reproject-remember"}
_PIECES = {"piece", "lock-feeds", "people", "entries"}
_TELLING = {"reproject-remember:before", "people:before", "scrub:before", "finish-poll:before"}
_ERASING = {"erase-rows", "scrub"}


FIRST_LOAD = (
    *("reproject-remember:after", "state:after", "page:after", "position:after", "piece:after", "people:after"),
    *("position:before", "commit:after"),
)


def every_step() -> Iterator[tuple[str, int]]:
    """After each step: before the next is the same, as far as anything outside can tell. And after commits."""
    found = every_point()
    return ((point, call) for point, call in found if point.endswith(":after") or point in _TELLING)


def every_point() -> Iterator[tuple[str, int]]:
    """Before and after each step, those of a piece also in the second piece, and around commits."""
    for point in crash.points(crash.POLL):
        yield point, 1
        if point.partition(":")[0] in _PIECES:
            yield point, 2
    for call in (2, 4, 6, 8):
        yield "commit:before", call
        yield "commit:after", call


def test_a_poll_killed_at_any_step_breaks_no_promise(tmp_path: Path) -> None:
    """From the first load on no change is lost and none comes twice; a house that never crashed knows the same."""
    kills = list(every_step())
    with house(tmp_path) as under_test:
        loads = load(under_test)
        under_test.serve()
        for application in under_test.applications.values():
            application.load()
        under_test.examine()
        for place, ((point, call), name) in enumerate(zip(kills, cycle(APPLICATIONS), strict=False)):
            strike(under_test, point, call, name)
            under_test.glance(name) if place % 6 else under_test.examine()
        under_test.examine()
        compared = under_test.compare_with_fresh(tmp_path / "fresh")
        counts = {"first loads killed": loads, "polls killed": len(kills)}
        under_test.summary(**counts, **{"persons compared with a fresh house": compared})


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 6))
def test_a_poll_killed_at_any_step_of_a_larger_stock_breaks_no_promise(tmp_path: Path, seed: int) -> None:
    """As above, with more persons, whole loads in between, and every application examined each time."""
    kills = list(every_point())
    with house(tmp_path, persons=300, seed=seed) as under_test:
        under_test.polled()
        under_test.serve()
        for application in under_test.applications.values():
            application.load()
        for place, ((point, call), name) in enumerate(zip(kills, cycle(APPLICATIONS), strict=False)):
            strike(under_test, point, call, name, full=place % 4 == seed % 4)
            under_test.examine()
        compared = under_test.compare_with_fresh(tmp_path / "fresh")
        under_test.summary(**{"polls killed": len(kills), "persons compared with a fresh house": compared})


def load(under_test: House) -> int:
    """The first load has died at several steps, then after each page, at last between load and later changes."""
    for point in FIRST_LOAD:
        die(under_test, point, 1)
        under_test.happen(CHANGES)
    for pages in range(1, 50):
        die(under_test, "page:before", 2)
        under_test.happen(CHANGES[:2])
        position = under_test.inside.store.position(SOURCE)
        if position is not None and not position.full_load:
            die(under_test, "finish-poll:before", 1)
            return len(FIRST_LOAD) + pages + 1
    raise AssertionError("the load does not end")


def strike(under_test: House, point: str, call: int, name: str, *, full: bool = False) -> None:
    """Things happen at the source, the round that fetches them dies, and an application reads what there is."""
    step, application = point.partition(":")[0], under_test.applications[name]
    if step in _REPROJECTING:
        under_test.polled(only=SOME)  # so that everybody else must come back
    under_test.happen(GONE if step in _ERASING else CHANGES)
    die(under_test, point, call, full=full)
    number, epoch, _ = application.read(3)
    if call % 2:
        application.acknowledge(number, epoch)
    under_test.happen(CHANGES[:1])


def die(under_test: House, point: str, call: int, **command: object) -> None:
    """A round of the poller dies at its `call`-th passing of `point`."""
    under_test.trap.arm(point, call)
    begun = under_test.round(**command)
    assert begun.end() == -signal.SIGKILL, f"{point} was not passed {call} times"
    assert under_test.trap.fired()
