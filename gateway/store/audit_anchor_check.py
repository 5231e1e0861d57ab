"""Holding the checkpoints in force against the batches of a trail, as they come by."""

from __future__ import annotations

from collections.abc import Callable

from gateway.store.audit_anchor import Checkpoint
from gateway.store.audit_anchor_file import Checkpoints
from gateway.store.audit_rows import BatchRow
from gateway.store.audit_verdict import Findings


class AnchorCheck:
    """One anchor against one trail: `begin`, then `meet` for each batch in order, then `end`.

    `wanted` says which checkpoints this trail must fulfil: an export ends where it was made or cut.
    """

    def __init__(
        self, checkpoints: Checkpoints, findings: Findings, wanted: Callable[[Checkpoint], bool] = lambda _: True
    ) -> None:
        self.last: Checkpoint | None = None
        self.torn = False
        self._findings = findings
        self._chain: str | None = None
        self._source = checkpoints
        self._checkpoints = checkpoints.in_force(self._report, wanted)
        self._pending: Checkpoint | None = None

    @property
    def restores(self) -> tuple[Checkpoint, ...]:
        """Where the anchor says that the database was restored."""
        return self._source.restores

    @property
    def beyond(self) -> Checkpoint | None:
        """The last checkpoint that speaks of what came after this trail."""
        return self._source.beyond

    def begin(self, chain: str | None, first: bytes) -> None:
        """Checkpoints of the empty chain (a restore to nothing) are met."""
        self._chain = chain
        self._next()
        while self._pending is not None and self._pending.block == 0:
            self._compare(self._pending, first, 0)

    def meet(self, row: BatchRow) -> bool:
        """Every checkpoint up to this batch was held against it, or its batch is not there; whether one names it."""
        named = False
        while self._pending is not None and self._pending.block <= row.number:
            if self._pending.block < row.number:
                self._absent(self._pending)
            else:
                self._compare(self._pending, row.hash, row.total)
                named = True
        return named

    def end(self, number: int, total: int) -> None:
        """No checkpoint speaks of more than there is."""
        beyond = self._pending
        while self._pending is not None:
            beyond = self._pending
            self._next()
        if beyond is not None:
            self._findings.add(
                "anker-voraus",
                f"Laut Anker gab es am {beyond.zeitpunkt} {beyond.gesamt} Einträge bis Block {beyond.block}; "
                f"das Protokoll endet mit {total} bei Block {number}: am Ende entfernt oder zurückgesetzt",
                batch=number + 1,
            )

    def _compare(self, checkpoint: Checkpoint, found: bytes, total: int) -> None:
        if checkpoint.kette != self._chain:
            self._findings.add("andere-kette", f"Prüfpunkt zu Block {checkpoint.block}: gehört zu einer anderen Kette")
        elif (checkpoint.hash, checkpoint.gesamt) != (found.hex(), total):
            self._findings.add(
                "prüfpunkt-verletzt",
                f"Block {checkpoint.block}: nicht der, der am {checkpoint.zeitpunkt} unterschrieben wurde; "
                "die Kette wurde bis hierher neu gerechnet oder die Datenbank zurückgesetzt",
                batch=checkpoint.block,
            )
        self._next()

    def _absent(self, checkpoint: Checkpoint) -> None:
        self._findings.add(
            "prüfpunkt-verletzt",
            f"Block {checkpoint.block}: am {checkpoint.zeitpunkt} unterschrieben, aber nicht mehr da",
            batch=checkpoint.block,
        )
        self._next()

    def _next(self) -> None:
        self._pending = next(self._checkpoints, None)
        self.last = self._pending or self.last

    def _report(self, rule: str, text: str) -> None:
        if rule == "anker-abgebrochen":
            self.torn = True
        else:
            self._findings.add(rule, text)
