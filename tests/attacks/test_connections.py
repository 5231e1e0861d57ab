"""Five thousand connections of strangers at once: the gateway takes as much as it has places for, and serves."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from tests.attacks.attack import Fortress, refusal
from tests.attacks.test_messages import ASKED

CONNECTIONS = 5_000
KINDS = (b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/1.1\r\n")
"""What they say before they fall silent: nothing, the beginning of a handshake, and what is none."""
GROWTH = 160 * 2**20
"""Bytes that the server's processes may take: 1,000 places, each with a TLS object in the middle of a handshake."""


@contextmanager
def many_files() -> Iterator[None]:
    """This process may have as many sockets open as its user is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("said", KINDS, ids=["silent", "begun", "half", "plain"])
def test_a_crowd_keeps_nobody_out(fortress: Fortress, counted: None, said: bytes) -> None:
    """While five thousand are there, and when they have gone, the caller is answered, and memory is bounded."""
    plan, before = fortress.running.installation.plan, fortress.memory()
    with many_files(), ExitStack() as crowd:
        for _ in range(CONNECTIONS):
            stranger = crowd.enter_context(socket.socket())
            stranger.setblocking(False)
            with suppress(BlockingIOError):
                stranger.connect((plan.host, plan.port))
            with suppress(OSError):  # not yet connected: it stays silent
                stranger.send(said)
        for _ in range(3):
            assert refusal(fortress.house.post("schulentwicklung", ASKED)) == "answered"
        assert fortress.memory() - before < GROWTH
    assert refusal(fortress.house.post("schulentwicklung", ASKED)) == "answered"
    assert "WORKER TIMEOUT" not in fortress.log()
