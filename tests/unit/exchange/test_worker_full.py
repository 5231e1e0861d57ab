"""A process of the server that ends: without room for another connection, and told so twice."""

from __future__ import annotations

import errno
import selectors
import signal
import socket
from types import SimpleNamespace

import pytest
from gunicorn.workers.base import Worker as GunicornWorker

from gateway.exchange.connection import Phase, Waiting
from gateway.exchange.standing import Board
from gateway.exchange.worker import Worker


class _Full(socket.socket):
    def accept(self) -> tuple[socket.socket, object]:
        raise OSError(errno.EMFILE, "no file")


def test_without_room_nobody_is_looked_for_even_at_the_end() -> None:
    """The loop would come round again at once, for as long as an answer is in the making."""
    worker, board = Worker.__new__(Worker), Board()
    board.end()
    with _Full() as listener, selectors.DefaultSelector() as poller:
        worker.alive, worker.sockets, worker.poller, worker._accepting = False, [listener], poller, False
        worker.app = SimpleNamespace(board=board)
        worker._let_in, worker.nr_conns, worker.worker_connections = 1, 1, 100
        worker._waiting = {phase: Waiting(1.0) for phase in Phase}
        worker.set_accept_enabled(False)
        assert list(poller.get_map()) == [listener.fileno()]  # whoever comes is told that the server ends
        worker.accept(listener)
        assert not poller.get_map()


def test_told_to_end_twice_a_process_ends_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """At Ctrl-C terminal and parent tell it both; the second signal comes while it does what the first one asked."""
    worker, ends = Worker.__new__(Worker), 0
    worker._quitting = False

    def end(self: Worker, sig: int, frame: object) -> None:
        nonlocal ends
        ends += 1
        self.handle_quit(sig, frame)

    monkeypatch.setattr(GunicornWorker, "handle_quit", end)
    worker.handle_quit(signal.SIGINT, None)
    assert ends == 1
