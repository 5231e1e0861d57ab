"""A part of the start in a process of its own, on another processor, while the rest of the start goes on."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import structlog

from gateway.exchange.ending import ENDING, end_with, hear, held_back

LOG = structlog.stdlib.get_logger("gateway.server")

Told = list[list[str]]
"""What a process tells another: rows of texts."""

_PATIENCE = 5.0
"""Seconds in which a process that is no longer needed may take away what it has laid down."""
_LOOK = 0.02


@contextmanager
def beside(step: Callable[[], Told]) -> Iterator[Callable[[], Told]]:
    """Gives a function that waits for what `step` returns in a forked process; without it, that process is ended.

    To be used before there are threads. If the process cannot be made, or ends without having told, `step` runs here:
    whoever asks is never left without an answer.
    """
    reading, writing = os.pipe()
    parent, child = os.getpid(), 0
    try:
        with suppress(OSError), held_back():
            if (child := os.fork()) == 0:
                os.close(reading)
                _tell(step, writing, parent)
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
            _end(child)
        for one in filter(None, (reading, writing)):
            os.close(one)


def _tell(step: Callable[[], Told], writing: int, parent: int) -> NoReturn:
    """In the forked process, which ends here whatever happens: what is above it belongs to the other."""
    status = 1
    try:
        for one in ENDING:
            signal.signal(one, _leave)
        end_with(parent)
        hear()
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(step()).encode())
        status = 0
    finally:
        os._exit(status)


def _leave(*_signal: Any) -> NoReturn:
    # Not at once: a scratch database in memory would stay, and one more with each start that fails. Nor would it go if
    # whoever asks again, as at Ctrl-C by the terminal and by the parent, broke off what takes it away.
    for one in ENDING:
        signal.signal(one, signal.SIG_IGN)
    raise SystemExit


def _end(child: int) -> None:
    os.kill(child, signal.SIGTERM)
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(_LOOK)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
