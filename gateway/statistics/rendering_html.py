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
    """One heading of a row: over how many columns it goes, whether it is the leftmost, or the same as one row above."""

    label: str
    columns: int
    is_first: bool
    is_again: bool


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
    """Each row with all its headings, so that it can be read alone, on whatever page or by ear."""
    above: tuple[str, ...] = ()
    for row in grid.rows:
        last = min(_told(row), len(grid.stub) - 1)
        heads = []
        for place, label in enumerate(row.labels[: last + 1]):
            columns = len(grid.stub) - last if place == last else 1
            again = place < last and above[: place + 1] == row.labels[: place + 1]
            heads.append(_Head(label, columns, place == 0, again))
        yield row, heads
        above = row.labels


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
