"""Changes of keys, each from its first file to its last row: resumed where it broke off, and told to the audit trail.

A change that was begun is finished before another begins: asked again after a crash, `rotate` does what is left.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from gateway.errors import StoreError, VaultError
from gateway.store import keyring, rekeying
from gateway.store.audit import AuditTrail, Entry, Kind
from gateway.store.database import Database
from gateway.store.key_check import usage
from gateway.store.keyed import KeyedDatabase
from gateway.store.keyring import CHAINED, ROTATABLE, VAULT, KeyRing
from gateway.store.progress import Progress, silent
from gateway.store.tenure import Tenure
from gateway.store.vault import Vault

_TOKENS_LIVE = timedelta(hours=25)
"""Page tokens hold for 24 h; an hour more for clocks that differ."""
_PAUSE = 1.0
_REST = 0.02
"""Seconds after each short transaction in which others may write."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """A finished change: the generation in use now, what was done, and whether it had been begun before."""

    purpose: str
    generation: int
    resumed: bool
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Rekeying:
    """What a change of keys needs; `pause` waits so many seconds, `patience` is how long for the poller to end."""

    database: Database
    vault: Vault
    trail: AuditTrail
    folder: Path
    pause: Callable[[float], None]
    patience: float = 900.0
    progress: Progress = field(default=silent)

    def rotate(self, purpose: str) -> Rotated:
        """Afterwards everything is under a new generation of this key; a change begun before is finished instead.

        VaultError for a key that cannot be changed, or while another change is running.
        """
        if purpose not in ROTATABLE:
            raise VaultError(_FIXED if purpose == "ledger" else f"there is no {purpose} key")
        with self._alone():
            self._keyed.follow()
            if purpose in CHAINED:
                with self._poll_lock() as tenure:
                    return self._rotate_hash(tenure, purpose)
            return self._rotate_sealing(purpose)

    def retire(self, purpose: str, generation: int, now: datetime) -> None:
        """Afterwards this older generation is destroyed; VaultError if it is in use, or anything needs it yet."""
        with self._alone(), self._poll_lock() as tenure:
            keyring.require_retirable(self.folder, purpose, generation)
            if purpose == "token":
                self._require_old_tokens_ended(now)
            self._keyed.follow()
            rekeying.retire(
                tenure,
                self._keyed,
                self.vault,
                self.trail,
                purpose,
                _entry("vernichtet", {purpose: generation}),
                generation,
                lambda: keyring.destroy(self.folder, purpose, generation),
            )

    def _rested(self, what: str, done: int, total: int | None) -> None:
        self.progress(what, done, total)
        self.pause(_REST)

    @property
    def _keyed(self) -> KeyedDatabase:
        return KeyedDatabase(self.database, self.vault)

    def _rotate_sealing(self, purpose: str) -> Rotated:
        ring = KeyRing.load(self.folder)
        opens = usage(self._keyed, self.vault).get(purpose, {})
        resumed = any(count and generation != ring.newest(purpose) for generation, count in opens.items())
        generation = ring.newest(purpose) if resumed else self._begin(purpose, ring.newest(purpose) + 1)
        counts: dict[str, int] = {}
        if purpose == VAULT:
            counts = rekeying.rewrap(self.database, self.vault, self._rested)
        elif purpose == "feed":
            counts = rekeying.reseal(self._keyed, self.vault, self._rested)
        self.trail.record(_entry("abgeschlossen", {purpose: generation, **counts}))
        return Rotated(purpose, generation, resumed, counts)

    def _rotate_hash(self, tenure: Tenure, purpose: str) -> Rotated:
        keyed, use = self._keyed, self._keyed.follow()[purpose]
        newest = self.vault.newest(purpose)
        with keyed.read() as connection:
            left = purpose == "index" and rekeying.tokens_left(connection, use)
        resumed, rows = newest > use or left, 0
        if newest > use or not left:
            generation = use + 1 if newest > use else self._begin(purpose, use + 1)
            if purpose == "index":
                rekeying.prepare_tokens(tenure, keyed, self.vault, generation, self._rested)
            rows = rekeying.switch(
                tenure,
                keyed,
                self.vault,
                self.trail,
                purpose,
                generation,
                lambda count: _entry("abgeschlossen", {purpose: generation, "rows": count}),
            )
            self.progress("hashes", rows, rows)
        use = keyed.follow()[purpose]
        counts = {"rows": rows}
        if purpose == "index":
            counts["tokens"] = rekeying.drop_tokens(tenure, keyed, use, self._rested)
        return Rotated(purpose, use, resumed, counts)

    def _begin(self, purpose: str, generation: int) -> int:
        """The entry comes first: one without a new key is allowed, a new key without an entry is not."""
        self.trail.record(_entry("begonnen", {purpose: generation}))
        made = KeyRing.rotate(self.folder, self.vault.random, purpose=purpose).newest(purpose)
        if made != generation or self.vault.newest(purpose) != generation:
            raise VaultError("the key folder changed meanwhile")
        return generation

    def _require_old_tokens_ended(self, now: datetime) -> None:
        newest = KeyRing.load(self.folder).newest("token")
        made = (self.folder / keyring.file_name("token", newest)).stat().st_mtime
        if now.timestamp() - made < _TOKENS_LIVE.total_seconds():
            raise VaultError("page tokens under the older key may still be in use: wait until 25 h after the change")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        descriptor = os.open(self.folder / ".change", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise VaultError("another change of keys is running") from None
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _poll_lock(self) -> Iterator[Tenure]:
        """The poll lock, once the round that may be running has ended."""
        waited = 0.0
        while True:
            lock = self.database.poll_lock()
            try:
                tenure = lock.__enter__()
                break
            except StoreError as error:
                if error.code != "abruf-laeuft" or waited >= self.patience:
                    raise
            self.progress("waiting for the poller", int(waited), int(self.patience))
            self.pause(_PAUSE)
            waited += _PAUSE
        try:
            yield tenure
        finally:
            lock.__exit__(None, None, None)


def _entry(outcome: str, counts: dict[str, int]) -> Entry:
    return Entry(kind=Kind.BETRIEB, operation="schluesselwechsel", outcome=outcome, counts=counts)


_FIXED = (
    "the ledger key cannot be changed: the ledger holds hashes of persons nobody knows any more, outside the database"
)
