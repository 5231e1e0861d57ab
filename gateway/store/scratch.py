"""An audit trail on a database that is thrown away: real in everything but that nobody keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.store.audit import AuditTrail
from gateway.store.database import Database
from gateway.store.tables import metadata
from gateway.store.vault import KeyRing, Vault

_KEY_BYTES = 32


@contextmanager
def scratch_trail(clock: Callable[[], datetime], randomness: Callable[[int], bytes]) -> Iterator[AuditTrail]:
    """A working audit trail under a key that exists only here; nothing of it is left afterwards.

    StoreError or OSError if there is no place for it.
    """
    with TemporaryDirectory(prefix="gateway-") as folder:
        database = Database.open(f"sqlite:///{Path(folder) / 'scratch.sqlite'}", create=True)
        with database.write() as connection:
            metadata.create_all(connection)
        trail = AuditTrail.open(
            database, Vault(KeyRing({1: randomness(_KEY_BYTES)}, {}), randomness), clock, randomness
        )
        try:
            yield trail
        finally:
            trail.close()
            database.close()
