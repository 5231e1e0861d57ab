"""A process of the server that has no room for another connection while it ends."""

from __future__ import annotations

import errno
import selectors
import socket
from types import SimpleNamespace

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
