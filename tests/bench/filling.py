"""A large stock, made quickly and kept: what growth is measured on.

    python -m tests.bench.filling FOLDER PERSONS [DATABASE_URL]

Records of the simulated case system, mapped as a poll maps them, are taken in by the store under the poll lock with
the agreement of the ground, so that projections, fragments, indexes and feed are those of a real poll; only the SOAP in
between is left out. Beyond the pool the same persons come again under other numbers and in other families, but only
those that the application sees: it sees PERSONS in the end. Every person has keys, identifiers and a place of its own.
"""

from __future__ import annotations

import gc
import pickle
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

import sqlalchemy as sa

from gateway import shipped
from gateway.agreements.versions import in_force
from gateway.app import App, build
from gateway.errors import RecordRefused
from gateway.settings import load as load_settings
from gateway.simulator.population import Population
from gateway.simulator.record import read_shape, render
from gateway.sources.okvisa_record import map_record
from gateway.store import dossier
from gateway.store.batch import Batch, Position, Upsert
from gateway.store.database import upgrade
from gateway.store.feed import stream
from gateway.store.tables import person, projection
from gateway.store.tenure import Tenure
from gateway.wire.xml import parse
from tests.bench.ground import SEED, Ground, empty

POOL = 20_000
SOURCE = "okvisa"
_PAGE = 1500
_KEPT = "ground.pickle"


def kept(folder: Path, persons: int, *, database: str | None = None) -> Ground:
    """The ground in `folder` with a stock of which its application "ec" sees `persons`; filled unless it is there."""
    place = folder / _KEPT
    if place.is_file():
        found = pickle.loads(place.read_bytes())
        assert isinstance(found, Ground)
        _renew(found)
        return found
    made = empty(folder, ("ec",), database=database)
    with build(load_settings(made.settings, {})) as app:
        fill(app, persons)
    made = replace(made, persons=persons)
    place.write_bytes(pickle.dumps(made))
    return made


def _renew(made: Ground) -> None:
    """Afterwards a stock of an earlier version is what this version would have made of it; quick if it is already."""
    upgrade(made.installation.database_url)
    with build(load_settings(made.settings, {})) as app:
        now = app.rules.clock()
        today = app.rules.city.today(now)
        with app.store.poll_lock() as tenure:
            done = app.store.reproject(tenure, in_force(app.rules.versions, today), now=now, stichtag=today)
    print(f"  the kept stock: {done}", flush=True)


def fill(app: App, persons: int) -> None:
    """Afterwards the only application sees `persons`, all of whom wait in its feed, and the stock counts as read."""
    now = app.rules.clock()
    today = app.rules.city.today(now)
    (key,) = (stream(one) for one in app.rules.agreements.values() if one.application == "ec")
    pool = tuple(mapped(min(persons, POOL)))
    gc.collect()
    gc.freeze()  # they stay: looking through them again and again would be most of the work
    with app.store.poll_lock() as tenure:
        app.store.reproject(tenure, in_force(app.rules.versions, today), now=now, stichtag=today)
        _take(app, tenure, iter(pool))
        numbers = _seen(app, key)
        again = [one for one in pool if dossier.source_key(app.store._vault, SOURCE, one.personennummer) in numbers]
        assert again, "the application sees nobody"
        turns = (further(one, turn) for turn in range(1, 1 + persons // len(again)) for one in again)
        _take(app, tenure, islice(turns, max(0, persons - len(again))))
        app.store.finish_poll(tenure, SOURCE, now, now)
    assert len(_seen(app, key)) == max(persons, len(again))


def mapped(persons: int) -> Iterator[Upsert]:
    """What a poll would take of so many persons of the simulated source."""
    shape = read_shape(shipped.schemas() / "okvisa" / "okvisa-1.xsd")
    for satz in Population(SEED, persons, canaries=False).records():
        with suppress(RecordRefused):
            change = map_record(parse(render(satz, shape).encode()).root)
            if isinstance(change, Upsert):
                yield change


def _take(app: App, tenure: Tenure, changes: Iterator[Upsert]) -> None:
    taken = 0
    while page := tuple(islice(changes, _PAGE)):
        now = app.rules.clock()
        today = app.rules.city.today(now)
        batch = Batch(SOURCE, page, position=Position(1, None, full_load=True))
        agreements = in_force(app.rules.versions, today)
        taken += app.store.ingest(tenure, batch, agreements, now=now, stichtag=today).stored
        print(f"  {taken} taken in", flush=True)


def _seen(app: App, key: str) -> set[bytes]:
    """The source keys of everyone whom the application sees."""
    joined = sa.join(projection, person, person.c.id == projection.c.person_id)
    query = sa.select(person.c.source_key).select_from(joined)
    with app.database.read() as connection:
        found = query.where(projection.c.stream == key, projection.c.digest.is_not(None))
        return set(connection.execute(found).scalars())


def further(one: Upsert, turn: int) -> Upsert:
    """Another person, of another family, of whom the source says the same."""
    control = one.datensatz.steuerung
    names = ("quellsystem_personennummer", "hauptdatensatz", "familienverband")
    told = {name: f"{value}-{turn}" for name in names if (value := getattr(control, name)) is not None}
    family = [
        other if other.personennummer is None
        else other.model_copy(update={"personennummer": f"{other.personennummer}-{turn}"})
        for other in control.familie
    ]  # fmt: skip
    changed = control.model_copy(update={**told, "familie": tuple(family)})
    return Upsert(one.datensatz.model_copy(update={"steuerung": changed}))


if __name__ == "__main__":
    kept(Path(sys.argv[1]), int(sys.argv[2]), database=sys.argv[3] if len(sys.argv) > 3 else None)
