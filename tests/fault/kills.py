"""The kinds of kills: what is at work, what of it dies at a random instant, and how the house goes on.

A kill counts only if what it struck was at work: a process that had ended already is not counted, but tried again.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from random import Random

from gateway.store.keyring import ROTATABLE
from tests.fault.application import Application, Lost, patient
from tests.fault.house import SOURCE, House, Work
from tests.patience import attempts

LONGEST = 0.35
"""Seconds until the blow falls; a round of the poller takes about as long."""
WAIT = 120


def strike(under_test: House, kind: str, random: Random) -> None:
    """Things happen at the source, work goes on, and after a while something of it is killed."""
    {**KILLS, **OF_THE_DATABASE}[kind](under_test, random)
    under_test.checked[f"kills: {kind}"] += 1


def pause(under_test: House, seconds: float) -> None:
    """Things happen at the source meanwhile."""
    instant = time.monotonic() + seconds
    under_test.happen([None] * 2)
    while (left := instant - time.monotonic()) > 0:
        under_test.happen([None])
        time.sleep(min(left, 0.05))


def _begun(under_test: House, random: Random) -> Work:
    """A round is on its way, and has been for a random while."""
    begun = under_test.begin("poll", full=random.random() < 0.2)
    pause(under_test, random.uniform(0, LONGEST))
    return begun


def kill_poller(under_test: House, random: Random) -> None:
    """The poller dies in its round."""
    begun = _begun(under_test, random)
    while not under_test.kill(begun):  # the round was faster
        begun = under_test.begin("poll", full=True)
        pause(under_test, random.uniform(0, LONGEST / 2))


def kill_worker(under_test: House, random: Random) -> None:
    """One server process dies; the arbiter makes another."""
    begun = _begun(under_test, random)
    os.kill(random.choice(_workers(under_test)), signal.SIGKILL)
    assert begun.end() == 0, "a round failed though only the server was killed"


def kill_arbiter(under_test: House, random: Random) -> None:
    """The arbiter dies, its orphans leave by themselves, and the server is started again at once."""
    begun = _begun(under_test, random)
    arbiter = under_test.running.children.pop("serve")
    arbiter.kill()
    arbiter.wait(WAIT)
    under_test.serve()
    assert begun.end() == 0, "a round failed though only the server was killed"


def kill_everything(under_test: House, random: Random) -> None:
    """Server and office die in the same instant, with all their processes, and are started again."""
    _begun(under_test, random)
    for name in ("serve", "office"):
        os.killpg(under_test.running.children[name].pid, signal.SIGKILL)
    under_test.running.end("serve", kill=True)
    under_test.end_office()
    under_test.serve()


def kill_acknowledging(under_test: House, random: Random) -> None:
    """A server process dies while an application is waiting for the answer to its acknowledgement.

    That application is not busy otherwise. It counts if no answer came; then it asks again, as the contract says.
    """
    application = under_test.applications[ACKNOWLEDGING]
    for _attempt in attempts("a kill in an acknowledgement"):
        under_test.happen([None] * 4)
        under_test.polled()
        number, epoch = _page(application)
        waiting = threading.Thread(target=_lose, args=(application, number, epoch), daemon=True)
        waiting.start()
        time.sleep(random.uniform(0, 0.03))
        os.kill(random.choice(_workers(under_test)), signal.SIGKILL)
        waiting.join(WAIT)
        assert not waiting.is_alive()
        if application.unsure is not None:
            break
    patient(application.drain)


def kill_retention(under_test: House, random: Random) -> None:
    """A deletion run dies; the next one finishes."""
    _finish(under_test, random, "retention")
    under_test.done("retention")


def kill_rotation(under_test: House, random: Random) -> None:
    """A change of keys dies; asked again it is finished."""
    purpose = random.choice(ROTATABLE)
    _finish(under_test, random, "rotate", purpose=purpose)
    under_test.done("rotate", purpose=purpose)


def kill_erasure(under_test: House, random: Random) -> None:
    """An erasure dies; the next round of the poller finishes it, or repeating it does."""
    for number in random.sample(numbers := under_test.numbers(), len(numbers)):
        begun = under_test.begin("erase", number=number)
        time.sleep(random.uniform(0, 0.04))
        if under_test.kill(begun):
            break
    written = under_test.inside.store._ledger.holds(SOURCE, number)
    if not written or random.random() < 0.5:
        # It may fail again: while somebody reads, the log of SQLite is not emptied. Everything else is done then.
        under_test.begin("erase", number=number).end()
    under_test.polled()
    assert number not in under_test.numbers(), "an erasure that was begun is not finished"


def kill_backend(under_test: House, random: Random) -> None:
    """A process of the database server dies with a transaction open: the server ends all others, and recovers."""
    assert under_test.place is not None
    _database_dies(under_test, random, under_test.place.kill)


def kill_postmaster(under_test: House, random: Random) -> None:
    """The database server dies while a transaction is open, and is started again."""
    place = under_test.place
    assert place is not None

    def kill(_pid: int) -> bool:
        place.kill_postmaster()
        return True

    _database_dies(under_test, random, kill)


def _database_dies(under_test: House, random: Random, kill: Callable[[int], bool]) -> None:
    assert under_test.place is not None
    begun = _begun(under_test, random)
    for application in under_test.applications.values():
        application.excused_until = math.inf
    for _attempt in attempts("a transaction to be killed in", every=0.001):
        if pids := under_test.place.backends_at_work(under_test.inside.database.url.render_as_string(False)):
            with suppress(ProcessLookupError):  # it has ended meanwhile
                if kill(random.choice(pids)):
                    break
    for application in under_test.applications.values():
        application.excused_until = time.monotonic()
    begun.end()  # it may have been through already


def _finish(under_test: House, random: Random, work: str, **command: object) -> None:
    longest = LONGEST
    for _attempt in attempts(f"a kill in {work}"):
        under_test.happen([None] * 2)
        under_test.polled()
        begun = under_test.begin(work, **command)
        time.sleep(random.uniform(0, longest))
        if under_test.kill(begun):
            return
        longest /= 2  # it was faster


def _page(application: Application) -> tuple[int, str]:
    """Something that can be acknowledged."""
    for _attempt in attempts("a page of the feed"):
        with suppress(Lost):
            number, epoch, _ = application.read()
            return number, epoch
    raise AssertionError("not reached")


def _lose(application: Application, number: int, epoch: str) -> None:
    with suppress(Lost):
        application.acknowledge(number, epoch)


def _workers(under_test: House) -> list[int]:
    for _attempt in attempts("a server process"):
        if workers := under_test.workers():
            return workers
    raise AssertionError("not reached")


KILLS: dict[str, Callable[[House, Random], None]] = {
    "poller": kill_poller,
    "worker": kill_worker,
    "arbiter": kill_arbiter,
    "everything": kill_everything,
    "worker in an acknowledgement": kill_acknowledging,
    "retention": kill_retention,
    "key rotation": kill_rotation,
    "erasure": kill_erasure,
}
OF_THE_DATABASE: dict[str, Callable[[House, Random], None]] = {
    "database process": kill_backend,
    "database server": kill_postmaster,
}
"""On PostgreSQL only: SQLite has no process of its own."""
RARE = frozenset({"arbiter", "everything"})
"""A third as often as the others: each takes the seconds in which a server starts and attacks itself."""
ACKNOWLEDGING = "schulentwicklung"
