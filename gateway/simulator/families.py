"""Households: which persons belong together, where they come from and live, and on what title."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from itertools import accumulate
from typing import Final

from gateway.simulator import addresses, titles
from gateway.simulator.chance import chance
from gateway.simulator.names import LAENDER, Land, country
from gateway.simulator.record import Inhalt

STICHTAG: Final = date(2026, 11, 1)
"""The day on which the population is as it is told; everything in it is counted from here."""

_SIZES: Final = (4, 1, 2, 1, 5, 3, 1, 1, 1, 1)
_STARTS: Final = tuple(accumulate(_SIZES, initial=0))
_ROUND: Final = _STARTS[-1]
_SHARES: Final = tuple(accumulate(land.share for land in LAENDER))


class Rolle(Enum):
    """What a person is in the household."""

    VATER = "VA"
    MUTTER = "MU"
    KIND = "KI"
    ALLEIN = "AL"


@dataclass(frozen=True, slots=True)
class Haushalt:
    """A household: `members` are person indexes; `roles` stand beside them in the same order."""

    key: str
    members: tuple[int, ...]
    roles: tuple[Rolle, ...]
    land: Land
    titel: str
    einreise: date
    lage: str
    """`unterkunft`, `wohnung` (both in Cologne) or `auswaerts`."""

    def wohnung(self) -> Inhalt:
        """The present address, the same for all members."""
        random = chance(self.key, "wohnung")
        moved_in = titles.day(self.einreise + timedelta(days=random.randint(30, 200)))
        if self.lage == "unterkunft":
            return addresses.any_shelter(random, moved_in)
        return (addresses.flat if self.lage == "wohnung" else addresses.elsewhere)(random, moved_in)


def household_of(seed: int, index: int, begin: int, persons: int) -> Haushalt:
    """The household of the person `index` where ordinary ones run from `begin` to `persons`; one step for any index."""
    turn, within = divmod(index - begin, _ROUND)
    place = bisect(_STARTS, within) - 1
    first = begin + turn * _ROUND + _STARTS[place]
    members = tuple(range(first, min(first + _SIZES[place], persons)))
    return plan(f"{seed}:{turn * len(_SIZES) + place}", members)


def plan(
    key: str, members: tuple[int, ...], *,
    land: str | None = None, titel: str | None = None, roles: tuple[Rolle, ...] | None = None,
) -> Haushalt:  # fmt: skip
    """A household drawn from `key`, of the given country, title and roles where they are given."""
    random = chance(key, "haushalt")
    drawn_land = LAENDER[bisect(_SHARES, random.randrange(_SHARES[-1]))]
    entitled = random.random() < 0.72
    drawn_titel = random.choice(titles.ANSPRUCH if entitled else titles.OHNE_ANSPRUCH)
    if entitled and drawn_land.key == "166":
        drawn_titel = "AE-07"
    elif entitled and drawn_titel in ("AE-07", "AE-08"):
        drawn_titel = "AG-01"
    where = random.random()
    drawn_roles = _roles(len(members), random.random())
    since = 1650 if (titel or drawn_titel) == "AE-07" else 3600  # AufenthG § 24 is in use since March 2022
    lage = "auswaerts" if where > 0.91 else "unterkunft" if where < 0.55 and entitled else "wohnung"
    return Haushalt(
        key, members, roles or drawn_roles, country(land) if land else drawn_land, titel or drawn_titel,
        STICHTAG - timedelta(days=random.randint(200, since)), lage,
    )  # fmt: skip


def _roles(size: int, draw: float) -> tuple[Rolle, ...]:
    if size == 1:
        return (Rolle.ALLEIN,)
    if size == 2:
        return (Rolle.MUTTER, Rolle.KIND) if draw < 0.6 else (Rolle.VATER, Rolle.MUTTER)
    return (Rolle.VATER, Rolle.MUTTER, *[Rolle.KIND] * (size - 2))
