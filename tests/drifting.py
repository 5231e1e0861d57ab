"""A simulated OK.VISA that drifts silently, a store behind a poll, and what every application makes of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from gateway import shipped
from gateway.agreements.agreement import Agreement
from gateway.agreements.context import Abrufkontext
from gateway.agreements.load import load_all
from gateway.agreements.operation import Operation
from gateway.simulator.population import Population
from gateway.simulator.server import Simulator
from gateway.sources.endpoint import Endpoint
from gateway.sources.okvisa import OkVisa, contract
from gateway.sources.poll import Poll
from gateway.sources.reconcile import Reconciliation
from gateway.store import tables
from gateway.store.audit import AuditTrail
from gateway.store.database import Database
from gateway.store.ledger import Ledger
from gateway.store.persons import Store
from gateway.store.reconciled import Reconciled
from gateway.store.vault import Vault
from tests.running import PURPOSES
from tests.unit.sources.fakes import URL, settings, wsgi
from tests.unit.store.store_kit import ring

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
OVERLAP = 2
_OWN = {"stand", "datensatzversion"}


@cache
def agreements() -> dict[str, Agreement]:
    """The shipped agreements of the applications that read the stock, by stream."""
    found = load_all(shipped.schemas(), today=NOW.date())
    return {key: one for key, one in found.items() if Operation.BESTAND_ABRUFEN in one.operations}


@dataclass
class Town:
    """A case system and one store that reads it."""

    database: Database
    folder: Path
    simulator: Simulator
    page_size: int = 8
    days: int = 7
    percent: float = 100.0
    now: datetime = NOW
    maintenance: tuple[str, ...] = ()
    vault: Vault = field(default_factory=lambda: Vault(ring(), os.urandom))

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.folder / "erased.ledger", self.vault)
        self.trail = AuditTrail.open(self.database, self.vault, lambda: self.now, os.urandom)
        self.store = Store(self.database, self.vault, self.ledger, lambda: self.now, self.trail)
        told = settings(url=URL, reconcile_days=self.days, reconcile_removals_percent=self.percent)
        endpoint = Endpoint(
            shipped.wsdl() / "okvisa-1.wsdl",
            told,
            folders=(shipped.wsdl(), shipped.schemas() / "okvisa"),
            adapter=wsgi(self.simulator),
            sleep=lambda _seconds: None,
            randomness=bytes,
            attempts=2,
        )
        self.source = OkVisa(endpoint, page_size=self.page_size, schema=contract())
        rules, hours = (self.in_force, lambda: self.now), self.maintenance
        self.poll = Poll(self.source, self.store, *rules, timezone=ZONE, overlap=OVERLAP, maintenance=hours)
        parts = (self.source, self.store, self.poll, *rules)
        self.reconciliation = Reconciliation(*parts, settings=told, timezone=ZONE)
        self.copies: dict[str, dict[str, Any]] = {name: {} for name in agreements()}
        self.told: dict[str, list[tuple[str, str, str | None]]] = {name: [] for name in agreements()}

    @staticmethod
    def in_force(_day: date) -> dict[str, Agreement]:
        return agreements()

    def happen(self, event: str, person: str | None = None) -> str:
        """The event has happened at the source; to whom."""
        return self.simulator.history.step(event, person=person).aenderungen[0][0]

    def reconcile(self, **how: Any) -> Reconciled:
        """One reconciliation, a minute later."""
        self.now += timedelta(minutes=1)
        return self.reconciliation.run(**how)

    def erase(self, person: str) -> None:
        """DSGVO Art. 17: this person is gone for good."""
        with self.store.poll_lock() as tenure:
            self.store.erase(tenure, "okvisa", person, agreements(), now=self.now, stichtag=self.now.date())

    def fresh(self, database: Database, folder: Path) -> Town:
        """A second store that has read everything there is now, once."""
        other = Town(database, folder, self.simulator, now=self.now)
        other.poll.run_once()
        return other

    def stored(self) -> dict[bytes, tuple[int, str]]:
        """Everyone who is not a tombstone, by keyed hash: change number and state."""
        with self.database.read() as connection:
            rows = connection.execute(sa.select(tables.person).where(tables.person.c.wrapped_key.is_not(None))).all()
        return {row.source_key: (row.change_number, row.state) for row in rows}

    def refused(self) -> set[tuple[bytes | None, int | None, bytes]]:
        """What waits in quarantine, by keyed hash, change number and form."""
        with self.database.read() as connection:
            rows = connection.execute(sa.select(tables.quarantine)).all()
        return {(row.source_key, row.change_number, row.sha256) for row in rows}

    def known(self) -> dict[str, list[Any]]:
        """Per application everyone it sees, without what is random or counted in one store."""
        return {
            name: sorted((impersonal(tree) for tree in self.stock(name).values()), key=repr) for name in self.copies
        }

    def stock(self, name: str) -> dict[str, Any]:
        """What a fresh snapshot gives the application, by identifier."""
        page = self.store.snapshot(self._grant(name, Operation.BESTAND_ABRUFEN), None, 100_000, self.now)
        assert page.token is None
        return {one.kennung: one.tree for one in page.persons}

    def replay(self) -> None:
        """Every application has read and acknowledged its feed; what it holds is what a fresh snapshot gives."""
        for name, copy in self.copies.items():
            grant = self._grant(name, Operation.AENDERUNGEN_ABRUFEN)
            while (page := self.store.changes(grant, 50)).changes:
                for change in page.changes:
                    self.told[name].append((change.kind.value, change.kennung, change.merged_into))
                    copy.pop(change.kennung, None)
                    if change.person is not None:
                        copy[change.kennung] = change.person.tree
                self.store.acknowledge(grant, page.last_number, page.epoch)
            assert copy == self.stock(name)

    def _grant(self, name: str, operation: Operation) -> Any:
        one = agreements()[name]
        context = Abrufkontext(kennung="probe", verwendungszweck=PURPOSES[one.application])
        return one.permit(operation, context, today=self.now.astimezone(ZONE).date())


def impersonal(value: Any) -> Any:
    """The value without identifiers and versions, lists in one order."""
    if isinstance(value, dict):
        return {name: impersonal(part) for name, part in sorted(value.items()) if name not in _OWN}
    if isinstance(value, list):
        return sorted((impersonal(part) for part in value), key=repr)
    return "*" if isinstance(value, str) and len(value) == 36 and value.count("-") == 4 else value


@cache
def population(persons: int, seed: int = 7) -> Population:
    """The same people for many tests."""
    return Population(seed, persons)


def simulator(*faults: str, persons: int = 24, seed: int = 7) -> Simulator:
    """A case system whose clock stands."""
    return Simulator(population(persons, seed), faults, clock=lambda: NOW, pause=lambda _seconds: None)
