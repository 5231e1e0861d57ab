"""One of several pollers: `polling.py URL FOLDER PIPE`; each time it asks the source it says its number and when."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from gateway.sources.poll import Poll
from gateway.store.audit import AuditTrail
from gateway.store.database import Database
from gateway.store.ledger import Ledger
from gateway.store.persons import Store
from gateway.store.vault import Vault
from tests.unit.sources.okvisa_fake import FakeOkVisa
from tests.unit.store.store_kit import agreement, ring

EVERY = 1.0


def main(url: str, folder: Path, mouth: int) -> None:
    """Polls until it is killed."""

    def now() -> datetime:
        return datetime.now(UTC)

    def told(_call: int, payload: str) -> str:
        if "aenderungsstandResponse" in payload:
            os.write(mouth, f"{os.getpid()} {time.monotonic()}\n".encode())
        return payload

    fake = FakeOkVisa(spoil=told)
    for number in range(1, 30):
        fake.put(f"P{number}", number)
    database, vault = Database.open(url), Vault(ring(), os.urandom)
    trail = AuditTrail.open(database, vault, now, os.urandom)
    store = Store(database, vault, Ledger(folder / "erased.ledger", vault), now, trail)
    poll = Poll(fake.source(), store, lambda _day: {"wohnung": agreement()}, now)
    poll.run_forever(EVERY, lambda: False, time.sleep)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
