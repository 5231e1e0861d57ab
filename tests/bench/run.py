"""All benchmarks of the gateway, one after the other.

    python -m tests.bench.run [--quick] [--persons N] [--only PART ...]

Writes build/bench/figures.json and, unless it is quick, docs/performance.md with its plot. N persons stand in the large
stock (500,000 take half an hour to be taken in).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from gateway.app import build
from gateway.settings import load as load_settings
from tests.bench import further
from tests.bench.compare import QUICK, WHOLE, compare
from tests.bench.further import Row
from tests.bench.ground import CASES, ground
from tests.bench.profiling import shares
from tests.bench.regression import answering
from tests.bench.report import machine, write

FOLDER = Path("build/bench")


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.run")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--persons", type=int, default=20_000)
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args(arguments)
    effort = QUICK if given.quick else WHOLE
    cases = [CASES[0], CASES[-1]] if given.quick else CASES
    FOLDER.mkdir(parents=True, exist_ok=True)
    place = FOLDER / "figures.json"
    figures = json.loads(place.read_text("utf-8")) if given.only and place.is_file() else {}
    figures |= {"machine": machine(), "quick": given.quick}
    with tempfile.TemporaryDirectory(prefix="fldm-bench-") as name:
        folder = Path(name)
        if not given.only or "compare" in given.only:
            measured, costs = compare(folder, effort, cases)
            figures["machine"]["effort"] = f"{effort.rounds} rounds of {effort.seconds:g} s for each peer and case"
            figures |= {"bare": costs, "measured": [asdict(one) for one in measured]}
        if not given.only or "profile" in given.only:
            figures["profile"] = _profile(folder)
        rows = figures.setdefault("rows", {})
        for part, measure in _parts(folder, quick=given.quick, persons=given.persons).items():
            if not given.only or part in given.only:
                rows[part] = []
                for row in measure():
                    print(f"{row.what}: {row.measured} (wanted: {row.wanted}) {_WORDS[row.holds]}", flush=True)
                    rows[part].append(asdict(row))
    place.write_text(json.dumps(figures, indent=1), "utf-8")
    if not given.quick and "measured" in figures:
        write(figures, Path("docs"))


def _profile(folder: Path) -> dict[str, dict[str, float]]:
    """The shares of the steps of both hot operations."""
    made = ground(folder / "profile", 300, ("ec",))
    with build(load_settings(made.settings, {})) as app:
        cases = (CASES[0], CASES[-1])
        return {case.name: shares(answering(app, made, case)) for case in cases}


_WORDS = {True: "holds", False: "FALLS SHORT", None: ""}


def _parts(folder: Path, *, quick: bool, persons: int) -> dict[str, Callable[[], Iterator[Row]]]:
    """What else is measured, by name."""
    small = 300 if quick else 5000
    per_person: dict[int, float] = {}

    def pages() -> Iterator[Row]:
        made = ground(folder / "pages", max(5000, small), ("ec",))
        yield from further.pages(made)

    def audit() -> Iterator[Row]:
        yield from further.audit(ground(folder / "audit", 200, ("ec",)))

    def polling() -> Iterator[Row]:
        yield from further.polling(folder, 100 if quick else 1500, per_person)
        yield from further.day(ground(folder / "day", small, ("ec",)), per_person[20])

    def load() -> Iterator[Row]:
        yield from further.under_load(ground(folder / "busy", small, ("ec",)), folder, 1.5 if quick else 6)

    found: dict[str, Callable[[], Iterator[Row]]] = {"audit": audit, "polling": polling, "load": load}
    if not quick:
        found |= {
            "pages": pages,
            "applications": lambda: further.applications(folder, 50),
            "stock": lambda: further.stock(folder, small, persons),
        }
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
