"""A report as one page: self-contained, without script, for screens, ears and paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gateway.statistics import notes
from gateway.statistics.charts import charts
from gateway.statistics.grid import NOTHING, TOTAL, Gap, Grid, Row, Value, grids, shown
from gateway.statistics.paper import Paper

_TEMPLATES = Path(__file__).parent / "templates"
_READ_OUT = {NOTHING: "null", Gap.WITHHELD.value: "gesperrt", Gap.UNPUBLISHED.value: "nicht vorgesehen"}

_UPRIGHT = 8
"""More columns than that are printed on a sheet laid across."""


@dataclass(frozen=True)
class _Head:
    """One heading of rows: over how many rows and columns of the stub it goes, and whether it is the leftmost."""

    label: str
    rows: int
    columns: int
    is_first: bool


def html_page(paper: Paper) -> bytes:
    """HTML in UTF-8; every value is escaped, and nothing is fetched to show it. Each chart stands beside its table."""
    from gateway.statistics.drawing import draw  # loads matplotlib

    pictures = [(chart, *draw(chart)) for chart in charts(paper)]
    tables = grids(paper)
    return (
        _environment()
        .get_template("statistik.html")
        .render(
            paper=paper,
            notes=notes,
            pictures=pictures,
            grids=tables,
            wide=any(len(one.stub) + len(one.columns) > _UPRIGHT for one in tables),
            headed=_headed,
            sign=partial(_sign, exact=paper.is_exact),
        )
        .encode()
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["umbruch"] = _breakable
    return environment


def _breakable(label: str) -> Markup:
    """The label, which may be broken behind its slashes; `§ 24` stays together."""
    return Markup("/<wbr>").join(label.replace("§ ", "§\u00a0").split("/"))


def _headed(grid: Grid) -> Iterator[tuple[Row, list[_Head]]]:
    """Each row with its headings; one that is the same as in the row above goes over both, a sum over its columns."""
    last = len(grid.stub) - 1
    for number, row in enumerate(grid.rows):
        heads = []
        told = _told(row)
        for place in range(min(told, last) + 1):
            begin = row.labels[: place + 1]
            open_ended = place < min(told, last)
            if open_ended and number and grid.rows[number - 1].labels[: place + 1] == begin:
                continue
            rows = 1
            while (
                open_ended and number + rows < len(grid.rows) and grid.rows[number + rows].labels[: place + 1] == begin
            ):
                rows += 1
            columns = 1 if open_ended else last + 1 - place
            heads.append(_Head(row.labels[place], rows, columns, place == 0))
        yield row, heads


def _told(row: Row) -> int:
    """How many labels name a category; the others of a sum say that it is one."""
    told = len(row.labels)
    while row.is_sum and told and row.labels[told - 1] == TOTAL:
        told -= 1
    return told


def _sign(number: Value, *, exact: bool) -> Markup:
    """The number, or its sign with the words that are read out in its place."""
    text = shown(number, exact=exact)
    if text not in _READ_OUT:
        return Markup("{}").format(text)
    return Markup('<span aria-hidden="true">{}</span><span class="nur-vorlesen">{}</span>').format(
        text, _READ_OUT[text]
    )
