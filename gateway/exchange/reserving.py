"""Counters' files for Prometheus whose room the file system has promised before anything is written through a mapping.

prometheus_client lengthens its files without room behind them and writes through mmap: where the file system (best one
in memory) is full, the kernel then ends the process with SIGBUS, and every request in it.
"""

from __future__ import annotations

import os
from typing import Final

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

FIRST: Final = 1 << 16
"""Octets of a new file; it doubles as often as need be."""

_BESIDE_THE_KEY: Final = 40
"""What an entry takes more than its key, at most: length, filling, value, time."""


class Reserved(MmapedDict):
    """Raises OSError where there is no room, and is then as it was."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        if not read_mode:
            _reserve(filename)
        super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]  # the library's own signature

    def _init_value(self, key: str) -> None:
        room: int = self._capacity
        while self._used + len(key.encode()) + _BESIDE_THE_KEY > room:
            room *= 2
        if room > self._capacity:
            os.posix_fallocate(self._f.fileno(), 0, room)
        super()._init_value(key)  # type: ignore[no-untyped-call]  # the library's own signature


def count_in_files() -> None:
    """Every counter made from now on in this process counts in such a file, in the folder of the environment."""
    values.MmapedDict = Reserved  # type: ignore[attr-defined]  # where the next line looks for it
    # The library asks for the folder when it is imported, which may have been before.
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]  # the library's own signature


def _reserve(filename: str) -> None:
    """A file without room behind it does not stay: it would be taken for one that has."""
    descriptor = os.open(filename, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(descriptor).st_size == 0:
            os.posix_fallocate(descriptor, 0, FIRST)
    except OSError:
        os.unlink(filename)
        raise
    finally:
        os.close(descriptor)
