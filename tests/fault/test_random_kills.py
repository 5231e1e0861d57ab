"""Kills parts of a busy house at random instants: applications read on, and in the end nobody has missed anything."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.fault.application import Application, Lost
from tests.fault.house import House, house

# A peer that dies before the handshake leaves SSLSocket._create by an exception that does not close the socket.
pytestmark = pytest.mark.filterwarnings("ignore:.*ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")

LONGEST = 0.35
"""Seconds until the blow falls; a round of the poller takes about as long."""
WAIT = 60


class Busy(threading.Thread):
    """An application at work: reads, acknowledges or not, now and then takes the whole stock anew."""

    def __init__(self, application: Application, random: Random) -> None:
        super().__init__(name=application.name, daemon=True)
        self.stop = threading.Event()
        self.done: Counter[str] = Counter()
        self.failure: BaseException | None = None
        self._application = application
        self._random = random

    def run(self) -> None:
        try:
            while not self.stop.is_set():
                self._act()
        except BaseException as failure:  # noqa: BLE001 -- handed to the test, which raises it
            self.failure = failure

    def _act(self) -> None:
        try:
            if self._random.random() < 0.1:
                self._application.load()
                self.done["stocks loaded"] += 1
                return
            number, epoch, more = self._application.read(self._random.randint(1, 10))
            self.done["feed pages read"] += 1
            if more and self._random.random() < 0.6:
                self._application.acknowledge(number, epoch)
                self.done["acknowledgements"] += 1
        except Lost:
            self.done["calls without an answer"] += 1
            self.stop.wait(0.02)


def test_killing_any_part_of_a_busy_house_breaks_no_promise(tmp_path: Path) -> None:
    """Poller, one server process, the arbiter, everything: killed at random instants, and every law still holds."""
    kill_at_random(tmp_path, seed=20261123, phases=2, persons=40)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 6))
def test_killing_any_part_of_a_busy_house_hundreds_of_times_breaks_no_promise(tmp_path: Path, seed: int) -> None:
    """As above, 100 kills in each of five houses."""
    kill_at_random(tmp_path, seed=seed, phases=25, persons=150)


def kill_at_random(folder: Path, *, seed: int, phases: int, persons: int) -> None:
    """In each phase each kind of kill happens once, in an order and at instants that the seed gives."""
    random = Random(seed)
    with house(folder, persons=persons, seed=seed) as under_test:
        under_test.polled()
        under_test.serve()
        for application in under_test.applications.values():
            application.load()
        for _ in range(phases):
            with busy(under_test, random):
                for kind in random.sample(list(KILLS), len(KILLS)):
                    strike(under_test, kind, random)
            under_test.examine()
        under_test.summary(phases=phases)


@contextmanager
def busy(under_test: House, random: Random) -> Iterator[None]:
    """All applications are at work meanwhile, and none of them has found anything wrong."""
    threads = [Busy(application, Random(random.random())) for application in under_test.applications.values()]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.stop.set()
        for thread in threads:
            thread.join(WAIT)
        gc.collect()  # what was lost with a connection is found here, not in somebody else's test
    for thread in threads:
        assert not thread.is_alive()
        if thread.failure is not None:
            raise thread.failure
        under_test.checked.update(thread.done)


def strike(under_test: House, kind: str, random: Random) -> None:
    """The source changes, a round fetches it, and after a while of at most LONGEST seconds something is killed."""
    begun = under_test.round(full=random.random() < 0.2)
    pause(under_test, random.uniform(0, LONGEST))
    if kind == "poller":
        while not under_test.kill_round(begun):  # the round was faster
            begun = under_test.round(full=True)
            pause(under_test, random.uniform(0, LONGEST / 2))
    else:
        KILLS[kind](under_test, random)
        if kind != "everything":
            assert begun.end() == 0, "a round failed though only the server was killed"
    under_test.checked[f"kills of {kind}"] += 1


def pause(under_test: House, seconds: float) -> None:
    """Things happen at the source meanwhile."""
    instant = time.monotonic() + seconds
    under_test.happen([None] * 2)
    while (left := instant - time.monotonic()) > 0:
        under_test.happen([None])
        time.sleep(min(left, 0.05))


def kill_worker(under_test: House, random: Random) -> None:
    """One server process dies; the arbiter makes another."""
    deadline = time.monotonic() + WAIT
    while not (workers := under_test.workers()):
        assert time.monotonic() < deadline, "the server has no processes"
    os.kill(random.choice(workers), signal.SIGKILL)


def kill_arbiter(under_test: House, _random: Random) -> None:
    """The arbiter dies, its orphans leave by themselves, and the server is started again at once."""
    arbiter = under_test.running.children.pop("serve")
    arbiter.kill()
    arbiter.wait(WAIT)
    under_test.serve()


def kill_everything(under_test: House, _random: Random) -> None:
    """Server and poller die in the same instant, with all their processes, and are started again."""
    for name in ("serve", "poller"):
        os.killpg(under_test.running.children[name].pid, signal.SIGKILL)
    under_test.running.end("serve", kill=True)
    under_test.end_poller()
    under_test.serve()


def kill_poller(_under_test: House, _random: Random) -> None:
    raise AssertionError("the poller is killed by its round")


KILLS = {"poller": kill_poller, "worker": kill_worker, "arbiter": kill_arbiter, "everything": kill_everything}
