"""An audit trail on a database that is thrown away: real in everything but that nobody keeps it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.store import audit_tables as tables
from gateway.store.audit import AuditTrail
from gateway.store.database import Database
from gateway.store.tables import metadata
from gateway.store.vault import KeyRing, Vault

_KEY_BYTES = 32
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder with a random name is made in it, for our eyes only


@contextmanager
def scratch_trail(clock: Callable[[], datetime], randomness: Callable[[int], bytes]) -> Iterator[AuditTrail]:
    """A working audit trail under a key that exists only here; nothing of it is left afterwards.

    StoreError or OSError if there is no place for it.
    """
    with TemporaryDirectory(prefix="gateway-", dir=_memory()) as folder:
        database = Database.open(f"sqlite:///{Path(folder) / 'scratch.sqlite'}", create=True)
        with database.write() as connection:
            metadata.create_all(connection, tables.TABLES)
        trail = AuditTrail.open(
            database, Vault(KeyRing({1: randomness(_KEY_BYTES)}, {}), randomness), clock, randomness
        )
        try:
            yield trail
        finally:
            trail.close()
            database.close()


def _memory() -> Path | None:
    """Where files are memory: nobody waits for a disk for what is thrown away. None: wherever else there is room."""
    return _MEMORY if os.access(_MEMORY, os.W_OK) else None
