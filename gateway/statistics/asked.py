"""What is asked of a table before it may be told, and what was told before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gateway.model.statistic import Published, Subject

AUDIENCES: Final = ("oeffentlich", "rat", "intern")
"""Each sees what those before it see, and more; whoever is not among them may not be told anything."""

WINDOW: Final = timedelta(days=366)
"""How long an earlier Stichtag of the same persons is taken for knowledge of a later one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How safe a table must be for one audience.

    Counts from 1 below `threshold` are withheld, zeros too unless they are `zeros`. Of whatever is withheld nobody may
    be able to say more than an interval of the width `interval`: 4 means that 1 and 5 are both possible. Numbers are
    moved by at most `noise`, then rounded to multiples of `base`.
    """

    audience: str
    threshold: int
    interval: int
    zeros: bool
    base: int = 1
    noise: int = 0

    def __post_init__(self) -> None:
        """ValueError for whatever would ask for nothing."""
        if self.audience not in AUDIENCES:
            raise ValueError(f"{self.audience} is no audience")
        if self.threshold < 1 or self.interval < 1 or self.base < 1 or self.noise < 0:
            raise ValueError("threshold, interval and base must be at least 1, noise 0")

    @classmethod
    def read(cls, audience: str, rule: Mapping[str, int | str]) -> Asked:
        """What the numbers of a rule say under the names of a definition; KeyError if one is missing."""
        return cls(
            audience=audience,
            threshold=int(rule["mindestzahl"]),
            interval=int(rule["mindestintervall"]),
            zeros={"zeigen": True, "sperren": False}[str(rule["nullen"])],
            base=int(rule["rundung"]),
            noise=int(rule["stoerung"]),
        )

    def small(self, count: int) -> bool:
        """Whether this count must be withheld whatever else is told."""
        return count < self.threshold and (count > 0 or not self.zeros)

    def sees(self, other: Asked) -> bool:
        """Whether this audience sees tables for the other one."""
        return AUDIENCES.index(self.audience) >= AUDIENCES.index(other.audience)


@dataclass(frozen=True)
class Told:
    """A released table with what was asked of it; `name` is what it is called in reasons. A withdrawal changes
    nothing: what was told is known.
    """

    name: str
    asked: Asked
    table: Published


def frozen(one: Subject, other: Subject) -> bool:
    """Whether both speak of the same persons on different days that are not more than `WINDOW` apart."""
    if one.population != other.population or not (one.period.is_day and other.period.is_day):
        return False
    return one.period != other.period and abs(one.period.first - other.period.first) <= WINDOW


def strictest(asked: Iterable[Asked]) -> Asked:
    """What must hold for one audience of which several tables ask: what the one that shows the most may ask for."""
    return min(asked, key=lambda one: (one.threshold, not one.zeros, one.interval))
