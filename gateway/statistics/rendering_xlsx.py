"""A report as a workbook: an overview with everything that must be said, and each table on a sheet of its own."""

from __future__ import annotations

from io import BytesIO
from textwrap import wrap
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from gateway.statistics import notes
from gateway.statistics.grid import Gap, Grid, Row, Value, grids
from gateway.statistics.paper import Paper

if TYPE_CHECKING:
    from datetime import datetime

OVERVIEW = "Übersicht"
_WIDEST = 48
_POINTS = 11
_LINE = 15
"""The size of text, and the height of a line of it."""

_NUMBER = {True: '#,##0;-#,##0;"–"', False: "#,##0"}
"""By whether numbers are exact: a true zero is shown by its sign, and is still the number 0."""


def xlsx_file(paper: Paper) -> bytes:
    """A workbook (ISO/IEC 29500) without macros, formulas, links or dates of its making.

    Numbers are numbers, a withheld one is the text `.`; text is never taken for a formula or a link. Parts are stored
    uncompressed: compressors differ between machines, and the bytes must not.
    """
    from datetime import UTC, datetime, time

    moment = datetime.combine(paper.made, time(), UTC).replace(tzinfo=None)
    return _stored(_workbook(paper, moment))


def _workbook(paper: Paper, moment: datetime) -> bytes:
    from xlsxwriter import Workbook

    text = BytesIO()
    book = Workbook(text, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": paper.title, "author": paper.source, "created": moment})
    book.set_size(24000, 14000)
    looks = _Looks(book, exact=paper.is_exact)
    tables = grids(paper)
    _overview(book.add_worksheet(OVERVIEW), paper, tables, looks)
    for number, grid in enumerate(tables, 1):
        _sheet(book.add_worksheet(f"Tabelle {number}"), paper, grid, looks)
    book.close()
    return text.getvalue()


class _Looks:
    """Formats of cells, each made once."""

    def __init__(self, book: Any, *, exact: bool) -> None:  # XlsxWriter has no types
        number = {"num_format": _NUMBER[exact], "align": "right", "valign": "top"}
        head = {"bold": True, "text_wrap": True, "valign": "bottom", "bg_color": "#E6EFF8", "bottom": 1}
        self.title = book.add_format({"bold": True, "font_size": 14, "text_wrap": True, "valign": "top"})
        self.warning = book.add_format({"bold": True, "font_color": "#8B1A1A", "text_wrap": True, "valign": "top"})
        self.text = book.add_format({"text_wrap": True, "valign": "top"})
        self.term = book.add_format({"bold": True, "valign": "top"})
        self.head = book.add_format({**head, "align": "left"})
        self.head_right = book.add_format({**head, "align": "right"})
        self.across = book.add_format({"italic": True, "align": "right"})
        self.label = book.add_format({"align": "left", "text_wrap": True, "valign": "top"})
        self.number = book.add_format(number)
        self.sum_label = book.add_format({"align": "left", "bold": True, "text_wrap": True, "valign": "top", "top": 1})
        self.sum_number = book.add_format({**number, "bold": True, "top": 1})


def _overview(sheet: Any, paper: Paper, tables: tuple[Grid, ...], looks: _Looks) -> None:
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, 1, 90)
    _prose(sheet, 0, paper.title, looks.title, [20, 90])
    _prose(sheet, 1, " ".join(notes.warnings(paper)), looks.warning, [20, 90])
    lines = [*notes.facts(paper), *(("Geheimhaltung", one) for one in notes.confidentiality(paper))]
    lines += [("Zeichenerklärung", f"{sign} = {meaning}") for sign, meaning in notes.legend(paper, tables)]
    lines += [(f"Tabelle {number}", grid.title) for number, grid in enumerate(tables, 1)]
    for row, (term, text) in enumerate(lines, 2):
        sheet.write_string(row, 0, term, looks.term)
        sheet.write_string(row, 1, text, looks.text)
        sheet.set_row(row, _LINE * _lines(text, 90))
    _page_setup(sheet, paper)


def _sheet(sheet: Any, paper: Paper, grid: Grid, looks: _Looks) -> None:
    stub, widths = len(grid.stub), _widths(grid)
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)
    for line, (text, look) in enumerate(
        (
            (grid.title, looks.title),
            (notes.headline(paper), looks.text),
            (" ".join(notes.warnings(paper)), looks.warning),
        )
    ):
        _prose(sheet, line, text, look, widths)
    if grid.across:
        sheet.write_string(3, stub, grid.across, looks.across)
    for column, label in enumerate((*grid.stub, *grid.columns)):
        sheet.write_string(4, column, label, looks.head if column < stub else looks.head_right)
    most = max(_lines(label, width) for label, width in zip((*grid.stub, *grid.columns), widths, strict=True))
    sheet.set_row(4, _LINE * most)
    for line, row in enumerate(grid.rows, 5):
        _line(sheet, line, row, looks)
        sheet.set_row(line, _LINE * max(_lines(label, width) for label, width in zip(row.labels, widths, strict=False)))
    for line, note in enumerate(_below(paper, grid), 6 + len(grid.rows)):
        _prose(sheet, line, note, looks.text, widths)
    sheet.freeze_panes(5, stub)
    sheet.repeat_rows(4)
    _page_setup(sheet, paper)


def _prose(sheet: Any, line: int, text: str, look: Any, widths: list[int]) -> None:
    """A text over the whole width of the table, as many lines high as it needs."""
    last = len(widths) - 1
    sheet.merge_range(line, 0, line, last, "", look)
    sheet.write_string(line, 0, text, look)
    size = 1.5 if look.font_size > _POINTS else 1
    sheet.set_row(line, _LINE * size * _lines(text, int(sum(widths) / size)))


def _lines(text: str, width: int) -> int:
    """How many lines a text has in a column of this width, at least one."""
    return max(1, len(wrap(text, max(1, width - 1))))


def _line(sheet: Any, line: int, row: Row, looks: _Looks) -> None:
    label, number = (looks.sum_label, looks.sum_number) if row.is_sum else (looks.label, looks.number)
    for column, text in enumerate(row.labels):
        sheet.write_string(line, column, text, label)
    for column, value in enumerate(row.values, len(row.labels)):
        _cell(sheet, line, column, value, number)


def _cell(sheet: Any, line: int, column: int, value: Value, look: Any) -> None:
    if isinstance(value, Gap):
        sheet.write_string(line, column, value.value, look)
    else:
        sheet.write_number(line, column, value, look)


def _below(paper: Paper, grid: Grid) -> list[str]:
    """What is said under a table."""
    told = [f"{sign} = {meaning}" for sign, meaning in notes.legend(paper, (grid,))]
    told += [notes.left_out(grid.left_out)] if grid.left_out else []
    told += notes.confidentiality(paper)
    return [*told, f"Quelle: {paper.source}. {notes.origin(paper)}"]


def _widths(grid: Grid) -> list[int]:
    """The widths of all columns, in letters: labels of rows have room, headings are broken between words."""
    widths = []
    for column, label in enumerate(grid.stub):
        longest = max((len(row.labels[column]) for row in grid.rows), default=0)
        widths.append(min(_WIDEST, max(16, 3 + len(label), 3 + longest)))
    for label in grid.columns:
        widths.append(min(_WIDEST, max(12, 4 + max((len(word) for word in label.split()), default=0))))
    return widths


def _page_setup(sheet: Any, paper: Paper) -> None:
    """A4, no wider than one page, with what and which page at the foot."""
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    escaped = f"{paper.title}, {paper.period}".replace("&", "&&")
    sheet.set_footer(f"&L{escaped[:180]}&RSeite &P von &N")


def _stored(archive: bytes) -> bytes:
    """The same parts in the same order, uncompressed and with the first date that ZIP knows."""
    text = BytesIO()
    with ZipFile(BytesIO(archive)) as source, ZipFile(text, "w", ZIP_STORED) as target:
        for part in source.infolist():
            told = ZipInfo(part.filename)
            told.create_system = 3  # Unix, as if it were made there
            target.writestr(told, source.read(part))
    return text.getvalue()
