"""What long work tells whoever waits for it: a plain function that is handed down to where the work is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias, TypeVar

Progress: TypeAlias = Callable[[str, int, int | None], None]
"""Told now and then what is being done, how much of it is done, and how much there is (None: nobody knows).

Under one name `done` never falls, and ends at the total where there is one."""

_EVERY = 500
Item = TypeVar("Item")


def silent(_what: str, _done: int, _total: int | None) -> None:
    """The progress that nobody looks at."""


def counted(items: Iterable[Item], what: str, total: int | None, progress: Progress) -> Iterator[Item]:
    """The same items; told at the beginning, every 500 and at the end, for telling costs more than counting."""
    done = 0
    progress(what, 0, total)
    for done, item in enumerate(items, start=1):
        yield item
        if done % _EVERY == 0:
            progress(what, done, total)
    progress(what, done, total)
