"""A command of the gateway, killed before it changes anything for the n-th time."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.cli.main import cli

_CHANGES = frozenset({"os.rename", "os.mkdir", "os.remove", "os.rmdir"})


def die(last: int, folder: Path, command: Sequence[str]) -> None:
    """Runs it in this process; 0: it comes to its end, and each change is printed as a line.

    Only changes below the folder count.
    """
    below, seen = f"{folder}/", list[str]()

    def watch(event: str, given: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR)
        if (writes or event in _CHANGES) and str(given[0]).startswith(below):
            seen.append(f"{event} {str(given[0]).removeprefix(below)}")
            if len(seen) == last:
                os.kill(os.getpid(), signal.SIGKILL)

    os.environ["GATEWAY_SETTINGS"] = ""
    sys.addaudithook(watch)
    cli(list(command), standalone_mode=False)
    print("\n".join(seen))
