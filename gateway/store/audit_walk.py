"""One pass over an audit trail: batches, entries and checkpoints side by side, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from gateway.store.audit_anchor import Checkpoint
from gateway.store.audit_anchor_check import AnchorCheck
from gateway.store.audit_anchor_file import Checkpoints
from gateway.store.audit_chain import MerkleTree, batch_hash, first_link
from gateway.store.audit_check import EntryCheck
from gateway.store.audit_rows import BatchRow, EntryRow, HeadRow, TrailRows
from gateway.store.audit_verdict import Findings, Verdict
from gateway.store.progress import Progress, counted, silent

BATCHES = "batches of the audit trail"


class Walk:
    """Reads the whole trail once; `run` gives the verdict."""

    def __init__(
        self,
        rows: TrailRows,
        anchors: Sequence[Checkpoints],
        *,
        findings: Findings | None = None,
        wanted: Callable[[Checkpoint], bool] = lambda _: True,
        cut: bool = False,
        progress: Progress = silent,
    ) -> None:
        """`findings` are those made before, `wanted` the checkpoints that the trail must fulfil.

        `cut` says that it was meant to end where it does; `progress` is told of the batches.
        """
        self._rows = rows
        self._findings = findings or Findings()
        self._progress = progress
        self._entries = _Ahead(rows.entries())
        self._check = EntryCheck(self._findings, dict(rows.segments()), unfinished=cut)
        self._anchors = [AnchorCheck(one, self._findings, wanted) for one in anchors]
        heads = rows.heads()
        self._head: HeadRow | None = heads[0] if heads else None
        if any(head.id != 1 for head in heads):
            self._findings.add("kopf-geändert", "Der Kopf der Kette ist nicht die eine Zeile, die er sein muss")
        self._number = self._total = self._batches = self._count = 0
        self._hash = first_link(self._head.chain) if self._head is not None else b""
        self._time: str | None = None
        self._unanchored_since: str | None = None

    def run(self) -> Verdict:
        """What is wrong with the trail, and how far that can be known."""
        chain = self._head.chain if self._head is not None else None
        for anchor in self._anchors:
            anchor.begin(chain, self._hash)
        said = None if self._head is None or self._head.number < 0 else self._head.number
        for row in counted(self._rows.batches(), BATCHES, said, self._progress):
            self._read_batch(row)
        self._skip_strangers(None)
        self._check_head()
        for anchor in self._anchors:
            anchor.end(self._number, self._total)
        self._check.conclude(self._rows)
        return self._verdict(chain)

    def reached(self) -> list[Checkpoint | None]:
        """The last checkpoint in force of each anchor."""
        return [anchor.last for anchor in self._anchors]

    def released(self) -> Mapping[str, tuple[int, str]]:
        """By the number of the entry each row of the register of statistics that the trail tells of."""
        return self._check.released

    def _verdict(self, chain: str | None) -> Verdict:
        reached = [point for point in self.reached() if point is not None]
        beyond = [anchor.beyond for anchor in self._anchors if anchor.beyond is not None]
        return Verdict(
            chain=chain,
            batches=self._batches,
            entries=self._count,
            last_time=self._time,
            findings=tuple(self._findings.kept),
            broken=self._findings.count,
            with_anchor=bool(self._anchors),
            anchored=max(reached, key=lambda point: point.block, default=None),
            unanchored_since=self._unanchored_since,
            torn=any(anchor.torn for anchor in self._anchors),
            restores=self._anchors[0].restores if self._anchors else (),
            erased=self._check.erased(),
            dropped=tuple(sorted(self._check.dropped.items())),
            left=self._check.left(),
            unproven=tuple(sorted(self._check.unproven)),
            beyond=max(beyond, key=lambda point: point.zeitpunkt, default=None),
        )

    def _read_batch(self, row: BatchRow) -> None:
        self._batches += 1
        self._check_link(row)
        computed = batch_hash(
            number=row.number,
            previous=row.previous,
            root=row.root,
            entries=row.entries,
            total=row.total,
            time=row.time,
        )
        if computed != row.hash:
            self._wrong("block-geändert", row.number, "Angaben und Hash passen nicht zusammen, geändert")
        self._skip_strangers(row.number)
        self._read_entries(row)
        self._number, self._total, self._hash, self._time = row.number, row.total, row.hash, row.time
        named = [anchor.meet(row) for anchor in self._anchors]  # each must see every batch
        self._unanchored_since = None if any(named) else self._unanchored_since or row.time

    def _check_link(self, row: BatchRow) -> None:
        if row.number <= self._number:
            self._wrong("block-eingefügt", row.number, "diese Blocknummer steht nicht in der Reihe")
        elif row.number > self._number + 1:
            first, last = self._number + 1, row.number - 1
            gap = f"Block {first} fehlt" if first == last else f"die Blöcke {first} bis {last} fehlen"
            self._findings.add("block-entfernt", f"{gap}: entfernt", batch=first)
        elif row.previous != self._hash:
            self._wrong("kette-gebrochen", row.number, "schließt nicht an den Block davor an: einer ist ausgetauscht")
        if row.number == self._number + 1 and row.total != self._total + row.entries:
            self._wrong("zählung-falsch", row.number, "die Gesamtzahl der Einträge führt die davor nicht fort")

    def _read_entries(self, row: BatchRow) -> None:
        tree, month = MerkleTree(), row.time[:7]
        in_order = True
        while (entry := self._entries.current) is not None and entry.batch == row.number:
            in_order = in_order and entry.position == tree.leaves
            tree.add(self._check.check(entry, month))
            self._count += 1
            self._entries.step()
        if tree.leaves < row.entries:
            self._wrong(
                "eintrag-entfernt", row.number, f"{row.entries - tree.leaves} von {row.entries} Einträgen fehlen"
            )
        elif tree.leaves > row.entries:
            self._wrong("eintrag-eingefügt", row.number, f"{tree.leaves - row.entries} Einträge zu viel")
        elif not in_order:
            self._wrong("eintrag-vertauscht", row.number, "die Stellen der Einträge sind nicht lückenlos")
        elif tree.root() != row.root:
            self._wrong("wurzel-falsch", row.number, "ein Eintrag ist geändert, vertauscht oder ausgetauscht")

    def _skip_strangers(self, before: int | None) -> None:
        """Entries before the next batch belong to none; one finding for each batch number they name."""
        reported: int | None = None
        while (entry := self._entries.current) is not None and (before is None or entry.batch < before):
            if entry.batch != reported:
                self._wrong("eintrag-ohne-block", entry.batch, "Einträge ohne ihren Block: er fehlt, oder eingefügt")
            reported = entry.batch
            self._check.check(entry, None)
            self._count += 1
            self._entries.step()

    def _check_head(self) -> None:
        head = self._head
        if head is None:
            if self._batches:
                self._findings.add("kopf-fehlt", "Der Kopf der Kette fehlt, obwohl es Blöcke gibt")
        elif head.number > self._number:
            self._findings.add(
                "ende-entfernt",
                f"Der Kopf der Kette nennt Block {head.number}, der letzte ist {self._number}: am Ende entfernt",
                batch=self._number + 1,
            )
        elif (head.number, head.total, head.hash) != (self._number, self._total, self._hash):
            self._findings.add(
                "kopf-geändert",
                f"Der Kopf der Kette (Block {head.number}) ist nicht der letzte Block {self._number}: "
                "am Ende eingefügt oder ausgetauscht",
                batch=self._number,
            )

    def _wrong(self, rule: str, batch: int, text: str) -> None:
        self._findings.add(rule, f"Block {batch}: {text}", batch=batch)


class _Ahead:
    """An iterator with the next row in view."""

    def __init__(self, rows: Iterator[EntryRow]) -> None:
        self._rows = rows
        self.current = next(rows, None)

    def step(self) -> None:
        self.current = next(self._rows, None)
