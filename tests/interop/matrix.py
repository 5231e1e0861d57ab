"""What the last run of the foreign programs showed, as a table: stack x operation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

OPERATIONS = (
    "dienstauskunft",
    "personAbrufen",
    "personSuchen",
    "bestandAbrufen",
    "aenderungenAbrufen",
    "aenderungenQuittieren",
    "codelisteAbrufen",
    "unstimmigkeitMelden",
    "fault",
)


@dataclass
class Cell:
    """One stack, SOAP version and operation: for how many applications it was tried and worked."""

    tried: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)


@dataclass
class Attempt:
    """A cell is a failure until it is said to work."""

    cell: Cell
    application: str

    def works(self) -> None:
        self.cell.failed.discard(self.application)


@dataclass
class Matrix:
    """All cells of one run."""

    cells: dict[tuple[str, str, str], Cell] = field(default_factory=dict)

    def cell(self, stack: str, soap: str, application: str, operation: str) -> Attempt:
        cell = self.cells.setdefault((stack, soap, operation), Cell())
        cell.tried.add(application)
        cell.failed.add(application)
        return Attempt(cell, application)

    def lines(self) -> Iterator[str]:
        """A table as text; each cell counts the applications for which the operation works."""
        rows = sorted({(stack, soap) for stack, soap, _ in self.cells})
        wide = max((len(stack) for stack, _ in rows), default=0) + 5
        yield " " * wide + "  ".join(OPERATIONS)
        for stack, soap in rows:
            cells = (_text(self.cells.get((stack, soap, operation))).ljust(len(operation)) for operation in OPERATIONS)
            yield f"{stack} {soap}".ljust(wide) + "  ".join(cells)


def _text(cell: Cell | None) -> str:
    return f"{len(cell.tried - cell.failed)}/{len(cell.tried)}" if cell else "-"
