"""The portal in a browser: axe-core finds nothing, nothing overflows, nothing comes from outside."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.interop.calling import House
from tests.interop.stacks import FOREIGN, INSTALLED, run
from tests.unit.portal.built import files

KINDS = (
    "index.html",
    "ueber.html",
    "fehler/index.html",
    "fehler/aufrufer-unbekannt.html",
    "fehler/zweck-nicht-vereinbart.html",
    "anwendungen/sozialamt-1/index.html",
    "anwendungen/sozialamt-1/vereinbarung.html",
    "anwendungen/sozialamt-1/signatur.html",
    "anwendungen/sozialamt-1/aenderungen.html",
    "anwendungen/sozialamt-1/codelisten/geschlecht.html",
    "anwendungen/sozialamt-1/anbinden/java.html",
    "anwendungen/wohnung2000-1/felder.html",
    "anwendungen/wohnung2000-1/signatur.html",
    "anwendungen/wohnung2000-1/operationen/personAbrufen.html",
)
"""One page of each template, and of its variants."""

Shown = list[dict[str, object]]


@pytest.fixture(scope="module")
def shown(house: House, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """Every page in a narrow window; one of each kind narrow and wide, light and dark, with axe-core."""
    folder = tmp_path_factory.mktemp("browser")
    shots = os.environ.get("PORTAL_SCREENSHOTS")
    rest = [path for path in files() if path.endswith(".html") and path not in KINDS]
    windows: list[dict[str, object]] = [{"width": 360, "scheme": "light", "paths": rest, "checked": False}]
    for width, scheme in ((360, "light"), (1280, "light"), (1280, "dark")):
        windows.append({"width": width, "scheme": scheme, "paths": KINDS, "checked": True, "shots": shots})
    chromium = shutil.which("chromium")
    assert chromium
    base = f"{house.running.base_url}/"
    task = folder / "task.json"
    task.write_text(json.dumps({"chromium": chromium, "base": base, "windows": windows}), "utf-8")
    lines = run(["node", FOREIGN / "portal.mjs", task, INSTALLED]).splitlines()
    found = [json.loads(line) for line in lines]
    assert len(found) == len(rest) + 3 * len(KINDS)
    return found


def test_axe_finds_nothing(shown: Shown) -> None:
    """No rule of axe-core (WCAG 2.1 AA, which BITV demands, and its own) is broken, in either colour scheme."""
    assert [(one["path"], one["width"], one["scheme"], one["violations"]) for one in shown if one["violations"]] == []


def test_nothing_overflows(shown: Shown) -> None:
    """In a window of 360 pixels no page is wider than it; tables and programs scroll in themselves."""
    assert [(one["path"], one["width"], one["overflow"]) for one in shown if int(str(one["overflow"])) > 0] == []


def test_nothing_comes_from_outside(house: House, shown: Shown) -> None:
    """A page loads itself and our style sheet, which takes effect, and the browser has nothing to complain of."""
    base = f"{house.running.base_url}/"
    for one in shown:
        assert one["status"] == 200
        assert one["said"] == []
        assert one["styled"] is True
        assert set(one["loaded"]) - {f"{base}favicon.ico"} <= {f"{base}{one['path']}", f"{base}portal.css"}  # type: ignore[call-overload]  # a list


def test_the_keyboard_finds_the_content(shown: Shown) -> None:
    """The first stop of the tabulator is a visible link past the navigation."""
    assert {json.dumps(one["first"]) for one in shown} == {'{"href": "#inhalt", "seen": true}'}


def test_every_kind_of_page_is_among_them() -> None:
    """Each template has made one of the pages that axe-core sees."""
    folder = Path(__file__).parents[2] / "gateway" / "portal" / "templates"
    assert len(KINDS) >= len({path.stem for path in folder.glob("*.html")} - {"seite", "teile"})
    assert {"felder", "signatur", "vereinbarung", "aenderungen"} <= {Path(path).stem for path in KINDS}
    assert set(KINDS) <= set(files())
