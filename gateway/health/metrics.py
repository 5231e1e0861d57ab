"""Numbers for Prometheus on a listener of their own: what the server processes counted, and what the store says now."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from gateway.errors import GatewayError, SettingsError
from gateway.store.database import Database
from gateway.store.overview import Waiting, overview, waiting_feeds

_TEXT = "text/plain; charset=utf-8"


class Stored(Collector):
    """What the database says at the moment it is asked; `gateway_database_up` 0, and nothing else, if it does not."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Persons are counted, never named; applications are labels."""
        try:
            found, waits = overview(self._database), waiting_feeds(self._database)
        except GatewayError:
            yield _gauge("gateway_database_up", "Whether the database can be read.", 0)
            return
        yield _gauge("gateway_database_up", "Whether the database can be read.", 1)
        yield _gauge("gateway_persons", "Persons that are kept.", found.persons)
        if found.stand is not None:
            age = (self._clock() - found.stand).total_seconds()
            yield _gauge("gateway_data_age_seconds", "How old the data are, by the oldest source.", age)
        yield _gauge("gateway_quarantine_records", "Records that were refused and wait.", found.quarantined)
        pending = GaugeMetricFamily(
            "gateway_feed_pending", "Changes that an application has not acknowledged.", labels=("application",)
        )
        for stream, count in sorted(found.pending.items()):
            pending.add_metric((stream,), count)
        yield pending
        yield self._waiting(waits)

    def _waiting(self, waits: Mapping[str, Waiting]) -> GaugeMetricFamily:
        text = "For how long changes have waited and none was acknowledged."
        family, now = GaugeMetricFamily("gateway_feed_waiting_seconds", text, labels=("application",)), self._clock()
        for stream, one in waits.items():
            if one.pending and one.since is not None:
                family.add_metric((stream,), (now - one.since).total_seconds())
        return family


def exposition(folder: Path, stored: Stored) -> bytes:
    """All metrics in the text format."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]  # the library's own signature
    registry.register(stored)
    return generate_latest(registry)


class Listener(ThreadingHTTPServer):
    """/metrics, /health/live and /health/ready, and nothing else; not for the internet: no TLS, nobody is asked who."""

    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], folder: Path, database: Database, clock: Callable[[], datetime]
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        try:
            super().__init__(address, _Answer)
        except OSError as error:
            raise SettingsError(f"[metrics] host and port: nothing can listen there ({error.strerror})") from None
        self._folder = folder
        self._database = database
        self._stored = Stored(database, clock)
        self._one = threading.Lock()

    def page(self, path: str) -> tuple[int, str, bytes]:
        """Status, Content-Type and body."""
        if path == "/health/live":
            return 200, _TEXT, b"alive\n"
        if path not in ("/metrics", "/health/ready"):
            return 404, _TEXT, b"not found\n"
        with self._one:  # whoever asks often does not make the database work in parallel
            if path == "/metrics":
                return 200, CONTENT_TYPE_LATEST, exposition(self._folder, self._stored)
            try:
                self._database.require_reachable()
            except GatewayError:
                return 503, _TEXT, b"not ready\n"
        return 200, _TEXT, b"ready\n"


class _Answer(BaseHTTPRequestHandler):
    server: Listener
    timeout = 10

    def do_GET(self) -> None:
        status, kind, body = self.server.page(self.path.partition("?")[0])
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, _format: str, *_said: object) -> None:
        """Whoever asks every few seconds fills no log."""


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
