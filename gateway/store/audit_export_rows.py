"""Reading an exported audit trail as evidence: whoever wrote the file may be hostile, so every line is doubted.

The file is read several times, never as a whole. A line that is none of the format is AuditError
(code `auszug-unlesbar`); what merely says something wrong is read as it stands, for the verification to find.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import BaseModel, ValidationError

from gateway.errors import AuditError
from gateway.store import audit_export_format as form
from gateway.store.audit_anchor import signed_part
from gateway.store.audit_anchor_file import LONGEST_LINE as LONGEST_CHECKPOINT
from gateway.store.audit_anchor_file import Report
from gateway.store.audit_rows import BatchRow, EntryRow, HeadRow
from gateway.store.audit_verdict import Findings
from gateway.store.progress import Progress, counted, silent

LINES = "lines of the file"
_MOST_MONTHS = 12_000
_MOST_HEADS = 2
_RANKS = {
    form.HEADER: 0,
    form.CHECKPOINT: 1,
    form.MONTH: 2,
    form.STRAYS: 3,
    form.BATCH: 4,
    form.ENTRY: 4,
    form.HEAD: 5,
    form.END: 6,
}
_Model = TypeVar("_Model", bound=BaseModel)
_Read = TypeVar("_Read")


class ExportRows:
    """The rows of an exported file, in the order in which they stand."""

    def __init__(self, path: Path, progress: Progress = silent) -> None:
        """The file is read once from end to end: AuditError if it cannot be read, is cut off, or is no export."""
        self._path = path
        with _opened(path) as file:
            self._stat = _identity(file)
        self._survey = _survey(counted(self._lines(), LINES, None, progress))

    @property
    def header(self) -> form.Header:
        """What the file says of itself; to be believed only if `seal` finds nothing."""
        return self._survey.header

    def seal(self, public: ec.EllipticCurvePublicKey, findings: Findings) -> bool:
        """Whether the house signed this file as it is; if not, that is a finding. AuditError for another key."""
        if form.key_fingerprint(public) != self.header.schluessel:
            raise AuditError(
                "der Auszug nennt einen anderen öffentlichen Schlüssel als den angegebenen", code="falscher-schluessel"
            )
        payload = signed_part(self._survey.end, public)
        if payload is None:
            findings.add("auszug-gefälscht", "Auszug, letzte Zeile: keine gültige Unterschrift des Hauses")
            return False
        found = self._survey
        end = _model(form.End, payload, found.lines)
        if (end.sha256, end.bloecke, end.eintraege) != (found.sha256, found.batches, found.entries):
            findings.add("auszug-geändert", "Der Auszug ist nicht mehr der, den das Haus unterschrieben hat: geändert")
            return False
        return True

    def checkpoints(self, _report: Report) -> Iterator[tuple[int, bytes]]:
        """The lines of the anchor file that the export holds."""
        number = 0
        for _, word, rest in self._lines():
            if word == form.CHECKPOINT:
                number += 1
                yield number, rest + b"\n"
            elif _RANKS.get(word, 0) > _RANKS[form.CHECKPOINT]:
                return

    def heads(self) -> tuple[HeadRow, ...]:
        return tuple(self._survey.heads)

    def segments(self) -> Mapping[str, bool]:
        return self._survey.months

    def strays(self) -> int:
        return self._survey.strays

    def batches(self) -> Iterator[BatchRow]:
        for number, word, rest in self._lines():
            if word == form.BATCH:
                yield _read(form.read_batch, rest, 2, number)

    def entries(self) -> Iterator[EntryRow]:
        for number, word, rest in self._lines():
            if word == form.ENTRY:
                yield _read(form.read_entry, rest, 6, number)

    def _lines(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Line number, first word, and what stands behind its tab, without the line feed."""
        number = 0
        with _opened(self._path) as file:
            while raw := file.readline(form.LONGEST_LINE + 1):
                number += 1
                if not raw.endswith(b"\n"):
                    reason = "länger als jede Zeile dieses Formats" if len(raw) > form.LONGEST_LINE else _TRUNCATED
                    raise form.unreadable(number, reason)
                word, _, rest = raw[:-1].partition(b"\t")
                yield number, word, rest
            if _identity(file) != self._stat:
                raise AuditError("der Auszug wurde verändert, während er gelesen wurde", code="auszug-unlesbar")


_TRUNCATED = "die Datei ist abgebrochen"


@dataclass(slots=True)
class _Survey:
    """What the first reading found."""

    header: form.Header
    lines: int = 1
    batches: int = 0
    entries: int = 0
    strays: int = 0
    months: dict[str, bool] = field(default_factory=dict)
    heads: list[HeadRow] = field(default_factory=list)
    sha256: str = ""
    end: bytes = b""


def _survey(lines: Iterator[tuple[int, bytes, bytes]]) -> _Survey:
    """The order of the lines is right and the last is there; everything small is read."""
    number, word, rest = next(lines, (1, b"", b""))
    if word != form.HEADER:
        raise form.unreadable(number, "kein Auszug eines Protokolls")
    digest = hashlib.sha256(form.line(word, rest))
    survey = _Survey(_model(form.Header, rest, number))
    before = word
    for number, word, rest in lines:
        if _RANKS.get(word, 0) < max(_RANKS[before], 1) or before == form.END:
            raise form.unreadable(number, "kein Datensatz dieses Formats an dieser Stelle")
        if word == form.END:
            survey.end = rest
        else:
            digest.update(form.line(word, rest))
        _take(survey, word, rest, number)
        before = word
    survey.lines, survey.sha256 = number, digest.hexdigest()
    if before != form.END:
        raise form.unreadable(number, f"{_TRUNCATED}, die letzte Zeile fehlt")
    return survey


def _take(survey: _Survey, word: bytes, rest: bytes, number: int) -> None:
    if word == form.BATCH:
        survey.batches += 1
    elif word == form.ENTRY:
        survey.entries += 1
    elif word == form.CHECKPOINT and len(rest) > LONGEST_CHECKPOINT:
        raise form.unreadable(number, "länger als jeder Prüfpunkt")
    elif word == form.STRAYS:
        survey.strays = _read(lambda columns: form.read_whole(columns[0]), rest, 1, number)
    elif word == form.MONTH:
        month, alive = _read(form.read_month, rest, 2, number)
        if month in survey.months or len(survey.months) >= _MOST_MONTHS:
            raise form.unreadable(number, "dieser Monat steht schon da, oder es sind zu viele")
        survey.months[month] = alive
    elif word == form.HEAD:
        if len(survey.heads) >= _MOST_HEADS:
            raise form.unreadable(number, "zu viele Köpfe der Kette")
        survey.heads.append(_read(form.read_head, rest, 5, number))


def _read(read: Callable[[list[bytes]], _Read], rest: bytes, columns: int, number: int) -> _Read:
    found = rest.split(b"\t", columns)
    result: _Read | None = None
    if len(found) == columns:
        try:
            result = read(found)
        except (ValueError, RecursionError):
            result = None  # raised below: the error quotes the line
    if result is None:
        raise form.unreadable(number, "kein Datensatz dieses Formats")
    return result


def _model(model: type[_Model], payload: bytes, number: int) -> _Model:
    try:
        return model.model_validate_json(payload)
    except ValidationError:
        raise form.unreadable(number, "keine Zeile dieses Formats") from None


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        # Not to wait for a writer, should this be a pipe.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise AuditError("der Auszug ist keine gewöhnliche Datei", code="auszug-unlesbar")
            yield file
    except (OSError, ValueError) as error:
        name = type(error).__name__
        raise AuditError(f"der Auszug kann nicht gelesen werden ({name})", code="auszug-unlesbar") from None


def _identity(file: BinaryIO) -> tuple[int, int, int, int]:
    found = os.fstat(file.fileno())
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
