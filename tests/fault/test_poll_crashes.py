"""Kills the poller at every step of a round and looks whether the next one makes everything good."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path

import pytest

from tests.cluster import Cluster
from tests.fault import crash
from tests.fault.house import SOURCE, House, house
from tests.fault.tally import Tally
from tests.running import APPLICATIONS

CHANGES = ("namensaenderung", "umzug", "zuzug", None)
GONE = ("loeschung", "zusammenfuehrung", "namensaenderung", None)
SOME = "w"
_REPROJECTING = {"reproject", "reproject-piece", "reproject-write", "reproject-remember"}
_PIECES = {"piece", "lock-feeds", "people", "entries"}
_TELLING = {"reproject-remember:before", "people:before", "scrub:before", "finish-poll:before"}
_ERASING = {"erase-rows", "scrub"}
_WRITING = {"position", "people", "entries", "tell", "erase-rows", "reproject-remember"}
LOADS, POLLS = "kills of a first load at a step", "kills of a poll at a step"

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


def share(place: Cluster | None) -> list[tuple[str, int]]:
    """Around commits on each database; inside transactions on PostgreSQL; all the rest, which meets neither, once."""
    found = [(one, one[0].partition(":")[0]) for one in every_step()]
    here = _WRITING if place is not None else {step for _, step in found} - _WRITING
    return [one for one, step in found if step in here or step == "commit"]


def test_a_poll_killed_at_any_step_breaks_no_promise(tmp_path: Path, place: Cluster | None, tally: Tally) -> None:
    """From the first load on no change is lost and none comes twice; a house that never crashed knows the same."""
    kills = share(place)
    with house(tmp_path, place) as under_test:
        loads = load(under_test, FIRST_LOAD[0 if place is None else 1 :: 2])
        under_test.serve()
        for application in under_test.applications.values():
            application.load()
        under_test.examine()
        for at, ((point, call), name) in enumerate(zip(kills, cycle(APPLICATIONS), strict=False)):
            strike(under_test, point, call, name)
            under_test.glance(name) if at % 6 else under_test.examine()
        under_test.examine()
        if place is None:  # what is compared does not depend on it
            under_test.checked["persons compared with a fresh house"] += under_test.compare_with_fresh(
                tmp_path / "fresh"
            )
        under_test.summary(tally, **{LOADS: loads, POLLS: len(kills)})


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 4))
def test_a_poll_killed_at_any_step_of_a_larger_stock_breaks_no_promise(
    tmp_path: Path, place: Cluster | None, tally: Tally, seed: int
) -> None:
    """As above, with more persons, whole loads in between, and every application examined each time."""
    kills = list(every_point())
    with house(tmp_path, place, persons=300, seed=seed) as under_test:
        loads = load(under_test, FIRST_LOAD)
        under_test.serve()
        for application in under_test.applications.values():
            application.load()
        for at, ((point, call), name) in enumerate(zip(kills, cycle(APPLICATIONS), strict=False)):
            strike(under_test, point, call, name, full=at % 4 == seed % 4)
            under_test.examine()
        compared = under_test.compare_with_fresh(tmp_path / "fresh")
        counts = {LOADS: loads, POLLS: len(kills), "persons compared with a fresh house": compared}
        under_test.summary(tally, **counts)


def load(under_test: House, steps: Sequence[str]) -> int:
    """The first load has died at these steps, then after each page, at last between load and later changes."""
    for point in steps:
        die(under_test, point, 1)
        under_test.happen(CHANGES)
    for pages in range(1, 50):
        die(under_test, "page:before", 2)
        under_test.happen(CHANGES[:2])
        position = under_test.inside.store.position(SOURCE)
        if position is not None and not position.full_load:
            die(under_test, "finish-poll:before", 1)
            return len(steps) + pages + 1
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
    begun = under_test.begin("poll", **command)
    assert begun.end() == -signal.SIGKILL, f"{point} was not passed {call} times"
    assert under_test.trap.fired()
