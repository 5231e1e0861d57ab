"""What is given out says the same numbers in every form, with everything that must be said, and nothing that runs."""

from __future__ import annotations

import ast
import hashlib
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import pytest
from lxml import etree, html
from rich.console import Console

from gateway.statistics import notes
from gateway.statistics.grid import Gap, Value, grids, tidy
from gateway.statistics.paper import Paper
from gateway.statistics.rendering import FORMATS, file_name
from gateway.statistics.rendering_csv import END
from gateway.statistics.rendering_terminal import terminal
from tests.unit.statistics import sheets
from tests.unit.statistics.reading import csv_rows, page_tables, workbook

MAKERS: tuple[Callable[[], Paper], ...] = sheets.BY_HAND
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def page() -> bytes:
    """The page with every kind of picture."""
    return rendered(sheets.stock, "html")


@cache
def rendered(make: Callable[[], Paper], form: str) -> bytes:
    """A paper made by hand in one of its forms."""
    return FORMATS[form](make())


def printed(paper: Paper) -> str:
    """What a wide terminal shows."""
    console = Console(file=StringIO(), width=200, color_system=None)
    console.print(terminal(paper))
    return str(console.file.getvalue())  # type: ignore[attr-defined]  # a StringIO


def number(value: Value, zero: str) -> str:
    """A number as a form writes it that does not group digits."""
    return value.value if isinstance(value, Gap) else zero if value == 0 else str(value)


@pytest.mark.parametrize("make", MAKERS)
def test_the_csv_has_every_number(make: Callable[[], Paper]) -> None:
    """Each published number has its line, after the names of the columns and before the rule."""
    paper = make()
    rows = csv_rows(rendered(make, "csv"))
    end = rows.index([END])
    zero = "-" if paper.is_exact else "0"
    assert [row[-1] for row in rows[1:end]] == [number(value, zero) for _, value in tidy(paper)]
    assert {len(row) for row in rows[:end]} == {len(paper.published.dimensions) + 1}
    assert rows[0][-1] == "Personen"


@pytest.mark.parametrize("make", MAKERS)
def test_the_workbook_has_every_table(make: Callable[[], Paper]) -> None:
    """Each table is a sheet; its numbers are numbers, what is withheld is a point."""
    paper = make()
    book = workbook(rendered(make, "xlsx"))
    assert list(book) == ["Übersicht", *(f"Tabelle {one}" for one in range(1, len(grids(paper)) + 1))]
    for place, grid in enumerate(grids(paper), 1):
        cells, stub = book[f"Tabelle {place}"], len(grid.stub)
        for line, row in enumerate(grid.rows, 6):
            letters = [chr(ord("A") + column) for column in range(stub + len(row.values))]
            told = [cells[f"{letter}{line}"] for letter in letters]
            assert told[:stub] == list(row.labels)
            assert told[stub:] == [one.value if isinstance(one, Gap) else one for one in row.values]


@pytest.mark.parametrize("make", MAKERS)
def test_the_page_has_every_table(make: Callable[[], Paper]) -> None:
    """Read out, each table has its rows and numbers; a sign is read as what it means."""
    paper = make()
    told = [
        [[*row.labels, *(read_out(one, exact=paper.is_exact) for one in row.values)] for row in grid.rows]
        for grid in grids(paper)
    ]
    seen = page_tables(rendered(make, "html"))
    for table, grid in zip(seen, told, strict=True):
        assert [[" ".join(cell.split()) for cell in row] for row in grid] == table


def read_out(value: Value, *, exact: bool) -> str:
    """A number as a screen reader says it."""
    if isinstance(value, Gap):
        return {".": "gesperrt", "x": "nicht vorgesehen"}[value.value]
    return "null" if value == 0 and exact else f"{value:,}".replace(",", ".")


@pytest.mark.parametrize("make", MAKERS)
def test_everything_that_must_be_said_is_said(make: Callable[[], Paper]) -> None:
    """Source, dates, definition, purpose, audience, signs and confidentiality stand on each form."""
    paper = replace(make(), withdrawn=True, number=None, filters=("Statusgruppe: Duldung",))
    book = workbook(FORMATS["xlsx"](paper))
    text = " ".join(html.document_fromstring(FORMATS["html"](paper)).text_content().split())
    forms = {
        "csv": "\n".join(" ".join(row) for row in csv_rows(FORMATS["csv"](paper))),
        "xlsx": "\n".join(str(cell) for cell in book["Übersicht"].values()),
        "html": text,
        "terminal": " ".join(printed(paper).split()),
    }
    for name, form in forms.items():
        for _, said in notes.facts(paper):
            assert said in form, (name, said)
        for said in (*notes.confidentiality(paper), *notes.warnings(paper), paper.title):
            assert said in form, (name, said)
        for _, meaning in notes.legend(paper, grids(paper)):
            assert meaning in form, (name, meaning)
    assert notes.warnings(paper) == (notes.DRAFT, notes.WITHDRAWN)
    for sheet in book.values():
        assert f"{notes.DRAFT} {notes.WITHDRAWN}" in sheet.values()


def test_labels_stay_text() -> None:
    """A label that is a formula, a link, a tag or markup is shown as it is in every form."""
    paper = sheets.hostile()
    content = rendered(sheets.hostile, "html")
    assert b"<b>x" not in content
    assert page_tables(content)[0][0][0] == sheets.HOSTILE
    drawn = [one.text or "" for one in html.document_fromstring(content).iter("text")]
    assert any("$a$" in one for one in drawn)
    assert sheets.HOSTILE in printed(paper)
    labels = [row[0] for row in csv_rows(FORMATS["csv"](paper))]
    assert not [one for one in labels if one.startswith(("=", "+", "@")) or (one.startswith("-") and one != "-")]
    with ZipFile(BytesIO(FORMATS["xlsx"](paper))) as parts:
        names = parts.namelist()
        assert not [one for one in names if "vba" in one.lower() or "externalLink" in one or "_rels/sheet" in one]
    assert sheets.HOSTILE in workbook(FORMATS["xlsx"](paper))["Tabelle 1"].values()


def test_zeros_are_told_apart() -> None:
    """A true zero is a dash; where numbers were rounded or moved, 0 stays 0, and the legend says why."""
    exact, rounded = sheets.stock(), sheets.districts()
    assert "–" in dict(notes.legend(exact, grids(exact)))
    assert "0" in dict(notes.legend(rounded, grids(rounded)))
    assert "null" not in str(page_tables(rendered(sheets.districts, "html")))
    assert any("gerundet" in one for one in notes.confidentiality(rounded))
    assert any("Cell-Key" in one for one in notes.confidentiality(rounded))
    assert notes.confidentiality(replace(exact, zeros=False))[0].startswith("Zahlen von 0 bis 4")
    assert notes.confidentiality(replace(exact, threshold=1)) == ("Alle Zahlen sind genau; keine ist gesperrt.",)


def test_nothing_is_fetched_and_nothing_runs(page: bytes) -> None:
    """The page has no script and no address but fragments of its own, each of which is there once."""
    tree = html.document_fromstring(page)
    ids = [one.get("id") for one in tree.iter() if isinstance(one.tag, str) and one.get("id")]
    assert len(ids) == len(set(ids))
    assert not list(tree.iter("script", "link", "img", "iframe", "object", "form"))
    assert not [name for one in tree.iter() if isinstance(one.tag, str) for name in one.attrib if name.startswith("on")]
    targets = [value for one in tree.iter() for name, value in one.attrib.items() if name in ("href", "src")]
    assert {one[0] for one in targets} == {"#"}
    assert {one[1:] for one in targets} <= set(ids)
    assert set(re.findall(rb"url\(#([^)]*)\)", page)) <= {one.encode() for one in ids}
    assert not re.search(rb"@import|url\((?!#)", page)


def test_every_picture_is_named_and_described(page: bytes) -> None:
    """A pyramid, bars and time lines, each in two sizes, with a title and a text that says what it shows."""
    tree = html.document_fromstring(page)
    keys = [one.get("id") for one in tree.iter("figure")]
    assert keys == ["alterspyramide", "balken-statusgruppe", "verlauf", "verlauf-statusgruppe", "verlauf-geschlecht"]
    for picture in tree.iter("svg"):
        title, text = (picture.find(name) for name in ("title", "desc"))
        assert picture.get("role") == "img"
        assert picture.get("aria-labelledby") == f"{title.get('id')} {text.get('id')}"
        assert len(text.text) > 40
    assert [one.get("class") for one in tree.iter("svg")] == ["breit", "schmal"] * 5


def test_pictures_follow_the_colours_of_the_page(page: bytes) -> None:
    """No picture has a colour or a font of its own, so that dark windows, paper and the reader's fonts are obeyed."""
    for picture in re.findall(rb"<svg.*?</svg>", page, re.DOTALL):
        etree.fromstring(picture.replace(b"<svg", b'<svg xmlns="http://www.w3.org/2000/svg"'))
        assert not re.search(rb"#[0-9a-fA-F]{3,8}\b", re.sub(rb'(href="|url\()#[^")]*', b"", picture))
        assert b"font-family" not in picture
        assert b'\n"' not in picture


def test_equal_papers_give_equal_bytes(tmp_path: Path) -> None:
    """Another process, hash seed, time zone, folder and matplotlibrc change no byte of any form."""
    (tmp_path / "matplotlibrc").write_text(
        "svg.hashsalt: other\nfont.size: 30\npath.sketch: 1, 100, 2\nlines.solid_capstyle: round\n"
    )
    code = (
        "import sys, hashlib; sys.path.insert(0, sys.argv[1])\n"
        "from gateway.statistics.rendering import FORMATS; from tests.unit.statistics import sheets\n"
        "print(*(hashlib.sha256(form(sheets.stock())).hexdigest() for form in FORMATS.values()))"
    )
    environment = {"PYTHONHASHSEED": "7", "TZ": "Pacific/Auckland", "HOME": str(Path.home()), "LC_ALL": "C"}
    told = subprocess.run(
        [sys.executable, "-c", code, str(ROOT)],
        cwd=tmp_path, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert told.stdout.split() == [hashlib.sha256(rendered(sheets.stock, form)).hexdigest() for form in FORMATS]


def test_workbooks_hold_no_time_and_no_compression() -> None:
    """What differs between machines is in no workbook: the date is the day of counting, parts are stored."""
    with ZipFile(BytesIO(FORMATS["xlsx"](sheets.stock()))) as parts:
        assert {(one.compress_type, one.date_time) for one in parts.infolist()} == {(ZIP_STORED, (1980, 1, 1, 0, 0, 0))}
        assert b"2026-12-02T00:00:00Z" in parts.read("docProps/core.xml")


def test_servers_load_nothing_that_draws_or_computes() -> None:
    """Libraries that draw, compute or write workbooks are loaded by the modules that need them, and nobody else loads
    those when it is loaded itself.
    """
    heavy = ("matplotlib", "numpy", "scipy", "xlsxwriter", *(f"gateway.statistics.{name}" for name in _HEAVY))
    found = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in (ROOT / "gateway").rglob("*.py")
        for name in _loaded(ast.parse(path.read_text("utf-8")))
        if name.startswith(heavy)
    }
    assert {path for path, _ in found} <= {f"gateway/statistics/{name}.py" for name in _HEAVY}
    assert ("gateway/statistics/drawing.py", "matplotlib.figure") in found
    assert ("gateway/statistics/solving.py", "scipy.optimize") in found


_HEAVY = (
    "attacking", "differencing", "drawing", "lattice", "protecting", "proving", "safety", "solving", "viewing",
)  # fmt: skip


def _loaded(module: ast.Module) -> list[str]:
    """What a module loads when it is loaded: imports outside of functions and of blocks for type checkers."""
    names: list[str] = []
    for node in module.body:
        if isinstance(node, ast.Import):
            names += [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}", *(f"{node.module}.{one.name}" for one in node.names)]
    return names


def test_file_names_name_no_person() -> None:
    """A file is named by definition, last day, audience and version."""
    assert file_name(sheets.stock(), "csv") == "bestand-status-2026-11-28-oeffentlich-2.csv"
