"""What is counted of requests, for Prometheus: by application, operation and outcome, never by who or about whom.

All server processes count into files of one folder (multi-process mode of prometheus_client), which another reads.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from gateway.exchange.message import Reply

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry  # loaded only where something is counted

LOG = structlog.stdlib.get_logger("gateway.request")

Measure = Callable[[Reply, str, float], None]
"""Counts a reply to an application that took so many seconds."""

_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0)
_STEPS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.2, 1.0)
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_NONE = "none"
_COUNTED = re.compile(r"(counter|histogram)_[0-9]+\.db")


def make(folder: Path) -> None:
    """The folder is there, for its owner only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def begin(folder: Path) -> None:
    """The folder is there as `make` makes it, and holds nothing of an earlier server."""
    make(folder)
    for left in folder.iterdir():
        # Only files of this library's making: whoever names a wrong folder must not lose a database called `x.db`.
        if _COUNTED.fullmatch(left.name):
            left.unlink(missing_ok=True)


def unmeasured(_reply: Reply, _application: str, _seconds: float) -> None:
    """Nothing is counted."""


def measure(folder: Path | None) -> Measure:
    """Counts in this process, to be made in it (after a fork); without a folder nothing is counted."""
    if folder is None:
        return unmeasured
    os.environ[_FOLDER] = str(folder)
    from prometheus_client import CollectorRegistry, Counter, Histogram

    from gateway.exchange.reserving import count_in_files

    count_in_files()
    own = CollectorRegistry()
    requests = Counter(
        "gateway_requests",
        "Requests to services, by outcome: ok or the code of the fault.",
        ("application", "operation", "outcome"),
        registry=own,
    )
    seconds = Histogram(
        "gateway_request_seconds",
        "From the first line of the request to the last byte of the answer.",
        ("application", "operation"),
        buckets=_BUCKETS,
        registry=own,
    )
    times = _times(own)
    octets = Counter("gateway_answer_bytes", "Octets of answers.", ("application", "operation"), registry=own)
    persons = Counter(
        "gateway_persons_disclosed", "Persons told of, one told twice twice.", ("application",), registry=own
    )

    def count(reply: Reply, application: str, took: float) -> None:
        operation = reply.operation or _NONE
        try:
            requests.labels(application, operation, reply.outcome).inc()
            seconds.labels(application, operation).observe(took)
            octets.labels(application, operation).inc(len(reply.body))
            times(reply, application)
            if reply.persons:
                persons.labels(application).inc(reply.persons)
        except OSError as error:
            # The folder is gone or full. The answer has left; what counts of it stands in the audit trail.
            LOG.warning("not counted", error=type(error).__name__)

    return count


def _times(own: CollectorRegistry) -> Callable[[Reply, str], None]:
    """How long the two dearest steps of an answer took."""
    from prometheus_client import Histogram

    told = ("application",)
    signature = Histogram("gateway_signature_seconds", "Signing an answer.", told, buckets=_STEPS, registry=own)
    text = "Checking an answer against the application's own schema."
    validation = Histogram("gateway_validation_seconds", text, told, buckets=_STEPS, registry=own)

    def observe(reply: Reply, application: str) -> None:
        if reply.signature is not None:
            signature.labels(application).observe(reply.signature)
        if reply.validation is not None:
            validation.labels(application).observe(reply.validation)

    return observe
