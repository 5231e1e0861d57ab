"""Kills the poller at every step of a round and looks whether the next one makes everything good."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

from tests.fault import crash
from tests.fault.house import House, house
from tests.running import APPLICATIONS

CHANGES = ("namensaenderung", "umzug", "zuzug", None)
GONE = ("loeschung", "zusammenfuehrung", "namensaenderung", None)
SOME = "w"
_REPROJECTING = {"reproject", "reproject-piece", "reproject-write", "reproject-remember"}
_PIECES = {"piece", "lock-feeds", "people", "entries"}
_ERASING = {"erase-rows", "scrub"}


def first_load() -> list[tuple[str, int]]:
    """Crashes of the very first round, one after the other: each finds what the one before has left."""
    points = ["reproject-remember:after", "state:after", "page:after", "position:after", "piece:after", "page:before"]
    return [(point, 1) for point in points] + [
        ("position:after", 2),
        ("page:after", 2),
        ("page:before", 3),
        ("page:before", 2),  # the load is complete, the changes made meanwhile are not read yet
        ("finish-poll:before", 1),
    ]


def every_point() -> Iterator[tuple[str, int]]:
    for point in crash.points(crash.POLL):
        yield point, 1
        if point.partition(":")[0] in _PIECES:
            yield point, 2
    for call in (2, 4, 6, 8):
        yield "commit:before", call
        yield "commit:after", call


def test_a_first_load_killed_again_and_again_ends_as_if_it_never_was(tmp_path: Path) -> None:
    """A full load broken off at any step goes on where it was, and the house then knows what the source knows."""
    kills = first_load()
    with house(tmp_path, persons=60, page_size=15) as under_test:
        for point, call in kills:
            die(under_test, point, call)
            under_test.happen(CHANGES)
        under_test.polled()
        under_test.serve()
        for application in under_test.applications.values():
            application.load()
        under_test.examine()
        compared = under_test.compare_with_fresh(tmp_path / "fresh")
        under_test.summary(**{"polls killed": len(kills), "persons compared with a fresh house": compared})


def test_a_poll_killed_at_any_step_breaks_no_promise(tmp_path: Path) -> None:
    """No change is lost and none comes twice, for every application; a house that never crashed knows the same."""
    kills = list(every_point())
    with house(tmp_path) as under_test:
        under_test.polled()
        under_test.serve()
        for application in under_test.applications.values():
            application.load()
        for place, ((point, call), name) in enumerate(zip(kills, cycle(APPLICATIONS), strict=False)):
            strike(under_test, point, call, name)
            under_test.glance(name) if place % 6 else under_test.examine()
        under_test.examine()
        compared = under_test.compare_with_fresh(tmp_path / "fresh")
        under_test.summary(**{"polls killed": len(kills), "persons compared with a fresh house": compared})


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
