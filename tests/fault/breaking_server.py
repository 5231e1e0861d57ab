"""Ways to break a server that runs."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

from gateway.exchange.standing import FILE, Standing, read
from gateway.wire import issuing
from gateway.wire.issuing import Term
from tests.fault.breaking import Making, file, setting
from tests.patience import attempts
from tests.running import Running


@contextmanager
def served(running: Running) -> Iterator[None]:
    """The server runs, and says how it stands: what was left by one that was killed is overwritten."""
    running.serve()
    standing(running)
    try:
        yield
    finally:
        if "serve" in running.children:
            running.end("serve", kill=True)


@contextmanager
def lost_process(running: Running) -> Iterator[None]:
    """The system has killed one of the server's processes, and another was started; mended by a restart."""
    before = standing(running)
    os.kill(next(iter(before.busy)), signal.SIGKILL)
    for _ in attempts("another process"):
        if standing(running).replaced:
            break
    yield
    running.end("serve")
    running.serve()
    standing(running)


@contextmanager
def silent_parent(running: Running) -> Iterator[None]:
    """The parent of the processes hangs; they answer, and nobody would replace one that ends."""
    parent = standing(running).parent
    os.kill(parent, signal.SIGSTOP)
    try:
        for _ in attempts("silence"):
            if time.time() - standing(running).written > 21:
                break
        yield
    finally:
        os.kill(parent, signal.SIGCONT)
        stopped = time.time()
        for _ in attempts("a sign of life"):
            if standing(running).written > stopped:
                break


@contextmanager
def killed(running: Running) -> Iterator[None]:
    """All of the server was killed at once; mended by a start."""
    standing(running)
    running.end("serve", kill=True)
    _gone(running)
    yield
    running.serve()
    standing(running)


def _gone(running: Running) -> None:
    """Returns when nobody listens: whom a dying process lets in is reset in the middle of his handshake."""
    for _ in attempts("the end of all processes"):
        try:
            socket.create_connection(("127.0.0.1", running.installation.plan.port), timeout=5).close()
        except ConnectionRefusedError:
            return
        except OSError:
            continue


def standing(running: Running) -> Standing:
    """What the server leaves; it has a moment to leave it."""
    parent = running.children["serve"].pid
    for _ in attempts("how the server stands"):
        found = read(running.folder / FILE)
        if found is not None and found.parent == parent:
            return found
    raise AssertionError("unreachable: attempts end in a failure")


def signed_by_another(running: Running, _content: bytes) -> bytes:
    """The certificate of the settings is not the one that the running server signs with."""
    tls, term = running.folder / "tls", Term(datetime.now(UTC), 90, 4713)
    return issuing.signing(issuing.load(tls / "ca.key", tls / "ca.pem"), "Another", term).certificate_pem


def of_a_stranger(running: Running, _content: bytes) -> bytes:
    """Certificate of a client that is not pinned; with the key behind it, as a file may hold both."""
    tls, term = running.folder / "tls", Term(datetime.now(UTC), 90, 4714)
    made = issuing.client(issuing.load(tls / "ca.key", tls / "ca.pem"), "eigenprobe", term)
    return made.certificate_pem + made.key_pem


def within(name: str, change: Callable[[Running, bytes], bytes]) -> Making:
    """The file holds something that needs the house to be made."""

    @contextmanager
    def made(running: Running) -> Iterator[None]:
        with file(name, partial(change, running))(running):
            yield

    return made


@contextmanager
def unpinned(running: Running) -> Iterator[None]:
    """The probe calls with a certificate that the running server does not know."""
    key = setting('key = "probe/eigenprobe.key"', 'key = "probe/eigenprobe.pem"')
    with within("probe/eigenprobe.pem", of_a_stranger)(running), key(running):
        yield
