"""`gateway person erase` and `gateway notice`: one person gone for good, and whoever was told of it notified."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.agreements.agreement import Agreement, OperationTerms
from gateway.agreements.operation import Operation
from gateway.app import App, build
from gateway.cli.main import cli
from gateway.health import CHECKS, Finding, State, examine
from gateway.store.batch import Batch, Change
from gateway.store.search import Criteria
from tests.unit.place import NOW, Place
from tests.unit.store.store_kit import Holding, grant, removal, upsert

ASYLUM = {"aufenthaltsstatus": [{"art": "AG01", "beginn": "2026-01-01"}]}
NAME = {"familienname": "Unverwechselbar", "religionszugehoerigkeit": "EV"} | ASYLUM


@pytest.fixture(autouse=True)
def _no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(CHECKS, "source")


def run(place: Place, *arguments: str, typed: str = "") -> Result:
    group, command, *rest = arguments
    given = [group, command, "--settings", str(place.folder / "settings.toml"), *rest]
    return CliRunner().invoke(cli, given, input=typed)


def take(app: App, *changes: Change, agreements: dict[str, Agreement] | None = None) -> None:
    every = app.rules.agreements if agreements is None else agreements
    batch = Batch("okvisa", changes)
    Holding(app.store, app.database).ingest(batch, every, now=NOW, stichtag=NOW.date())


def by_letter(app: App) -> dict[str, Agreement]:
    """The agreements, and one of an application that may only ask singly."""
    terms = {one: OperationTerms() for one in (Operation.PERSON_ABRUFEN, Operation.PERSON_SUCHEN)}
    name = "sozialamt/1"
    return {
        **app.rules.agreements,
        "briefe/1": replace(app.rules.agreements[name], application="briefe", operations=terms),
    }


def ask(app: App, agreement: Agreement) -> dict[str, Any]:
    """What a search and a single query tell of the person."""
    today = NOW.date()
    (found,) = app.store.search(grant(agreement, Operation.PERSON_SUCHEN, today), Criteria("Unverwechselbar", "Ada"))
    told = app.store.find(grant(agreement, Operation.PERSON_ABRUFEN, today), found.kennung)
    assert told is not None
    return told.tree


def allowed(agreement: Agreement) -> Agreement:
    return replace(agreement, purposes={"U1": "Prüfung"})


@pytest.fixture
def told(place: Place) -> Place:
    """Sozialamt has the person by its feed, and one field by a single query; another office by single queries."""
    with build(place.settings, clock=lambda: NOW) as app:
        every = by_letter(app)
        take(app, upsert("4711", 1, person=NAME), upsert("2", 1, person=ASYLUM), agreements=every)
        settle(app)
        assert ask(app, allowed(every["sozialamt/1"]))["religionszugehoerigkeit"] == "EV"
        ask(app, allowed(every["briefe/1"]))
        app.audit.checkpoint()
    return place


def feed(app: App) -> list[str]:
    one = grant(allowed(app.rules.agreements["sozialamt/1"]), today=NOW.date())
    return [change.kind.value for change in app.store.changes(one, 100).changes]


def settle(app: App) -> None:
    one = grant(allowed(app.rules.agreements["sozialamt/1"]), today=NOW.date())
    page = app.store.changes(one, 100)
    app.store.acknowledge(one, page.last_number, page.epoch)


def findings(place: Place, days: float) -> dict[str, Finding]:
    return {one.check: one for one in examine(place.settings, NOW + timedelta(days=days), only=["notifications"])}


def test_a_person_is_erased_and_everyone_is_notified(told: Place) -> None:
    """Asked again first; then gone for good, on the trail, in the feed of one office and in a letter to the other."""
    assert run(told, "person", "erase", "--number", "4711", typed="n\n").exit_code == 1
    done = run(told, "person", "erase", typed="4711\ny\n")
    assert (done.exit_code, "erased" in done.output) == (0, True)
    content = b"".join(path.read_bytes() for path in told.folder.glob("*") if path.is_file())
    assert b"Unverwechselbar" not in content
    assert b"4711" not in b"".join(path.read_bytes() for path in told.folder.glob("gateway.sqlite*"))
    with build(told.settings, clock=lambda: NOW) as app:
        assert feed(app) == ["entfallen"]
        assert [(one.application, one.kind.value) for one in app.store.notices()] == [("briefe", "loeschung")]
        take(app, upsert("4711", 9, person=NAME))
        assert app.store.subject("okvisa", "4711") is None
    assert CliRunner().invoke(cli, ["audit", "verify", "--settings", str(told.folder / "settings.toml")]).exit_code == 0
    again = run(told, "person", "erase", "--number", "4711", "--yes")
    assert (again.exit_code, "nothing left" in again.output) == (0, True)


def test_a_mistyped_number_erases_and_bars_nobody(told: Place) -> None:
    """Who is not held is not barred by accident; on request he is."""
    assert run(told, "person", "erase", "--number", "4712", "--yes").exit_code == 1
    with build(told.settings, clock=lambda: NOW) as app:
        take(app, upsert("4712", 9))
        assert app.store.subject("okvisa", "4712") is not None
    assert run(told, "person", "erase", "--number", "4713", "--yes", "--even-unknown").exit_code == 0
    with build(told.settings, clock=lambda: NOW) as app:
        take(app, upsert("4713", 9))
        assert app.store.subject("okvisa", "4713") is None


def test_a_restore_and_a_full_poll_bring_nobody_back(told: Place) -> None:
    """Yesterday's database, `checkpoint --restored` and everything the source says: the person stays away."""
    path = told.folder / "gateway.sqlite"
    backup = path.read_bytes()
    assert run(told, "person", "erase", "--number", "4711", "--yes").exit_code == 0
    for file in told.folder.glob("gateway.sqlite*"):
        file.unlink()
    path.write_bytes(backup)
    restored = run(told, "audit", "checkpoint", "--restored")
    assert (restored.exit_code, "1 persons erased again" in restored.output) == (0, True)
    with build(told.settings, clock=lambda: NOW) as app:
        take(app, upsert("4711", 9, person=NAME), upsert("2", 9, person=ASYLUM))
        assert app.store.subject("okvisa", "4711") is None
        assert app.store.subject("okvisa", "2") is not None
    verified = CliRunner().invoke(cli, ["audit", "verify", "--settings", str(told.folder / "settings.toml")])
    assert verified.exit_code == 0, verified.output


def test_letters_are_listed_written_and_settled(told: Place, tmp_path: Path) -> None:
    """The office sees what is open, writes private files once, and settles: then they lead to nobody."""
    with build(told.settings, clock=lambda: NOW) as app:
        take(app, upsert("4711", 2, person=NAME | {"geschlecht": "m"}), agreements=by_letter(app))
        (notice,) = app.store.notices()
    listed = run(told, "notice", "list")
    assert "1 notices to send" in listed.output
    assert "feed sozialamt/1: 1 to be acknowledged" in listed.output
    shown = run(told, "notice", "show", notice.number)
    assert "Geschlecht" in shown.output
    assert "Unverwechselbar" not in shown.output
    out = tmp_path / "letters"
    assert "1 letters written" in run(told, "notice", "export", str(out)).output
    (file,) = out.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text("utf-8") == shown.output
    assert "0 letters written" in run(told, "notice", "export", str(out)).output
    assert run(told, "notice", "settle", notice.number).exit_code == 0
    assert run(told, "notice", "show", notice.number).exit_code == 2
    assert run(told, "notice", "settle", notice.number).exit_code == 2
    assert run(told, "notice", "show", "no-such").exit_code == 2
    assert "0 notices to send" in run(told, "notice", "list", "--all").output


def test_half_a_letter_is_none(told: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A letter that cannot be written to its end is not there, and the next export writes it."""
    with build(told.settings, clock=lambda: NOW) as app:
        take(app, upsert("4711", 2, person=NAME | {"geschlecht": "m"}), agreements=by_letter(app))
    out = tmp_path / "letters"
    with monkeypatch.context() as patch:
        patch.setattr("gateway.cli.notice._letter", lambda _app, found: f"Kennung {found.kennung} \ud800")
        assert isinstance(run(told, "notice", "export", str(out)).exception, UnicodeEncodeError)
    assert not list(out.iterdir())
    assert "1 letters written" in run(told, "notice", "export", str(out)).output


def test_health_escalates_until_all_have_confirmed(told: Place) -> None:
    """OK, WARNING after three days, CRITICAL after seven; gone once acknowledged and settled."""
    assert not {"notifications sozialamt/1", "letters briefe"} & findings(told, 9).keys()
    with build(told.settings, clock=lambda: NOW) as app:
        take(app, upsert("4711", 2, person=NAME | {"geschlecht": "m"}), agreements=by_letter(app))
    for days, state in ((1, State.OK), (4, State.WARNING), (8, State.CRITICAL)):
        found = findings(told, days)
        assert found["notifications sozialamt/1"].state is found["letters briefe"].state is state
    with build(told.settings, clock=lambda: NOW) as app:
        settle(app)
        for one in app.store.notices():
            app.store.settle_notice(one.number)
    assert not {"notifications sozialamt/1", "letters briefe"} & findings(told, 9).keys()


@pytest.mark.parametrize("restricted", ["religionszugehoerigkeit", "familienstand"])
def test_a_restriction_at_the_source_reaches_who_had_the_value(told: Place, restricted: str) -> None:
    """DSGVO Art. 18: from the case system's mark to the feed: the hint goes out, the value no more, singly neither."""
    with build(told.settings, clock=lambda: NOW) as app:
        agreement = allowed(app.rules.agreements["sozialamt/1"])
        take(app, upsert("4711", 2, person=NAME | {"familienstand": "LD"}))
        settle(app)
        take(app, upsert("4711", 3, person=NAME | {"familienstand": "LD"}, eingeschraenkt=[restricted]))
        assert feed(app) == ["geaendert"]
        person = ask(app, agreement)
        assert person["verarbeitungEingeschraenkt"] is True
        assert restricted not in person
        settle(app)
        take(app, upsert("4711", 4, person=NAME | {"familienstand": "LD"}))
        assert feed(app) == ["geaendert"]
        assert restricted in ask(app, agreement)


def test_what_the_source_removes_is_notified_alike(told: Place) -> None:
    """A removal at the source is an erasure here: the feed and the letter say so."""
    with build(told.settings, clock=lambda: NOW) as app:
        take(app, removal("4711", 2), agreements=by_letter(app))
        assert feed(app) == ["entfallen"]
        assert [one.kind.value for one in app.store.notices()] == ["loeschung"]
