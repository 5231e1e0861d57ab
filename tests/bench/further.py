"""What else is promised of speed: linear pages, many applications, the poll."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from gateway.app import build
from gateway.exchange.message import Request
from gateway.settings import load as load_settings
from gateway.simulator.population import Population
from gateway.simulator.server import Simulator
from tests.bench.bare import cpu
from tests.bench.compare import gateway
from tests.bench.ground import Case, Ground, empty, first_page, poll
from tests.bench.peer import build_load, der, family
from tests.bench.rows import Row, memory, others


def pages(made: Ground) -> Iterator[Row]:
    """A page of 1,000 persons beside one of 50: processor time, and the memory it takes at most."""
    costs: dict[int, float] = {}
    with build(load_settings(made.settings, {})) as app:
        asked = {}
        for size in (50, 1000):
            _, body = first_page(app, made, Case("page", "ec", "bestandAbrufen", size))
            asked[size] = Request("ec", 1, "text/xml", None, body, der(made.installation.clients["ec"][0]))
        assert app.pipeline.answer(asked[50]).outcome == "ok"
        gc.collect()
        before = memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew from here
        answer = app.pipeline.answer(asked[1000]).body
        growth = (memory("VmHWM") - before) * 1024 / len(answer)
        assert answer.count(b"<datensatzversion>") == 1000, "the stock is too small"
        for size, request in asked.items():
            costs[size] = cpu(lambda: app.pipeline.answer(request), 2000 // size, 5)  # noqa: B023 - called here
    ratio = costs[1000] / costs[50]
    told = f"{ratio:.1f} x ({costs[1000]:.1f} / {costs[50]:.2f} ms CPU)"
    yield Row("1,000 persons beside 50", "<= 22 x", told, ratio <= 22, why=_LINEAR)
    told = f"{growth:.1f} x of {len(answer) / 1e6:.1f} MB"
    yield Row("memory of a page of 1,000", "< 4 x its size", told, growth < 4, why=_MEMORY)


def applications(folder: Path, count: int) -> Iterator[Row]:
    """So many agreements in one server: how soon it listens, how much memory each of its processes takes."""
    names = tuple(f"ec{number}" for number in range(count))
    made = empty(folder / "many", names)
    load = build_load(folder)
    with others() as busy:
        begun = time.monotonic()
        with gateway(made, load, tls=True, application=names[0]) as peer:
            seconds, used = time.monotonic() - begun, peer.cpu()
            peer.ask(f"/soap/{names[0]}/1", made.request(names[0], "dienstauskunft"))
            memory_each = peer.memory() / len(family(peer.process.pid))  # type: ignore[union-attr]  # it runs
    told = f"{seconds:.1f} s, {used:.1f} s CPU"
    yield Row(f"{count} agreements: the server listens", "< 2 s", told, seconds < 2, why=_START, note=str(busy))
    told = f"{memory_each:.0f} MB"
    yield Row(f"{count} agreements: memory", "< 200 MB for each process", told, memory_each < 200)


def polling(folder: Path, persons: int, rounds: int) -> Iterator[Row]:
    """How many persons a second the poll takes in, in processor time, and what each further agreement adds."""
    costs: dict[int, list[float]] = {1: [], 3: [], 6: []}
    for turn in range(rounds):
        for count, found in costs.items():
            made = empty(folder / f"poll{count}-{turn}", tuple(f"ec{number}" for number in range(count)))
            with build(load_settings(made.settings, {})) as app:
                source = Timed(Simulator(Population(7, persons), clock=lambda: datetime.now(UTC)))
                begun = time.process_time()
                poll(app, source)  # type: ignore[arg-type]  # it is called like one
                found.append((time.process_time() - begun - source.seconds) / persons)
    one, three, six = (min(found) for found in costs.values())
    rate, slope = 1 / three, (six - three) / 3 * 1e6
    told = f"{rate:.0f} persons/s; {1 / one:.0f} with one agreement"
    yield Row("poll with 3 agreements", ">= 1,500 persons/s of CPU", told, rate >= 1500, why=_POLL)
    told = f"{slope:.0f} us"
    yield Row("poll: each further agreement", "< 150 us CPU for a person", told, slope < 150, why=_FURTHER)


class Timed:
    """The simulated source, whose own processor time does not count."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator, self.seconds = simulator, 0.0

    def __call__(self, *arguments: object) -> object:
        begun = time.process_time()
        try:
            return self._simulator(*arguments)  # type: ignore[arg-type]  # WSGI's two
        finally:
            self.seconds += time.process_time() - begun


_MEMORY = (
    "Nothing leaves before the whole answer is checked and audited, so that it is whole in memory twice at any moment: "
    "persons as they were opened and the payload, then the payload and its proof, then the payload and the message. "
    "What the allocator keeps of one step for the next comes on top of it."
)
_LINEAR = "A page costs more for a person, the longer it is."
_START = (
    "Before anything listens, every agreement is read, its contract is compiled and compared with the published one, "
    "and each service is attacked with the messages that it must refuse."
)
_POLL = (
    "Every record is parsed, validated, mapped, judged by the model and its rules, compared with what is stored, "
    "projected for each agreement, told to the audit trail, sealed and indexed: in Python, which is what takes the "
    "time. Of a record that came before, which are the last hundred of a round, only the numbers are read."
)
_FURTHER = "Each agreement has its own projection of a person, its digest and its text as it will be told."
