"""A part of the start in a process of its own, on another processor, while the rest of the start goes on."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import structlog

LOG = structlog.stdlib.get_logger("gateway.server")

Told = list[list[str]]
"""What a process tells another: rows of texts."""


@contextmanager
def beside(step: Callable[[], Told]) -> Iterator[Callable[[], Told]]:
    """Gives a function that waits for what `step` returns in a forked process; without it, that process is killed.

    To be used before there are threads. If the process cannot be made, or ends without having told, `step` runs here:
    whoever asks is never left without an answer.
    """
    reading, writing = os.pipe()
    child = 0
    try:
        with suppress(OSError):
            if (child := os.fork()) == 0:
                os.close(reading)
                _tell(step, writing)
        os.close(writing)
        writing = 0

        def wait() -> Told:
            nonlocal child
            with os.fdopen(reading, "rb", closefd=False) as pipe:
                text = pipe.read()
            if child:
                _, status = os.waitpid(child, 0)
                child = 0
                if status == 0 and text:
                    told: Told = json.loads(text)
                    return told
            LOG.warning("no process beside the start: what it was to do is done in this one")
            return step()

        yield wait
    finally:
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        for one in filter(None, (reading, writing)):
            os.close(one)


def _tell(step: Callable[[], Told], writing: int) -> NoReturn:
    """In the forked process, which ends here whatever happens: what is above it belongs to the other."""
    status = 1
    try:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(step()).encode())
        status = 0
    finally:
        os._exit(status)
