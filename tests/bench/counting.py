"""How long report (a) takes over a whole stock, what memory it needs, and whether it reads everybody.

    python -m tests.bench.counting [PERSONS [FOLDER]]

The stock is that of the simulated case system, taken in as a poll would, but without the SOAP in between and without
applications: only what is stored counts here. From 20,000 persons on the same records come again under other numbers.
Filling takes much longer than counting, and is told apart; a store that is in FOLDER is counted as it is, a new one
stays there.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from gateway import shipped
from gateway.agreements.city import load_city
from gateway.errors import RecordRefused
from gateway.simulator.population import Population
from gateway.simulator.record import read_shape, render
from gateway.sources.okvisa_record import map_record
from gateway.statistics.definition import load_definitions
from gateway.statistics.running import Run, run
from gateway.store.audit import AuditTrail
from gateway.store.batch import Batch, Upsert
from gateway.store.database import Database, upgrade
from gateway.store.ledger import Ledger
from gateway.store.persons import Store
from gateway.store.tables import person
from gateway.store.vault import Vault
from gateway.wire.xml import parse
from tests.bench.filling import further
from tests.unit.store.store_kit import ring

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
TODAY = NOW.astimezone(ZoneInfo("Europe/Berlin")).date()
REPORTS = ("bestand", "unterbringung")
_BATCH = 5000
_POOL = 20_000
_Result = TypeVar("_Result")


def main(persons: int, folder: Path) -> None:
    """Fills a store, counts, and prints seconds, memory, and how many were read beside how many there are."""
    path = folder / "bench.sqlite"
    filled = path.exists()
    if not filled:
        Database.open(f"sqlite:///{path}", create=True).close()
        upgrade(f"sqlite:///{path}")
    database = Database.open(f"sqlite:///{path}")
    vault = Vault(ring(), os.urandom)
    trail = AuditTrail.open(database, vault, lambda: NOW, os.urandom)
    store = Store(database, vault, Ledger(folder / "erased.ledger", vault), lambda: NOW, trail)
    if not filled:
        _measured("filling", lambda: _fill(store, persons))
    print(f"database: {path.stat().st_size / 2**20:.0f} MiB")
    for name in REPORTS:
        _count(name, store, trail, database)
    trail.close()
    database.close()


def _fill(store: Store, persons: int) -> int:
    """Afterwards the population is stored; how many of it could be taken."""
    taken = 0
    with store.poll_lock() as tenure:
        told = _changes(persons)
        while changes := tuple(islice(told, _BATCH)):
            batch = Batch("okvisa", changes)
            taken += store.ingest(tenure, batch, {}, now=NOW, stichtag=TODAY).stored
            print(f"  {taken}", flush=True)
    return taken


def _changes(persons: int) -> Iterator[Upsert]:
    """So many persons: the first are mapped from the simulator, further ones are like them under other numbers."""
    pool = list(_mapped(min(persons, _POOL)))
    for place in range(persons):
        turn, index = divmod(place, len(pool))
        yield pool[index] if turn == 0 else further(pool[index], turn)


def _mapped(persons: int) -> Iterator[Upsert]:
    shape = read_shape(shipped.schemas() / "okvisa" / "okvisa-1.xsd")
    for satz in Population(seed=1, persons=persons, canaries=False).records():
        with suppress(RecordRefused):
            change = map_record(parse(render(satz, shape).encode()).root)
            if isinstance(change, Upsert):
                yield change


def _count(name: str, store: Store, trail: AuditTrail, database: Database) -> None:
    report = load_definitions(shipped.schemas())[name]
    city = load_city(shipped.schemas() / "stadt.toml")
    done: Run = _measured(name, lambda: run(report, TODAY, store=store, audit=trail, city=city, now=NOW))
    with database.read() as connection:
        query = sa.select(sa.func.count()).where(person.c.state == "active")
        stored = connection.execute(query).scalar_one()
    cells, total = len(done.counted.counts), sum(done.counted.counts.values())
    print(f"{name}: read {done.counted.read}, stored {stored}; {total} counted in {cells} cells")
    assert done.counted.read == stored


def _measured(what: str, work: Callable[[], _Result]) -> _Result:
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew from here
    before = _memory("VmRSS")
    began, cpu = time.perf_counter(), time.process_time()
    result = work()
    wall, used = time.perf_counter() - began, time.process_time() - cpu
    grown = (_memory("VmHWM") - before) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{what}: {wall:.1f} s, CPU {used:.1f} s; {grown:.0f} MiB more than before, at most {peak:.0f} MiB", flush=True
    )
    return result


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


if __name__ == "__main__":
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 500_000
    if len(sys.argv) > 2:
        main(size, Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(size, Path(made))
