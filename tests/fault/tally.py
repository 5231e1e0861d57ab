"""What one run of the fault tests did, over all its houses: printed at its end, on SQLite and PostgreSQL apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

DATABASES = ("sqlite", "postgresql")


class Tally:
    """Counts by database."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, database: str, counts: Mapping[str, int]) -> None:
        """Afterwards these are counted, too."""
        self._counts[database].update(counts)

    def counts(self) -> dict[str, dict[str, int]]:
        """By database, for another process."""
        return {database: dict(counts) for database, counts in self._counts.items()}

    def lines(self) -> Iterator[str]:
        """A table with a line per kind of count, those of kills first; nothing if nothing was counted."""
        if not self._counts:
            return
        kinds = sorted(set().union(*self._counts.values()), key=lambda kind: ("kill" not in kind, kind))
        width = max(map(len, kinds))
        yield f"{'':<{width}}" + "".join(f"{database:>12}" for database in DATABASES)
        for kind in kinds:
            yield f"{kind:<{width}}" + "".join(f"{self._counts[database][kind]:>12}" for database in DATABASES)
