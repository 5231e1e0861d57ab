"""What else is promised of speed: linear pages, a growing stock, many applications, the poll, a busy machine."""

from __future__ import annotations

import gc
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from gateway.app import build
from gateway.exchange.message import Request
from gateway.settings import load as load_settings
from gateway.simulator.population import Population
from gateway.simulator.server import Simulator
from tests.bench.audit_load import BODY, ENTRY
from tests.bench.bare import cpu
from tests.bench.compare import CONNECTIONS, gateway
from tests.bench.ground import CASES, SEED, Case, Ground, empty, first_page, ground, poll
from tests.bench.peer import Run, build_load, der, drive
from tests.running import wait

PAGE, PERSON = CASES[0], next(case for case in CASES if case.operation == "personAbrufen")


@dataclass(frozen=True)
class Row:
    """One promise: what is wanted, what was measured, whether it holds (None: only told)."""

    what: str
    wanted: str
    measured: str
    holds: bool | None


def pages(made: Ground) -> Iterator[Row]:
    """A page of 1,000 persons beside one of 50: processor time, and the memory it takes at most."""
    costs: dict[int, float] = {}
    with build(load_settings(made.settings, {})) as app:
        asked = {}
        for size in (50, 1000):
            _, body = first_page(app, made, Case("page", "ec", "bestandAbrufen", size))
            asked[size] = Request("ec", 1, "text/xml", None, body, der(made.installation.clients["ec"][0]))
        assert app.pipeline.answer(asked[50]).outcome == "ok"
        gc.collect()
        before = _memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew from here
        answer = app.pipeline.answer(asked[1000]).body
        growth = (_memory("VmHWM") - before) * 1024 / len(answer)
        assert answer.count(b"<datensatzversion>") == 1000, "the stock is too small"
        for size, request in asked.items():
            costs[size] = cpu(lambda: app.pipeline.answer(request), 2000 // size, 5)  # noqa: B023 - called here
    ratio = costs[1000] / costs[50]
    told = f"{ratio:.1f} x ({costs[1000]:.1f} / {costs[50]:.2f} ms CPU)"
    yield Row("1,000 persons beside 50", "<= 22 x", told, ratio <= 22)
    size = f"{growth:.1f} x of {len(answer) / 1e6:.1f} MB"
    yield Row("memory of a page of 1,000", "< 4 x its size", size, growth < 4)


def stock(folder: Path, small: int, large: int) -> Iterator[Row]:
    """Page, feed and person in a small and in a large stock; and the whole snapshot of the large one."""
    found: dict[int, dict[str, float]] = {}
    for size in (small, large):
        made = ground(folder / f"stock{size}", size, ("ec",))
        with build(load_settings(made.settings, {})) as app:
            peer = der(made.installation.clients["ec"][0])
            for name, case in (("page", PAGE), ("person", PERSON)):
                _, body = first_page(app, made, case)
                request = Request("ec", 1, "text/xml", None, body, peer)
                found.setdefault(size, {})[name] = cpu(lambda: app.pipeline.answer(request), 10, 7)  # noqa: B023
            feed = Request("ec", 1, "text/xml", None, made.request("ec", "aenderungenAbrufen", anzahl=50), peer)
            found[size]["feed"] = cpu(lambda: app.pipeline.answer(feed), 10, 7)  # noqa: B023 - called here
            grown, count = _snapshot(app, made, peer)
    for name in ("page", "feed", "person"):
        ratio = found[large][name] / found[small][name]
        yield Row(f"{name} at {large:,} persons beside {small:,}", "<= 1.3 x", f"{ratio:.2f} x", ratio <= 1.3)
    yield Row(f"whole snapshot of {count:,} persons", "constant memory", f"{grown:.1f} MiB more at its end", grown < 64)


def _snapshot(app: object, made: Ground, peer: bytes) -> tuple[float, int]:
    """All pages of 500 one after the other: MiB that the process has grown from the second page on, persons."""
    token, count, before = None, 0, 0
    for number in range(1_000_000):
        body = made.request("ec", "bestandAbrufen", seitenmarke=token, anzahl=500)
        reply = app.pipeline.answer(Request("ec", 1, "text/xml", None, body, peer)).body  # type: ignore[attr-defined]
        count += reply.count(b"<datensatzversion>")
        if number == 1:
            before = _memory("VmRSS")
        start = reply.find(b"<naechsteSeitenmarke>")
        if start < 0:
            break
        token = reply[start + 21 : reply.index(b"<", start + 21)].decode()
    return (_memory("VmRSS") - before) / 1024 if before else 0.0, count


def applications(folder: Path, count: int) -> Iterator[Row]:
    """So many agreements in one server: how soon it listens, how much memory each of its processes takes."""
    names = tuple(f"ec{number}" for number in range(count))
    made = empty(folder / "many", names)
    load = build_load(folder)
    begun = time.monotonic()
    with gateway(made, load, tls=True, application=names[0]) as peer:
        seconds = time.monotonic() - begun
        peer.ask(f"/soap/{names[0]}/1", made.request(names[0], "dienstauskunft"))
        processes = 3  # the arbiter and one for each core
        memory = peer.memory() / processes
    yield Row(f"{count} agreements: the server listens", "< 2 s", f"{seconds:.1f} s", seconds < 2)
    yield Row(f"{count} agreements: memory", "< 200 MB for each process", f"{memory:.0f} MB", memory < 200)


def polling(folder: Path, persons: int, seconds: dict[int, float]) -> Iterator[Row]:
    """How many persons a second the poll takes in, in processor time, and what each further agreement adds.

    `seconds` learns what a person costs under so many agreements.
    """
    costs: dict[int, float] = {}
    for count in (1, 3, 6):
        made = empty(folder / f"poll{count}", tuple(f"ec{number}" for number in range(count)))
        with build(load_settings(made.settings, {})) as app:
            source = _Timed(Simulator(Population(7, persons), clock=lambda: datetime.now(UTC)))
            begun = time.process_time()
            poll(app, source)  # type: ignore[arg-type]  # it is called like one
            costs[count] = (time.process_time() - begun - source.seconds) / persons
    seconds |= costs
    seconds[20] = costs[6] + (costs[6] - costs[3]) / 3 * 14
    rate, slope = 1 / costs[3], (costs[6] - costs[3]) / 3 * 1e6
    yield Row("poll with 3 agreements", ">= 1,500 persons/s of CPU", f"{rate:.0f} persons/s", rate >= 1500)
    yield Row("poll: each further agreement", "< 150 us CPU for a person", f"{slope:.0f} us", slope < 150)


class _Timed:
    """The simulated source, whose own processor time does not count."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator, self.seconds = simulator, 0.0

    def __call__(self, *arguments: object) -> object:
        begun = time.process_time()
        try:
            return self._simulator(*arguments)  # type: ignore[arg-type]  # WSGI's two
        finally:
            self.seconds += time.process_time() - begun


def day(made: Ground, seconds_per_change: float) -> Iterator[Row]:
    """A day of a city by the cost of its parts: 20 applications that ask every minute, 500 changes an hour, one
    nightly snapshot of everyone each. `seconds_per_change` is what the poll takes for a change and 20 agreements.
    """
    with build(load_settings(made.settings, {})) as app:
        peer = der(made.installation.clients["ec"][0])

        def cost(operation: str, persons: int, **parameters: object) -> float:
            request = Request("ec", 1, "text/xml", None, made.request("ec", operation, **parameters), peer)
            assert app.pipeline.answer(request).outcome == "ok"
            return cpu(lambda: app.pipeline.answer(request), 10, 5) / 1000 / persons

        told, stocked = cost("aenderungenAbrufen", 50, anzahl=50), cost("bestandAbrufen", 100, anzahl=100)
        asked = cost("dienstauskunft", 1)
    changes = 500 * 24
    total = 20 * (24 * 60 * asked + changes * told + made.persons * stocked) + changes * seconds_per_change
    yield Row(
        f"a day: 20 applications, {changes:,} changes, 20 snapshots of {made.persons:,}", "told",
        f"{total:.0f} s CPU: {total / 86400:.1%} of one core", None,
    )  # fmt: skip


def audit(made: Ground) -> Iterator[Row]:
    """What of a page's processor time the audit trail takes, alone and in company."""
    entry = replace(ENTRY, persons=ENTRY.persons * PAGE.persons)
    with build(load_settings(made.settings, {})) as app:
        _, body = first_page(app, made, PAGE)
        request = Request("ec", 1, "text/xml", None, body, der(made.installation.clients["ec"][0]))
        page = cpu(lambda: app.pipeline.answer(request), 10, 7)
        alone = cpu(lambda: app.audit.record(entry, BODY), 20, 7)
        batch = cpu(lambda: app.audit.record_all([entry] * CONNECTIONS), 10, 7) / CONNECTIONS
    share = batch / page
    yield Row(
        f"audit entry in a batch of {CONNECTIONS}",
        "< 10 % of a page",
        f"{share:.0%} ({batch:.2f} of {page:.2f} ms CPU)",
        share < 0.1,
    )
    yield Row("audit entry of a single client", "told", f"{alone:.2f} ms CPU", None)


def under_load(made: Ground, folder: Path, seconds: float) -> Iterator[Row]:
    """Handshakes; mTLS beside plain; latency at 70 % of what the server can do, while poll and retention run."""
    load = build_load(folder)
    with build(load_settings(made.settings, {})) as app:
        _, body = first_page(app, made, PAGE)
    path = "/soap/ec/1"
    with (
        gateway(made, load, tls=False, application="ec") as plain,
        gateway(made, load, tls=True, application="ec") as tls,
    ):
        runs: dict[str, list[Run]] = {"plain": [], "tls": []}
        for _ in range(3):
            for name, peer in (("plain", plain), ("tls", tls)):
                runs[name].append(drive(load, peer, path, body, connections=CONNECTIONS, seconds=seconds))
        ratio = _median(runs["plain"], "cpu") / _median(runs["tls"], "cpu")
        yield Row("mTLS, kept connections, beside plain", ">= 0.85 x", f"{ratio:.2f} x by CPU", ratio >= 0.85)
        shaken = drive(load, tls, path, body, connections=4, seconds=seconds, handshakes=True)
        extra = shaken.cpu - _median(runs["tls"], "cpu")
        yield Row(
            "a new connection for each answer",
            "told",
            f"{shaken.rate:.0f}/s, {extra:.1f} ms CPU for the handshake",
            None,
        )
        capacity = statistics.median(run.rate for run in runs["tls"])
        with _busy(made):
            some = drive(load, tls, path, body, connections=CONNECTIONS, seconds=seconds * 2, rate=0.7 * capacity)
        tail = some.p99 / some.p50
        yield Row(
            "p99 at 70 % of capacity, poll and retention running", "<= 4 x p50",
            f"{tail:.1f} x ({some.p99:.1f} / {some.p50:.1f} ms)", tail <= 4,
        )  # fmt: skip


@contextmanager
def _busy(made: Ground) -> Iterator[None]:
    """Beside the server, again and again: the poller reads the whole stock of a source that answers, retention runs."""
    environment = {**os.environ, "GATEWAY_SETTINGS": str(made.settings)}
    told = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    gateway = [sys.executable, "-m", "gateway"]
    given = ["--persons", str(made.persons), "--seed", str(SEED), "--port", str(made.source_port)]
    source = subprocess.Popen([*gateway, "simulate", "okvisa", *given], **told)  # type: ignore[call-overload]  # as above
    wait(f"http://127.0.0.1:{made.source_port}/lebt", source)
    work = " ".join(gateway)
    script = f"while true; do {work} poll --once --full --quiet && {work} retention run --quiet || exit 1; done"
    child = subprocess.Popen(["bash", "-c", script], **told)  # type: ignore[call-overload]  # as above
    try:
        yield
        assert child.poll() is None, "poll or retention failed"
    finally:
        for one in (child, source):
            with suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGTERM)
            one.wait(30)


def _median(runs: Sequence[Run], name: str) -> float:
    return statistics.median(getattr(run, name) for run in runs)


def _memory(name: str) -> int:
    """KiB of this process, as the kernel counts them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))
