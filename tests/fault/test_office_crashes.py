"""Kills deletion runs and changes of keys at every named step: the next one finishes, and nobody was told wrongly."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.cluster import Cluster
from tests.fault import crash
from tests.fault.house import House, house
from tests.fault.tally import Tally
from tests.patience import attempts
from tests.running import APPLICATIONS

KEYS = {"rotate-rewrap": "vault", "rotate-reseal": "feed", "rotate-tokens": "index", "rotate-drop": "index"}
"""The key whose change passes a step that not every change passes; the others pass with the digest key."""


@pytest.mark.long
def test_work_of_the_office_killed_at_any_step_breaks_no_promise(
    tmp_path: Path, place: Cluster | None, tally: Tally
) -> None:
    """Between any two steps of a deletion run or a change of keys: repeated it goes through, and every law holds."""
    with house(tmp_path, place, persons=60) as under_test:
        under_test.polled()
        under_test.serve()
        for application in under_test.applications.values():
            application.load()
        for point in crash.points(crash.RETENTION):
            die(under_test, point, "retention")
            under_test.examine(APPLICATIONS[:1])
        for point in crash.points(crash.ROTATION):
            die(under_test, point, "rotate", purpose=KEYS.get(point.partition(":")[0], "digest"))
            under_test.examine(APPLICATIONS[1:2])
        under_test.examine()
        under_test.summary(tally)


def die(under_test: House, point: str, work: str, **command: object) -> None:
    """Something is due, the work dies at this point, and asked again it goes through."""
    for _attempt in attempts(f"{work} at {point}"):
        under_test.happen([None] * 6)
        under_test.polled()
        under_test.trap.arm(point)
        ended = under_test.begin(work, **command).end()
        if under_test.trap.fired():
            assert ended == -signal.SIGKILL, point
            break
        assert ended == 0, point  # nobody was due: it did not come that far
        under_test.trap.path.unlink()
    under_test.checked[f"kills of {work} at a step"] += 1
    under_test.done(work, **command)
