"""Work in a process of its own that is at it at once: forked from one that has imported everything, and done nothing.

A process that is started anew imports for a second before it does anything. These here are as alone: no file, lock or
connection of the test is theirs, and what happens to one happens to no other.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.cli.main import main
from tests.running import Running

_IMPORTED = [
    *("tests.fault.forked", "tests.fault.dying", "tests.fault.release"),
    *("gateway.cli.agreement", "gateway.cli.health"),
]
_PATIENCE = 120


@dataclass(frozen=True)
class Ended:
    """A process that has ended: its exit status, minus the signal that killed it, and what it wrote to whom."""

    status: int
    said: str
    complained: str


def run(work: Callable[..., object], *given: Any) -> Ended:
    """What became of a process that did this and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "said"), Path(folder, "complained")
        forking = multiprocessing.get_context("forkserver")
        forking.set_forkserver_preload(_IMPORTED)
        child = forking.Process(target=_apart, args=(files, work, given))
        child.start()
        child.join(_PATIENCE)
        assert child.exitcode is not None, "it does not end"
        return Ended(child.exitcode, *(file.read_text("utf-8") for file in files))


def gateway(running: Running, *arguments: str) -> Ended:
    """A command of the gateway with this installation's settings."""
    return run(_command, running._environment(), arguments)


def _apart(files: tuple[Path, Path], work: Callable[..., object], given: tuple[Any, ...]) -> None:
    for descriptor, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), descriptor)
    work(*given)


def _command(environment: Mapping[str, str], arguments: tuple[str, ...]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = arguments
    main()
