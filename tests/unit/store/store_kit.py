"""What the tests of the store share: records, agreements, grants, and a house whose clock is told the time."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from gateway.agreements.agreement import Agreement, Condition, Grant, Limits, OperationTerms
from gateway.agreements.context import Abrufkontext
from gateway.agreements.operation import Operation
from gateway.model.person import Datensatz
from gateway.store.audit import AuditTrail
from gateway.store.batch import Batch, Change, Ingested, Merge, Position, Removal, Upsert
from gateway.store.database import Database
from gateway.store.ledger import Ledger
from gateway.store.persons import ChangePage
from gateway.store.tenure import begin
from gateway.store.vault import KeyRing, Vault
from tests.unit.store.twice import store_of

NOW = datetime(2026, 11, 23, 8, 0, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)
SOURCE = "okvisa"
FIELDS = (
    *("azrNummer", "familienname", "vornamen", "geburt.datum", "geschlecht", "anschrift.strasse", "anschrift.art"),
    *("personenkennung", "familienverbandskennung", "familienbeziehung.art", "familienbeziehung.person"),
    *("stand", "datensatzversion"),
)


@dataclass
class Chance:
    """Reproducible bytes, never the same twice."""

    drawn: int = 0

    def __call__(self, size: int) -> bytes:
        self.drawn += 1
        return (sha256(self.drawn.to_bytes(8)).digest() * (size // 32 + 1))[:size]


def ring() -> KeyRing:
    """A key ring in memory."""
    names = ("index", "digest", "token", "ledger", "feed")
    return KeyRing({1: b"\x01" * 32}, {name: name.encode().ljust(32, b"\x00") for name in names})


def agreement(application: str = "wohnung", **changes: Any) -> Agreement:
    """An agreement that sees everyone who lives in Köln (05315000), with FIELDS."""
    terms = {operation: OperationTerms() for operation in Operation}
    basic = Agreement(
        application=application,
        office="56",
        recipient="Amt",
        reference=f"DSV-{application}",
        version=1,
        major=1,
        valid_from=date(2025, 1, 1),
        valid_to=date(2030, 12, 31),
        protection_level="D",
        signature_profile="umschlag",
        signature_method="rsa-sha256",
        request_signature=False,
        one_way=False,
        pins=frozenset(),
        legal_bases=("FlüAG NRW § 1",),
        purpose="Unterbringung",
        purposes={"U1": "Zuweisung"},
        scope=(Condition("anschrift.gemeindeschluessel", one_of=frozenset({"05315000"})),),
        operations=terms,
        fields=FIELDS,
        single_only=frozenset(),
        limits=Limits(60, 1000, 10, 1_000_000, ((0, 1440),)),
    )
    return replace(basic, **changes)


def grant(of: Agreement, operation: Operation = Operation.AENDERUNGEN_ABRUFEN, today: date = TODAY) -> Grant:
    """The grant that `of` gives for an operation, with a reason for the single query."""
    context = Abrufkontext(kennung="sb1", verwendungszweck="U1", aktenzeichen="1", begruendung="Termin")
    return of.permit(operation, context, today=today)


def record(number: str, change: int, *, person: dict[str, Any] | None = None, **control: Any) -> Datensatz:
    """A Datensatz of person number `number`; `person` replaces fields of the Stammdaten (None: takes them away)."""
    stand = (NOW + timedelta(seconds=change)).strftime("%Y-%m-%dT%H:%M:%SZ")
    basic: dict[str, Any] = {
        "familienname": f"Muster{'abcdefghij'[int(number) % 10]}" if number.isdigit() else "Muster",
        "vornamen": "Ada",
        "geburt": {"datum": "1990-05-17"},
        "geschlecht": "w",
        "staatsangehoerigkeit": ["432"],
        "anschrift": address(),
    }
    basic.update(person or {})
    steering = {"quellsystemPersonennummer": number, "aenderungsnummer": change, "stand": stand, **control}
    stamm = {name: value for name, value in basic.items() if value is not None}
    return Datensatz.model_validate({"person": stamm, "steuerung": steering})


def address(street: str = "Domstraße", **changes: str) -> dict[str, str]:
    """An address in Köln."""
    where = {"strasse": street, "hausnummer": "1", "postleitzahl": "50667", "ort": "Köln"}
    return where | {"gemeindeschluessel": "05315000", "art": "wohnung"} | changes


AWAY = address(gemeindeschluessel="05313000", ort="Bonn", postleitzahl="53111")
"""An address outside the scope of `agreement`."""

BLOCK = [{"art": "3"}]
"""A block that makes a person invisible to everyone."""


def upsert(number: str, change: int, **more: Any) -> Upsert:
    return Upsert(record(number, change, **more))


def removal(number: str, change: int) -> Removal:
    return Removal(number, change, "2026-11-23T08:00:00Z")


def merge(number: str, into: str, change: int) -> Merge:
    return Merge(number, into, change, "2026-11-23T08:00:00Z")


@dataclass
class Holding:
    """What writes persons in a store, each call under a term of its own."""

    store: Any
    database: Database

    def __getattr__(self, name: str) -> Any:
        return partial(getattr(self.store, name), begin(self.database, os.urandom))


@dataclass
class House:
    """A store on a migrated database, with one application unless told otherwise."""

    database: Database
    folder: Path
    agreements: dict[str, Agreement] = field(default_factory=lambda: {"wohnung": agreement()})
    now: datetime = NOW
    today: date = TODAY
    vault: Vault = field(default_factory=lambda: Vault(ring(), Chance()))

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.folder / "erased.ledger", self.vault)
        self.trail = AuditTrail.open(self.database, self.vault, lambda: self.now, Chance())
        self.store = store_of(self.database, self.vault, self.ledger, lambda: self.now, self.trail)

    @property
    def holding(self) -> Holding:
        return Holding(self.store, self.database)

    @property
    def waiting(self) -> Holding:
        return Holding(self.store.waiting, self.database)

    def take(self, *changes: Change, position: Position | None = None) -> Ingested:
        batch = Batch(SOURCE, changes, (), position)
        return self.holding.ingest(batch, self.agreements, now=self.now, stichtag=self.today)

    def reproject(self) -> int:
        return self.holding.reproject(self.agreements, now=self.now, stichtag=self.today).entries

    def grant(self, operation: Operation = Operation.AENDERUNGEN_ABRUFEN, application: str = "wohnung") -> Grant:
        return grant(self.agreements[application], operation, self.today)

    def changes(self, limit: int = 100, application: str = "wohnung") -> ChangePage:
        return self.store.changes(self.grant(application=application), limit)

    def kinds(self, limit: int = 100, application: str = "wohnung") -> list[str]:
        return [change.kind.value for change in self.changes(limit, application).changes]

    def acknowledge(self, page: ChangePage, application: str = "wohnung") -> int:
        return self.store.acknowledge(self.grant(application=application), page.last_number, page.epoch)

    def settle(self, application: str = "wohnung") -> None:
        """Everything pending is delivered and acknowledged."""
        while True:
            page = self.changes(500, application)
            self.acknowledge(page, application)
            if not page.more:
                return

    def kennungen(self, application: str = "wohnung") -> dict[str, str]:
        """Family name -> identifier of everyone the application sees, by a snapshot in one page."""
        page = self.store.snapshot(self.grant(Operation.BESTAND_ABRUFEN, application), None, 1000, self.now)
        return {str(one.tree["familienname"]): one.kennung for one in page.persons}
