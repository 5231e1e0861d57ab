"""A table that may be shown, with everything that must be said beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.model.statistic import Category, Dimension, Margin, Period, Published

AUDIENCES = {
    "intern": "Nur für den Dienstgebrauch",
    "rat": "Für Rat und Ausschüsse",
    "oeffentlich": "Zur Veröffentlichung",
}
"""Audiences of a definition, and what stands on their papers."""

_MONTHS = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
    "Dezember",
)  # fmt: skip


@dataclass(frozen=True)
class Paper:
    """What every output is made of; equal papers give equal bytes.

    `number` is that of the release in the register, None for a draft. `measure` is what is counted ("Personen"), of
    those in `filters` only ("Statusgruppe: Duldung"); `source` whose numbers they are, `made` the day of the release.
    Numbers from 1 below `threshold` are withheld, and zeros unless they are `zeros`. `earlier` are former releases of
    the same definition for the same audience, oldest first; time lines are drawn from them.
    """

    name: str
    version: int
    title: str
    purpose: str
    legal_basis: tuple[str, ...]
    measure: str
    audience: str
    threshold: int
    zeros: bool
    city: str
    source: str
    made: date
    published: Published
    number: int | None = None
    filters: tuple[str, ...] = ()
    earlier: tuple[Published, ...] = ()
    withdrawn: bool = False

    @property
    def period(self) -> str:
        """The period as Germans say it."""
        return spoken(self.published.subject.period)

    @property
    def audience_label(self) -> str:
        """What stands on papers for this audience; one that the house does not know is confidential."""
        return AUDIENCES.get(self.audience, AUDIENCES["intern"])

    @property
    def is_exact(self) -> bool:
        """True if each number that is shown is the number that was counted."""
        return self.published.base == 1 and self.published.noise == 0

    def dimensions(self, margin: Margin) -> tuple[Dimension, ...]:
        """The dimensions of the margin, in its order."""
        return dimensions(self.published, margin)


def dimensions(published: Published, margin: Margin) -> tuple[Dimension, ...]:
    """The dimensions of the margin, in its order; KeyError if the table has no such dimension."""
    known = {one.name: one for one in published.dimensions}
    return tuple(known[name] for name in margin)


def cells(of: tuple[Dimension, ...]) -> Iterator[tuple[Category, ...]]:
    """All cells over these dimensions, in the order of the table."""
    if not of:
        yield ()
        return
    for first in of[0].categories:
        for rest in cells(of[1:]):
            yield (first, *rest)


def spoken(period: Period) -> str:
    """`Stichtag 31.12.2026`, `November 2026`, `4. Quartal 2026`, `Jahr 2026`, or first and last day."""
    first, last = period.first, period.last
    if period.is_day:
        return f"Stichtag {first:%d.%m.%Y}"
    after = last + timedelta(days=1)
    if first.day == 1 and after.day == 1:
        months = (after.year - first.year) * 12 + after.month - first.month
        if months == 1:
            return f"{_MONTHS[first.month - 1]} {first.year:04d}"
        if months == 3 and first.month % 3 == 1:
            return f"{first.month // 3 + 1}. Quartal {first.year:04d}"
        if months == 12 and first.month == 1:
            return f"Jahr {first.year:04d}"
    return f"{first:%d.%m.%Y} bis {last:%d.%m.%Y}"


def brief(period: Period) -> str:
    """The period where there is little room, under a time line: `31.12.2026`, `11/2026`, `4. Q. 2026`, `2026`."""
    words = spoken(period)
    if period.is_day:
        return f"{period.first:%d.%m.%Y}"
    if words.startswith("Jahr "):
        return words.removeprefix("Jahr ")
    if "Quartal" in words:
        return words.replace("Quartal", "Q.")
    return f"{period.first:%m/%Y}" if " bis " not in words else f"{period.last:%d.%m.%Y}"
