"""The figures as docs/performance.md, with its plot: written by `make bench`, never by hand."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

_COLOURS = {
    "gateway": "#1b6ca8",
    "gateway, mTLS": "#6fa8d6",
    "plain Java": "#d68910",
    "naive Spyne": "#c0392b",
    "node soap": "#2e8b57",
}
_WIDTH, _BAR, _LEFT = 720, 18, 210


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
    """Afterwards performance.md and performance.svg in `folder` say what was measured."""
    (folder / "performance.svg").write_text(plot(figures["measured"]), "utf-8")
    parts = (
        _HEAD,
        _facts(figures),
        _METHOD,
        _compared(figures["measured"]),
        _promises(figures),
        _profile(figures),
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
        rates = {one["peer"]: _median(one, "rate") for one in group}
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


def _median(one: Mapping[str, Any], name: str) -> float:
    runs = one["runs"]
    found = (run["answers"] / run["seconds"] if name == "rate" else run[name] for run in runs)
    return float(statistics.median(found))


def _facts(figures: Mapping[str, Any]) -> str:
    rows = [f"| {name} | {value} |" for name, value in figures["machine"].items()]
    rows += [f"| {name} | {value:.3f} |" for name, value in figures.get("bare", {}).items()]
    busy = _BUSY if float(figures["machine"]["load before"]) > 1 else ""
    return "\n".join(["| | |", "|---|---|", *rows, "", busy])


def _compared(measured: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "| case | who answers | answers/s | CPU ms | p50 ms | p99 ms | KB | load ms | x Java | x Java by CPU |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for one in measured:
        java = next(other for other in measured if other["case"] == one["case"] and other["peer"] == "plain Java")
        size = one["runs"][0]["size"] / 1000
        lines.append(
            f"| {one['case']} | {one['peer']} | {_median(one, 'rate'):.0f} | {_median(one, 'cpu'):.2f} "
            f"| {_median(one, 'p50'):.1f} | {_median(one, 'p99'):.1f} | {size:.0f} | {_median(one, 'generator'):.2f} "
            f"| {_median(one, 'rate') / _median(java, 'rate'):.2f} | {_median(java, 'cpu') / _median(one, 'cpu'):.2f} |"
        )
    return "\n".join([*lines, ""])


def _promises(figures: Mapping[str, Any]) -> str:
    words = {True: "holds", False: "**falls short**", None: ""}
    lines = ["## What else was promised", "", "| what | wanted | measured | |", "|---|---|---|---|"]
    for row in [*_from_comparison(figures), *(row for part in figures.get("rows", {}).values() for row in part)]:
        lines.append(f"| {row['what']} | {row['wanted']} | {row['measured']} | {words[row['holds']]} |")
    return "\n".join([*lines, ""])


def _from_comparison(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The promises that compare with peers."""
    measured = {(one["case"], one["peer"]): one for one in figures["measured"]}

    def row(case: str, peer: str, other: str, least: float) -> dict[str, Any]:
        ratio = _median(measured[case, peer], "rate") / _median(measured[case, other], "rate")
        told = f"{ratio:.2f} x"
        return {"what": f"{case}, beside {other}", "wanted": f">= {least} x", "measured": told, "holds": ratio >= least}

    found = [
        row("50 persons, P-256", "gateway", "plain Java", 1.2),
        row("50 persons, P-256", "gateway", "naive Spyne", 15),
        row("1 person, P-256", "gateway", "naive Spyne", 3),
    ]
    cost = _median(measured["1 person, P-256", "gateway"], "cpu")
    found.append(
        {"what": "1 person, P-256", "wanted": "<= 1 ms CPU", "measured": f"{cost:.2f} ms CPU", "holds": cost <= 1}
    )
    name = "50 persons, RSA-3072"
    if (name, "gateway") in measured:
        found.append(row(name, "gateway", "plain Java", 1.6))
        signature, page = figures["bare"]["RSA-3072 signature, ms CPU"], _median(measured[name, "gateway"], "cpu")
        told = f"{page:.2f} ms CPU, the signature alone {signature:.2f}"
        wanted = f"<= signature + {3 * signature / 2.2:.2f} ms (3 ms where it takes 2.2)"
        holds = page <= signature * (1 + 3 / 2.2)
        found.append({"what": "limit: " + name, "wanted": wanted, "measured": told, "holds": holds})
    return found


def _profile(figures: Mapping[str, Any]) -> str:
    """The steps of the hot operations by their own time."""
    found = figures.get("profile", {})
    cases = list(found)
    if not cases:
        return ""
    steps = sorted({step for one in found.values() for step in one}, key=lambda step: -found[cases[0]].get(step, 0))
    lines = [_PROFILE, f"| step | {' | '.join(cases)} |", "|---|" + "---:|" * len(cases)]
    lines += [f"| {step} | " + " | ".join(f"{found[case].get(step, 0):.1%}" for case in cases) + " |" for step in steps]
    return "\n".join([*lines, ""])


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
answers per second and latencies, which depend on who else was there.
"""

_WHY = """## Where it falls short, and why

- **Beside Java, P-256.** libxml2 takes its time for a page too: parsing, validating and canonicalising the answer is a
  quarter of it, as the table below says. The rest is Python: one thing after the other costs little, but each of 50
  persons is opened by itself, each statement goes through SQLAlchemy, each request through five budgets. The peer has
  no store, no vault and no audit trail. With RSA the signature weighs more, and Java's is slow.
- **Beside naive Spyne.** It has persons in memory and writes nothing down; for one person its objects are few.
- **The limit, scaled by the signature.** This processor has instructions for RSA (AVX-512 IFMA): the signature is three
  times as fast as on the machine the promise was made on, the rest of an answer is not.
- **Memory of a page of 1,000.** The tree that libxml2 validates is several times the text.
- **The poll.** Every record is parsed, validated, mapped, judged by the model and its rules, compared with what is
  stored, projected for each agreement, told to the trail and indexed, in Python; writing what is told into the
  projection (which halved what a page costs) is part of what each further agreement adds.
- **The start.** Every agreement is attacked with sixteen messages before anything listens.
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
(`tests/bench/profiling.py`).
"""

_RAW = """
## Raw figures
"""
