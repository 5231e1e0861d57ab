"""Reading an anchor file as evidence: which checkpoints the chain in the database must still fulfil."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from gateway.errors import AuditError
from gateway.store.audit_anchor import NO_LINE, Checkpoint, read_line
from gateway.store.audit_entry import sha256

Report = Callable[[str, str], None]
"""Takes a finding: its rule and its German text."""

Lines = Callable[[Report], Iterator[tuple[int, bytes]]]
"""Reads all lines of an anchor with their numbers, each time it is called; what is wrong with them is reported."""

LONGEST_LINE = 4096


class Checkpoints:
    """The checkpoints of an anchor, wherever its lines are read from."""

    def __init__(self, lines: Lines, public: ec.EllipticCurvePublicKey, *, name: str = "Anker") -> None:
        self._lines = lines
        self._public = public
        self._name = name
        self.restores: tuple[Checkpoint, ...] = ()
        self.beyond: Checkpoint | None = None
        """The last checkpoint that was not `wanted`."""

    def in_force(self, report: Report, wanted: Callable[[Checkpoint], bool] = lambda _: True) -> Iterator[Checkpoint]:
        """The checkpoints in force, in the order of the chain; what is wrong with the lines goes to `report`.

        A restore checkpoint for batch M takes the force from earlier ones beyond M, the last one also from those beyond
        the lowest M of all, and from all earlier ones of another chain. Lines that are not `wanted` are checked and
        count for nothing else. Memory grows with the number of restores only, which stand in `restores` afterwards.
        """
        restores = self._restores(wanted)
        expected, reached = NO_LINE, 0
        for number, raw in self._lines(report):
            while restores and restores[0][0] <= number:
                restores.pop(0)
                reached = 0
            line_hash = sha256(raw).hex()
            try:
                checkpoint = read_line(number, raw, self._public).checkpoint
            except AuditError:
                place = f"{self._name}, Zeile {number}"
                report("prüfpunkt-gefälscht", f"{place}: kein Prüfpunkt mit gültiger Unterschrift")
                expected = line_hash
                continue
            if checkpoint.vorgaenger != expected:
                report("prüfpunkt-entfernt", f"{self._name}, Zeile {number}: schließt nicht an die Zeile davor an")
            expected = line_hash
            if not wanted(checkpoint):
                self.beyond = checkpoint
                continue
            if restores and not _survives(checkpoint, self.restores):
                continue
            if checkpoint.block < reached:
                report("prüfpunkt-reihenfolge", f"{self._name}, Zeile {number}: liegt vor einem früheren Prüfpunkt")
                continue
            reached = checkpoint.block
            yield checkpoint

    def read_restores(self) -> tuple[Checkpoint, ...]:
        """Every restore checkpoint whose signature holds, in the order in which they were made."""
        return tuple(checkpoint for _, checkpoint in self._restores(lambda _: True))

    def _restores(self, wanted: Callable[[Checkpoint], bool]) -> list[tuple[int, Checkpoint]]:
        """Each restore checkpoint whose signature holds, and its line."""
        found = []
        for number, raw in self._lines(_silent):
            if b'"art":"wiederherstellung"' in raw:
                try:
                    checkpoint = read_line(number, raw, self._public).checkpoint
                except AuditError:
                    continue  # reported where all lines are read
                if wanted(checkpoint):
                    found.append((number, checkpoint))
        self.restores = tuple(checkpoint for _, checkpoint in found)
        return found


class AnchorFile(Checkpoints):
    """An anchor file as long as it is now: make it before the snapshot of the database is taken.

    What a running gateway appends afterwards speaks of batches that the snapshot cannot hold, and is not read.
    """

    def __init__(self, path: Path, public: ec.EllipticCurvePublicKey) -> None:
        self._path = path
        try:
            self._size = path.stat().st_size
        except FileNotFoundError:
            self._size = 0  # as good as empty: the verdict then has no checkpoint, and says so
        except OSError as error:
            raise AuditError(f"the anchor file cannot be read ({type(error).__name__})") from None
        super().__init__(self.lines, public)

    def lines(self, report: Report) -> Iterator[tuple[int, bytes]]:
        """All lines with their numbers; half a line at the end is reported."""
        number, left = 0, self._size
        if not left:
            return
        try:
            with self._path.open("rb") as file:
                while left > 0:
                    number += 1
                    raw = file.readline(min(left, LONGEST_LINE))
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


def _survives(checkpoint: Checkpoint, restores: Sequence[Checkpoint]) -> bool:
    """Whether what was anchored before the last of these restores still stands: no restore went below it.

    Not even one before it: the last may have gone back to what an earlier one had left, and what was written between
    the two is then no part of the chain. Nothing is lost by that: the last restore's hash binds all before it.
    """
    back = [restore.block for restore in restores if restore.kette == checkpoint.kette]
    return restores[-1].kette == checkpoint.kette and checkpoint.block <= min(back)


def _silent(_rule: str, _text: str) -> None:
    return None
