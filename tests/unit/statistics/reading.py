"""Reads back what was rendered, with programs that did not write it."""

from __future__ import annotations

import csv
import re
from io import BytesIO, StringIO
from zipfile import ZipFile

from lxml import etree, html

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def csv_rows(content: bytes) -> list[list[str]]:
    """The rows of a CSV for German spreadsheets."""
    return list(csv.reader(StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))


def workbook(content: bytes) -> dict[str, dict[str, str | float]]:
    """Each sheet's cells by their places, text as text and numbers as numbers."""
    with ZipFile(BytesIO(content)) as parts:
        strings = ["".join(one.itertext()) for one in etree.fromstring(parts.read("xl/sharedStrings.xml"))]
        names = [one.get("name", "") for one in etree.fromstring(parts.read("xl/workbook.xml")).iter(f"{_MAIN}sheet")]
        return {
            name: _cells(parts.read(f"xl/worksheets/sheet{number}.xml"), strings)
            for number, name in enumerate(names, 1)
        }


def _cells(sheet: bytes, strings: list[str]) -> dict[str, str | float]:
    found: dict[str, str | float] = {}
    for cell in etree.fromstring(sheet).iter(f"{_MAIN}c"):
        assert cell.find(f"{_MAIN}f") is None, "a formula"
        value = cell.findtext(f"{_MAIN}v")
        if value is not None:
            found[cell.get("r", "")] = strings[int(value)] if cell.get("t") == "s" else float(value)
    return found


def page_tables(content: bytes) -> list[list[list[str]]]:
    """The tables of a page, without their headings of columns, spans filled in; as they are read out."""
    tables = []
    for table in html.document_fromstring(content).iter("table"):
        rows = []
        for row in table.xpath("tbody/tr"):
            spans = ([_read_out(cell)] * int(cell.get("colspan", "1")) for cell in row)
            rows.append([text for span in spans for text in span])
        tables.append(rows)
    return tables


def _read_out(cell: html.HtmlElement) -> str:
    """The text of a cell without what is hidden from ears."""
    for hidden in cell.xpath('.//*[@aria-hidden="true"]'):
        hidden.drop_tree()
    return re.sub(r"\s+", " ", cell.text_content()).strip()
