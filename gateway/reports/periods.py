"""Deletion periods as papers and reports print them; the rules themselves belong to upkeep."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Period:
    """One deletion rule in German words (DIN 66398): kind of data, how long, counted from when, why."""

    kind: str
    length: str
    start: str
    reason: str
