"""The release matrix: which office may get which attribute at most, whatever its agreement says."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from io import StringIO
from typing import Final, Literal, get_args

Mark = Literal["+", "k", "v", "e", "o", "-"]
"""`+` delivered, `k` under the rule for AZR numbers (AZRG § 10 Abs. 4), `v` only aggregated, `e` only in a single
query with Aktenzeichen and reason, `o` open and therefore denied, `-` never."""

OFFICES: Final = ("W56", "S50", "J51", "G53", "B40", "JC", "MB", "ST15")
"""The columns of the matrix: Wohnungswesen, Soziales, Jugend, Gesundheit, Schulentwicklung, Jobcenter,
Meldebehörde, Statistik."""

STATISTICS_OFFICE: Final = "ST15"
"""Has nothing but `v` and `-` in its column: it gets aggregates only."""


def release(office: str, attribute_id: str) -> Mark:
    """What the matrix says of this attribute for this office; an unknown office or attribute is `-`: never."""
    return _matrix().get((office, attribute_id), "-")


@cache
def _matrix() -> Mapping[tuple[str, str], Mark]:
    text = files(__package__).joinpath("freigabematrix.csv").read_text("utf-8")
    return {
        (office, row["id"]): _mark(row[office])
        for row in csv.DictReader(StringIO(text, newline=""))
        for office in OFFICES
    }


def _mark(cell: str) -> Mark:
    for mark in get_args(Mark):
        if cell == mark:
            return mark  # type: ignore[no-any-return] # get_args gives Any; the members are exactly Mark's
    raise ValueError("freigabematrix.csv holds an unknown mark")
