"""What the tests of the audit trail share: a trail in a fresh database, a clock that is told the time, entries."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from gateway.store.audit import AuditTrail, Disclosure, Entry, Kind, Personal
from gateway.store.audit_anchor import Anchor, CheckpointKey
from gateway.store.audit_export import export
from gateway.store.audit_verdict import Verdict
from gateway.store.audit_verify import verify, verify_export
from gateway.store.database import Database
from gateway.store.vault import KeyRing, Vault
from tests.migrated import migrated

PERSON = "5e2c7a1e-9f4b-4c1d-8a54-3f1c2b7d9e60"


@dataclass
class Clock:
    """Says `now` until it is told otherwise."""

    now: datetime = datetime(2026, 11, 23, 8, 0, 0, 123456, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Chance:
    """Reproducible bytes, never the same twice."""

    drawn: int = 0

    def __call__(self, size: int) -> bytes:
        self.drawn += 1
        return sha256(self.drawn.to_bytes(8)).digest()[:size].ljust(size, b"\x55")


@dataclass
class House:
    """A database with its tables, a vault, and an audit trail on it."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    chance: Chance = field(default_factory=Chance)

    def __post_init__(self) -> None:
        self.url = migrated(self.folder / "gateway.sqlite")
        self.database = Database.open(self.url)
        self.vault = Vault(KeyRing({1: b"v" * 32}, {}), self.chance)
        self.trail = self.open()

    def open(self, **options: object) -> AuditTrail:
        return AuditTrail.open(self.database, self.vault, self.clock, self.chance, **options)  # type: ignore[arg-type]  # options of the test

    def anchored(self) -> AuditTrail:
        self.key = CheckpointKey.create(self.folder)
        return self.reopen()

    def reopen(self) -> AuditTrail:
        """The same trail, anchored, as a process has it that has just started."""
        self.trail = self.open(anchor=Anchor(self.anchor, self.key, self.clock))
        return self.trail

    @property
    def anchor(self) -> Path:
        return self.folder / "anchor"

    def fill(self, batches: int = 4, entries: int = 3) -> None:
        for number in range(batches):
            self.trail.record_all([an_entry(fields=number + 1, personal=A_CLERK) for _ in range(entries)])

    def verify(self, *, with_anchor: bool = False) -> Verdict:
        if with_anchor:
            return verify(self.database, anchor=self.anchor, public_key=self.folder / "checkpoint.pub")
        return verify(self.database)

    def export(self, *, until: datetime | None = None) -> Path:
        """The trail as a file, with the checkpoints of the anchor."""
        path = self.folder / "export"
        export(self.database, path, anchor=self.anchor, key=self.key, clock=self.clock, until=until)
        return path

    def verify_export(self, *, with_anchor: bool = False) -> Verdict:
        """What somebody finds who has only the exported file and the public key, and perhaps a copy of the anchor."""
        public = self.folder / "checkpoint.pub"
        return verify_export(self.folder / "export", public_key=public, anchor=self.anchor if with_anchor else None)

    def tamper(self, *statements: str) -> None:
        """What somebody with the file in hands can do."""
        self.database.close()
        with closing(sqlite3.connect(self.folder / "gateway.sqlite")) as raw:
            for statement in statements:
                assert raw.execute(statement).rowcount != 0, statement
            raw.commit()

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.folder / "gateway.sqlite")) as raw:
            return raw.execute(query).fetchall()

    def close(self) -> None:
        self.trail.close()
        self.database.close()


@contextmanager
def a_house(folder: Path) -> Iterator[House]:
    house = House(folder)
    try:
        yield house
    finally:
        house.close()


A_CLERK = Personal(kennung="Sachbearbeitung-7731", aktenzeichen="56-2026-Canary", begruendung="Umzug der Familie")


def an_entry(*, fields: int = 0x1FF, personal: Personal | None = None, kind: Kind = Kind.OFFENLEGUNG) -> Entry:
    return Entry(
        kind=kind,
        operation="personAbrufen",
        outcome="ok",
        application="wohnung2000",
        purpose="U1",
        legal_basis="DSV-2019-056",
        fassung=3,
        major=1,
        certificate="sha256:" + "c" * 64,
        request_digest=bytes(range(32)),
        persons=(Disclosure(PERSON, fields),),
        personal=personal,
    )


def rules(verdict: Verdict) -> set[str]:
    return {finding.rule for finding in verdict.findings}
