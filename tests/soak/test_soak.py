"""An hour of ordinary life under load: nothing grows, nothing slows down, nothing is wrong.

SOAK_SECONDS is how long (default 3600; below a quarter of an hour what is called growth is warming up), SOAK_PAUSE
how long each of the twenty clients waits between two calls.
Figures and picture are written to build/soak; those of one run are committed in docs/soak.md and docs/soak.svg.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import pytest

from tests.attacks.attack import SIGNED, Fortress, besieged
from tests.running import Running, wait
from tests.soak.clients import SIGNING, Diary, crowd
from tests.soak.measuring import Point, by_minute, growth, sample, settled, slope
from tests.soak.picture import svg

SECONDS = float(os.environ.get("SOAK_SECONDS", "3600"))
PAUSE = float(os.environ.get("SOAK_PAUSE", "1"))
EVERY = 5.0
"""Seconds between two looks at the processes."""
COMMANDS_EVERY = 120.0
OUTPUT = Path("build/soak")
CHANGES_A_MINUTE = "60"

PER_HOUR = {"memory": 12.0, "files": 4.0, "threads": 2.0}
"""What a process may grow in an hour by its fitted slope, after the first quarter: MiB, open files, threads."""
MOST_LOG = 64.0
"""MiB of write-ahead log at any moment; it is kept at about 4 by SQLite itself."""
LOG_PER_HOUR = 8.0
COST = 0.25
"""Part by which the processor time of an answer may grow from beginning to end: others on the machine do not count."""
LATENCY = {0.5: 1.0, 0.99: 2.0}
"""Part by which median and slowest hundredth of the answers may grow; they depend on who else uses the machine."""


@pytest.mark.long
def test_nothing_grows_and_nothing_slows_down(tmp_path: Path) -> None:
    """Polls, changes, 20 clients, deletion runs and health calls: every fitted slope stays within its bound."""
    with besieged(tmp_path, {SIGNING: SIGNED}) as fortress:
        diary, watch = Diary(), Watch(fortress.running)
        with life(fortress), watch.watching(diary):
            for client in (clients := crowd(fortress, diary, PAUSE)):
                client.start()
            commands(fortress.running, diary)
            for client in clients:
                client.stop.set()
            for client in clients:
                client.join(120)
        verdict = fortress.running.gateway("audit", "verify", check=False)
    told = watch.report(diary)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "soak.json").write_text(json.dumps(told, indent=1))
    (OUTPUT / "soak.svg").write_text(watch.picture(diary))
    print(json.dumps(told["fitted"], indent=1))
    assert diary.wrong == []
    assert verdict.returncode == 0, verdict.stdout
    assert [line for line in told["fitted"] if not line["holds"]] == []


@contextmanager
def life(fortress: Fortress) -> Iterator[None]:
    """The source changes all the time, the poller follows, the server answers."""
    running = fortress.running
    running.environment = {"GATEWAY_SERVER_READ_TIMEOUT": "60"}
    running.simulate("--changes-per-minute", CHANGES_A_MINUTE, persons=240)
    running.poll()
    running.serve()
    running.start("poll", "poll", "--every", "2", "--quiet")
    yield
    for name in ("poll", "okvisa"):
        running.end(name)


def commands(running: Running, diary: Diary) -> None:
    """Deletion run and health call by turns until the time is over; the processes that go on are still the same."""
    ends, turn = time.monotonic() + SECONDS, 0
    while (left := ends - time.monotonic()) > 0 and not diary.wrong:
        time.sleep(min(COMMANDS_EVERY, left))
        turn += 1
        command = ("retention", "run", "--quiet") if turn % 2 else ("health", "--format", "json")
        done = running.gateway(*command, check=False)
        diary.counted[f"gateway {command[0]}, exit {done.returncode}"] += 1
        if command[0] == "retention" and done.returncode != 0:
            diary.wrong.append(f"retention: {done.stderr[-300:]}")
    wait(f"{running.base_url}/health/live", running.children["serve"], verify=str(running.installation.ca))
    assert running.children["poll"].poll() is None, "the poller has ended"


class Watch(threading.Thread):
    """Looks at server, poller and the write-ahead log every few seconds."""

    def __init__(self, running: Running) -> None:
        super().__init__(daemon=True)
        self._running = running
        self._stop_it = threading.Event()
        self._began = 0.0
        self.series: dict[str, dict[str, list[Point]]] = defaultdict(lambda: defaultdict(list))
        self.log: list[Point] = []
        self.pids: dict[str, int] = {}

    @contextmanager
    def watching(self, diary: Diary) -> Iterator[None]:
        """Samples are taken until the end of the block."""
        self._began = diary.began
        arbiter = self._running.children["serve"].pid
        children = Path(f"/proc/{arbiter}/task/{arbiter}/children").read_text().split()
        workers = {f"worker {place}": int(pid) for place, pid in enumerate(children, start=1)}
        self.pids = {"arbiter": arbiter, **workers, "poller": self._running.children["poll"].pid}
        self.start()
        yield
        self._stop_it.set()
        self.join(60)

    def run(self) -> None:
        file = self._running.folder / "gateway.sqlite-wal"
        while not self._stop_it.wait(EVERY):
            now = time.monotonic() - self._began
            for name, pid in self.pids.items():
                try:
                    taken = asdict(sample(pid))
                except OSError:
                    continue  # it ends, or has ended; the test notices
                for what, value in taken.items():
                    self.series[what][name].append((now, value))
            self.log.append((now, file.stat().st_size / 2**20 if file.exists() else 0.0))

    def cost(self, diary: Diary) -> list[Point]:
        """Milliseconds of a processor that the workers spend on an answer, minute by minute."""
        used: dict[int, float] = defaultdict(float)
        for name, points in self.series["seconds"].items():
            if name.startswith("worker"):
                for (_, before), (at, after) in pairwise(points):
                    used[int(at // 60)] += after - before
        answers: dict[int, int] = defaultdict(int)
        for at, _ in diary.answers:
            answers[int(at // 60)] += 1
        whole = sorted(used.keys() & answers.keys())[:-1]
        return [(minute, used[minute] / answers[minute] * 1000) for minute in whole]

    def report(self, diary: Diary) -> dict[str, object]:
        """Every fitted figure with its bound, and what was done."""
        fitted = []

        def judged(what: str, unit: str, value: float, bound: float) -> None:
            fitted.append(
                {"what": what, "value": round(value, 3), "bound": bound, "unit": unit, "holds": value <= bound}
            )

        for what, bound in PER_HOUR.items():
            for name, points in self.series[what].items():
                judged(f"{what}: {name}", "an hour", slope(settled(points)) * 3600, bound)
        judged("log: highest", "MiB", max(size for _, size in self.log), MOST_LOG)
        judged("log", "MiB an hour", slope(settled(self.log)) * 3600, LOG_PER_HOUR)
        judged("processor time of an answer", "part", growth(self.cost(diary)), COST)
        for share, bound in LATENCY.items():
            judged(f"latency p{share * 100:g}", "part", growth(by_minute(diary.answers, share)), bound)
        last = {name: points[-1][1] for name, points in self.series["memory"].items()}
        return {
            "seconds": round(SECONDS),
            "answers": sum(diary.counted[one] for one in ("feed", "stock page", "signed request")),
            "counted": dict(diary.counted),
            "memory at the end, MiB": {name: round(value, 1) for name, value in last.items()},
            "latency p50 and p99, ms": [
                round(1000 * _share([value for _, value in diary.answers], share), 1) for share in LATENCY
            ],
            "fitted": fitted,
        }

    def picture(self, diary: Diary) -> str:
        """Memory, files and threads, log, latency and cost over time."""
        latency = {
            f"p{share * 100:g}": [(at, 1000 * value) for at, value in by_minute(diary.answers, share)]
            for share in LATENCY
        }
        return svg(
            f"{SECONDS / 60:.0f} minutes, 20 clients, {len(diary.answers)} answers",
            {
                "memory, MiB": _minutes(self.series["memory"]),
                "open files": _minutes(self.series["files"]),
                "threads": _minutes(self.series["threads"]),
                "write-ahead log, MiB": _minutes({"gateway.sqlite-wal": self.log}),
                "latency by minute, ms": latency,
                "processor time of an answer, ms": {"workers": self.cost(diary)},
            },
        )


def _minutes(series: dict[str, list[Point]]) -> dict[str, list[Point]]:
    return {name: [(at / 60, value) for at, value in points] for name, points in series.items()}


def _share(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]
