"""What the tests of changing keys share: a house with key files, full of everything that a key touches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gateway.agreements.operation import Operation
from gateway.store import tables
from gateway.store.audit import AuditTrail, Entry, Kind, Personal
from gateway.store.batch import Batch, Quarantined
from gateway.store.database import Database
from gateway.store.keyring import KeyRing
from gateway.store.search import Criteria
from gateway.store.vault import Vault
from gateway.upkeep.rekeying import Rekeying, Rotated
from tests.unit.store.store_kit import SOURCE, Chance, House, agreement, merge, removal, upsert
from tests.unit.store.twice import store_of

EVERY = ("vault", "index", "digest", "feed", "token")
AGREEMENTS = {"wohnung": agreement(), "schule": agreement("schule")}
KIN = [{"art": "elternteil", "personennummer": "1", "familienname": "Mustern", "vornamen": "Eva"}]


class Killed(BaseException):
    """The process ends here: nobody catches this."""


@dataclass
class Deadly:
    """A database whose process dies at its n-th committed or beginning writing transaction."""

    inner: Database
    after: int
    writes: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        self.writes += 1
        if self.writes == self.after:
            raise Killed
        with self.inner.write() as connection:
            yield connection


@dataclass
class Keyed:
    """A house whose ring lies in files, and a second one as another process has it, which looked earlier."""

    database: Database
    folder: Path
    chance: Chance = field(default_factory=Chance)

    def __post_init__(self) -> None:
        self.keys = self.folder / "keys"
        KeyRing.create(self.keys, self.chance)
        self.house = self.another()

    def another(self) -> House:
        """The house as a process has it that starts now."""
        return self._house(Vault(KeyRing.load(self.keys), self.chance))

    def rekeying(self, database: Any = None) -> Rekeying:
        """The means of a process that starts now."""
        vault = Vault(KeyRing.load(self.keys), self.chance)
        trail = self._house(vault).trail
        return Rekeying(database or self.database, vault, trail, self.keys, lambda _seconds: None, patience=0)

    def rotate(self, purpose: str) -> Rotated:
        return self.rekeying().rotate(purpose)

    def fill(self) -> None:
        """Persons in every state: pending, acknowledged, changed since, gone, merged, in a family, in quarantine."""
        house = self.house
        house.take(*(upsert(str(number), number, familienverband=f"f{number % 3}") for number in range(1, 8)))
        house.settle("wohnung")
        house.take(upsert("1", 11, person={"familienname": "Neu"}), upsert("2", 12, familie=KIN))
        page = house.changes(1)
        house.take(upsert("1", 13, person={"familienname": "Neuer"}))
        house.acknowledge(page)
        house.changes(1)
        house.take(removal("3", 14), merge("4", "5", 15), merge("6", "99", 16))
        refused = Quarantined("8", 17, ("familienname: fehlt",), {"person": {"vornamen": "Ida"}}, b"q" * 32)
        house.holding.ingest(Batch(SOURCE, (), (refused,), None), house.agreements, now=house.now, stichtag=house.today)
        house.trail.record(
            Entry(kind=Kind.ABFRAGE, operation="personAbrufen", outcome="ok", personal=Personal(kennung="sb-17"))
        )

    def look(self, house: House) -> dict[str, Any]:
        """Everything an application or the office can see, and how the feed stands; looking changes nothing."""
        found: dict[str, Any] = {}
        for name in AGREEMENTS:
            grant = house.grant(Operation.BESTAND_ABRUFEN, name)
            changes = house.changes(100, name)
            found[name] = {
                "persons": {
                    kennung: house.store.find(house.grant(Operation.PERSON_ABRUFEN, name), kennung)
                    for kennung in sorted(house.kennungen(name).values())
                },
                "changes": changes,
                "search": house.store.search(
                    house.grant(Operation.PERSON_SUCHEN, name), Criteria("Musterf", vornamen="Ada")
                ),
                "stock": {one.kennung: one.tree for one in house.store.snapshot(grant, None, 100, house.now).persons},
            }
        found["subject"] = house.store.subject(SOURCE, "1")
        entries = [house.store.quarantine_entry(one.number) for one in house.store.quarantine_entries()]
        found["quarantine"] = [replace(one, source_key=None) for one in entries]  # a hash under the index key
        return found

    def _house(self, vault: Vault) -> House:
        house = House(self.database, self.folder, dict(AGREEMENTS), vault=vault)
        house.trail = AuditTrail.open(self.database, vault, lambda: house.now, self.chance)
        house.store = store_of(self.database, vault, house.ledger, lambda: house.now, house.trail)
        return house

    def column(self, wanted: sa.ColumnElement[Any]) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(sa.select(wanted)).scalars())

    def feed_state(self) -> list[Any]:
        """Numbers, versions and what is known of every projection, without the hashes themselves."""
        p = tables.projection.c
        with self.database.read() as connection:
            rows = connection.execute(sa.select(tables.projection).order_by(p.stream, p.person_id)).mappings().all()
        names = ("stream", "person_id", "number", "version", "acked_version", "stand", "told", "owed_since")
        return [
            (
                *(row[name] for name in names),
                *(row["digest"] is None, row["acked_digest"] is None, row["digest"] == row["acked_digest"]),
            )
            for row in rows
        ]
