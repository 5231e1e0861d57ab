"""What is promised beside peers and of the profile, as rows; each with the reason for when it falls short."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.bench.profiling import is_needed
from tests.bench.rows import Row

_SIGNATURE, _PARSING = 2.2, 3.3
"""Milliseconds on the machine that the promise was made on: the RSA-3072 signature, and libxml2's work on a page."""


def median(one: Mapping[str, Any], name: str) -> float:
    """Of all rounds of a peer in a case; `rate` is answers per second."""
    runs = one["runs"]
    found = (run["answers"] / run["seconds"] if name == "rate" else run[name] for run in runs)
    return float(statistics.median(found))


def beside_peers(figures: Mapping[str, Any]) -> Iterator[Row]:
    """The promises that compare with peers, as far as these were measured."""
    measured = {(one["case"], one["peer"]): one for one in figures["measured"]}
    for case, other, least, why in _WANTED:
        if (case, other) in measured:
            yield _beside(measured, case, other, least, why)
    if ("1 person, P-256", "gateway") in measured:
        cost = median(measured["1 person, P-256", "gateway"], "cpu")
        yield Row("1 person, P-256", "<= 1 ms CPU", f"{cost:.2f} ms CPU", cost <= 1, why=_ONE)
    name = "50 persons, RSA-3072"
    if (name, "gateway") in measured:
        yield from _limit(figures["bare"], median(measured[name, "gateway"], "cpu"))


def _beside(measured: Mapping[tuple[str, str], Any], case: str, other: str, least: float, why: str) -> Row:
    ours, theirs = measured[case, "gateway"], measured[case, other]
    ratio, by_cpu = median(ours, "rate") / median(theirs, "rate"), median(theirs, "cpu") / median(ours, "cpu")
    told = f"{ratio:.2f} x by answers/s, {by_cpu:.2f} x by CPU"
    return Row(f"{case}, beside {other}", f">= {least:g} x", told, ratio >= least, why=why)


def _limit(bare: Mapping[str, float], page: float) -> Iterator[Row]:
    """The promise is 3 ms where the signature takes 2.2: scaled by the signature, and by the rest of the work."""
    signature = bare["RSA-3072 signature, ms CPU"]
    parsing = next(value for name, value in bare.items() if name.startswith("libxml2"))
    rest = page - signature
    told = f"signature + {rest:.2f} ms ({page:.2f} ms CPU, the signature alone {signature:.2f})"
    for what, here, there in (("the signature", signature, _SIGNATURE), ("libxml2's work", parsing, _PARSING)):
        allowed = 3 * here / there
        wanted = f"<= signature + {allowed:.2f} ms (3 ms x {here:.2f} / {there})"
        yield Row(f"limit: 50 persons, RSA-3072, scaled by {what}", wanted, told, rest <= allowed, why=_LIMIT)


def of_profile(found: Mapping[str, Mapping[str, float]]) -> Iterator[Row]:
    """The dearest step of each hot operation that is not one of those that nobody can do without."""
    for case, shares in found.items():
        rest = {step: share for step, share in shares.items() if not is_needed(step)}
        dearest = max(rest, key=lambda step: rest[step])
        share = rest[dearest]
        told = f"{share:.1%} ({dearest})"
        yield Row(f"{case}: dearest avoidable step", "<= 10 % of an answer", told, share <= 0.10, why=_STEP)


def table(rows: Sequence[Row]) -> list[str]:
    """The rows, then what is to be said of them."""
    words = {True: "holds", False: "**falls short**", None: ""}
    lines = ["| what | wanted | measured | |", "|---|---|---|---|"]
    lines += [f"| {row.what} | {row.wanted} | {row.measured} | {words[row.holds]} |" for row in rows]
    return [*lines, "", *[f"- {row.what}: {row.note}" for row in rows if row.note], ""]


_JAVA = (
    "The peer has no store, no vault and no audit trail, and its persons are in memory. What libxml2 takes to parse "
    "and validate the answer and to make its canonical form is the largest part of a page and the same for everybody "
    "who uses it; the rest is Python, where one thing after the other costs little, but each of 50 persons is opened, "
    "checked against the agreement and told by itself."
)
_NAIVE = (
    "It writes nothing down, opens nothing and looks nobody up: persons are in memory. A ratio of 15 leaves a page "
    "less than its share of libxml2's work, which both have."
)
_ONE_NAIVE = (
    "For one person its objects are few, and it has neither store nor audit trail: most of an answer of ours is what "
    "happens once for each, a transaction that reads, a batch of the trail that is durable, budgets, the signature."
)
_ONE = (
    "What happens once for each answer counts, whatever its size: HTTP in Python, two transactions of SQLite, an entry "
    "of the trail and its commit, and the hand-over between threads."
)
_LIMIT = (
    "The promise was made for a machine without instructions for RSA. Here the signature may be several times as "
    "fast (AVX-512 IFMA), but not the rest of an answer: scaled by the signature alone it is less than libxml2 takes."
)
_STEP = (
    "What is done for each person in Python adds up over 50: the person is opened, what the agreement shows of it is "
    "taken from what is stored, and what was told is noted for the trail. See the table of steps."
)
_WANTED = (
    ("50 persons, P-256", "plain Java", 1.2, _JAVA),
    ("50 persons, P-256", "naive Spyne", 15.0, _NAIVE),
    ("50 persons, RSA-3072", "plain Java", 1.6, _JAVA),
    ("1 person, P-256", "naive Spyne", 3.0, _ONE_NAIVE),
)
