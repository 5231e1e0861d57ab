"""The simulated population in a real store, for the reports: polled once, asked about by everyone."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from gateway import shipped
from gateway.agreements.agreement import Agreement
from gateway.agreements.city import City, load_city
from gateway.agreements.load import load_all
from gateway.model.person import Datensatz
from gateway.model.types import Tree
from gateway.reports.periods import Period
from gateway.reports.subject import SubjectReport, compile_report
from gateway.reports.versions import every_version
from gateway.simulator.population import Population
from gateway.simulator.server import Simulator
from gateway.sources.endpoint import Endpoint
from gateway.sources.okvisa import OkVisa, contract
from gateway.sources.okvisa_fields import RECORD
from gateway.sources.okvisa_reading import targets
from gateway.sources.poll import Poll
from gateway.store import audit_index
from gateway.store.audit import AuditTrail, Disclosure, Entry, Kind
from gateway.store.batch import Batch, Upsert
from gateway.store.database import Database
from gateway.store.ledger import Ledger
from gateway.store.persons import Store
from gateway.store.subject_search import Sought
from gateway.store.subjects import Subject
from gateway.store.vault import Vault
from tests.migrated import migrated
from tests.unit.sources.fakes import URL, settings, wsgi
from tests.unit.store.store_kit import Chance, Holding, ring

NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
PERSONS = 240
SOURCE = "okvisa"
PERIODS = (Period("Gesundheitsangaben", "12 Monate", "Ende des Quartals der Übermittlung", "AZRG-DV § 18 Abs. 3"),)


@cache
def population() -> Population:
    """Everyone there is, with every special case."""
    return Population(11, PERSONS)


@dataclass
class Town:
    """A store that has been fed once; `now` is what its clock says."""

    folder: Path
    now: datetime = NOW
    vault: Vault = field(default_factory=lambda: Vault(ring(), Chance()))

    def __post_init__(self) -> None:
        self.database = Database.open(migrated(self.folder / "gateway.sqlite"))
        self.city: City = load_city(shipped.schemas() / "stadt.toml")
        self.agreements = load_all(shipped.schemas(), today=NOW.date())
        self.trail = AuditTrail.open(self.database, self.vault, lambda: self.now, Chance())
        ledger = Ledger(self.folder / "erased.ledger", self.vault)
        self.store = Store(self.database, self.vault, ledger, lambda: self.now, self.trail)
        self.holding = Holding(self.store, self.database)

    @property
    def versions(self) -> tuple[Agreement, ...]:
        return every_version(shipped.schemas())

    def poll(self) -> None:
        simulator = Simulator(population(), (), clock=lambda: NOW, pause=lambda _seconds: None)
        endpoint = Endpoint(
            shipped.wsdl() / "okvisa-1.wsdl",
            settings(url=URL, max_bytes=8_000_000),
            folders=(shipped.wsdl(), shipped.schemas() / "okvisa"),
            adapter=wsgi(simulator),
        )
        source = OkVisa(endpoint, page_size=PERSONS, schema=contract())
        assert Poll(source, self.store, lambda _day: self.agreements, lambda: NOW).run_once().complete

    def take(self, *records: Datensatz) -> None:
        """The source says this now."""
        batch = Batch(SOURCE, tuple(Upsert(one) for one in records))
        self.holding.ingest(batch, self.agreements, now=self.now, stichtag=self.now.date())

    def find(self, number: str) -> Subject | None:
        return self.store.find_subject(Sought(source=SOURCE, personennummer=number)).subject

    def disclose(self, person: str, fields: int, *, operation: str = "aenderungenAbrufen", **more: object) -> str:
        """A delivery to Wohnung2000 is on the trail; its number."""
        known: dict[str, object] = {
            "kind": Kind.OFFENLEGUNG,
            "outcome": "ok",
            "application": "wohnung2000",
            "purpose": "U1",
            "legal_basis": "DSV-2019-056",
            "fassung": 3,
            "major": 1,
        }
        entry = Entry(operation=operation, persons=(Disclosure(person, fields),), **(known | more))  # type: ignore[arg-type]  # options of the test
        return self.trail.record(entry).number

    def report(self, person: Subject | None) -> SubjectReport:
        audit_index.catch_up(self.database)
        with self.database.read() as connection:
            entries = audit_index.disclosures(connection, person.audit_ids if person else ())
        return compile_report(
            person,
            entries,
            number="0195c2d1-0000-7000-8000-000000000000",
            time=self.now,
            city=self.city,
            agreements=self.versions,
            periods=PERIODS,
            targets=lambda _source: targets(RECORD),
        )

    def close(self) -> None:
        self.trail.close()
        self.database.close()


@contextmanager
def town(*, populated: bool = True) -> Iterator[Town]:
    """A town, with its whole population in the store or nobody, gone afterwards."""
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="fldm", dir=shared if shared.is_dir() else None))
    made = Town(folder)
    try:
        if populated:
            made.poll()
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)


def leaves(tree: Tree, path: str = "") -> Iterator[tuple[str, object]]:
    """(dotted path, value) of every value in a tree."""
    for name, values in tree.items():
        where = f"{path}.{name}" if path else name
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, dict):
                yield from leaves(value, where)
            else:
                yield where, value
