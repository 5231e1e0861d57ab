"""The erasure ledger: which persons must never come back, outside the database so that a restore cannot forget it.

Each line is an HMAC of source and person number: it can be asked, not read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from gateway.errors import StoreError
from gateway.store.durable import sync_folder
from gateway.store.vault import Vault

LEDGER = "erasures.ledger"
"""Name of the file; it lies beside the keys, so that no restore of the database takes it back."""

_LINE = 64  # hexadecimal digits of HMAC-SHA-256


class Ledger:
    """The file of erasures; read anew when it has grown, appended durably."""

    def __init__(self, path: Path, vault: Vault) -> None:
        self._path = path
        self._vault = vault
        self._read = -1
        self._lines: frozenset[str] = frozenset()

    def __len__(self) -> int:
        """How many persons stand in it."""
        return len(self._current())

    def holds(self, source: str, personennummer: str) -> bool:
        """True if this person was erased here and must not be taken in again."""
        return self._line(source, personennummer) in self._current()

    def holds_any(self, source: str, numbers: Iterable[str]) -> bool:
        """True if one of these persons was erased here."""
        return any(self.holds(source, number) for number in numbers)

    def add(self, source: str, *numbers: str) -> None:
        """Afterwards all numbers of the person stand in it, durably and at once; StoreError if it cannot be written."""
        lines = [line for line in (self._line(source, one) for one in numbers) if line not in self._current()]
        if not lines:
            return
        try:
            new = not self._path.exists()
            descriptor = os.open(self._path, os.O_CREAT | os.O_APPEND | os.O_RDWR | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "ab", buffering=0) as file:
                # A line torn by a crash is closed first, so that it cannot swallow this one.
                torn = self._path.stat().st_size and not self._path.read_bytes().endswith(b"\n")
                content = (b"\n" if torn else b"") + "".join(f"{line}\n" for line in lines).encode()
                if file.write(content) != len(content):
                    raise StoreError("the erasure ledger cannot be written whole: no room")
                os.fsync(file.fileno())
            if new:
                sync_folder(self._path.parent)
        except OSError as error:
            raise StoreError(f"the erasure ledger cannot be written: {error.strerror}") from error

    def require(self, lines: int) -> None:
        """StoreError if the ledger holds fewer persons than the database remembers: it was lost or cut."""
        if len(self) < lines:
            raise StoreError("the erasure ledger is shorter than the database remembers: restore it first")

    def _current(self) -> frozenset[str]:
        try:
            size = self._path.stat().st_size
            if size != self._read:
                self._lines = _parsed(self._path.read_bytes())
                self._read = size
        except FileNotFoundError:
            self._lines, self._read = frozenset(), -1
        except OSError as error:
            raise StoreError(f"the erasure ledger cannot be read: {error.strerror}") from error
        return self._lines

    def _line(self, source: str, personennummer: str) -> str:
        return self._vault.ledger_line(f"{source}|{personennummer}")


def _parsed(content: bytes) -> frozenset[str]:
    """The complete lines; a torn one was never confirmed and its erasure is repeated by whoever asked for it."""
    lines = content.decode("ascii", "replace").split("\n")
    return frozenset(line for line in lines if len(line) == _LINE)
