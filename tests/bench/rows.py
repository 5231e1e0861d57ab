"""What is promised of speed, one row for each promise, with the reason beside it for when it falls short."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.peer import family, seconds


@dataclass(frozen=True)
class Row:
    """One promise: what is wanted, what was measured, whether it holds (None: only told).

    `why` is told if it falls short, `note` always.
    """

    what: str
    wanted: str
    measured: str
    holds: bool | None
    why: str = ""
    note: str = ""


@dataclass
class Others:
    """Cores that everybody else on this machine kept busy meanwhile."""

    cores: float = 0.0

    def __str__(self) -> str:
        if self.cores < 0.05:
            return ""
        return f"Meanwhile others kept {self.cores:.1f} of {os.cpu_count()} cores busy: latency is theirs, too."


@contextmanager
def others() -> Iterator[Others]:
    """Inside, it is counted what processes not started here take of the machine."""
    found = Others()
    busy, ours, begun = _busy(), _ours(), time.monotonic()
    yield found
    spent = _busy() - busy - (_ours() - ours)
    found.cores = max(0.0, spent / (time.monotonic() - begun))


def _busy() -> float:
    """Seconds that all cores of the machine were not idle, since it was started."""
    fields = Path("/proc/stat").read_text("utf-8").partition("\n")[0].split()[1:]
    user, nice, system, _idle, _waiting, hard, soft, stolen = map(int, fields[:8])
    return (user + nice + system + hard + soft + stolen) / os.sysconf("SC_CLK_TCK")


def _ours() -> float:
    """Seconds of this process and everything it started, also of what has ended."""
    return sum(seconds(pid, ended=True) for pid in family(os.getpid()))


def memory(name: str) -> int:
    """KiB of this process, as the kernel counts them (`VmRSS`, `VmHWM`)."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))
