"""When a checkpoint of the audit trail is due: with the first entry, after 60 seconds or 1,000 entries, at the end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from gateway.errors import AuditError
from gateway.store.audit_anchor import Checkpoint

AFTER_ENTRIES = 1_000
AFTER = timedelta(seconds=60)


class CheckpointSchedule:
    """Counts what one process has written since the last checkpoint; used by the writer's thread only.

    A checkpoint that fails stops no answer, for the entries themselves are durable: `problem` says so to health,
    and it is tried again a minute later.
    """

    def __init__(self, checkpoint: Callable[[], Checkpoint | None], clock: Callable[[], datetime]) -> None:
        self._checkpoint = checkpoint
        self._clock = clock
        self._begun = False
        self._anchored = 0
        self._total = 0
        self._since: datetime | None = None
        self.problem: str | None = None

    def written(self, total: int) -> None:
        """The chain has `total` entries now."""
        self._total = total
        if self._since is None:
            self._since = self._clock()

    def tick(self, final: bool) -> float | None:  # the shape of Tick
        """A checkpoint is written if one is due; returns the seconds until the next may be, None if nothing waits."""
        if self._since is None:
            return None
        waited = self._clock() - self._since
        # A clock that went back must not put a checkpoint off: it is due then.
        full = self._total - self._anchored >= AFTER_ENTRIES and self.problem is None
        # A process anchors its first entry at once: a trail without any anchor proves little after a crash.
        first = not self._begun and self.problem is None
        if not (final or full or first or waited >= AFTER or waited < timedelta(0)):
            return (AFTER - waited).total_seconds()
        try:
            done = self._checkpoint()
        except AuditError as error:
            self.problem = str(error)
            self._since = self._clock()
            return AFTER.total_seconds()
        self.problem = None
        self._begun = True
        self._since = None
        self._anchored = done.gesamt if done is not None else 0
        return None
