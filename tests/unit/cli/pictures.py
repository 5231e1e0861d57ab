"""What the commands print, as the pictures in docs/bilder: `python -m tests.unit.cli.pictures` draws them anew.

The commands' own tables are drawn, of an installation made for it. What differs from one installation to the next
(folder, fingerprints, free space) is replaced before, so that the same command gives the same bytes.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, RenderableType
from rich.table import Table

from gateway.app import build
from gateway.cli import certificate, health, settings
from gateway.health import CHECKS, Finding, examine
from gateway.settings import HealthSettings, Told
from gateway.store import backup
from gateway.store.reconciled import Outcome, Reconciled
from tests.unit.exchange.house import message
from tests.unit.place import NOW, Place, make
from tests.unit.store.store_kit import Holding

PICTURES = Path(__file__).parents[3] / "docs" / "bilder"
WIDTH = 110
_NOT_SHOWN = ("source", "probe")
"""Both ask others, and what comes back differs."""
_FONT = re.compile(r"\s*@font-face \{\{.*?\}\}", re.DOTALL)
"""Rich would have it fetched from the internet."""


def drawn(place: Place) -> Iterator[tuple[str, str]]:
    """Name and content of each picture."""
    findings = [_lasting(one) for one in _examined(place)]
    yield "health", picture("gateway health", health.table(findings))
    told = health.explanation("workers", HealthSettings())
    yield "explain", picture("gateway health --explain workers", told)
    path = place.folder / "settings.toml"
    shown = [Told(one.name, _elsewhere(place, one.value), one.origin) for one in settings.shown(path)]
    yield "settings", picture("gateway settings show", settings.table(Path("/etc/gateway/settings.toml"), shown))
    yield "certificates", picture("gateway certificate list", _table(certificate.table(place.settings, NOW)))


def picture(title: str, content: RenderableType) -> str:
    """What a terminal of WIDTH columns shows."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(content, highlight=False)
    form = _FONT.sub("", CONSOLE_SVG_FORMAT).replace("Fira Code, monospace", "DejaVu Sans Mono, monospace")
    drawn = console.export_svg(title=title, unique_id="bild", code_format=form)
    return "\n".join(line.rstrip() for line in drawn.splitlines()) + "\n"


def _examined(place: Place) -> list[Finding]:
    """A gateway that has polled, answered and been backed up; nobody serves at the moment."""
    with build(place.settings, clock=lambda: NOW) as app:
        place.ask(app, "wohnung2000", message())
        Holding(app.store, app.database).finish_poll("okvisa", NOW, NOW)
        app.store.note_reconciliation("okvisa", Reconciled(Outcome.BEGUN, NOW, None, {}))
        backup.remember(app.database, NOW)
    return examine(place.settings, NOW, only=[name for name in CHECKS if name not in _NOT_SHOWN])


def _lasting(one: Finding) -> Finding:
    text = re.sub(r"[0-9]+ MiB free", "48213 MiB free", one.text)
    return replace(one, check="disk gateway" if one.check.startswith("disk ") else one.check, text=text)


def _elsewhere(place: Place, value: object) -> object:
    if isinstance(value, list):
        return [_elsewhere(place, one) for one in value]
    return value if value is None else _fingerprints(str(value).replace(str(place.folder.resolve()), "/etc/gateway"))


def _fingerprints(text: str) -> str:
    return re.sub("sha256:[0-9a-f]{64}", "sha256:" + "0123456789abcdef" * 4, text)


def _table(table: Table) -> Table:
    for column in table.columns:
        column._cells = [_fingerprints(str(cell)) for cell in column._cells]
    return table


def written(folder: Path = PICTURES) -> Mapping[str, str]:
    """What lies in docs, or elsewhere."""
    return {path.stem: path.read_text("utf-8") for path in folder.glob("*.svg")}


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES
    with tempfile.TemporaryDirectory() as folder:
        target.mkdir(exist_ok=True)
        for name, content in drawn(make(Path(folder))):
            (target / f"{name}.svg").write_text(content, "utf-8")
