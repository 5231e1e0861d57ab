"""Files that hold personal data: readable by their owner only, whole or not there, never written over another."""

from __future__ import annotations

import os
from pathlib import Path

import click


def require_new(path: Path) -> None:
    """UsageError if there is something at `path`, or nothing can be written there."""
    if path.exists() or path.is_symlink():
        raise click.UsageError("the file exists: nothing is written over")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise click.UsageError("the folder of the file cannot be written")


def write_new(path: Path, content: bytes) -> None:
    """Afterwards the content is on the disk in a new file of mode 0600; ClickException, and no file, if it is not."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise click.ClickException(f"the file cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise click.ClickException(f"the file cannot be written: {error.strerror}") from None
