"""What an attack is, and the fortress it is tried on."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop.calling import Answer, House
from tests.running import Running

PLANTED = "kanarie"
"""Stands in every hostile message, where personal values would; it must come back nowhere."""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Attack:
    """One hostile message: `make` changes a sound request; the refusal has one of the codes `meets`.

    A code is that of a declared fault; a number stands for the HTTP status of a constant answer to somebody who was
    not yet, or never, identified.
    """

    name: str
    make: Callable[[bytes], bytes]
    meets: frozenset[str | int]
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def attack(
    name: str, make: Callable[[bytes], bytes], *meets: str | int, headers: Mapping[str, str] | None = None
) -> Attack:
    """An attack in one line."""
    return Attack(name, make, frozenset(meets), headers or {})


@dataclass(frozen=True)
class Fortress:
    """A running gateway, its processes' CPU time, and what its audit trail says."""

    house: House

    @property
    def running(self) -> Running:
        return self.house.running

    def outcomes(self) -> list[tuple[str, str]]:
        """Kind and outcome of every audit entry so far."""
        with closing(sqlite3.connect(f"file:{self.running.folder / 'gateway.sqlite'}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT content FROM audit_entry ORDER BY batch, position").fetchall()
        entries = (json.loads(content) for (content,) in rows)
        return [(entry["art"], entry["ergebnis"]) for entry in entries]

    def log(self) -> str:
        return (self.running.folder / "serve.log").read_text("utf-8")

    def cpu(self) -> float:
        """Seconds of CPU that the server's processes have used."""
        return sum(_seconds(pid) for pid in _family(self.running.children["serve"].pid))

    def memory(self) -> int:
        """Bytes of memory that the server's processes hold, pages they share counted once for each."""
        return sum(_resident(pid) for pid in _family(self.running.children["serve"].pid))

    @contextmanager
    def nothing_but_refusals(self, *, entries: int) -> Iterator[None]:
        """Inside, exactly so many entries are written, all of refusals, and the log repeats nothing planted."""
        before, told = len(self.outcomes()), len(self.log())
        yield
        fresh = self.outcomes()[before:]
        assert [kind for kind, _ in fresh] == ["abgewiesen"] * entries
        assert all(outcome != "ok" for _, outcome in fresh)
        assert PLANTED not in self.log()[told:].lower()


def refusal(answer: Answer) -> str | int:
    """The code of a declared fault, the HTTP status of a constant answer; what was answered has neither."""
    assert PLANTED not in answer.raw.decode("utf-8", "replace").lower()
    if answer.raw.startswith(b"<?xml") and b"Fault>" in answer.raw:
        return answer.code or answer.status
    return "answered" if answer.status == 200 else answer.status


def _family(pid: int) -> list[int]:
    """A process and its children, as /proc has them."""
    children = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            children.append(int(stat.parent.name))
    return [pid, *children]


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _resident(pid: int) -> int:
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)
    return int(found[1]) * 1024 if found else 0
