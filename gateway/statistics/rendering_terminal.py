"""A report on a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gateway.statistics import notes
from gateway.statistics.grid import Gap, Grid, grids, shown
from gateway.statistics.paper import Paper


def terminal(paper: Paper) -> Group:
    """Title, tables and notes; nothing in them is taken for markup of rich."""
    parts: list[RenderableType] = [Text(paper.title, style="bold"), Text(notes.headline(paper))]
    parts += [Text(one, style="bold red") for one in notes.warnings(paper)]
    tables = grids(paper)
    for grid in tables:
        parts += [Text(), _table(grid, exact=paper.is_exact)]
        if grid.left_out:
            parts.append(Text(notes.left_out(grid.left_out), style="dim"))
    parts.append(Text())
    parts += [Padding(Text(f"{sign} = {meaning}"), (0, 0, 0, 2)) for sign, meaning in notes.legend(paper, tables)]
    parts += [Text(one) for one in notes.confidentiality(paper)]
    parts.append(Text())
    parts += [Text(f"{term}: {text}") for term, text in notes.facts(paper)]
    return Group(*parts)


def _table(grid: Grid, *, exact: bool) -> Table:
    table = Table(title=Text(grid.title), title_justify="left", title_style="bold", show_lines=False)
    for one in grid.stub:
        table.add_column(Text(one), overflow="fold")
    for one in grid.columns:
        table.add_column(Text(one), justify="right", overflow="fold")
    for row in grid.rows:
        style = "bold" if row.is_sum else None
        values = (Text(shown(one, exact=exact), "dim" if isinstance(one, Gap) else "") for one in row.values)
        table.add_row(*(Text(one) for one in row.labels), *values, style=style)
    return table
