"""What the last run of the foreign programs showed, as a table: stack x operation and signature."""

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
    "statistikAbrufen",
    "fault",
)
SIGNATURES = ("umschlag rsa", "umschlag ecdsa", "wsse rsa", "wsse ecdsa")


@dataclass
class Cell:
    """One stack, SOAP version and operation: for how many applications it was tried and worked."""

    tried: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return f"{len(self.tried - self.failed)}/{len(self.tried)}"


@dataclass
class Attempt:
    """A cell is a failure until it is said to work."""

    cell: Cell
    application: str

    def works(self) -> None:
        self.cell.failed.discard(self.application)


@dataclass
class Verdict:
    """Whether a stack verified what was signed in one way: `failed` until it is said otherwise."""

    text: str = "failed"

    def works(self) -> None:
        self.text = "verified"

    def cannot(self) -> None:
        self.text = "cannot"

    def __str__(self) -> str:
        return self.text


@dataclass
class Matrix:
    """All cells of one run."""

    cells: dict[tuple[str, str, str], Cell] = field(default_factory=dict)
    signatures: dict[tuple[str, str], Verdict] = field(default_factory=dict)

    def cell(self, stack: str, soap: str, application: str, operation: str) -> Attempt:
        cell = self.cells.setdefault((stack, soap, operation), Cell())
        cell.tried.add(application)
        cell.failed.add(application)
        return Attempt(cell, application)

    def signature(self, stack: str, profile: str, method: str) -> Verdict:
        return self.signatures.setdefault((stack, f"{profile} {method.partition('-')[0]}"), Verdict())

    def add(self, other: Matrix) -> None:
        """What another process tried is in here, too: each test runs in one of them."""
        for place, tried in other.cells.items():
            cell = self.cells.setdefault(place, Cell())
            cell.tried |= tried.tried
            cell.failed |= tried.failed
        self.signatures |= other.signatures

    def lines(self) -> Iterator[str]:
        """A table as text; each cell counts the applications for which the operation works."""
        rows = sorted({(stack, soap) for stack, soap, _ in self.cells})
        yield from _table(["", *OPERATIONS], ([f"{a} {b}", *self.row(a, b)] for a, b in rows))
        if self.signatures:
            yield ""
            stacks = sorted({stack for stack, _ in self.signatures})
            yield from _table(["", *SIGNATURES], ([stack, *self.verdicts(stack)] for stack in stacks))

    def verdicts(self, stack: str) -> list[str]:
        """Whether the stack verified each way of signing; "-" where it was not tried."""
        return [str(self.signatures.get((stack, way), "-")) for way in SIGNATURES]

    def row(self, stack: str, soap: str) -> list[str]:
        """For how many applications each operation works; "-" where it was not tried."""
        return [str(self.cells.get((stack, soap, operation), "-")) for operation in OPERATIONS]


def _table(head: list[str], rows: Iterator[list[str]]) -> Iterator[str]:
    table = [head, *rows]
    wide = [max(len(row[column]) for row in table) for column in range(len(head))]
    for row in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)).rstrip()
