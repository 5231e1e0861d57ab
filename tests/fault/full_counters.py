"""Counts replies into a folder whose file system is full: `full_counters.py FOLDER [library]`.

With `library` the files are those of prometheus_client as it comes. Prints what was counted once there is room again.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from gateway.exchange import measuring, reserving
from gateway.exchange.message import Reply

REPLIES = 600
"""Of as many operations: more than a first file holds."""


def main() -> None:
    folder = Path(sys.argv[1])
    if "library" in sys.argv:
        reserving.Reserved = reserving.MmapedDict  # type: ignore[misc]  # the seam of this experiment
    measuring.begin(folder)
    count = measuring.measure(folder)
    ballast = folder / "ballast"
    _fill(ballast)
    _count_all(count)
    ballast.unlink()
    count(_reply("first"), "wohnung2000", 0.01)  # the files are made now, with the room of a few entries
    _fill(ballast)
    _count_all(count)
    ballast.unlink()
    _count_all(count)
    print(sum(f'"operation{number}"'.encode() in _stored(folder) for number in range(REPLIES)), "counted")


def _count_all(count: measuring.Measure) -> None:
    for number in range(REPLIES):
        count(_reply(f"operation{number}"), "wohnung2000", 0.01)


def _reply(operation: str) -> Reply:
    return Reply(200, "text/xml", b"", "ok", "1", operation, persons=1, signature=0.001, validation=0.001)


def _stored(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("counter_*.db"))


def _fill(path: Path) -> None:
    """Not an octet is free."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)


if __name__ == "__main__":
    main()
