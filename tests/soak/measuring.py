"""What a process takes, read from /proc, and whether a series of figures grows: a fitted slope, not eyesight."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

Point = tuple[float, float]
_MOST = 240
"""Points that a slope is fitted through; more are thinned out, for every pair of them is looked at."""


@dataclass(frozen=True)
class Sample:
    """One process at one moment: memory in MiB, open files, threads, seconds of a processor since it began."""

    memory: float
    files: float
    threads: float
    seconds: float


def sample(pid: int) -> Sample:
    """The process as it is now; OSError if it has ended."""
    place = Path(f"/proc/{pid}")
    pages = int((place / "statm").read_text().split()[1])
    fields = (place / "stat").read_text().rpartition(")")[2].split()
    ticks, threads = int(fields[11]) + int(fields[12]), int(fields[17])
    return Sample(
        memory=pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        files=len(list((place / "fd").iterdir())),
        threads=threads,
        seconds=ticks / os.sysconf("SC_CLK_TCK"),
    )


def settled(points: Sequence[Point], warm_up: float = 0.25) -> Sequence[Point]:
    """The points without those of the first part of the time, in which caches fill."""
    first, last = points[0][0], points[-1][0]
    return [point for point in points if point[0] >= first + (last - first) * warm_up]


def slope(points: Sequence[Point]) -> float:
    """How much the second figure grows while the first grows by one (Theil-Sen: half of all pairs grow faster).

    A few outliers, which a busy machine always has, do not move it.
    """
    step = -(-len(points) // _MOST)
    thin = points[::step]
    pairs = ((one, other) for place, one in enumerate(thin) for other in thin[place + 1 :] if other[0] > one[0])
    return statistics.median((other[1] - one[1]) / (other[0] - one[0]) for one, other in pairs)


def growth(points: Sequence[Point]) -> float:
    """By which part of its median a series grows from its settled beginning to its end, as fitted."""
    calm = settled(points)
    return slope(calm) * (calm[-1][0] - calm[0][0]) / statistics.median(value for _, value in calm)


def by_minute(moments: Sequence[Point], share: float) -> list[Point]:
    """For each minute the value that this share of its values do not exceed; the minute is the first figure."""
    minutes: dict[int, list[float]] = {}
    for at, value in moments:
        minutes.setdefault(int(at // 60), []).append(value)
    whole = sorted(minutes)[:-1] or sorted(minutes)  # the last one is cut off
    return [(minute, sorted(minutes[minute])[int(share * (len(minutes[minute]) - 1))]) for minute in whole]
