"""Reading an anchor file as evidence: which checkpoints the chain in the database must still fulfil."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from gateway.errors import AuditError
from gateway.store.audit_anchor import NO_LINE, Checkpoint, read_line
from gateway.store.audit_entry import sha256

Report = Callable[[str, str], None]
"""Takes a finding: its rule and its German text."""

_LONGEST_LINE = 4096


class AnchorFile:
    """An anchor file as long as it is now: make it before the snapshot of the database is taken.

    What a running gateway appends afterwards speaks of batches that the snapshot cannot hold, and is not read.
    """

    def __init__(self, path: Path, public: ec.EllipticCurvePublicKey) -> None:
        self._path = path
        self._public = public
        self.restores: tuple[Checkpoint, ...] = ()
        try:
            self._size = path.stat().st_size
        except FileNotFoundError:
            self._size = 0  # as good as empty: the verdict then has no checkpoint, and says so
        except OSError as error:
            raise AuditError(f"the anchor file cannot be read ({type(error).__name__})") from None

    def checkpoints(self, report: Report) -> Iterator[Checkpoint]:
        """The checkpoints in force, in the order of the chain; what is wrong with the file goes to `report`.

        A restore checkpoint for batch M takes the force from earlier ones beyond M. Memory grows with the number
        of restores only, which stand in `restores` afterwards.
        """
        restores = [(number, checkpoint.block) for number, checkpoint in self._restores()]
        expected, reached = NO_LINE, 0
        for number, raw in self._lines(report):
            while restores and restores[0][0] <= number:
                restores.pop(0)
                reached = 0
            line_hash = sha256(raw).hex()
            try:
                checkpoint = read_line(number, raw, self._public).checkpoint
            except AuditError:
                report("prüfpunkt-gefälscht", f"Anker, Zeile {number}: kein Prüfpunkt mit gültiger Unterschrift")
                expected = line_hash
                continue
            if checkpoint.vorgaenger != expected:
                report("prüfpunkt-entfernt", f"Anker, Zeile {number}: schließt nicht an die Zeile davor an")
            expected = line_hash
            if any(checkpoint.block > block for _, block in restores):
                continue
            if checkpoint.block < reached:
                report("prüfpunkt-reihenfolge", f"Anker, Zeile {number}: liegt vor einem früheren Prüfpunkt")
                continue
            reached = checkpoint.block
            yield checkpoint

    def _restores(self) -> list[tuple[int, Checkpoint]]:
        """Each restore checkpoint whose signature holds, and its line."""
        found = []
        for number, raw in self._lines(_silent):
            if b'"art":"wiederherstellung"' in raw:
                try:
                    found.append((number, read_line(number, raw, self._public).checkpoint))
                except AuditError:
                    continue  # reported where all lines are read
        self.restores = tuple(checkpoint for _, checkpoint in found)
        return found

    def _lines(self, report: Report) -> Iterator[tuple[int, bytes]]:
        number, left = 0, self._size
        if not left:
            return
        try:
            with self._path.open("rb") as file:
                while left > 0:
                    number += 1
                    raw = file.readline(min(left, _LONGEST_LINE))
                    left -= len(raw)
                    if raw.endswith(b"\n"):
                        yield number, raw
                    elif not raw or left <= 0:
                        report("anker-abgebrochen", f"Anker, Zeile {number}: unvollständig (Absturz beim Schreiben?)")
                        return
                    else:
                        yield number, raw  # longer than any checkpoint: its signature will not hold
        except OSError as error:
            raise AuditError(f"the anchor file cannot be read ({type(error).__name__})") from None


def _silent(_rule: str, _text: str) -> None:
    return None
