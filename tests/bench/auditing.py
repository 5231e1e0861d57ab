"""What the audit trail costs: an entry beside the page it belongs to, in company and alone, on both databases."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from gateway.app import App, build
from gateway.settings import load as load_settings
from gateway.store.audit_tables import head
from tests.bench.audit_load import BODY, ENTRY
from tests.bench.bare import fsync
from tests.bench.compare import CONNECTIONS, gateway
from tests.bench.ground import CASES, Ground, first_page, ground
from tests.bench.peer import Run, build_load, drive, family, seconds
from tests.bench.rows import Row, others
from tests.postgresql import postgresql_database

_PAGE = CASES[0]
_ONE = 200


def audit(folder: Path, seconds_each: float) -> Iterator[Row]:
    """The rows of SQLite and of PostgreSQL."""
    yield from _audit(ground(folder / "audit", 200, ("ec",)), folder, "SQLite", seconds_each, lambda: 0.0)
    with ExitStack() as opened:
        place = folder / "audit-server"
        url = opened.enter_context(postgresql_database(place)).render_as_string(hide_password=False)
        made = ground(folder / "audit-postgresql", 200, ("ec",), database=url)
        yield from _audit(made, folder, "PostgreSQL", seconds_each, lambda: _server(place))


def _audit(made: Ground, folder: Path, name: str, given: float, server: Callable[[], float]) -> Iterator[Row]:
    """`server` is what a database server has taken so far, in seconds."""
    load = build_load(folder)
    with build(load_settings(made.settings, {})) as app, others() as busy:
        _, body = first_page(app, made, _PAGE)
        run, size, page = _page(app, made, load, body, given, server)
        # As many threads as entries came together then, each with an entry like that page's.
        cost = _entry(app, max(1, round(size)), server)
        alone = _alone(app)
    told = f"{cost / page:.1%} ({cost:.3f} of {page:.2f} ms CPU, {size:.1f} entries in a batch)"
    yield Row(f"audit entry at {CONNECTIONS} connections, {name}", "< 10 % of a page", told, cost < page / 10, why=_WHY)
    yield Row(
        f"audit entry of a single client, {name}", "told",
        f"{alone:.2f} ms until it is durable; a bare fsync of 8 KB here {fsync(folder / 'fsync'):.2f} ms",
        None, note=str(busy),
    )  # fmt: skip
    assert run.failures == 0


def _page(
    app: App, made: Ground, load: Path, body: bytes, given: float, server: Callable[[], float]
) -> tuple[Run, float, float]:
    """A run of the server as shipped; entries in a batch on average, and ms of processor time for a page."""
    with gateway(made, load, tls=False, application="ec") as peer:
        drive(load, peer, "/soap/ec/1", body, connections=CONNECTIONS, seconds=given / 2)
        entries, batches, used = *_written(app), server()
        run = drive(load, peer, "/soap/ec/1", body, connections=CONNECTIONS, seconds=given)
        used = (server() - used) * 1000 / run.answers
        now = _written(app)
    return run, (now[0] - entries) / max(1, now[1] - batches), run.cpu + used


def _entry(app: App, together: int, server: Callable[[], float]) -> float:
    """ms of processor time of an entry, of so many writers at once: lower quartile of several rounds."""
    entry = replace(ENTRY, persons=ENTRY.persons * _PAGE.persons)
    rounds, count = [], max(1, _ONE // together)

    def write(_number: int) -> None:
        for _ in range(count):
            app.audit.record(entry, BODY)

    with ThreadPoolExecutor(together) as pool:
        for _ in range(12):
            begun, used = time.process_time(), server()
            list(pool.map(write, range(together)))
            spent = time.process_time() - begun + server() - used
            rounds.append(spent * 1000 / (count * together))
    return statistics.quantiles(rounds[1:], n=4)[0]


def _alone(app: App) -> float:
    """Median ms until an entry is durable if nobody else writes."""
    found = []
    for _ in range(_ONE):
        begun = time.perf_counter()
        app.audit.record(ENTRY, BODY)
        found.append((time.perf_counter() - begun) * 1000)
    return statistics.median(found)


def _written(app: App) -> tuple[int, int]:
    """Entries and batches so far."""
    with app.database.read() as connection:
        total, number = connection.execute(sa.select(head.c.total, head.c.number)).one()
    return int(total), int(number)


def _server(place: Path) -> float:
    """Seconds of a database server whose folder this is, with those of its processes that have ended."""
    with suppress(StopIteration):
        pid = next(place.rglob("postmaster.pid")).read_text("utf-8").partition("\n")[0]
        return sum(seconds(one, ended=True) for one in family(int(pid)))
    return 0.0


_WHY = (
    "An entry is a row with its JSON, a commitment and its share of a Merkle tree, a hash chain and a commit. The "
    "cheaper the page becomes, the more of it that is; and the batches are small, because two processes answer and "
    "the connections of each come together only as far as they wait for the same commit."
)
