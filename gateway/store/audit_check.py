"""Checks of single entries of the audit trail: content, place, and the personal texts that may be erased."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from gateway.store.audit_entry import FORMAT, sha256
from gateway.store.audit_rows import EntryRow, TrailRows
from gateway.store.audit_verdict import Findings

ERASURE = "protokollsegmentLoeschen"
"""The operation of the entry that tells of an erased month."""


@dataclass(slots=True)
class EntryCheck:
    """Checks entry after entry; remembers only the months of personal texts."""

    findings: Findings
    segments: dict[str, bool] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)

    def check(self, row: EntryRow) -> bytes:
        """The hash of the entry's content as it stands; what is wrong with it is among the findings."""
        found = sha256(row.content)
        where = f"Eintrag {_shown(row.number)} (Block {row.batch}, Stelle {row.position})"
        if found != row.hash:
            self._wrong(row, "eintrag-geändert", f"{where}: Inhalt und Hash passen nicht zusammen, geändert")
        tree = tree_of(row.content)
        if tree is None or tree.get("format") != FORMAT or tree.get("protokollnummer") != row.number:
            self._wrong(row, "nummer-geändert", f"{where}: Inhalt gehört nicht zu dieser Protokollnummer")
            return found
        self._check_sealed(row, tree.get("persoenlich"), where)
        if tree.get("operation") == ERASURE and isinstance(month := tree.get("segment"), str):
            self.told.add(month)
        return found

    def conclude(self, rows: TrailRows) -> None:
        """The months and sealed parts agree with what the entries say."""
        for month, alive in sorted(self.segments.items()):
            if not alive and month not in self.told:
                self.findings.add(
                    "segment-gelöscht",
                    f"Persönliche Angaben {month}: Schlüssel gelöscht, ohne dass ein Eintrag davon zeugt",
                )
            if alive and month in self.told:
                self.findings.add(
                    "segment-wieder-da",
                    f"Persönliche Angaben {month}: laut Protokoll gelöscht, der Schlüssel ist aber da",
                )
        for month in sorted(self.missing):
            self.findings.add("segment-fehlt", f"Persönliche Angaben {month}: der Schlüsseleintrag fehlt")
        if strays := rows.strays():
            self.findings.add("angaben-eingefügt", f"{strays} versiegelte Angaben gehören zu keinem Eintrag")

    def erased(self) -> tuple[str, ...]:
        """The months whose key is gone."""
        return tuple(sorted(month for month, alive in self.segments.items() if not alive))

    def _check_sealed(self, row: EntryRow, said: object, where: str) -> None:
        if not isinstance(said, dict):
            if row.sealed is not None:
                self._wrong(row, "angaben-eingefügt", f"{where}: versiegelte Angaben, die der Eintrag nicht kennt")
            return
        month = str(said.get("segment"))
        if month not in self.segments:
            self.missing.add(month)
        if row.sealed is None:
            if self.segments.get(month, True):
                self._wrong(row, "angaben-entfernt", f"{where}: die versiegelten Angaben fehlen")
        elif row.segment != month or sha256(row.sealed).hex() != said.get("versiegelt"):
            self._wrong(row, "angaben-geändert", f"{where}: die versiegelten Angaben sind geändert")

    def _wrong(self, row: EntryRow, rule: str, text: str) -> None:
        self.findings.add(rule, text, batch=row.batch, entry=_shown(row.number))


def tree_of(content: bytes) -> dict[str, object] | None:
    """The entry as a tree; None if the bytes are none."""
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return tree if isinstance(tree, dict) else None


def _shown(number: str) -> str:
    """The number if it is one: in a tampered row anything could stand there."""
    is_number = len(number) == 36 and set(number) <= set("0123456789abcdef-")
    return number if is_number else "mit ungültiger Nummer"
