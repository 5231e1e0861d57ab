"""A wire between client and PostgreSQL, cut at a chosen moment: before a statement arrives, or before its answer.

Whoever waits for the answer to COMMIT then knows as much as after a failover: nothing.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

_NAME = ".s.PGSQL.5432"


@dataclass
class Wire:
    """A socket in `folder` that leads to the server behind `target`; `url` goes through it."""

    target: sa.URL
    folder: Path
    cuts: int = 0
    _armed: list[tuple[bytes, bytes, bool]] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        target = self.target
        query = {**target.query, "host": str(self.folder)}
        names = {"username": target.username, "password": target.password, "database": target.database}
        return sa.URL.create(target.drivername, **names, query=query).render_as_string(hide_password=False)

    def cut(self, statement: str, *, within: str = "", answered: bool = False) -> None:
        """The next message with `statement` does not arrive, or (`answered`, a COMMIT) is carried out without a word.

        `within` stands in what its transaction has sent since its BEGIN.
        """
        self._armed.append((statement.encode(), within.encode(), answered))

    def carry(self, client: socket.socket) -> None:
        """Carries one connection until an end closes it, or it is cut."""
        begun = b""
        with client, self._server() as server:
            while True:
                ready, _, _ = select.select([client, server], [], [])
                for end, other in ((client, server), (server, client)):
                    if end not in ready:
                        continue
                    content = end.recv(1 << 16)
                    if not content:
                        return
                    if end is client:
                        begun = content if b"BEGIN" in content else begun + content
                    if end is client and (answered := self._taken(content, begun)) is not None:
                        self.cuts += 1
                        if answered:
                            server.sendall(content)
                            _done(server)
                        return
                    other.sendall(content)

    def _taken(self, content: bytes, begun: bytes) -> bool | None:
        with self._guard:
            if self._armed and self._armed[0][0] in content and self._armed[0][1] in begun:
                return self._armed.pop(0)[2]
        return None

    def _server(self) -> socket.socket:
        if isinstance(host := self.target.query.get("host"), str):
            made = socket.socket(socket.AF_UNIX)
            made.connect(f"{host}/{_NAME}")
            return made
        return socket.create_connection((self.target.host or "localhost", self.target.port or 5432))


def _done(server: socket.socket) -> None:
    """The server has said that it has committed; whatever it said before is passed over."""
    told = b""
    while b"COMMIT\0" not in told and (piece := server.recv(1 << 16)):
        told += piece


@contextmanager
def wire(target: sa.URL, folder: Path) -> Iterator[Wire]:
    """A wire that carries any number of connections until the end of the block."""
    made = Wire(target, folder)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / _NAME))
        listener.listen()
        threading.Thread(target=_accept, args=(made, listener), daemon=True).start()
        yield made
        listener.shutdown(socket.SHUT_RDWR)


def _accept(made: Wire, listener: socket.socket) -> None:
    with suppress(OSError):  # the listener is closed
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_carried, args=(made, client), daemon=True).start()


def _carried(made: Wire, client: socket.socket) -> None:
    with suppress(ConnectionError):  # one end has gone without a word
        made.carry(client)
