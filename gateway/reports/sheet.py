"""Tables that an office opens in its spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from io import StringIO

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def sheet(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    """A CSV with semicolons, UTF-8 with its mark, as German spreadsheets read it; no cell is taken for a formula."""
    text = StringIO(newline="")
    table = csv.writer(text, delimiter=";", lineterminator="\r\n")
    table.writerow(columns)
    table.writerows([_cell(one) for one in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
