"""What a start does in a process beside it: told to the last, done here if need be, and never left behind."""

from __future__ import annotations

import os
import signal
import time

import pytest

from gateway.exchange.beside import beside


def test_another_process_tells_what_it_found() -> None:
    """What the step returns arrives whole, however much it is, from a process of its own."""
    with beside(lambda: [[str(os.getpid()), "ä" * 300_000]]) as wait:
        ((process, text),) = wait()
    assert int(process) != os.getpid()
    assert text == "ä" * 300_000


@pytest.mark.parametrize("end", ["error", "killed", "silent"])
def test_what_is_not_told_is_done_here(end: str) -> None:
    """A process that fails, is killed or ends in silence leaves the step to this one, errors included."""
    here = os.getpid()

    def step() -> list[list[str]]:
        if os.getpid() == here:
            return [["here"]]
        if end == "error":
            raise ValueError("there")
        if end == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(0)

    with beside(step) as wait:
        assert wait() == [["here"]]


def test_without_a_process_the_step_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no process can be made, the step is done by the one that asks."""

    def refuse() -> int:
        raise OSError("no processes")

    monkeypatch.setattr(os, "fork", refuse)
    with beside(lambda: [[str(os.getpid())]]) as wait:
        assert wait() == [[str(os.getpid())]]


def test_nothing_is_left_of_a_process_nobody_asks() -> None:
    """If the rest of the start fails, the process beside it is ended, and its descriptors are closed."""
    before = sorted(os.listdir("/proc/self/fd"))
    with pytest.raises(KeyError), beside(lambda: time.sleep(600) or []):
        raise KeyError
    assert sorted(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
