"""Kills parts of a busy house at random instants: applications read on, and in the end nobody has missed anything."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.cluster import Cluster
from tests.fault.busy import busy
from tests.fault.house import House, house
from tests.fault.kills import ACKNOWLEDGING, KILLS, OF_THE_DATABASE, RARE, strike
from tests.fault.tally import Tally
from tests.running import APPLICATIONS

# A peer that dies before the handshake leaves SSLSocket._create by an exception that does not close the socket.
pytestmark = pytest.mark.filterwarnings("ignore:.*ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")

BUSY = [name for name in APPLICATIONS if name != ACKNOWLEDGING]
"""The others; it is asked by the kills themselves, and in every examination."""
SHORT_OF = {"sqlite": ("poller", "worker", "arbiter", "everything", "retention", "key rotation"),
            "postgresql": ("poller", "worker in an acknowledgement", "erasure", "database process")}  # fmt: skip
"""What is killed in the short form. A kill of a process is the same on both, so each is tried on one of them."""


def test_killing_any_part_of_a_busy_house_breaks_no_promise(
    tmp_path: Path, place: Cluster | None, tally: Tally
) -> None:
    """Poller, server, office, database: each is killed at a random instant, and every law still holds."""
    with house(tmp_path, place, seed=20261123) as under_test:
        kill_at_random(under_test, SHORT_OF[under_test.database], seed=20261123, phases=1)
        under_test.summary(tally)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 6))
def test_killing_any_part_of_a_busy_house_hundreds_of_times_breaks_no_promise(
    tmp_path: Path, place: Cluster | None, tally: Tally, seed: int
) -> None:
    """As above, every kind, a hundred kills and more in each of five houses on each database."""
    with house(tmp_path, place, persons=100, seed=seed) as under_test:
        kinds = (*KILLS, *(OF_THE_DATABASE if place is not None else ()))
        often = [kind for kind in kinds if kind not in RARE]
        try:
            kill_at_random(under_test, (*kinds, *often, *often), seed=seed, phases=6 if place is None else 5)
        finally:
            under_test.summary(tally)


def kill_at_random(under_test: House, kinds: tuple[str, ...], *, seed: int, phases: int) -> None:
    """In each phase these kills happen, in an order and at instants that the seed gives.

    The house is examined after each phase: applications are at work during a phase, and their copies behind.
    """
    random = Random(seed)
    under_test.polled()
    under_test.serve()
    for application in under_test.applications.values():
        application.load()
    for phase in range(1, phases + 1):
        with busy(under_test, random, BUSY):
            for kind in random.sample(kinds, len(kinds)):
                strike(under_test, kind, random)
        under_test.examine()
        print(
            f"{under_test.database}: phase {phase} of {phases}, seed {seed}, {len(kinds)} kills, examined", flush=True
        )
