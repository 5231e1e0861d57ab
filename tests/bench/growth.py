"""What a large stock costs beside a small one: both stand in this process and are asked by turns.

    python -m tests.bench.growth LARGE_FOLDER [--kept] [--large N] [--small N] [--postgresql]

LARGE_FOLDER keeps the large stock (see `filling`; 500,000 persons take 10 to 20 minutes of processor time and 3 GB), so
that it can be measured again. With --kept the figures go to tests/bench/growth.json, from where docs/performance.md
tells them as of another run.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

import sqlalchemy as sa

from gateway.agreements.versions import in_force
from gateway.app import App, build
from gateway.exchange.message import Request
from gateway.settings import load as load_settings
from gateway.store.batch import Batch, Upsert
from tests.bench.filling import SOURCE, kept, mapped
from tests.bench.ground import Ground
from tests.bench.peer import der, seconds
from tests.bench.rows import Row, memory, others
from tests.postgresql import postgresql_database

KEPT = Path(__file__).with_name("growth.json")
_PAGE = 500
_TURNS, _EACH = 40, 4
_CHANGED = 30
_MOST = 1.3
_ASKED = 200
_KENNUNG = re.compile(b"<personenkennung>([^<]+)<")


@dataclass
class Stock:
    """One store that is asked: page tokens and identifiers from all over it, and the persons whose data change."""

    name: str
    made: Ground
    app: App
    peer: bytes
    persons: int = 0
    tokens: list[str] = field(default_factory=list)
    kennungen: list[str] = field(default_factory=list)
    changing: list[Upsert] = field(default_factory=list)
    turn: int = 0

    def ask(self, operation: str, **parameters: object) -> bytes:
        """The answer in this process; AssertionError unless it is one."""
        request = Request("ec", 1, "text/xml", None, self.made.request("ec", operation, **parameters), self.peer)
        reply = self.app.pipeline.answer(request)
        assert reply.outcome == "ok", reply.outcome
        return reply.body

    def spent(self) -> float:
        """Seconds of processor time of this process and, on PostgreSQL, of the server's processes for this store."""
        if self.app.database.dialect == "sqlite":
            return time.process_time()
        with self.app.database.read() as connection:
            query = sa.text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
            return time.process_time() + sum(seconds(pid) for pid in connection.execute(query).scalars())

    def page(self) -> None:
        """50 persons from anywhere in the stock."""
        self.ask("bestandAbrufen", seitenmarke=random.choice(self.tokens), anzahl=50)

    def feed(self) -> None:
        """The 50 oldest of everybody: nothing has been acknowledged yet."""
        self.ask("aenderungenAbrufen", anzahl=50)

    def person(self) -> None:
        """One of those: in the order of pages, which is random, they stand anywhere."""
        self.ask("personAbrufen", personenkennung=random.choice(self.kennungen))

    def change(self) -> None:
        """The poll takes in what is new of so many persons."""
        self.turn += 1
        app, now = self.app, self.app.rules.clock()
        today = app.rules.city.today(now)
        batch = Batch(SOURCE, tuple(_changed(one, self.turn) for one in self.changing))
        with app.store.poll_lock() as tenure:
            agreements = in_force(app.rules.versions, today)
            app.store.ingest(tenure, batch, agreements, now=now, stichtag=today)


def growth(small: Ground, large: Ground) -> Iterator[Row]:
    """Page, feed, person and change in the large stock beside the small one; the snapshot of the large one."""
    with ExitStack() as opened:
        stocks, snapshots, starts = [], [], []
        for name, made in (("small", small), ("large", large)):
            begun = time.process_time()
            app = opened.enter_context(build(load_settings(made.settings, {})))
            starts.append(time.process_time() - begun)
            stock = Stock(name, made, app, der(made.installation.clients["ec"][0]))
            snapshots.append(_snapshot(stock))
            stock.changing = list(mapped(_CHANGED))
            stocks.append(stock)
        where = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[stocks[0].app.database.dialect]
        told = f"at {stocks[1].persons:,} persons beside {stocks[0].persons:,}, {where}"
        with others() as busy:
            yield from (_compared(name, told, stocks) for name in ("page", "feed", "person", "change"))
        note = f"{starts[0]:.2f} s"
        yield Row(f"opening the house {told}", "told", f"{starts[1]:.2f} s CPU beside {note}", None, note=str(busy))
        yield snapshots[1]


def _compared(name: str, told: str, stocks: Sequence[Stock]) -> Row:
    """The lower quartile of the turns, each of which asks one stock after the other."""
    cpu: dict[str, list[float]] = {stock.name: [] for stock in stocks}
    wall: dict[str, list[float]] = {stock.name: [] for stock in stocks}
    # Other processes are counted in hundredths of a second: a turn must be long beside that.
    each = 1 if name == "change" else _EACH if stocks[0].app.database.dialect == "sqlite" else 5 * _EACH
    for turn in range(_TURNS + 1):
        for stock in stocks if turn % 2 else reversed(stocks):
            work: Callable[[], None] = getattr(stock, name)
            used, begun = stock.spent(), time.perf_counter()
            for _ in range(each):
                work()
            if turn:
                wall[stock.name].append((time.perf_counter() - begun) * 1000 / each)
                cpu[stock.name].append((stock.spent() - used) * 1000 / each)
    # What others take makes a turn longer, never shorter: the quieter turns count.
    latency, cost = ({key: statistics.quantiles(of[key], n=4)[0] for key in of} for of in (wall, cpu))
    ratio, dearer = latency["large"] / latency["small"], cost["large"] / cost["small"]
    shown = f"{ratio:.2f} x ({latency['large']:.2f} / {latency['small']:.2f} ms), CPU {dearer:.2f} x"
    what = f"{name} of {_CHANGED} persons" if name == "change" else name
    if name == "change":
        return Row(f"{what} {told}", "told", shown, None, note=_CHANGE)
    return Row(f"{what} {told}", f"<= {_MOST} x", shown, ratio <= _MOST and dearer <= _MOST, why=_WHY[name])


def _snapshot(stock: Stock) -> Row:
    """Everyone is read once, page by page; the memory is looked at after a tenth and at the end."""
    token: str | None = None
    size = max(50, min(_PAGE, stock.made.persons // 10))
    sizes, costs = [], []
    begun = time.perf_counter()
    while True:
        used = time.process_time()
        reply = stock.ask("bestandAbrufen", seitenmarke=token, anzahl=size)
        costs.append(time.process_time() - used)
        sizes.append(memory("VmRSS"))
        stock.persons += reply.count(b"<datensatzversion>")
        if len(stock.kennungen) < _ASKED:
            stock.kennungen += [one.decode() for one in _KENNUNG.findall(reply)]
        token = _text(reply, b"naechsteSeitenmarke")
        if not token:
            break
        stock.tokens.append(token)
    _ask_each(stock)
    tenth = max(1, len(sizes) // 10)
    grown = (sizes[-1] - sizes[tenth]) / 1024 if len(sizes) > 10 else 0.0
    first, last = (statistics.median(part) for part in (costs[1:tenth] or costs, costs[-tenth:-1] or costs))
    stock.tokens = stock.tokens[:-1] or stock.tokens
    seconds_taken = time.perf_counter() - begun
    return Row(
        f"whole snapshot of {stock.persons:,} persons, {stock.app.database.dialect}",
        "constant memory, no page dearer than the first",
        f"{grown:+.1f} MiB from the first tenth to the end; a page of {size}: {first * 1000:.1f} ms CPU in the first "
        f"tenth, {last * 1000:.1f} in the last; {sum(costs):.0f} s CPU, {seconds_taken:.0f} s in all",
        grown < 32 and last < _MOST * first,
        why="A page costs more towards the end, or something is kept from page to page.",
    )  # fmt: skip


def _ask_each(stock: Stock) -> None:
    """Afterwards equally many persons were asked for in each stock: the first time it is noted that they are told."""
    stock.kennungen = stock.kennungen[:_ASKED]
    for kennung in stock.kennungen:
        stock.ask("personAbrufen", personenkennung=kennung)


def _text(reply: bytes, name: bytes) -> str:
    """What stands in the first element of this name; "" if there is none."""
    start = reply.find(b"<" + name + b">")
    if start < 0:
        return ""
    start += len(name) + 2
    return reply[start : reply.index(b"<", start)].decode()


def _changed(one: Upsert, turn: int) -> Upsert:
    """The same person, newer, with another name each time."""
    person = one.datensatz.person.model_copy(update={"familienname": ("Eins", "Zwei", "Drei")[turn % 3]})
    number = int(time.time() * 1000)
    control = one.datensatz.steuerung.model_copy(update={"aenderungsnummer": number})
    return Upsert(one.datensatz.model_copy(update={"person": person, "steuerung": control}))


_CHANGE = (
    "what is written lies on pages of the trees that others of the same round share in a small stock, but not in a "
    "large one: more pages go through the journal."
)
_WHY = {
    "page": "The page is found by its place in one index; what grows is the depth of the trees and what misses the "
    "cache, because the tokens come from all over the stock.",
    "feed": "All of the stock waits, and the oldest 50 are found in one index.",
    "person": "One row by its identifier; what grows is the depth of the trees and what misses the cache.",
}


def postgresql(folder: Path, small: int, large: int) -> Iterator[Row]:
    """The same on PostgreSQL, on a server of its own: both stocks are filled anew."""
    with postgresql_database(folder / "small-server") as one, postgresql_database(folder / "large-server") as other:
        urls = [url.render_as_string(hide_password=False) for url in (one, other)]
        stocks = [
            kept(folder / f"pg{size}", size, database=url) for size, url in zip((small, large), urls, strict=True)
        ]
        yield from growth(*stocks)


def main(arguments: Sequence[str]) -> None:
    """Prints the rows, and keeps them if told so."""
    from tests.bench.report import machine

    parser = argparse.ArgumentParser(prog="python -m tests.bench.growth")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--large", type=int, default=500_000)
    parser.add_argument("--small", type=int, default=5000)
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--kept", action="store_true")
    given = parser.parse_args(arguments)
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="fldm-bench-") as name:
        if given.postgresql:
            rows = postgresql(Path(name), given.small, given.large)
        else:
            rows = growth(kept(Path(name) / "small", given.small), kept(given.folder, given.large))
        for row in rows:
            print(f"{row.what}: {row.measured} (wanted: {row.wanted}) {row.holds} {row.note}", flush=True)
            found.append(row)
    if given.kept:
        keep("postgresql" if given.postgresql else "sqlite", {"machine": machine(), "rows": [asdict(r) for r in found]})


def keep(part: str, figures: Mapping[str, object]) -> None:
    """Afterwards these figures are told in every report as of another run."""
    before = json.loads(KEPT.read_text("utf-8")) if KEPT.is_file() else {}
    KEPT.write_text(json.dumps(before | {part: figures}, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
