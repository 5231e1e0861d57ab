"""What an attack is, and the fortress it is tried on."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.cli import trial
from gateway.shipped import schemas
from tests.interop.calling import Answer, House
from tests.running import Running, installed

PLANTED = "kanarie"
"""Stands in every hostile message, where personal values would; it must come back nowhere."""
TICKS = os.sysconf("SC_CLK_TCK")
AGREEMENTS = "schemas"
SIGNED = ("(signaturverfahren = .*)", r"\1\nanfragesignatur = true")
"""The change of an agreement that has requests signed."""
Line = tuple[str, str]
"""A pattern of a whole line of an agreement, and what stands there instead."""


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

    @property
    def agreements(self) -> Path:
        """The folder of its agreements."""
        return self.running.folder.parent / AGREEMENTS

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


@contextmanager
def besieged(folder: Path, lines: Mapping[str, Line]) -> Iterator[Fortress]:
    """A fortress that does not serve yet; its agreements are the shipped ones, changed by `lines` and approved."""
    own, wsdl = folder / AGREEMENTS, folder / "wsdl"
    for path in [schemas() / "stadt.toml", *schemas().glob("*/agreement.toml")]:
        copy = own / path.relative_to(schemas())
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    for name, line in lines.items():
        rewritten(own / name / "agreement.toml", *line)
    with installed(folder / "house") as running:
        running.here("contract", "write", "--schemas", str(own), "--wsdl", str(wsdl))
        trial.approve(running.folder, own)
        settings = running.installation.settings
        text = settings.read_text("utf-8").replace("threads = 8", "threads = 8\nread_timeout = 1")
        settings.write_text(f'agreements = "{own}"\ncontracts = "{wsdl}"\n{text}', "utf-8")
        yield Fortress(House(running))


def rewritten(path: Path, pattern: str, instead: str) -> None:
    """Exactly one line of the file reads otherwise."""
    text, count = re.subn(f"(?m)^{pattern}$", instead, path.read_text("utf-8"))
    assert count == 1, pattern
    path.write_text(text, "utf-8")


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
