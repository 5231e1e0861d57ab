"""How long a reconciliation of a whole stock takes, beside the whole load that it follows, and what memory it needs.

    python -m tests.bench.reconciliation [PERSONS]

One process is source, poller and store (SQLite on disk); the time of the simulated source is told apart.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.store.database import Database, upgrade
from tests.drifting import Town, simulator

_SILENT = ("stilles-verschwinden", "stille-aenderung", "verlorene-aenderung", "verlorener-zuzug")


def main(persons: int) -> None:
    """Loads, reconciles twice (with drift, and clean) and prints seconds, shares and memory."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.sqlite"
        Database.open(url, create=True).close()
        upgrade(url)
        database = Database.open(url)
        town = Town(database, Path(folder), simulator(persons=persons), page_size=200)
        asked = _Timed(town.source._endpoint._attempt)  # the one place where the source is waited for
        town.source._endpoint._attempt = asked  # type: ignore[method-assign]  # see above
        load = _measured("whole load", asked, lambda: town.poll.run_once(full=True))
        for event in _SILENT:
            town.happen(event)
        _measured("reconciliation, 4 drifted", asked, town.reconcile)
        clean = _measured("reconciliation, clean", asked, town.reconcile)
        print(
            f"{persons} persons: a clean reconciliation takes {clean / load:.2f} of a whole load (source not counted)"
        )
        database.close()


class _Timed:
    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call
        self.seconds = 0.0

    def __call__(self, *arguments: Any) -> Any:
        began = time.process_time()
        try:
            return self._call(*arguments)
        finally:
            self.seconds += time.process_time() - began


def _measured(what: str, asked: _Timed, run: Callable[[], Any]) -> float:
    """Seconds of CPU that `run` took without the source's."""
    began, waited, cpu = time.perf_counter(), asked.seconds, time.process_time()
    result = run()
    wall, source = time.perf_counter() - began, asked.seconds - waited
    used = time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what}: {wall:.1f} s, CPU {used:.1f} s, {source:.1f} s of it source; peak {peak:.0f} MiB; {result}")
    sys.stdout.flush()
    return used - source


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
