"""A day of a city in compressed time: what it asks of the gateway is really asked, only without the waiting.

In each minute the source changes (500 changes an hour), one poll round takes the changes in, and each of 20
applications asks over its own kept mTLS connection for what is new and acknowledges it. At night each fetches the whole
stock, and a retention run looks for what is to go. Nothing else is left out but the idle time in between; a process
that only waits costs next to nothing. The processor time of server, poller and retention is counted, that of the
simulated source and of the clients is not.
"""

from __future__ import annotations

import http.client
import os
import resource
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from gateway.app import build
from gateway.settings import load as load_settings
from gateway.simulator.population import Population
from gateway.simulator.server import Simulator
from gateway.sources.poll import Poll
from tests.bench.compare import gateway
from tests.bench.further import Timed
from tests.bench.ground import SEED, Ground, empty, poller
from tests.bench.peer import Peer, build_load
from tests.bench.rows import Row, others

APPLICATIONS, PER_HOUR = 20, 500
_DAY = 86400


@dataclass
class Spent:
    """Seconds of processor time by what took them."""

    polling: float = 0.0
    answers: float = 0.0
    snapshots: float = 0.0
    retention: float = 0.0
    asked: int = 0
    told: int = 0
    fetched: int = 0


def day(folder: Path, persons: int, hours: float) -> Iterator[Row]:
    """The share of one core that a day takes; fewer hours than 24 are lived and multiplied, which is told."""
    names = tuple(f"ec{number}" for number in range(APPLICATIONS))
    made = empty(folder / "city", names)
    history = Simulator(Population(SEED, persons), clock=lambda: datetime.now(UTC))
    source, spent = Timed(history), Spent()
    with build(load_settings(made.settings, {})) as app, ExitStack() as opened:
        rounds = poller(app, source)  # type: ignore[arg-type]  # it is called like one
        rounds.run_once()
        made = replace(made, persons=persons)
        server = opened.enter_context(gateway(made, build_load(folder), tls=True, application=names[0]))
        clients = [opened.enter_context(_Client(made, name, server.port)) for name in names]
        pool = opened.enter_context(ThreadPoolExecutor(8))
        busy = opened.enter_context(others())
        spent.snapshots = _counted(server, lambda: sum(pool.map(_Client.fetch, clients)), spent, "fetched")
        minutes, begun = round(hours * 60), time.monotonic()
        for minute in range(minutes):
            changes = PER_HOUR * (minute + 1) // 60 - PER_HOUR * minute // 60
            for _ in range(changes):
                history.history.step()
            spent.polling += _polled(rounds, source)
            spent.answers += _counted(server, lambda: sum(pool.map(_Client.follow, clients)), spent, "told")
        taken = time.monotonic() - begun
        spent.asked = sum(client.asked for client in clients)
        spent.retention = _retention(made)
    yield _row(spent, persons, minutes, taken, str(busy))


def _row(spent: Spent, persons: int, minutes: int, taken: float, busy: str) -> Row:
    scale = 24 * 60 / minutes
    polling, answers = spent.polling * scale, spent.answers * scale
    total = polling + answers + spent.snapshots + spent.retention
    lived = "all of it" if scale == 1 else f"{minutes / 60:g} hours of it lived and multiplied by {scale:g}"
    return Row(
        f"a day: {APPLICATIONS} applications every minute, {PER_HOUR} changes an hour, a nightly snapshot each, "
        f"{persons:,} persons",
        "told",
        f"{total / _DAY:.2%} of one core: {total:.0f} s CPU (polling {polling:.0f}, feed and acknowledgements "
        f"{answers:.0f}, snapshots {spent.snapshots:.0f}, retention {spent.retention:.1f})",
        None,
        note=f"{lived}, in {taken:.0f} s: {spent.asked:,} requests over mTLS, {spent.told:,} changes told, "
        f"{spent.fetched:,} persons in snapshots. {busy}".strip(),
    )


def _counted(server: Peer, work: Callable[[], int], spent: Spent, name: str) -> float:
    """Seconds that the server takes for it; how many persons it told is added up."""
    before = server.cpu()
    setattr(spent, name, getattr(spent, name) + work())
    return server.cpu() - before


def _polled(rounds: Poll, source: Timed) -> float:
    """Seconds of one round, without the source's."""
    before, begun = source.seconds, time.process_time()
    rounds.run_once()
    return time.process_time() - begun - (source.seconds - before)


def _retention(made: Ground) -> float:
    """Seconds of a run in a process of its own, start included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "gateway", "retention", "run", "--quiet"]
    subprocess.run(command, env={**os.environ, "GATEWAY_SETTINGS": str(made.settings)}, check=True, timeout=600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class _Client:
    """An application with a kept connection."""

    def __init__(self, made: Ground, name: str, port: int) -> None:
        self.made, self.name, self.asked = made, name, 0
        certificate, key = made.installation.clients[name]
        context = ssl.create_default_context(cafile=made.installation.ca)
        context.load_cert_chain(certificate, key)
        self.connection = http.client.HTTPSConnection("localhost", port, timeout=60, context=context)

    def __enter__(self) -> _Client:
        return self

    def __exit__(self, *_error: object) -> None:
        self.connection.close()

    def ask(self, operation: str, **parameters: object) -> bytes:
        """One answer; AssertionError unless it is HTTP 200."""
        self.asked += 1
        body = self.made.request(self.name, operation, **parameters)
        self.connection.request("POST", f"/soap/{self.name}/1", body, {"Content-Type": "text/xml; charset=utf-8"})
        response = self.connection.getresponse()
        content = response.read()
        assert response.status == 200, (operation, response.status)
        return content

    def fetch(self) -> int:
        """The whole stock, and the acknowledgement of what came with it; how many persons."""
        token, count = None, 0
        while True:
            page = self.ask("bestandAbrufen", seitenmarke=token, anzahl=500)
            count += page.count(b"<datensatzversion>")
            token = _text(page, b"naechsteSeitenmarke")
            if not token:
                break
        self._acknowledge(page, b"bestandsnummer")
        return count

    def follow(self) -> int:
        """What is new until nothing is, acknowledged; how many changes."""
        count = 0
        while True:
            page = self.ask("aenderungenAbrufen", anzahl=500)
            found = page.count(b"<aenderung>")
            count += found
            if found:
                self._acknowledge(page, b"letzteLaufnummer")
            if _text(page, b"weitere") != "true":
                return count

    def _acknowledge(self, page: bytes, name: bytes) -> None:
        self.ask("aenderungenQuittieren", bis=_text(page, name), epoche=_text(page, b"epoche"))


def _text(page: bytes, name: bytes) -> str | None:
    start = page.find(b"<" + name + b">")
    return page[start + len(name) + 2 : page.index(b"</", start)].decode() if start >= 0 else None
