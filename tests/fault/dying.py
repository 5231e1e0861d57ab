"""Runs a command of the gateway, killed before it changes anything for the n-th time: `dying.py N FOLDER COMMAND...`.

Only changes below FOLDER count. If it comes to its end, each change is printed as a line.
"""

from __future__ import annotations

import os
import signal
import sys

from gateway.cli.main import cli

_CHANGES = frozenset({"os.rename", "os.mkdir", "os.remove", "os.rmdir"})


def main() -> None:
    last, folder, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    seen: list[str] = []

    def watch(event: str, given: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR)
        if (writes or event in _CHANGES) and str(given[0]).startswith(folder):
            seen.append(f"{event} {str(given[0]).removeprefix(folder)}")
            if len(seen) == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    cli(command, standalone_mode=False)
    print("\n".join(seen))


if __name__ == "__main__":
    main()
