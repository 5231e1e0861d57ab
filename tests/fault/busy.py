"""Applications at work while something is killed: they read on, acknowledge or not, take the whole stock anew."""

from __future__ import annotations

import gc
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from tests.fault.application import Application, Lost
from tests.fault.house import House

WAIT = 120


class Busy(threading.Thread):
    """One application at work."""

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


@contextmanager
def busy(under_test: House, random: Random, names: Iterator[str] | list[str]) -> Iterator[None]:
    """These applications are at work meanwhile, and none of them has found anything wrong."""
    threads = [Busy(under_test.applications[name], Random(random.random())) for name in names]
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
