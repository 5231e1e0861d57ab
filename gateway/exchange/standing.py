"""What the running server leaves to be known by: its processes, when one had to be replaced, how many threads work."""

from __future__ import annotations

import json
import mmap
import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

FILE = "server.state"
"""Its name, in the folder of the audit trail's anchor: there the server must be able to write anyway."""

EVERY = 5.0
"""Seconds between two writings, if nothing changes."""

REMEMBERED = 3600.0
"""Seconds for which the replacement of a process is told."""

_PLACES, _SLOT = 256, struct.Struct("=H")


class Board:
    """Made before the fork and shared by all processes: each notes how many of its threads were at work at most."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, _PLACES * _SLOT.size + 1)

    def note(self, age: int, busy: int) -> None:
        """Afterwards the process that was started as number `age` has had so many requests at once of late."""
        _SLOT.pack_into(self._shared, (age % _PLACES) * _SLOT.size, min(busy, 0xFFFF))

    @property
    def ending(self) -> bool:
        """Whether the whole server ends, and nobody follows whom the clients could wait for."""
        return self._shared[-1] != 0

    def end(self) -> None:
        """From now on it is `ending`."""
        self._shared[-1] = 1

    def read(self, age: int) -> int:
        """What that process noted last; 0 if nothing."""
        found: tuple[int] = _SLOT.unpack_from(self._shared, (age % _PLACES) * _SLOT.size)
        return found[0]


@dataclass(frozen=True, slots=True)
class Standing:
    """The server as its parent process saw it: `busy` is by process, requests at once; times are Unix seconds.

    `replaced` is when a process was started in the place of one that had ended, within the last hour.
    """

    written: float
    parent: int
    expected: int
    threads: int
    busy: Mapping[int, int]
    replaced: tuple[float, ...] = field(default=())


def read(path: Path) -> Standing | None:
    """What a server left there; None if none did, or if it is not whole."""
    try:
        told = json.loads(path.read_bytes())
        busy = {int(process): int(count) for process, count in told["busy"].items()}
        numbers = (float(told["written"]), int(told["parent"]), int(told["expected"]), int(told["threads"]))
        return Standing(*numbers, busy, tuple(float(one) for one in told["replaced"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


class Notes:
    """The parent's pen: writes the standing when it has changed, or is EVERY seconds old; never stops the server."""

    def __init__(self, path: Path | None, board: Board, *, expected: int, threads: int) -> None:
        self._path = path
        self._board = board
        self._expected = expected
        self._threads = threads
        self._started = 0
        self._replaced: list[float] = []
        self._last: tuple[object, float] = (None, 0.0)

    def renew(self) -> None:
        """All processes are about to be replaced because somebody wants it: that is no trouble to be told."""
        self._started = 0

    def started(self, age: int, now: float) -> None:
        """A process begins; the first ones are expected, any other takes the place of one that has ended."""
        self._board.note(age, 0)
        self._started += 1
        if self._started > self._expected:
            self._replaced.append(now)

    def write(self, ages: Mapping[int, int], now: float) -> None:
        """Of the processes there are: pid and start number. If it cannot be written it grows old, which is told."""
        if self._path is None:
            return
        self._replaced = [one for one in self._replaced if one > now - REMEMBERED]
        said = (frozenset(ages), len(self._replaced))
        if said == self._last[0] and 0 <= now - self._last[1] < EVERY:
            return
        busy = {process: self._board.read(age) for process, age in ages.items()}
        standing = Standing(now, os.getpid(), self._expected, self._threads, busy, tuple(self._replaced))
        new = self._path.with_name(f"{self._path.name}.new")
        with suppress(OSError):
            new.write_text(json.dumps(asdict(standing)), "utf-8")
            new.chmod(0o600)
            new.replace(self._path)
            self._last = (said, now)

    def end(self) -> None:
        """The server has ended in good order: there is nothing to be known of it any more. Of another there is."""
        told = read(self._path) if self._path is not None else None
        if self._path is not None and told is not None and told.parent == os.getpid():
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
