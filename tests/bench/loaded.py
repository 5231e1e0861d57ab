"""A busy server: mTLS beside plain HTTP, new connections, and latency while a poll and a retention run go on."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.app import build
from gateway.settings import load as load_settings
from tests.bench.bare import fsync
from tests.bench.compare import CONNECTIONS, gateway
from tests.bench.ground import CASES, SEED, Ground, first_page
from tests.bench.peer import Peer, Run, build_load, drive
from tests.bench.rows import Row, others
from tests.running import wait

_PART = 0.7
_HALF = 3
"""Steps of niceness that halve a share of the processors: each is a factor of 1.25 (sched(7))."""


def under_load(made: Ground, folder: Path, rounds: int, seconds: float) -> Iterator[Row]:
    """mTLS beside plain by turns; handshakes; latency at 70 % of what the server can do in the same company."""
    load = build_load(folder)
    with build(load_settings(made.settings, {})) as app:
        _, body = first_page(app, made, CASES[0])
    path = "/soap/ec/1"
    with (
        gateway(made, load, tls=False, application="ec") as plain,
        gateway(made, load, tls=True, application="ec") as tls,
    ):
        runs: dict[str, list[Run]] = {"plain": [], "tls": []}
        for _ in range(rounds):
            for name, peer in (("plain", plain), ("tls", tls)):
                runs[name].append(drive(load, peer, path, body, connections=CONNECTIONS, seconds=seconds))
        ratio, rate = (
            _median(runs["plain"], "cpu") / _median(runs["tls"], "cpu"),
            _median(runs["tls"], "rate") / _median(runs["plain"], "rate"),
        )
        told = f"{ratio:.2f} x by CPU, {rate:.2f} x by answers/s"
        yield Row("mTLS, kept connections, beside plain", ">= 0.85 x", told, ratio >= 0.85, why=_TLS)
        shaken = drive(load, tls, path, body, connections=4, seconds=seconds, handshakes=True)
        extra = shaken.cpu - _median(runs["tls"], "cpu")
        told = f"{shaken.rate:.0f} handshakes/s, each with a page; {extra:.1f} ms CPU for the handshake"
        yield Row("a new mTLS connection for each answer", "told", told, None)
        yield from _latency(made, load, tls, (path, body), rounds, seconds)


def _latency(
    made: Ground, load: Path, peer: Peer, asked: tuple[str, bytes], rounds: int, seconds: float
) -> Iterator[Row]:
    """p99 and p50 at 70 % of capacity, alone and in company: capacity is measured in the same company just before.

    The median of rounds counts: what a server can do changes within minutes where others share the machine, and one
    round in which it is no more than 70 % of what it was would tell of nothing else.
    """

    def paced() -> tuple[Run, Run]:
        able = drive(load, peer, *asked, connections=CONNECTIONS, seconds=2 * seconds)
        rate = _PART * able.rate
        return able, drive(load, peer, *asked, connections=CONNECTIONS, seconds=4 * seconds, rate=rate)

    def told() -> tuple[str, float, str]:
        with others() as busy:
            found = sorted((paced() for _ in range(rounds)), key=lambda one: _tail(one[1]))
        able, some = found[rounds // 2]
        at = f"at {_PART * able.rate:.0f}/s of {able.rate:.0f}/s"
        shown = f"{_tail(some):.1f} x ({some.p99:.1f} / {some.p50:.1f} ms {at})"
        disk = [fsync(load.with_name("fsync"), 300, part) for part in (0.5, 0.99)]
        each = ", ".join(f"{_tail(one):.1f}" for _, one in found)
        note = (
            f"Rounds: {each} x. A bare fsync of 8 KB just then: {disk[0]:.2f} ms, at the p99 {disk[1]:.1f} ms. {busy}"
        )
        return shown, _tail(some), note.strip()

    shown, _, note = told()
    yield Row(f"p99 at {_PART:.0%} of capacity, nothing else running", "told", shown, None, note=note)
    with _polling_and_deleting(made):
        shown, tail, note = told()
    yield Row(
        f"p99 at {_PART:.0%} of capacity, poll and retention running", "<= 4 x p50", shown, tail <= 4, why=_LATENCY,
        note=f"Harder than a day is: the poll reads the whole stock, again and again. {note}",
    )  # fmt: skip


def _tail(run: Run) -> float:
    return run.p99 / run.p50


@contextmanager
def _polling_and_deleting(made: Ground) -> Iterator[None]:
    """Beside the server, again and again: the poller reads the whole stock of a source that answers, retention runs.

    They have half the server's weight for the scheduler, as in the units that are shipped (docs/operations/systemd).
    """
    environment = {**os.environ, "GATEWAY_SETTINGS": str(made.settings)}
    told = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "preexec_fn": _lighter}
    command = [sys.executable, "-m", "gateway"]
    given = ["--persons", str(made.persons), "--seed", str(SEED), "--port", str(made.source_port)]
    source = subprocess.Popen([*command, "simulate", "okvisa", *given], **told)  # type: ignore[call-overload]  # as above
    wait(f"http://127.0.0.1:{made.source_port}/lebt", source)
    work = " ".join(command)
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


def _lighter() -> None:
    """A session with half the weight: each process in it, and where the kernel weighs sessions (sched(7)), it too."""
    os.setsid()
    os.nice(_HALF)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(_HALF), "ascii")


def _median(runs: Sequence[Run], name: str) -> float:
    return float(statistics.median(getattr(run, name) for run in runs))


_TLS = "Encryption costs the same for every answer, so it weighs the more the cheaper an answer is."
_LATENCY = (
    "Poll and retention are processes beside two of the server on as many cores: whoever waits for a core waits as "
    "long as the kernel lets another run, and while SQLite's one write lock is held for a piece of a page no entry of "
    "the trail is written. Every answer waits for its entry to be durable, and so for the slowest of the disk."
)
