"""What a start does in a process beside it: told to the last, done here if need be, and never left behind."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from tempfile import TemporaryDirectory

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


@pytest.mark.parametrize("deaf", [False, True])
def test_what_a_process_nobody_asks_has_laid_down_is_gone(deaf: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that fails again and again does not fill the machine's memory; who does not listen is killed."""
    monkeypatch.setattr("gateway.exchange.beside._PATIENCE", 0.2 if deaf else 20.0)
    reading, writing = os.pipe()

    def step() -> list[list[str]]:
        if deaf:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with TemporaryDirectory() as folder:
            os.write(writing, folder.encode())
            time.sleep(600)
        return []

    with beside(step):
        folder = os.read(reading, 4096).decode()
    assert os.path.exists(folder) == deaf
    if deaf:
        os.rmdir(folder)
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_who_is_told_to_end_twice_takes_away_what_it_has_laid_down(first: signal.Signals) -> None:
    """At Ctrl-C the terminal tells it, then the parent: the second must not break off what the first has begun."""
    reading, writing = os.pipe()

    class Slow(TemporaryDirectory[str]):
        def cleanup(self) -> None:
            os.write(writing, b"leaving")
            time.sleep(0.2)
            super().cleanup()

    def step() -> list[list[str]]:
        with Slow() as folder:
            os.write(writing, f"{os.getpid()} {folder}".encode())
            time.sleep(600)
        return []

    with beside(step):
        process, folder = os.read(reading, 4096).decode().split(" ", 1)
        os.kill(int(process), first)
        assert os.read(reading, 4096) == b"leaving"
    left = os.path.exists(folder)
    if left:
        os.rmdir(folder)
    os.close(reading)
    os.close(writing)
    assert not left


def test_nothing_is_left_of_a_process_nobody_asks() -> None:
    """If the rest of the start fails, the process beside it is ended, and its descriptors are closed."""
    before, others = sorted(os.listdir("/proc/self/fd")), children()

    def rest_of_the_start() -> None:
        assert children() > others
        raise KeyError

    with pytest.raises(KeyError), beside(lambda: time.sleep(600) or []):
        rest_of_the_start()
    assert sorted(os.listdir("/proc/self/fd")) == before
    assert children() <= others


def children() -> set[str]:
    """Who is a child of this process, also if it is dead and nobody asked."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split())
