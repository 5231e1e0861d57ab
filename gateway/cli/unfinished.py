"""Makes what lies in many places all or nothing: what a killed run has left goes before the next one begins."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click


@contextmanager
def begun(mark: Path, *, by_hand: str) -> Iterator[int]:
    """Nobody else makes the same meanwhile, nothing is left of a run that failed or was killed; gives the open mark.

    UsageError if somebody does, or if a person has changed since what the killed run has made: then that stays, and
    `by_hand` is how it is finished.
    """
    try:
        descriptor = os.open(mark, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise click.UsageError(f"{mark} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor):
        if not _alone(descriptor, mark):
            raise click.UsageError("the same is being made by another run just now")
        if _clear(descriptor, mark, by_hand):
            click.echo("what an earlier run had begun and not finished is removed")
        try:
            yield descriptor
        except BaseException:
            _clear(descriptor, mark, by_hand)
            mark.unlink()
            raise
        mark.unlink()


def begin(mark: int, first: Path, content: bytes, places: Iterable[Path]) -> None:
    """`first` is there with this content, in a folder of its own; none of these places was there before."""
    named = [os.path.abspath(path) for path in places]
    note = {"first": os.path.abspath(first), "sha256": hashlib.sha256(content).hexdigest(), "places": named}
    os.pwrite(mark, json.dumps(note).encode(), 0)
    os.fsync(mark)
    first.parent.mkdir(parents=True)
    beside = first.with_suffix(".partial")
    beside.write_bytes(content)
    beside.replace(first)


def _alone(descriptor: int, mark: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), mark.stat())  # else the other has just ended
    except OSError:
        return False


def _clear(descriptor: int, mark: Path, by_hand: str) -> bool:
    """Whether there was something to remove: nothing is made before the mark says what."""
    try:
        note = json.loads(os.pread(descriptor, os.fstat(descriptor).st_size, 0))
    except ValueError:
        return False
    first = Path(note["first"])
    if first.is_file() and hashlib.sha256(first.read_bytes()).hexdigest() != note["sha256"]:
        raise click.UsageError(
            f"an earlier run was ended before it was ready, and {first} has been changed since: {by_hand}, then remove "
            f"{mark}; or remove {first} and try again"
        )
    for path in map(Path, note["places"]):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return True
