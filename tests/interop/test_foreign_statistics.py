"""Statistics as offices meet them: pages in a browser and on paper, workbooks and CSV in LibreOffice."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from lxml import html

from gateway.statistics.grid import Gap, Value, grids, shown
from gateway.statistics.paper import Paper
from gateway.statistics.rendering import FORMATS
from tests.interop.stacks import FOREIGN, INSTALLED, run
from tests.unit.statistics import sheets
from tests.unit.statistics.reading import csv_rows

Shown = list[dict[str, object]]

BY_HAND = {make.__name__: make() for make in sheets.BY_HAND}
PAPERS: dict[str, Paper] = BY_HAND | {
    f"{name}-{audience}": sheets.shipped(name, audience, former=3)
    for name, one in sheets.definitions().items()
    for audience in one.rules
}
"""Every kind of table by hand, and every shipped report for each audience."""

UPRIGHT, ACROSS = 680, 1009
"""Pixels between the margins of A4, upright and laid across."""

_EVERY_SHEET = "csv:Text - txt - csv (StarCalc):59,34,76,1,,0,false,false,false,false,false,-1"
_AS_SHOWN = "csv:Text - txt - csv (StarCalc):59,34,76,1,,0,false,true"
_GERMAN_CSV = "Text - txt - csv (StarCalc):59,34,76,1,,1031,false,false"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        """There is no icon, and that is no fault."""
        if self.path != "/favicon.ico":
            super().do_GET()
            return
        self.send_response(HTTPStatus.NO_CONTENT)
        self.end_headers()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every paper in every form."""
    made = tmp_path_factory.mktemp("statistics")
    for name, paper in PAPERS.items():
        for form, render in FORMATS.items():
            (made / f"{name}.{form}").write_bytes(render(paper))
    return made


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """Where the folder is served, on this machine only."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def pages(address: str, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """Every page narrow and wide, with axe-core, those by hand light and dark; and as it is printed."""
    every, by_hand = ([f"{name}.html" for name in papers] for papers in (PAPERS, BY_HAND))
    told: tuple[tuple[int, str, list[str]], ...] = (
        (360, "light", every), (360, "dark", by_hand), (1280, "light", by_hand), (1280, "dark", every),
    )  # fmt: skip
    shots = os.environ.get("PORTAL_SCREENSHOTS")
    windows: list[dict[str, object]] = [
        {"width": width, "scheme": scheme, "checked": True, "paths": paths, "shots": shots}
        for width, scheme, paths in told
    ]
    wide = {one for one in every if b"A4 landscape" in (folder / one).read_bytes()}
    for width, paths in ((UPRIGHT, [one for one in every if one not in wide]), (ACROSS, sorted(wide))):
        windows.append(
            {"width": width, "scheme": "dark", "media": "print", "checked": False, "paths": paths, "shots": shots}
        )
    chromium = shutil.which("chromium")
    assert chromium
    task = tmp_path_factory.mktemp("browser") / "task.json"
    task.write_text(json.dumps({"chromium": chromium, "base": address, "windows": windows}), "utf-8")
    found = [json.loads(line) for line in run(["node", FOREIGN / "portal.mjs", task, INSTALLED]).splitlines()]
    assert len(found) == 3 * len(every) + 2 * len(by_hand)
    return found


def test_axe_finds_nothing(pages: Shown) -> None:
    """No rule of axe-core (WCAG 2.1 AA, which BITV demands, and its own) is broken, in either colour scheme."""
    assert [(one["path"], one["width"], one["scheme"], one["violations"]) for one in pages if one["violations"]] == []


def test_nothing_overflows(pages: Shown) -> None:
    """No page is wider than the window or the sheet of paper; wide tables scroll in themselves."""
    assert [(one["path"], one["width"], one["overflow"]) for one in pages if int(str(one["overflow"])) > 0] == []


def test_every_word_of_a_picture_can_be_read(pages: Shown) -> None:
    """In the browser's font no text of a picture is cut off, and none lies upon another."""
    assert [(one["path"], one["width"], one["unreadable"]) for one in pages if one["unreadable"]] == []


def test_nothing_comes_from_outside(address: str, pages: Shown) -> None:
    """A page loads itself and nothing else, and the browser has nothing to complain of."""
    for one in pages:
        assert one["status"] == 200
        assert one["said"] == []
        assert set(one["loaded"]) - {f"{address}favicon.ico"} == {f"{address}{one['path']}"}  # type: ignore[call-overload]  # a list


def test_the_keyboard_finds_the_content(pages: Shown) -> None:
    """On a screen the first stop of the tabulator is a visible link past the head."""
    told = {json.dumps(one["first"]) for one in pages if one["width"] not in (UPRIGHT, ACROSS)}
    assert told == {'{"href": "#inhalt", "seen": true}'}


def test_libreoffice_reads_every_workbook(folder: Path, tmp_path: Path) -> None:
    """Cell by cell: labels as they are, numbers as numbers, withheld ones as points, on the sheets we say."""
    _convert(tmp_path, _EVERY_SHEET, *(folder / f"{name}.xlsx" for name in PAPERS))
    for name, paper in PAPERS.items():
        for number, grid in enumerate(grids(paper), 1):
            rows = _read(tmp_path / f"{name}-Tabelle {number}.csv")
            assert rows[4] == [*grid.stub, *grid.columns], name
            for row, told in zip(grid.rows, rows[5:], strict=False):
                assert told == [*row.labels, *map(_plain, row.values)], name
            assert len(rows) > 5 + len(grid.rows)
        assert _read(tmp_path / f"{name}-Übersicht.csv")[0][0] == paper.title


def test_libreoffice_shows_signs(folder: Path, tmp_path: Path) -> None:
    """As a reader sees the cells: a true zero is a dash, a rounded one is 0, a withheld number a point."""
    _convert(tmp_path, "html:HTML (StarCalc)", folder / "stock.xlsx", folder / "districts.xlsx")
    seen = set()
    for name in ("stock", "districts"):
        _, *sheets_read = html.document_fromstring((tmp_path / f"{name}.html").read_bytes()).iter("table")
        for grid, sheet in zip(grids(PAPERS[name]), sheets_read, strict=True):
            rows = [[" ".join(cell.text_content().split()) for cell in row.iter("td")] for row in sheet.iter("tr")]
            for row, told in zip(grid.rows, rows[5:], strict=False):
                signs = [shown(one, exact=PAPERS[name].is_exact) for one in row.values]
                assert [one.replace(",", ".") for one in told[len(row.labels) :]] == signs
                seen |= set(signs) & {".", "–", "x", "0"}
    assert seen == {".", "–", "x", "0"}


def test_libreoffice_reads_every_csv(folder: Path, tmp_path: Path) -> None:
    """Umlauts, semicolons and quotes arrive, and no cell is taken for a formula."""
    _convert(tmp_path, _AS_SHOWN, f"--infilter={_GERMAN_CSV}", *(folder / f"{name}.csv" for name in PAPERS))
    for name in PAPERS:
        read, written = _read(tmp_path / f"{name}.csv"), csv_rows((folder / f"{name}.csv").read_bytes())
        width = max(map(len, written))
        assert read == [[*row, *[""] * (width - len(row))] for row in written]


def _convert(folder: Path, target: str, *files: Path | str) -> None:
    """LibreOffice with a profile of its own, which it makes."""
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    told = run(["soffice", profile, "--headless", "--convert-to", target, "--outdir", folder, *files])
    assert "Error" not in told


def _read(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text("utf-8").splitlines(), delimiter=";"))


def _plain(value: Value) -> str:
    return value.value if isinstance(value, Gap) else str(value)
