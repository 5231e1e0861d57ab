"""Kills a server process at every step of a request and looks at what left the house, and what stayed in it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path

import pytest

from tests.cluster import Cluster
from tests.fault import crash
from tests.fault.application import PATIENCE, Application, Lost
from tests.fault.house import House, house
from tests.fault.tally import Tally
from tests.running import APPLICATIONS

CHANGES = ("namensaenderung", None)
FEED, ACKNOWLEDGE, STOCK = "aenderungenAbrufen", "aenderungenQuittieren", "bestandAbrufen"
TELLING = ("identify:before", "audit-record:before", "audit-commit:before", "quittung:before", "sign:before")
KILLED = "kills of a server process at a step"
UNWRITTEN = 0
WRITTEN = 1


@dataclass(frozen=True)
class Case:
    """Where the process dies, in which operation, and how many audit entries of that request there are afterwards."""

    point: str
    operation: str
    entries: int
    calls: int = 1


def before_and_after_the_audit() -> list[tuple[str, int]]:
    """Every point of every request: nothing is on the trail before the commit of the audit entry, the entry after."""
    found = list(crash.points(crash.REQUEST))
    ends = {name: found.index(f"{name}:after") for name in ("audit-record", "audit-commit")}
    enclosing = {f"{name}:before" for name in ("seal", "answer", "respond")}
    written = ends["audit-record"]
    return [
        (
            point,
            WRITTEN if point not in enclosing and place >= written and point != "audit-commit:before" else UNWRITTEN,
        )
        for place, point in enumerate(found)
    ]


def of_every_request(operations: Sequence[str]) -> Iterator[Case]:
    """After each step: before the next is the same, as far as anything outside can tell."""
    told = [one for one in before_and_after_the_audit() if one[0].endswith(":after") or one[0] in TELLING]
    for (point, entries), operation in zip(told, cycle(operations), strict=False):
        yield Case(point, operation, entries)
    for when, operation in zip(crash.WHEN, operations, strict=False):
        yield Case(f"audit-append:{when}", operation, UNWRITTEN)
        yield Case(f"check-answer:{when}", operation, WRITTEN, calls=2)


OF_THE_OPERATIONS = (
    *(Case(f"feed-mark:{when}", FEED, UNWRITTEN) for when in crash.WHEN),
    *(Case(f"feed-read:{when}", FEED, UNWRITTEN) for when in crash.WHEN),
    *(Case(f"acknowledge-rows:{when}", ACKNOWLEDGE, UNWRITTEN) for when in crash.WHEN),
    Case("acknowledge-counter:after", ACKNOWLEDGE, UNWRITTEN),
    *(Case(f"acknowledge:{when}", ACKNOWLEDGE, UNWRITTEN) for when in crash.WHEN),
    *(Case(f"snapshot-begin:{when}", STOCK, UNWRITTEN) for when in crash.WHEN),
    *(Case(f"snapshot:{when}", STOCK, UNWRITTEN) for when in crash.WHEN),
)
LATE = (
    *(f"snapshot-complete:{when}" for when in crash.WHEN),
    *(f"delivered:{when}" for when in crash.WHEN),
    *(f"checkpoint:{when}" for when in crash.WHEN),
    crash.TORN,
)
"""Points that no single request passes for certain, or only when its answer may have left already."""


def share(place: Cluster | None) -> list[Case]:
    """Steps that keep state on PostgreSQL; around commits on each database; all the rest, which meets neither, once."""
    every = list(of_every_request((FEED, ACKNOWLEDGE, STOCK)))
    if place is None:
        return every
    return [*(one for one in every if one.point.startswith("audit-")), *OF_THE_OPERATIONS]


def test_a_server_killed_at_any_step_breaks_no_promise(tmp_path: Path, place: Cluster | None, tally: Tally) -> None:
    """Whatever leaves the house was on the trail before, and what did not leave comes again."""
    cases, late = share(place), LATE[0 if place is None else 1 :: 2]
    with house(tmp_path, place) as under_test:
        begin(under_test)
        for at, (case, name) in enumerate(zip(cases, cycle(APPLICATIONS), strict=False)):
            die(under_test, case, under_test.applications[name])
            under_test.examine_feeds([name])
            if at % 4 == 0:
                under_test.verify()
        for point, name in zip(late, cycle(APPLICATIONS), strict=False):
            die_late(under_test, point, under_test.applications[name])
        under_test.examine()
        under_test.summary(tally, **{KILLED: len(cases) + len(late)})


@pytest.mark.long
def test_a_server_killed_at_any_step_of_any_operation_breaks_no_promise(
    tmp_path: Path, place: Cluster | None, tally: Tally
) -> None:
    """As above, for every operation that keeps state and every application."""
    cases = [Case(point, operation, entries) for operation in (FEED, ACKNOWLEDGE, STOCK)
             for point, entries in before_and_after_the_audit()]  # fmt: skip
    cases += OF_THE_OPERATIONS
    with house(tmp_path, place, persons=120) as under_test:
        begin(under_test)
        for name in APPLICATIONS:
            for case in cases:
                die(under_test, case, under_test.applications[name])
                under_test.examine([name])
            for point in LATE:
                die_late(under_test, point, under_test.applications[name])
        under_test.examine()
        under_test.summary(tally, **{KILLED: (len(cases) + len(LATE)) * len(APPLICATIONS)})


def die_late(under_test: House, point: str, application: Application) -> None:
    """A snapshot may end, an answer be on its way, a checkpoint be half written: the house comes back whole."""
    pending(under_test, application)
    under_test.trap.arm(point)
    until_dead(under_test, application)
    intact_by_itself(under_test)
    under_test.examine_feeds([application.name])


def intact_by_itself(under_test: House) -> None:
    """The process that takes the place of the dead one mends the anchor file; no request is needed for it."""
    deadline = time.monotonic() + PATIENCE
    while under_test.verdict().exit_code != 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    under_test.verify()


def begin(under_test: House) -> None:
    """Everything is loaded and every application holds its stock."""
    under_test.polled()
    under_test.serve()
    for application in under_test.applications.values():
        application.load()


def die(under_test: House, case: Case, application: Application) -> None:
    """The server process that answers dies at the point of the case; nothing of the answer arrives."""
    number, epoch = pending(under_test, application)
    parameters: dict[str, str | int] = {"anzahl": 5}
    act: Callable[[], object] = partial(application.call, case.operation, anzahl=5)
    if case.operation == ACKNOWLEDGE:
        parameters = {"bis": number, "epoche": epoch}
        act = partial(application.acknowledge, number, epoch)
    request = application.client.request(case.operation, parameters, {})
    before = under_test.entries(hashlib.sha256(request).hexdigest())
    under_test.trap.arm(case.point, case.calls)
    with pytest.raises(Lost):
        act()
    assert under_test.trap.fired(), case
    after = under_test.entries(hashlib.sha256(request).hexdigest())
    assert after - before == case.entries, case


def pending(under_test: House, application: Application) -> tuple[int, str]:
    """Last number and epoch of a page that the application has read and not acknowledged."""
    for _ in range(50):
        under_test.happen(CHANGES)
        under_test.polled()
        number, epoch, more = application.read()
        if more:
            return number, epoch
    raise AssertionError("nothing happens to anybody this application sees")


def until_dead(under_test: House, application: Application) -> None:
    """The application goes about its work until a server process has died under it."""
    for act in [application.drain, application.stock] * 20:
        with suppress(Lost):
            act()
        if under_test.trap.fired():
            return
    raise AssertionError("no process passed the point")
