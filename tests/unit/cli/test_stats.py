"""`gateway stats`: from the definition to the released table, what is refused, and what the trail is told first."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from gateway import shipped
from gateway.app import build
from gateway.cli import stats_release
from gateway.cli.main import cli
from gateway.errors import GatewayError, ReleaseRefused
from gateway.model.statistic import Counted, Published
from gateway.statistics.definition import Audience, Rule
from gateway.statistics.releasing import Earlier, Safety
from gateway.store import audit_tables
from gateway.wire import cms
from tests.unit.place import Place

DAY = ("--day", "2026-10-31")
ONE, TWO = ("--clerk", "Kanarie Eins"), ("--clerk", "Kanarie Zwei")


def total(counted: Counted, _rule: Rule, _audience: Audience, earlier: Sequence[Earlier]) -> Published:
    """The simplest safe table."""
    return Published(counted.subject, counted.dimensions, {(): {(): 40 + len(earlier)}})


@pytest.fixture(autouse=True)
def _safe(monkeypatch: pytest.MonkeyPatch) -> None:
    """What proves tables safe has its own tests, and takes its time."""
    safety = Safety(total, lambda *_: None)
    monkeypatch.setattr(stats_release, "_safety", lambda: safety)


def run(place: Place, *arguments: str) -> tuple[int, str]:
    """Exit code and output; a refusal is its operator's message, as `gateway` prints it."""
    settings = {"GATEWAY_SETTINGS": str(place.folder / "settings.toml"), "COLUMNS": "250"}
    result = CliRunner().invoke(cli, ["stats", *arguments], env=settings)
    if isinstance(result.exception, GatewayError):
        return 2, result.output + str(result.exception)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def trail(place: Place) -> list[tuple[str, str]]:
    """Operation and purpose of every entry, oldest first; nobody's name stands in them in clear."""
    with build(place.settings) as app, app.database.read() as connection:
        query = sa.select(audit_tables.entry.c.content).order_by(audit_tables.entry.c.batch)
        contents = connection.execute(query).scalars().all()
    assert not any(b"Kanarie" in content for content in contents)
    told = [json.loads(content) for content in contents]
    return [(one["operation"], one.get("zweck", "")) for one in told]


def drafted(place: Place, *arguments: str) -> str:
    """The digest that a run tells."""
    code, said = run(place, "run", *arguments, *ONE)
    assert code == 0, said
    return said.partition("draft:   ")[2][:64]


def signed(place: Place, draft: str, role: str = "abgebende-stelle") -> str:
    key = place.folder / "approvals" / "keys" / role
    code, said = run(place, "sign", draft, "--key", f"{key}.key", "--certificate", f"{key}.pem")
    assert code == 0, said
    return said


def released(place: Place, day: str, audience: str = "rat", *more: str) -> tuple[int, str]:
    """Run, signed and released by another clerk, as an office does it."""
    draft = drafted(place, "bestand", "--day", day, "--audience", audience)
    if audience != "intern":
        signed(place, draft)
    return run(place, "release", "--draft", draft, *TWO, *more)


def test_a_report_is_drafted_released_shown_and_withdrawn(place: Place, tmp_path: Path) -> None:
    """A draft releases nothing; a release is told of by the trail after the run; the files are the same every time."""
    code, said = run(place, "run", "bestand", *DAY)
    assert (code, "Entwurf" in said) == (0, True)
    assert "0 released tables" in run(place, "list")[1]
    draft = drafted(place, "bestand", *DAY, "--audience", "rat")
    assert "TRIAL, no office" in signed(place, draft)
    assert run(place, "release", "--draft", draft, *TWO) == (
        0,
        "released: 1 (bestand for rat, 2026-10-31 to 2026-10-31)\n",
    )
    assert trail(place) == [("statistikErstellen", "bestand"), ("statistikEntwerfen", "bestand")] * 2 + [
        ("statistikFreigeben", "bestand")
    ]
    assert "abgebende-stelle" in run(place, "list")[1]
    for folder in ("one", "two"):
        code, said = run(place, "show", "1", "--out", str(tmp_path / folder), "--format", "csv", "--format", "xlsx")
        assert (code, said.count("written: ")) == (0, 2)
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two")]
    assert files[0] == files[1]
    assert run(place, "show", "1", "--out", str(tmp_path / "one"), "--format", "csv")[0] == 2
    assert "40" in run(place, "show", "1")[1]
    assert run(place, "withdraw", "1", "--reason", "fehler")[0] == 0
    assert "41" in run(place, "run", "bestand", *DAY, "--audience", "rat")[1]


def test_nobody_releases_alone(place: Place) -> None:
    """What leaves the house is signed by the office, and let out by somebody else than had it made; each alone is not
    enough, nor is another role's signature, or one over another draft.
    """
    draft = drafted(place, "bestand", *DAY, "--audience", "oeffentlich")
    assert "not approved by abgebende-stelle: there is no signature" in run(place, "release", "--draft", draft, *TWO)[1]
    signed(place, draft, "datenschutzbeauftragte")
    assert "which the settings do not trust for this role" in run(place, "release", "--draft", draft, *TWO)[1]
    signed(place, draft)
    assert "somebody else must release" in run(place, "release", "--draft", draft, *ONE)[1]
    other = drafted(place, "bestand", *DAY, "--audience", "rat")
    folder = place.folder / "approvals" / "statistik"
    shutil.copy(folder / f"{draft}.abgebende-stelle.p7s", folder / f"{other}.abgebende-stelle.p7s")
    assert "made over other bytes" in run(place, "release", "--draft", other, *TWO)[1]
    assert "0 released tables" in run(place, "list")[1]
    assert run(place, "release", "--draft", draft, *TWO)[0] == 0
    inside = drafted(place, "bestand", *DAY)
    assert run(place, "release", "--draft", inside, *ONE)[0] == 0


def test_a_draft_is_signed_elsewhere(place: Place, tmp_path: Path) -> None:
    """What `show` writes of a draft are the bytes that a role signs, with tools of its own."""
    draft = drafted(place, "bestand", *DAY, "--audience", "rat")
    code, said = run(place, "show", draft, "--out", str(tmp_path / "draft"))
    assert (code, said.count("written: ")) == (0, 4)
    content = (tmp_path / "draft" / f"{draft}.json").read_bytes()
    assert sha256(content).hexdigest() == draft
    key = place.folder / "approvals" / "keys" / "abgebende-stelle"
    pair = cms.load_pair(key.with_suffix(".key"), key.with_suffix(".pem"))
    folder = place.folder / "approvals" / "statistik"
    folder.mkdir()
    (folder / f"{draft}.abgebende-stelle.p7s").write_bytes(cms.sign_detached(content, pair))
    assert run(place, "release", "--draft", draft, *TWO)[0] == 0
    assert "no such draft" in run(place, "show", draft)[1]
    assert "64 hexadecimal digits" in run(place, "show", "entwurf")[1]


def test_a_restored_register_is_not_trusted_unsaid(place: Place) -> None:
    """Between the backup and the restore something may have been told; somebody must say that it is in again."""
    assert released(place, "2026-08-31")[0] == 0
    with build(place.settings) as app:
        app.audit.checkpoint(restored=True)
    code, said = released(place, "2026-10-31")
    assert (code, "was restored since the last release" in said) == (2, True)
    assert released(place, "2026-10-31", "rat", "--after-restore")[0] == 0
    assert released(place, "2026-09-30")[0] == 0


def test_what_may_not_be_had_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """No such report or release, a day to come, a table that is out already, one that is not safe: with the reason, and
    by `run`, before anybody has looked at a draft in vain.
    """
    assert "there is no such report" in run(place, "run", "alles", *DAY)[1]
    assert "there is no release 7" in run(place, "show", "7")[1]
    assert "there is no release 7" in run(place, "withdraw", "7", "--reason", "fehler")[1]
    assert "still to come" in run(place, "run", "bestand", "--day", "2999-12-31")[1]
    assert "not for the audience" in run(place, "run", "auszug", *DAY, "--audience", "oeffentlich")[1]
    assert "64 hexadecimal digits" in run(place, "release", "--draft", "alles")[1]
    assert "no such draft" in run(place, "release", "--draft", "0" * 64)[1]
    assert released(place, "2026-10-31")[0] == 0
    runs = len(trail(place))
    assert "withdraw it first" in run(place, "run", "bestand", *DAY, "--audience", "rat")[1]
    assert len(trail(place)) == runs, "it was counted for nothing"

    def unsafe(*_told: object) -> Published:
        raise ReleaseRefused(reasons=["withheld cells of release 1 would follow"])

    monkeypatch.setattr(stats_release, "_safety", lambda: Safety(unsafe, lambda *_: None))
    code, said = run(place, "run", "bestand", "--day", "2026-09-30", "--audience", "rat")
    assert (code, "release 1 would follow" in said) == (2, True)
    assert "1 released tables" in run(place, "list")[1]


def test_a_definition_that_was_changed_after_a_release_is_found(place: Place) -> None:
    """Under the same version another text counts nothing any more; with the next version it does."""
    shutil.copytree(shipped.schemas() / "statistik", place.folder / "schemas" / "statistik")
    assert run(place, "check")[0] == 0
    assert released(place, "2026-10-31")[0] == 0
    early = drafted(place, "bestand", "--day", "2026-08-31", "--audience", "rat")
    signed(place, early)
    path = place.folder / "schemas" / "statistik" / "bestand.toml"
    path.write_text(path.read_text("utf-8").replace("mindestzahl = 5", "mindestzahl = 4"), "utf-8")
    code, said = run(place, "check")
    assert (code, "raise fassung" in said) == (1, True)
    late = ("run", "bestand", "--day", "2026-09-30", "--audience", "rat")
    assert "raise fassung" in run(place, *late)[1]
    assert "was changed since" in run(place, "release", "--draft", early, *TWO)[1]
    path.write_text(path.read_text("utf-8").replace("fassung = 1", "fassung = 2"), "utf-8")
    assert run(place, "check")[0] == 0
    assert run(place, *late)[0] == 0


def test_an_agreement_names_only_reports_there_are(place: Place) -> None:
    """`gateway agreement check` knows the definitions beside it, and every mistake in them."""
    shutil.copytree(shipped.schemas() / "statistik", place.folder / "schemas" / "statistik")
    (place.folder / "schemas" / "statistik" / "abgang.toml").unlink()
    settings = {"GATEWAY_SETTINGS": str(place.folder / "settings.toml")}
    result = CliRunner().invoke(cli, ["agreement", "check"], env=settings)
    assert result.exit_code == 1
    assert "statistikstelle: statistik.berichte: abgang is no report" in result.output
    (place.folder / "schemas" / "statistik" / "zugang.toml").write_text("nichts", "utf-8")
    assert "zugang.toml" in CliRunner().invoke(cli, ["agreement", "check"], env=settings).output
