"""A report for spreadsheets and programs: every number in a line of its own, and below them what must be said."""

from __future__ import annotations

import csv
from io import StringIO

from gateway.statistics import notes
from gateway.statistics.grid import NOTHING, Gap, Value, grids, tidy
from gateway.statistics.paper import Paper

END = "__________"
"""The line after the last number, as in files of GENESIS, the database of the Statistische Bundesamt."""

_NOTHING = "-"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_file(paper: Paper) -> bytes:
    """UTF-8 with its mark, semicolons and CRLF, as German spreadsheets read it; the first line names the columns.

    Numbers are without grouping; a withheld one is `.`, a true zero `-`, as in GENESIS. After `__________` follow
    title, source and notes. No cell is taken for a formula.
    """
    text = StringIO(newline="")
    table = csv.writer(text, delimiter=";", lineterminator="\r\n")
    table.writerow([*(_safe(one.label) for one in paper.published.dimensions), _safe(paper.measure)])
    for labels, number in tidy(paper):
        table.writerow([*(_safe(one) for one in labels), _number(number, exact=paper.is_exact)])
    table.writerow([END])
    for line in _notes(paper):
        table.writerow([_safe(one) for one in line])
    return text.getvalue().encode("utf-8-sig")


def _notes(paper: Paper) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = [("Achtung", one) for one in notes.warnings(paper)]
    lines += [("Titel", paper.title), *notes.facts(paper)]
    lines += [("Geheimhaltung", one) for one in notes.confidentiality(paper)]
    signs = [(sign.replace(NOTHING, _NOTHING), meaning) for sign, meaning in notes.legend(paper, grids(paper))]
    return [*lines, *(("Zeichenerklärung", sign, meaning) for sign, meaning in signs)]


def _number(number: Value, *, exact: bool) -> str:
    if isinstance(number, Gap):
        return number.value
    return _NOTHING if number == 0 and exact else str(number)


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) and text != _NOTHING else text
