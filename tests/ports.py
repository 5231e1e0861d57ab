"""Ports for the servers of tests: each process of the tests has its own."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from itertools import count

_ROOM, _BEHIND = 3_000, 3
_OF_PROCESS = 20_000 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 4 * _ROOM
_PLACES = count(os.getpid())
"""Below those that the kernel gives to outgoing connections."""


def free_port() -> int:
    """A port that nobody listens on, nor on the two behind it; no outgoing connection is given one of them."""
    while True:
        port = _OF_PROCESS + next(_PLACES) * _BEHIND % _ROOM
        if all(_is_free(port + behind) for behind in range(_BEHIND)):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False
