"""Load on the audit trail, as processes of their own: writers that share one chain, and a verifier that is measured.

python -m tests.bench.audit_load write URL THREADS ENTRIES      prints seconds of writing
python -m tests.bench.audit_load fill FOLDER ENTRIES            an anchored trail in batches of 1,000
python -m tests.bench.audit_load verify|export|verify-export FOLDER   prints seconds and MiB of memory at most
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from os import urandom
from pathlib import Path

from gateway.store.audit import AuditTrail, Disclosure, Entry, Kind, Personal
from gateway.store.audit_anchor import Anchor, CheckpointKey
from gateway.store.audit_export import export
from gateway.store.audit_verify import verify, verify_export
from gateway.store.database import Database
from gateway.store.vault import KeyRing, Vault

ENTRY = Entry(
    kind=Kind.OFFENLEGUNG,
    operation="personAbrufen",
    outcome="ok",
    application="wohnung2000",
    purpose="U1",
    legal_basis="DSV-2019-056",
    fassung=3,
    major=1,
    certificate="sha256:" + "c" * 64,
    request_digest=bytes(32),
    persons=(Disclosure("5e2c7a1e-9f4b-4c1d-8a54-3f1c2b7d9e60", 0x1FF),),
    personal=Personal(kennung="Sachbearbeitung-7731", aktenzeichen="56-2026-4711"),
)
BODY = b"<soap:Body/>" * 100


def now() -> datetime:
    return datetime.now(UTC)


def trail_of(url: str, anchor: Anchor | None = None) -> tuple[Database, AuditTrail]:
    database = Database.open(url)
    vault = Vault(KeyRing({1: b"v" * 32}, {}), urandom)
    return database, AuditTrail.open(database, vault, now, urandom, anchor=anchor, patience=120)


def write(url: str, threads: str, entries: str) -> None:
    """Entries one by one, as answers are audited, by so many threads; waits for a line on standard input to begin."""
    database, trail = trail_of(url)
    count = int(entries) // int(threads)
    print("ready", flush=True)
    sys.stdin.readline()
    begun = time.monotonic()
    with ThreadPoolExecutor(int(threads)) as pool:
        for done in [
            pool.submit(lambda: [trail.record(ENTRY, BODY) for _ in range(count)]) for _ in range(int(threads))
        ]:
            done.result()
    print(time.monotonic() - begun)
    trail.close()
    database.close()


def fill(folder: str, entries: str) -> None:
    """A trail with its anchor and its keys, as the writer leaves it after days of work."""
    place = Path(folder)
    url = f"sqlite:///{place / 'gateway.sqlite'}"
    Database.open(url, create=True).upgrade()
    database, trail = trail_of(url, Anchor(place / "anchor", CheckpointKey.create(place), now))
    for _ in range(int(entries) // 1000):
        trail.record_all([ENTRY] * 1000)
    trail.close()
    database.close()


def measured(run: Callable[[], None]) -> None:
    begun = time.monotonic()
    run()
    (peak,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    print(time.monotonic() - begun, int(peak.split()[1]) / 1024)  # rusage would count the parent's memory before exec


def verify_database(folder: str) -> None:
    place = Path(folder)
    database = Database.open(f"sqlite:///{place / 'gateway.sqlite'}")
    verdict = verify(database, anchor=place / "anchor", public_key=place / "checkpoint.pub")
    database.close()
    assert verdict.intact, verdict.findings
    print(verdict.entries, verdict.batches, verdict.unanchored)


def write_export(folder: str) -> None:
    place = Path(folder)
    database = Database.open(f"sqlite:///{place / 'gateway.sqlite'}")
    key = CheckpointKey.load(place)
    extent = export(database, place / "export", anchor=place / "anchor", key=key, clock=now)
    database.close()
    print(extent.entries, extent.batches, (place / "export").stat().st_size)


def verify_file(folder: str) -> None:
    place = Path(folder)
    verdict = verify_export(place / "export", public_key=place / "checkpoint.pub", anchor=place / "anchor")
    assert verdict.intact, verdict.findings
    print(verdict.entries, verdict.batches, verdict.unanchored)


MEASURED = {"verify": verify_database, "export": write_export, "verify-export": verify_file}


def main(command: str, *arguments: str) -> None:
    if command in MEASURED:
        measured(lambda: MEASURED[command](*arguments))
    else:
        {"write": write, "fill": fill}[command](*arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
