"""The figures as docs/performance.md, with its plot: written by `make bench`, never by hand."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from tests.bench.flames import PICTURES
from tests.bench.growth import KEPT
from tests.bench.profiling import is_needed
from tests.bench.promises import beside_peers, median, of_profile, table
from tests.bench.rows import Row

_COLOURS = {
    "gateway": "#1b6ca8",
    "gateway, mTLS": "#6fa8d6",
    "plain Java": "#d68910",
    "naive Spyne": "#c0392b",
    "node soap": "#2e8b57",
}
_WIDTH, _BAR, _LEFT = 720, 18, 210
_QUIET = 0.1
"""Cores of strangers that do not matter."""


def machine() -> dict[str, str]:
    """What was measured on."""
    told = (line.partition(":") for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines())
    processor = next((text.strip() for name, _, text in told if "model name" in name), platform.machine())
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr.partition("\n")[0]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout
    return {
        "processor": f"{processor}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "Java": java,
        "revision": commit.strip(),
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def write(figures: Mapping[str, Any], folder: Path) -> None:
    """Afterwards performance.md and performance.svg in `folder` say what was measured, and what was kept before."""
    (folder / "performance.svg").write_text(plot(figures["measured"]), "utf-8")
    kept = json.loads(KEPT.read_text("utf-8")) if KEPT.is_file() else {}
    parts = (
        _HEAD,
        _facts(figures),
        _METHOD,
        _compared(figures["measured"]),
        _promises(figures, kept),
        _profile(figures),
        _pictures(figures),
        _RAW,
        _raw(figures),
    )
    (folder / "performance.md").write_text("\n".join(parts), "utf-8")


def plot(measured: Sequence[Mapping[str, Any]]) -> str:
    """Answers per second as bars, one group for each case, with the ratio to plain Java beside."""
    cases = list(dict.fromkeys(one["case"] for one in measured))
    lines, top = [], 34
    for case in cases:
        group = [one for one in measured if one["case"] == case]
        rates = {one["peer"]: median(one, "rate") for one in group}
        reference, most = rates["plain Java"], max(rates.values())
        lines.append(f'<text x="10" y="{top}" font-weight="bold">{escape(case)}</text>')
        for peer, rate in rates.items():
            top += _BAR + 4
            length = rate / most * (_WIDTH - _LEFT - 160)
            label = f"{rate:.0f}/s, {rate / reference:.2f} x Java"
            lines.append(f'<text x="{_LEFT - 8}" y="{top}" text-anchor="end">{escape(peer)}</text>')
            lines.append(
                f'<rect x="{_LEFT}" y="{top - 13}" width="{length:.1f}" height="{_BAR}" fill="{_COLOURS[peer]}"/>'
                f'<text x="{_LEFT + length + 6:.1f}" y="{top}">{label}</text>'
            )
        top += _BAR + 22
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="10" y="16">Signed, validated answers per second (the gateway with store and audit trail)</text>'
        f"{''.join(lines)}</svg>\n"
    )


def _facts(figures: Mapping[str, Any]) -> str:
    rows = [f"| {name} | {value} |" for name, value in figures["machine"].items()]
    rows += [f"| {name} | {value:.3f} |" for name, value in figures.get("bare", {}).items()]
    strangers = [cores for one in figures["measured"] for cores in one.get("others", ())]
    most = max(strangers, default=0.0)
    told = f"{statistics.median(strangers or [0.0]):.2f} in the median round, at most {most:.2f}"
    rows.append(f"| cores that others kept busy during the comparison | {told} |")
    busy = _BUSY if statistics.median(strangers or [0.0]) > _QUIET else ""
    return "\n".join(["| | |", "|---|---|", *rows, "", busy, _parts(figures)])


def _parts(figures: Mapping[str, Any]) -> str:
    """When each part was measured, if it was not all in one run."""
    parts = figures.get("parts", {})
    revisions = {part["revision"] for part in parts.values()}
    seconds = sum(part["seconds"] for part in parts.values())
    told = ", ".join(f"{name} {part['seconds']:.0f} s" for name, part in parts.items())
    lines = [f"It took {seconds / 60:.0f} minutes: {told}."]
    if len(revisions) > 1:
        when = ", ".join(f"{name} at {part['revision']} ({part['when']})" for name, part in parts.items())
        lines.append(f"**Not all of it is of one run**: {when}.")
    return "\n".join([*lines, ""])


def _compared(measured: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "| case | who answers | answers/s | CPU ms | p50 ms | p99 ms | KB | load ms | x Java | x Java by CPU |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for one in measured:
        java = next(other for other in measured if other["case"] == one["case"] and other["peer"] == "plain Java")
        size = one["runs"][0]["size"] / 1000
        lines.append(
            f"| {one['case']} | {one['peer']} | {median(one, 'rate'):.0f} | {median(one, 'cpu'):.2f} "
            f"| {median(one, 'p50'):.1f} | {median(one, 'p99'):.1f} | {size:.0f} | {median(one, 'generator'):.2f} "
            f"| {median(one, 'rate') / median(java, 'rate'):.2f} | {median(java, 'cpu') / median(one, 'cpu'):.2f} |"
        )
    return "\n".join([*lines, ""])


def _promises(figures: Mapping[str, Any], kept: Mapping[str, Any]) -> str:
    """The tables of what is promised, what is to be said of it, and why it falls short where it does."""
    rows = [*beside_peers(figures)]
    rows += [Row(**row) for part in figures.get("rows", {}).values() for row in part]
    rows += of_profile(figures.get("profile", {}))
    lines = ["## What is promised", "", *table(rows)]
    for one in kept.values():
        told = ", ".join(f"{name} {one['machine'][name]}" for name in ("revision", "when", "processor", "load before"))
        mine = [Row(**row) for row in one["rows"]]
        lines += [f"Of another run, because it takes long ({told}; `python -m tests.bench.growth`):", "", *table(mine)]
        rows += mine
    short = [row for row in rows if row.holds is False]
    lines += ["## Where it falls short, and why", ""]
    lines += [f"- **{row.what}** (wanted {row.wanted}, measured {row.measured}). {row.why}" for row in short]
    return "\n".join([*lines, "" if short else "Nowhere.", ""])


def _profile(figures: Mapping[str, Any]) -> str:
    """The steps of the hot operations by their own time; those that nobody can do without are marked."""
    found = figures.get("profile", {})
    cases = list(found)
    if not cases:
        return ""
    steps = sorted({step for one in found.values() for step in one}, key=lambda step: -found[cases[0]].get(step, 0))
    lines = [_PROFILE, f"| step | {' | '.join(cases)} | |", "|---|" + "---:|" * len(cases) + "---|"]
    lines += [
        f"| {step} | {' | '.join(f'{found[case].get(step, 0):.1%}' for case in cases)} "
        f"| {'needed' if is_needed(step) else ''} |"
        for step in steps
    ]
    shares = (f"{sum(found[case].get(step, 0) for step in steps if is_needed(step)):.0%}" for case in cases)
    return "\n".join([*lines, f"| all that is needed | {' | '.join(shares)} | |", ""])


def _pictures(figures: Mapping[str, Any]) -> str:
    """The flame graphs, if there are any."""
    found = [PICTURES[name].name for name in figures.get("flames", ())]
    if not found:
        return ""
    links = [f"![Flame graph: {PICTURES[name].name}]({name})\n" for name in figures["flames"]]
    return "\n".join([_FLAMES, *links])


def _raw(figures: Mapping[str, Any]) -> str:
    lines = ["| case | who answers | answers/s by round | CPU ms by round |", "|---|---|---|---|"]
    for one in figures["measured"]:
        rates = " ".join(f"{run['answers'] / run['seconds']:.0f}" for run in one["runs"])
        costs = " ".join(f"{run['cpu']:.2f}" for run in one["runs"])
        lines.append(f"| {one['case']} | {one['peer']} | {rates} | {costs} |")
    return "\n".join([*lines, ""])


_HEAD = """# How fast answers are

Written by `make bench`; nothing in it is typed by hand. Ratios of one run count, seconds depend on the machine.
"""

_BUSY = """**The machine had other users when this was measured**: what is told by CPU is to be believed more than
answers per second and latencies, which depend on who else was there. CPU suffers, too, from shared caches.
"""

_METHOD = """
## How it was measured

Every peer gives the same answer of Wohnung2000 over HTTP on loopback: request parsed, checked against the XSD, persons
put in, answer checked against the XSD, `quittung` checked, the Envelope signed (enveloped, exclusive C14N, SHA-256).
Before it is timed, its answer is verified by signxml and libxml2, and the persons are counted.

- **gateway**: `gateway serve` as shipped, two processes, everything on: pinned certificate, budgets, agreement, store
  on SQLite (`synchronous=FULL`), vault, durable chained audit entry. The page is one of the middle of a snapshot. Plain
  HTTP is the gateway as behind a proxy on the same machine; **mTLS** is it alone.
- **plain Java** (`tests/bench/peers/Peer.java`): the JDK alone, JAXP and javax.xml.crypto, persons in memory, one
  validator, builder and signature factory per thread; no store, no audit trail, no agreement.
- **naive Spyne** (`tests/bench/peers/naive.py`): Spyne's types, validator and serialiser, signxml on its event, two
  gunicorn processes; keys loaded once. Persons in memory.
- **node soap** (`tests/bench/peers/peer.mjs`): soap with xml-crypto, two processes. There is no XSD validator for
  it that needs no compiler: it alone does not validate, which is work that all others do.

The load comes from `tests/bench/load.c`, one blocking thread for each of 16 kept connections: wrk speaks no client
certificates. What it costs itself stands in the table, so that nobody need believe that it is no bottleneck. Peers run
at the same time and are loaded by turns, in rounds; medians count. **CPU** is the processor time of the server with all
its processes for one answer, kernel included: on a machine with other users it says more than answers per second.

![Answers per second](performance.svg)
"""

_PROFILE = """## Where the time goes

Shares of the processor time of one answer in one process, each step without what it spends in another named one
(`tests/bench/profiling.py`). **Needed** is what no answer can do without: parse, validate both ways, read, open,
canonical form and digest, one signature, one durable entry; all else could be made cheaper or spared.
"""

_FLAMES = """The same as flame graphs, sampled by py-spy (`tests/bench/flames.py`); a sample is also counted where a
thread waits for the disk. In a browser each frame says its whole name.
"""

_RAW = """
## Raw figures
"""
