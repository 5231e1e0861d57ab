"""What a verification of the audit trail says: findings, how far they reach, and what it could not know."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.store.audit_anchor import Checkpoint

MOST_FINDINGS = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: a stable `rule`, a German text without any content, and where."""

    rule: str
    text: str
    batch: int | None = None
    entry: str | None = None


@dataclass(slots=True)
class Findings:
    """Collects findings; keeps the first 100 and counts all."""

    kept: list[Finding] = field(default_factory=list)
    count: int = 0

    def add(self, rule: str, text: str, *, batch: int | None = None, entry: str | None = None) -> None:
        """One more thing is wrong."""
        self.count += 1
        if len(self.kept) < MOST_FINDINGS:
            self.kept.append(Finding(rule, text, batch, entry))


@dataclass(frozen=True, slots=True)
class Exported:
    """When the file was written, up to when by wish (`until`; None: all), and whose key signed it."""

    time: str
    until: str | None
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a verification found.

    `findings` are the first 100 of `broken`. `with_anchor` says whether an anchor file was given, `anchor_empty` that
    it held nothing about this trail; `anchored` is the last checkpoint in force (None: there is none), of an export
    those in it count too. `unanchored_since` is the time of the first batch that no checkpoint covers, `torn` whether
    the anchor's last line is unfinished, `restores` where it says that the database was restored.
    `erased` are the months whose personal texts are erased, `dropped` the months whose contents retention has taken
    and how many; `left` those that should be gone and are still there. `export` is set for an exported file, `beyond`
    is then the last checkpoint of what came after it, and `unproven` are months whose erasure must be told of there.
    """

    chain: str | None
    batches: int
    entries: int
    last_time: str | None
    findings: tuple[Finding, ...]
    broken: int
    with_anchor: bool
    anchored: Checkpoint | None
    unanchored_since: str | None = None
    torn: bool
    restores: tuple[Checkpoint, ...]
    erased: tuple[str, ...]
    anchor_empty: bool = False
    dropped: tuple[tuple[str, int], ...] = ()
    left: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    beyond: Checkpoint | None = None
    export: Exported | None = None

    @property
    def intact(self) -> bool:
        """Nothing is wrong, as far as it can be known."""
        return self.broken == 0

    @property
    def unanchored(self) -> int:
        """How many entries no checkpoint covers."""
        return max(0, self.entries - (self.anchored.gesamt if self.anchored is not None else 0))


@dataclass(frozen=True, slots=True)
class Match:
    """Whether an answer in the hands of an application is recorded; `rule` and German `text` say why, or why not.

    `told` is False if the trail at hand cannot answer that.
    """

    holds: bool
    rule: str
    text: str
    told: bool = True
