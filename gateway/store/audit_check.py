"""Checks of single entries of the audit trail: content, place, and what may be erased by law."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.store.audit_entry import FORMAT, Kind, sha256
from gateway.store.audit_rows import EntryRow, TrailRows
from gateway.store.audit_verdict import Findings

TEXTS_ERASED = "protokollsegmentLoeschen"
"""The operation of the entry that tells that a month's personal texts can be read no more."""

CONTENTS_DROPPED = "protokollinhaltLoeschen"
"""The operation of the entry (Löschung, `segment` = the month) that tells that a month's contents are gone."""

RELEASED, WITHDRAWN = "statistikFreigeben", "statistikZurueckziehen"
"""The operations of entries that tell of a row of the register of released statistics. They name nobody and stay."""

_MONTH = re.compile(r"2[0-9]{3}-(0[1-9]|1[0-2])")


@dataclass(slots=True)
class EntryCheck:
    """Checks entry after entry; remembers only months, of which there are 12,000 at most.

    The month of an entry is that of its batch's time, because it is in the chain and outlives the content.
    `unfinished` says that the trail was cut at its end: an entry that tells of an erasure may come later.
    """

    findings: Findings
    segments: dict[str, bool] = field(default_factory=dict)
    unfinished: bool = False
    unproven: set[str] = field(default_factory=set)
    """Months whose erasure is told of nowhere in a trail that was cut."""
    dropped: dict[str, int] = field(default_factory=dict)
    """How many contents of each month are gone."""
    released: dict[str, tuple[int, str]] = field(default_factory=dict)
    """By the entry's number the row of the register of statistics that it tells of: number, digest."""
    _places: dict[str, str] = field(default_factory=dict)
    _kept: set[str] = field(default_factory=set)
    _told: dict[str, set[str]] = field(default_factory=lambda: {TEXTS_ERASED: set(), CONTENTS_DROPPED: set()})
    _missing: set[str] = field(default_factory=set)

    def check(self, row: EntryRow, month: str | None) -> bytes:
        """The hash of the entry's content as it stands; what is wrong with it is among the findings.

        Of a content that is gone it is the hash that was kept. `month` is None for an entry without a batch.
        """
        where = f"Eintrag {_shown(row.number)} (Block {row.batch}, Stelle {row.position})"
        if not row.content:
            self._drop(row, month, where)
            return row.hash
        found = sha256(row.content)
        if found != row.hash:
            self._wrong(row, "eintrag-geändert", f"{where}: Inhalt und Hash passen nicht zusammen, geändert")
        tree = tree_of(row.content)
        if tree is None or tree.get("format") != FORMAT or tree.get("protokollnummer") != row.number:
            self._wrong(row, "nummer-geändert", f"{where}: Inhalt gehört nicht zu dieser Protokollnummer")
            return found
        self._check_sealed(row, tree.get("persoenlich"), where)
        self._listen(tree, month)
        if (of_register := register_row(tree)) is not None:
            self.released[row.number] = of_register
        if month is not None and _MONTH.fullmatch(month) and not stays(tree):
            self._kept.add(month)
        return found

    def conclude(self, rows: TrailRows) -> None:
        """The months and sealed parts agree with what the entries say."""
        self._conclude_texts()
        for month in sorted(self.dropped.keys() - self._told[CONTENTS_DROPPED]):
            self._untold(
                month,
                "inhalt-entfernt",
                f"{self._places[month]}: Inhalt fehlt ({self.dropped[month]} im Monat {month}), "
                "ohne dass ein Eintrag von der Löschung zeugt",
            )
        for month in sorted(self._missing - self._told[CONTENTS_DROPPED]):
            self.findings.add("segment-fehlt", f"Persönliche Angaben {month}: der Schlüsseleintrag fehlt")
        if strays := rows.strays():
            self.findings.add("angaben-eingefügt", f"{strays} versiegelte Angaben gehören zu keinem Eintrag")

    def erased(self) -> tuple[str, ...]:
        """The months whose key is gone."""
        return tuple(sorted(_shown_month(month) for month, alive in self.segments.items() if not alive))

    def left(self) -> tuple[str, ...]:
        """The months whose contents are told to be gone, and are not (all of them)."""
        return tuple(sorted(self._kept & self._told[CONTENTS_DROPPED]))

    def _conclude_texts(self) -> None:
        told = self._told[TEXTS_ERASED]
        gone = self._told[CONTENTS_DROPPED]
        for month, alive in sorted(self.segments.items()):
            name = f"Persönliche Angaben {_shown_month(month)}"
            if not alive and month not in told | gone:
                text = f"{name}: Schlüssel gelöscht, ohne dass ein Eintrag davon zeugt"
                self._untold(month, "segment-gelöscht", text)
            if alive and month in told:
                self.findings.add("segment-wieder-da", f"{name}: laut Protokoll gelöscht, der Schlüssel ist aber da")

    def _untold(self, month: str, rule: str, text: str) -> None:
        if self.unfinished:
            self.unproven.add(_shown_month(month))
        else:
            self.findings.add(rule, text)

    def _drop(self, row: EntryRow, month: str | None, where: str) -> None:
        if month is None or not _MONTH.fullmatch(month):
            self._wrong(row, "inhalt-entfernt", f"{where}: Inhalt fehlt, und kein Monat, zu dem er gehörte")
            return
        self.dropped[month] = self.dropped.get(month, 0) + 1
        self._places.setdefault(month, where)

    def _listen(self, tree: dict[str, object], month: str | None) -> None:
        """Only an entry of a later month can tell of a month: it must have been over."""
        segment, operation = tree.get("segment"), str(tree.get("operation"))
        if (
            tree.get("art") == Kind.LOESCHUNG.value
            and operation in self._told
            and isinstance(segment, str)
            and _MONTH.fullmatch(segment)
            and month is not None
            and segment < month
        ):
            self._told[operation].add(segment)

    def _check_sealed(self, row: EntryRow, said: object, where: str) -> None:
        if not isinstance(said, dict):
            if row.sealed is not None:
                self._wrong(row, "angaben-eingefügt", f"{where}: versiegelte Angaben, die der Eintrag nicht kennt")
            return
        month = str(said.get("segment"))
        if not _MONTH.fullmatch(month):
            self._wrong(row, "angaben-geändert", f"{where}: kein Monat zu den versiegelten Angaben")
            return
        if month not in self.segments:
            self._missing.add(month)
        if row.sealed is None:
            if self.segments.get(month, False):
                self._wrong(row, "angaben-entfernt", f"{where}: die versiegelten Angaben fehlen")
        elif row.segment != month or row.sealed.hex() != said.get("versiegelt"):
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


def register_row(tree: Mapping[str, object]) -> tuple[int, str] | None:
    """Number and digest (hexadecimal) of the row of the register that the entry tells of; None if it tells of none."""
    counts, digest = tree.get("anzahlen"), tree.get("anfrageDigest")
    if tree.get("operation") not in (RELEASED, WITHDRAWN) or not isinstance(counts, dict):
        return None
    number = counts.get("register")
    return (number, digest) if isinstance(number, int) and isinstance(digest, str) else None


def stays(tree: dict[str, object]) -> bool:
    """Whether the entry's content stays for ever: without it an erasure, or the register, could not be proved."""
    return tree.get("operation") in (TEXTS_ERASED, CONTENTS_DROPPED, RELEASED, WITHDRAWN)


def _shown(number: str) -> str:
    """The number if it is one: in a tampered row anything could stand there."""
    is_number = len(number) == 36 and set(number) <= set("0123456789abcdef-")
    return number if is_number else "mit ungültiger Nummer"


def _shown_month(month: str) -> str:
    return month if _MONTH.fullmatch(month) else "(kein Monat)"
