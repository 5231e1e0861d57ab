"""Ways to break what counts for Prometheus, and what the probe believes."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import requests

from gateway.wire import issuing
from gateway.wire.issuing import Term
from tests.fault.breaking import add
from tests.patience import attempts
from tests.ports import free_port
from tests.running import Running


@contextmanager
def _counting(running: Running) -> Iterator[int]:
    """The settings want counters at this port, and the folder is there; that nobody gives them out is up to others."""
    port, folder = free_port(), running.folder / "counted"
    folder.mkdir(exist_ok=True)
    try:
        with add(f'\n[metrics]\nfolder = "counted"\nport = {port}\n')(running):
            yield port
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def listened(running: Running) -> Iterator[int]:
    """They are given out."""
    with _counting(running) as port:
        running.start("metrics", "metrics")
        for _ in attempts("the counters"):
            try:
                if requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).ok:
                    break
            except requests.ConnectionError:
                continue
        try:
            yield port
        finally:
            running.end("metrics")


@contextmanager
def not_given_out(running: Running) -> Iterator[None]:
    """`gateway metrics` does not run."""
    with _counting(running):
        yield


@contextmanager
def port_of_another(running: Running) -> Iterator[None]:
    """Another program was first at the port, and says nothing that Prometheus understands."""
    with _counting(running) as port, socket.create_server(("127.0.0.1", port)):
        yield


@contextmanager
def folder_gone(running: Running) -> Iterator[None]:
    """Somebody tidied up /run."""
    with listened(running):
        shutil.rmtree(running.folder / "counted")
        yield


@contextmanager
def believed_elsewhere(running: Running) -> Iterator[None]:
    """The probe is told of another CA than that of the certificate which it is shown."""
    other = issuing.authority("Another", Term(datetime.now(UTC), 90, 4715))
    (running.folder / "probe" / "other.pem").write_bytes(other.certificate_pem)
    with add('\nserver_ca = "probe/other.pem"\n')(running):  # [probe] is the last section
        yield
