"""All benchmarks of the gateway, one part after the other.

    python -m tests.bench.run [--quick] [--only PART ...] [--without PART ...] [--report]

The figures of each part go to build/bench/figures.json as soon as it is done (quick.json if it is quick), so that a
run that broke off goes on with --only; unless it is quick, docs/performance.md and its pictures are written of all that
is there. --report measures nothing and only writes. Growth up to 500,000 persons is `tests.bench.growth`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.app import build
from gateway.settings import load as load_settings
from tests.bench import auditing, city, further, loaded
from tests.bench.compare import QUICK, WHOLE, Effort, compare
from tests.bench.filling import kept
from tests.bench.flames import pictures
from tests.bench.ground import CASES, ground
from tests.bench.growth import growth
from tests.bench.profiling import shares
from tests.bench.regression import answering
from tests.bench.report import machine, write
from tests.bench.rows import Row

FOLDER, DOCS = Path("build/bench"), Path("docs")
_WORDS = {True: "holds", False: "FALLS SHORT", None: ""}
Part = Callable[[Path], Mapping[str, Any]]


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.run")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--without", nargs="*", default=[])
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args(arguments)
    FOLDER.mkdir(parents=True, exist_ok=True)
    place = FOLDER / ("quick.json" if given.quick else "figures.json")
    figures = json.loads(place.read_text("utf-8")) if place.is_file() and (given.only or given.report) else {}
    parts = _parts(QUICK if given.quick else WHOLE, quick=given.quick)
    if unknown := {*given.only, *given.without} - parts.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))} (there are {', '.join(parts)})")
    chosen = [name for name in parts if (name in given.only or not given.only) and name not in given.without]
    for name in [] if given.report else chosen:
        with tempfile.TemporaryDirectory(prefix="fldm-bench-") as folder:
            _measure(name, parts[name], figures, Path(folder))
        place.write_text(json.dumps(figures, indent=1), "utf-8")
    if not given.quick and "measured" in figures:
        write(figures, DOCS)


def _measure(name: str, part: Part, figures: dict[str, Any], folder: Path) -> None:
    """The part's figures are among the others, with when and of what they are."""
    here, begun = machine(), time.monotonic()
    figures.setdefault("machine", here)
    for key, found in part(folder).items():
        if key == "machine":
            figures["machine"] = here | found
        elif key == "rows":
            figures.setdefault("rows", {})[name] = found
        else:
            figures[key] = found
    seconds = time.monotonic() - begun
    told = {"seconds": seconds, **{key: here[key] for key in ("revision", "when", "load before")}}
    figures.setdefault("parts", {})[name] = told
    print(f"({name}: {seconds:.0f} s)", flush=True)


def _parts(effort: Effort, *, quick: bool) -> dict[str, Part]:
    """What is measured, by name, in this order."""
    cases = [CASES[0], CASES[-1]] if quick else CASES

    def comparison(folder: Path) -> Mapping[str, Any]:
        measured, costs = compare(folder, effort, cases)
        told = f"{effort.rounds} rounds of {effort.seconds:g} s for each peer and case"
        return {"bare": costs, "measured": [asdict(one) for one in measured], "machine": {"effort": told}}

    def stock(folder: Path) -> Iterable[Row]:
        return growth(kept(folder / "small", effort.persons), kept(folder / "large", effort.large))

    found: dict[str, Part] = {
        "compare": comparison,
        "profile": lambda folder: _profile(folder, quick=quick),
        "audit": lambda folder: _told(auditing.audit(folder, effort.seconds)),
        "polling": lambda folder: _told(further.polling(folder, effort.polled, 1 if quick else 2)),
        "load": lambda folder: _told(
            loaded.under_load(ground(folder / "busy", effort.persons, ("ec",)), folder, effort.rounds, effort.seconds)
        ),
        "city": lambda folder: _told(city.day(folder, *effort.day)),
        "pages": lambda folder: _told(further.pages(kept(folder / "pages", 2500))),
        "applications": lambda folder: _told(further.applications(folder, 50)),
        "stock": lambda folder: _told(stock(folder)),
    }
    return {name: found[name] for name in _QUICK} if quick else found


_QUICK = ("compare", "profile", "audit", "polling", "load")


def _profile(folder: Path, *, quick: bool) -> Mapping[str, Any]:
    """The shares of the steps of both hot operations, and their flame graphs."""
    made = ground(folder / "profile", 300, ("ec",))
    with build(load_settings(made.settings, {})) as app:
        found = {case.name: shares(answering(app, made, case)) for case in (CASES[0], CASES[-1])}
    return {"profile": found} if quick else {"profile": found, "flames": pictures(DOCS)}


def _told(rows: Iterable[Row]) -> Mapping[str, Any]:
    """The rows, printed as they come."""
    found = []
    for row in rows:
        print(f"{row.what}: {row.measured} (wanted: {row.wanted}) {_WORDS[row.holds]} {row.note}", flush=True)
        found.append(asdict(row))
    return {"rows": found}


if __name__ == "__main__":
    main(sys.argv[1:])
