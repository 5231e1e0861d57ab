"""Writing the audit trail into a file that a third party can verify alone: see `audit_export_format`."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from gateway.errors import AuditError
from gateway.store import audit_export_format as form
from gateway.store.audit_anchor import CheckpointKey
from gateway.store.audit_anchor_file import AnchorFile
from gateway.store.audit_chain import Transactions, first_link, translated
from gateway.store.audit_entry import rfc3339
from gateway.store.audit_rows import BatchRow, DatabaseRows, EntryRow, HeadRow
from gateway.store.audit_walk import BATCHES
from gateway.store.durable import sync_folder
from gateway.store.progress import Progress, counted, silent

_BUFFER = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a file holds; `until` is the time of its last batch, None without any."""

    batches: int
    entries: int
    until: str | None


def export(
    database: Transactions,
    path: Path,
    *,
    anchor: Path,
    key: CheckpointKey,
    clock: Callable[[], datetime],
    until: datetime | None = None,
    progress: Progress = silent,
) -> Extent:
    """The whole trail, or all up to the last batch before `until`, is in the file `path` (mode 0600), durably.

    It appears under its name only when it is complete, and takes the place of an older one. Memory does not grow with
    the trail. AuditError if the trail or the anchor cannot be read, or the file cannot be written.
    """
    source = AnchorFile(anchor, key.public)
    header = form.Header(  # the time before the snapshot: whatever was anchored by then is in it
        kette=None,
        schluessel=form.key_fingerprint(key.public),
        zeitpunkt=rfc3339(clock()),
        bis=None if until is None else rfc3339(until),
    )
    with _replacing(path) as file, translated("read"), database.read() as connection:
        writer = _Writer(file, DatabaseRows(connection), header)
        return writer.write(source, key, progress)


class _Writer:
    """Writes one export and counts what it writes."""

    def __init__(self, file: BinaryIO, rows: DatabaseRows, header: form.Header) -> None:
        self._file = file
        self._rows = rows
        self._heads = rows.heads()
        chain = self._heads[0].chain if self._heads else None
        self._header = header.model_copy(update={"kette": chain})
        self._hash = hashlib.sha256()
        self._last: BatchRow | None = None
        self._batches = self._entries = 0

    def write(self, source: AnchorFile, key: CheckpointKey, progress: Progress) -> Extent:
        self._put(form.header_line(self._header))
        for _, raw in source.lines(lambda _rule, _text: None):
            self._put(form.line(form.CHECKPOINT, raw.removesuffix(b"\n")))
        for month, alive in sorted(self._rows.segments().items()):
            self._put(form.month_line(month, alive))
        self._put(form.line(form.STRAYS, str(self._rows.strays()).encode()))
        self._write_trail(progress)
        for head in self._final_heads():
            self._put(form.head_line(head))
        end = form.End(bloecke=self._batches, eintraege=self._entries, sha256=self._hash.hexdigest())
        self._put(form.END + b"\t" + key.signed(end.model_dump()))
        return Extent(self._batches, self._entries, self._last.time if self._last else None)

    def _write_trail(self, progress: Progress) -> None:
        """Each batch and behind it its entries; entries of no batch stand where their number would be."""
        entries = self._rows.entries()
        entry = next(entries, None)
        cut = self._header.bis is not None or not self._heads
        total = None if cut or self._heads[0].number < 0 else self._heads[0].number
        for batch in counted(self._batches_wanted(), BATCHES, total, progress):
            while entry is not None and entry.batch < batch.number:
                entry = self._put_entry(entry, entries)
            self._put(form.batch_line(batch))
            self._batches += 1
            self._last = batch
            while entry is not None and entry.batch == batch.number:
                entry = self._put_entry(entry, entries)
        while entry is not None and self._header.bis is None:
            entry = self._put_entry(entry, entries)

    def _batches_wanted(self) -> Iterator[BatchRow]:
        for batch in self._rows.batches():
            if self._header.bis is not None and batch.time > self._header.bis:
                return
            yield batch

    def _put_entry(self, entry: EntryRow, entries: Iterator[EntryRow]) -> EntryRow | None:
        self._put(form.entry_line(entry))
        self._entries += 1
        return next(entries, None)

    def _final_heads(self) -> tuple[HeadRow, ...]:
        """The head as it stands; of a trail that was cut, the one it had then."""
        if self._header.bis is None or not self._heads:
            return self._heads
        last, chain = self._last, self._heads[0].chain
        if last is None:
            return (HeadRow(1, chain, 0, 0, first_link(chain)),)
        return (HeadRow(1, chain, last.number, last.total, last.hash),)

    def _put(self, raw: bytes) -> None:
        self._hash.update(raw)
        self._file.write(raw)


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its name when the block ends well, and is gone when it does not."""
    draft = path.parent / f".{path.name}.{secrets.token_hex(8)}"
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            raise AuditError(f"{path}: not an ordinary file")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        with os.fdopen(descriptor, "wb", buffering=_BUFFER) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.rename(draft, path)
        sync_folder(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        with suppress(OSError):
            draft.unlink()


def _unwritable(path: Path, error: OSError) -> AuditError:
    return AuditError(f"{path} cannot be written ({type(error).__name__})")
