"""The processes of a running server, as the kernel sees them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def serving(parent: int) -> list[int]:
    """The processes that were made by this one and are not forgotten."""
    return [int(one) for one in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def watched(process: int) -> int:
    """How many files a process waits for; one less when it lets nobody in any more (proc(5), fdinfo of epoll)."""
    found = 0
    for link in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            if os.readlink(link) == "anon_inode:[eventpoll]":
                found += Path(f"/proc/{process}/fdinfo/{link.name}").read_text().count("tfd:")
    return found
