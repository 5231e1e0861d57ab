"""The page of a released table, made of what the register holds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from click.testing import CliRunner, Result

from gateway.app import build
from gateway.cli.main import cli
from gateway.statistics import notes
from gateway.statistics.definition import Audience
from gateway.statistics.paper import AUDIENCES
from gateway.store import released
from gateway.store.audit import Personal
from gateway.store.released import Reason
from gateway.store.released_draft import EMPTY, Report
from tests.unit.place import Place
from tests.unit.statistics import sheets
from tests.unit.statistics.reading import page_tables
from tests.unit.store.released_kit import a_draft


def test_a_page_joins_former_releases_and_says_when_it_is_withdrawn(place: Place, tmp_path: Path) -> None:
    """The page of a release draws the line over those before it; once it is withdrawn, terminal and page say so."""
    _release(place)
    assert _invoke(place, "withdraw", "2", "--reason", Reason.FEHLER.value, "--clerk", "K1").exit_code == 0
    told = _invoke(place, "show", "2").output
    assert "Nr. 2 vom" in told
    assert AUDIENCES["rat"] in told
    assert notes.WITHDRAWN[:12] in told
    assert _invoke(place, "show", "2", "--out", str(tmp_path / "out"), "--format", "html").exit_code == 0
    (path,) = (tmp_path / "out").iterdir()
    page = path.read_bytes()
    assert b'id="verlauf"' in page
    assert notes.WITHDRAWN.encode() in page
    assert page_tables(page)
    assert path.stat().st_mode & 0o777 == 0o600


def _release(place: Place) -> None:
    """Two months of arrivals for the council, as if they had been counted and found safe."""
    definition = sheets.definitions()["zugang"]
    rule = definition.rules[Audience.RAT]
    report = Report(
        definition.name,
        1,
        definition.title,
        definition.purpose,
        definition.legal_bases,
        "rat",
        rule.told(),
        definition.text,
    )
    paper = sheets.shipped("zugang", Audience.RAT, former=1)
    now = datetime.now(UTC)  # the command line knows no other clock
    after = EMPTY
    with build(place.settings) as app:
        for table in (*paper.earlier, paper.published):
            with app.database.write() as connection:
                released.release(
                    connection, app.audit, a_draft(report, table), after=after, now=now, clerk=Personal(kennung="K1")
                )
            with app.database.read() as connection:
                after = released.read(connection).head
        app.audit.checkpoint()
    assert paper.published.subject.period.last == date(2026, 11, 30)


def _invoke(place: Place, command: str, *words: str) -> Result:
    return CliRunner().invoke(cli, ["stats", command, "--settings", str(place.folder / "settings.toml"), *words])
