"""A trace of the server's system calls: what is audited is on the disk before the first byte of the answer leaves."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.interop.calling import Answer, House, sample
from tests.running import installed

STRACE = ("strace", "-f", "-y", "-q", "-s", "0", "-e", "trace=accept4,read,write,pwrite64,fsync,fdatasync", "-o")
ASKED = (
    ("wohnung2000", "good", "dienstauskunft"),
    ("sozialamt", "good", "bestandAbrufen"),
    ("wohnung2000", "bad", "malformed"),
    ("schulentwicklung", "bad", "unknown-person"),
)


@dataclass(frozen=True)
class Call:
    """One system call: lines of the trace where it began and ended, the file behind its descriptor, its result."""

    name: str
    target: str
    began: int
    ended: int
    result: int
    opened: str = ""


@dataclass(frozen=True)
class Connection:
    """One connection of the server: the last bytes of its request, the first of its answer, as lines of the trace."""

    request: int
    answer: int


@dataclass(frozen=True)
class Traced:
    """What the server did, the answers that came, and where its write-ahead log is."""

    calls: list[Call]
    answers: list[Answer]
    log: str

    @property
    def connections(self) -> list[Connection]:
        """Every connection on which a request was answered, oldest first."""
        sockets = [call.opened for call in self.calls if call.name == "accept4" and call.opened]
        return [found for socket in sockets if (found := self._connection(socket))]

    def between(self, connection: Connection, *names: str) -> list[Call]:
        """Calls on the write-ahead log, wholly between the request's arrival and the answer's first byte."""
        on_log = (call for call in self.calls if call.target == self.log and call.name in names and call.result >= 0)
        return [call for call in on_log if connection.request < call.began and call.ended < connection.answer]

    def _connection(self, socket: str) -> Connection | None:
        own = [call for call in self.calls if call.target == socket and call.result > 0]
        reads = [call.ended for call in own if call.name == "read"]
        writes = [call.began for call in own if call.name == "write" and reads and call.began > reads[-1]]
        return Connection(reads[-1], writes[0]) if writes else None


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Traced:
    """A single traced worker that answered four requests, with the public sign of life before and after each."""
    folder = tmp_path_factory.mktemp("durability")
    trace = folder / "trace"
    with installed(folder / "house") as running:
        running.environment = {"GATEWAY_SERVER_PROCESSES": "1"}
        running.serve(under=(*STRACE, str(trace)))
        house = House(running)
        answers = []
        for application, kind, name in ASKED:
            _alive(house)
            answers.append(house.post(application, sample(application, kind, name)))
        _alive(house)
        # strace would not pass the signal on, so it goes to the first process of the trace: the server itself.
        os.kill(int(trace.read_text("utf-8").split(maxsplit=1)[0]), signal.SIGTERM)
        running.children["serve"].wait(timeout=60)
        log = f"{running.folder.resolve()}/gateway.sqlite-wal"
    return Traced(list(_calls(trace)), answers, log)


def test_the_entry_is_on_the_disk_before_the_answer_leaves(traced: Traced) -> None:
    """Between the last byte of each request and the first byte of its answer the log was written, then synced."""
    asked = _asked(traced)
    assert [answer.is_fault for answer in traced.answers] == [False, False, True, True]
    for connection in asked:
        written = traced.between(connection, "pwrite64")
        synced = traced.between(connection, "fsync", "fdatasync")
        assert written
        assert any(sync.result == 0 and sync.began > written[-1].ended for sync in synced)


def test_nothing_is_written_after_the_last_sync(traced: Traced) -> None:
    """No write to the log, finished or not, lies between the sync and the answer."""
    for connection in _asked(traced):
        last = traced.between(connection, "fsync", "fdatasync")[-1]
        later = [call for call in traced.calls if call.target == traced.log and call.name == "pwrite64"]
        assert not [call for call in later if last.ended < call.began < connection.answer]


def test_the_trace_can_tell(traced: Traced) -> None:
    """A page that is not audited is answered without any sync of the log."""
    asked = _asked(traced)
    pages = [one for one in traced.connections if one not in asked]
    assert len(pages) >= len(ASKED)
    assert not any(traced.between(one, "pwrite64", "fsync", "fdatasync") for one in pages)


def _asked(traced: Traced) -> list[Connection]:
    """The connections of the requests: every second one, counted from the end."""
    return traced.connections[-2 : -2 * len(ASKED) - 1 : -2][::-1]


def _alive(house: House) -> None:
    ca = str(house.running.installation.ca)
    requests.get(f"{house.running.base_url}/health/live", verify=ca, timeout=60).raise_for_status()


_LINE = re.compile(r"(\d+) +(.*)")
_CALL = re.compile(r"(\w+)\((?:\d+<([^>]*)>)?.*?\)? *= (-?\d+)(?:<([^>]*)>)?.*")


def _calls(trace: Path) -> Iterator[Call]:
    """The finished calls of a trace; those that strace cut in two are put together again."""
    pending: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(trace.read_text("utf-8", "replace").splitlines()):
        found = _LINE.fullmatch(line)
        assert found, line
        process, text = found.groups()
        began = number
        if text.endswith("<unfinished ...>"):
            pending[process] = number, text.removesuffix("<unfinished ...>")
            continue
        if text.startswith("<... "):
            began, first = pending.pop(process)
            text = first + text.partition("resumed>")[2]
        if call := _CALL.fullmatch(text):
            name, target, result, opened = call.groups()
            yield Call(name, target or "", began, number, int(result), opened or "")
