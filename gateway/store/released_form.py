"""The byte form in which a published table is kept: RFC 8785 JSON under German names, the same for ever.

These bytes are hashed and kept for years: a name or a form in here never changes, new ones raise `format`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from gateway.errors import StoreError
from gateway.model.statistic import Category, Cell, Dimension, Margin, Period, Published, Subject
from gateway.store.packing import packed

FORMAT = 1


def content_of(table: Published, definition: str) -> str:
    """The canonical text of a table and the definition by which it was counted: the same table gives the same text."""
    tree = {
        "format": FORMAT,
        "definition": definition,
        "gesamtheit": table.subject.population,
        "von": table.subject.period.first.isoformat(),
        "bis": table.subject.period.last.isoformat(),
        "merkmale": [_dimension(one) for one in table.dimensions],
        "gliederungen": [
            {"merkmale": list(margin), "zellen": [[*cell, count] for cell, count in sorted(cells.items())]}
            for margin, cells in table.margins.items()
        ],
        "rundung": table.base,
        "stoerung": table.noise,
    }
    return packed(tree).decode()


def table_of(content: str) -> tuple[Published, str]:
    """The table and the text of its definition; StoreError for what `content_of` does not write."""
    try:
        tree = json.loads(content)
        if tree["format"] != FORMAT:
            raise StoreError("a released table is of a form that this program does not know", code="register-verletzt")
        period = Period(date.fromisoformat(tree["von"]), date.fromisoformat(tree["bis"]))
        table = Published(
            subject=Subject(tree["gesamtheit"], period),
            dimensions=tuple(_as_dimension(one) for one in tree["merkmale"]),
            margins=dict(_margin(one) for one in tree["gliederungen"]),
            base=tree["rundung"],
            noise=tree["stoerung"],
        )
        return table, tree["definition"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        raise StoreError("a released table cannot be read", code="register-verletzt") from None


def _dimension(one: Dimension) -> Mapping[str, object]:
    categories = [[category.code, category.label] for category in one.categories]
    return {"name": one.name, "bezeichnung": one.label, "auspraegungen": categories}


def _as_dimension(tree: Any) -> Dimension:
    categories = tuple(Category(code, label) for code, label in tree["auspraegungen"])
    return Dimension(tree["name"], tree["bezeichnung"], categories)


def _margin(tree: Any) -> tuple[Margin, dict[Cell, int | None]]:
    return tuple(tree["merkmale"]), {tuple(row[:-1]): row[-1] for row in tree["zellen"]}
