"""Who asks a process for its end is heard, in the middle of a fork too; none outlives the one that made it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)
_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, prctl(2)


@contextmanager
def held_back() -> Iterator[None]:
    """Who asks for the end meanwhile is heard afterwards; to be used around a fork, in the main thread.

    What a handler raises while Python runs its hooks around a fork is thrown away, and a process just made does at a
    signal what its parent does: it would go on as if nobody had asked. It inherits this, and calls `hear`.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        # Here the handler of whoever asked just before may raise: then, too, all is afterwards as it was.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def hear() -> None:
    """In a process just made, when it knows how to end: it is told what came meanwhile."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def end_with(parent: int) -> None:
    """In a process just made: it has SIGTERM when its parent ends, killed or not (Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM)
        if os.getppid() != parent:  # it has ended before this was said
            os.kill(os.getpid(), signal.SIGTERM)
