"""A report in any of the forms in which it is given out; equal papers give equal bytes on every machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.statistics.paper import Paper
from gateway.statistics.rendering_csv import csv_file
from gateway.statistics.rendering_html import html_page
from gateway.statistics.rendering_xlsx import xlsx_file

FORMATS: Mapping[str, Callable[[Paper], bytes]] = {"csv": csv_file, "xlsx": xlsx_file, "html": html_page}
"""By the ending of the file's name. What draws and what writes workbooks is loaded by the first call only."""


def file_name(paper: Paper, form: str) -> str:
    """`flueag-2026-11-30-oeffentlich-3.csv`: definition, last day, audience and version."""
    last = paper.published.subject.period.last
    return f"{paper.name}-{last:%Y-%m-%d}-{paper.audience}-{paper.version}.{form}"
