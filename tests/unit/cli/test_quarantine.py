"""`gateway quarantine`: refused records as daily work, from the list to the report; no value where none belongs."""

from __future__ import annotations

import csv
import re
import shlex
import stat
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.app import build
from gateway.cli.main import cli
from gateway.sources import okvisa_keys
from gateway.sources.okvisa import OkVisa
from gateway.store import audit_index
from gateway.store.audit import Kind
from tests.unit.place import Place, copy
from tests.unit.sources.okvisa_fake import FakeOkVisa, record

DOC = Path(__file__).parents[3] / "docs" / "quarantaene.md"
HOME = "<wohnung><aktuell>J</aktuell><wohnungsart>{}</wohnungsart><ags>05315000</ags></wohnung>"
STATUS = "<aufenthaltstitel><schluessel>AG-01</schluessel><von>01.01.2026</von></aufenthaltstitel>"
SECRETS = ("Ahmadzai", "Karim", "05.04.1990", "=GEHEIM")


class Desk:
    """An installation over a small OK.VISA, and its commands."""

    def __init__(self, place: Place, fake: FakeOkVisa) -> None:
        self.place = place
        self.fake = fake

    def run(self, *arguments: str, given: str = "") -> tuple[int, str]:
        settings = {"GATEWAY_SETTINGS": str(self.place.folder / "settings.toml"), "COLUMNS": "250"}
        result = CliRunner().invoke(cli, arguments, env=settings, input=given)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    def numbers(self) -> dict[int | None, str]:
        with build(self.place.settings) as app:
            return {one.change_number: one.number for one in app.store.quarantine_entries()}


def over(fake: FakeOkVisa, patch: pytest.MonkeyPatch) -> None:
    """From here on OK.VISA is this one."""
    patch.setattr(OkVisa, "open", classmethod(lambda _cls, _settings: fake.source()))


def refusing() -> FakeOkVisa:
    """P1 and P3 in an earlier version."""
    fake = FakeOkVisa(page_size=50)
    for number, person in enumerate(("P1", "P3"), 1):
        fake.put(person, number, record(person, number, HOME.format("WO") + STATUS))
    return fake


def spoil(fake: FakeOkVisa) -> None:
    """P1 has a newer refused record; P2 is unknown; P3 is hidden by its own; another is invalid, one has no number."""
    fake.put("P1", 11, record("P1", 11, HOME.format("XX") + STATUS))
    fake.put("P2", 12, record("P2", 12, HOME.format("YY").replace("<ags>", "<plz>50</plz><ags>")))
    fake.put("P3", 13, record("P3", 13, HOME.format("YY") + "<sperre><kennung>3</kennung></sperre>"))
    fake.put("=GEHEIM", 14, record("=GEHEIM", 14).replace("05.04.1990", "Kabul"))
    fake.put("", 15, record("", 15))


@pytest.fixture(scope="module")
def polled(made_now: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """An installation that has read both states, to be copied."""
    place = copy(made_now, tmp_path_factory.mktemp("desk"))
    with pytest.MonkeyPatch.context() as patch:
        fake = refusing()
        over(fake, patch)
        with build(place.settings) as app:
            app.poll.run_once()
            spoil(fake)
            app.poll.run_once()
            app.audit.checkpoint()
    return place


@pytest.fixture
def desk(tmp_path: Path, polled: Place, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The installation with five refused records, over the OK.VISA that it has read."""
    fake = refusing()
    spoil(fake)
    over(fake, monkeypatch)
    return Desk(copy(polled, tmp_path), fake)


def test_the_list_says_why_and_how_old_and_nothing_of_a_person(desk: Desk) -> None:
    """Field and rule, age and state of every record."""
    status, text = desk.run("quarantine", "list")
    assert status == 0
    assert "5 records in quarantine" in text
    assert "personalien/gebDat: Muster; erwartet die Form TT.MM.JJJJ" in text
    assert text.count(" new ") == 5
    assert not [secret for secret in (*SECRETS, "Kabul") if secret in text]


def test_a_retry_says_what_became_of_each(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 1 while one is still refused; what was taken is no longer there; a number must lead somewhere."""
    numbers = desk.numbers()
    monkeypatch.setitem(okvisa_keys.DWELLING, "XX", "wohnung")
    status, text = desk.run("quarantine", "retry", "--all")
    assert status == 1
    assert f"{numbers[11]}: taken" in text
    assert f"{numbers[12]}: still refused\n    anschrift.art: unbekannter Schlüssel der Quelle" in text
    assert f"{numbers[15]}: cannot be asked for alone" in text
    assert "1 of 5 taken" in text
    desk.fake.put("P2", 16)
    assert "changed at the source meanwhile" in desk.run("quarantine", "retry", numbers[12])[1]
    assert 11 not in desk.numbers()
    for wrong in ([], ["--all", numbers[12]], [numbers[11]]):
        assert desk.run("quarantine", "retry", *wrong)[0] == 2


def test_dropping_needs_a_reason_and_a_word(desk: Desk) -> None:
    """A reason of the list, and a yes; then the record does not come back with the next whole load."""
    numbers = desk.numbers()
    for reason in ([], ["--reason", "darum"]):
        assert desk.run("quarantine", "drop", numbers[12], *reason)[0] == 2
    assert desk.run("quarantine", "drop", numbers[12], "--reason", "testsatz", given="n\n")[0] == 1
    assert len(desk.numbers()) == 5
    assert desk.run("quarantine", "drop", numbers[12], "--reason", "testsatz", given="y\n")[0] == 0
    assert desk.run("poll", "--once", "--full", "--quiet")[0] == 0
    assert 12 not in desk.numbers()
    assert "testsatz" in desk.run("quarantine", "list", "--dropped")[1]
    assert desk.run("quarantine", "drop", numbers[12], "--reason", "testsatz", "--yes")[0] == 2


def test_a_record_for_which_somebody_is_hidden_is_not_dropped(desk: Desk) -> None:
    """It is said why, and nothing happens."""
    numbers = desk.numbers()
    status, text = desk.run("quarantine", "drop", numbers[13], "--reason", "doppelt", "--yes")
    assert (status, "a person is hidden" in text) == (1, True)
    assert desk.numbers() == numbers


class _Cells(HTMLParser):
    """The texts of a page's cells and headings, and whether every element is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "col", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(" ".join(data.split()))


def test_the_report_says_what_to_correct(desk: Desk, tmp_path: Path) -> None:
    """By rule, with number, field, element, expectation and consequence; no value; private, once, on the trail."""
    page, table = tmp_path / "b.html", tmp_path / "b.csv"
    assert "5 records" in desk.run("quarantine", "report", "--output", str(page), "--clerk", "sb1")[1]
    assert desk.run("quarantine", "report", "--output", str(table))[0] == 0
    assert {stat.S_IMODE(one.stat().st_mode) for one in (page, table)} == {0o600}
    cells = _Cells()
    cells.feed(page.read_text("utf-8"))
    assert cells.open == []
    told = " ".join(cells.texts)
    for expected in (
        "P1",
        "P2",
        "P3",
        "wohnung/wohnungsart",
        "Art der Anschrift",
        "die Form TT.MM.JJJJ",
        "Fünf Ziffern",
    ):
        assert expected in told
    assert not [secret for secret in (*SECRETS[:3], "Kabul") if secret in page.read_text("utf-8")]
    rows = list(csv.DictReader(StringIO(table.read_text("utf-8-sig")), delimiter=";"))
    assert {row["Personennummer"]: row["Bis dahin"] for row in rows} == {
        "P1": "Die Ämter bekommen weiter die ältere Fassung.",
        "P2": "Die Person ist im Webservice nicht bekannt: Kein Amt erfährt von ihr.",
        "P3": "Die Person ist wegen einer Sperre für alle Ämter verborgen.",
        "'=GEHEIM": "Die Person ist im Webservice nicht bekannt: Kein Amt erfährt von ihr.",
        "nicht lesbar": "Um wen es geht, ist nicht festzustellen.",
    }
    assert desk.run("quarantine", "report", "--output", str(page))[0] == 2
    assert desk.run("quarantine", "report", "--output", str(tmp_path / "b.pdf"))[0] == 2
    assert desk.run("quarantine", "list")[1].count(" reported ") == 5
    with build(desk.place.settings) as app, app.database.read() as connection:
        subject = app.store.subject("okvisa", "P1")
        assert subject is not None
        entries = audit_index.disclosures(connection, subject.audit_ids)
    assert [one.operation for one in entries if one.kind is Kind.ABFRAGE] == ["quarantaeneBerichten"] * 2


def test_our_own_mistakes_are_for_the_operator(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They stand apart, and say that nothing is to be corrected at the source."""
    desk.fake.put("P9", 19)
    real = OkVisa.take

    def careless(self: OkVisa, one: object) -> object:
        if self.numbers(one)[0] == "P9":  # type: ignore[arg-type] # a record
            raise KeyError("GEHEIM")
        return real(self, one)  # type: ignore[arg-type] # a record

    monkeypatch.setattr(OkVisa, "take", careless)
    assert desk.run("poll", "--once", "--quiet")[0] == 0
    page, table = tmp_path / "b.html", tmp_path / "b.csv"
    for one in (page, table):
        assert desk.run("quarantine", "report", "--output", str(one))[0] == 0
    text = page.read_text("utf-8")
    assert text.index("Betreiber verständigen") < text.index("P9")
    rows = list(csv.DictReader(StringIO(table.read_text("utf-8-sig")), delimiter=";"))
    assert {row["Personennummer"] for row in rows if row["Zu tun von"] != "Ausländeramt"} == {"P9"}
    assert "GEHEIM:" not in text


def test_nothing_is_told_of_the_erased(desk: Desk, tmp_path: Path) -> None:
    """Who was erased here is neither fetched nor reported, although the source still has the record."""
    assert desk.run("person", "erase", "--number", "P2", "--yes")[0] == 0
    with build(desk.place.settings) as app:
        app.poll.run_once(full=True)
        assert 12 not in {one.change_number for one in app.store.quarantine_entries()}
    assert desk.run("quarantine", "report", "--output", str(tmp_path / "b.csv"))[0] == 0
    assert "P2" not in (tmp_path / "b.csv").read_text("utf-8-sig")


def test_every_command_of_the_handbook_runs(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line of docs/quarantaene.md that begins with `gateway`, in its order, with a record of this installation."""
    monkeypatch.chdir(tmp_path)
    numbers = desk.numbers()
    commands = re.findall(r"^    gateway (.+)$", DOC.read_text("utf-8"), re.MULTILINE)
    assert len(commands) == 10
    for command in commands:
        arguments = shlex.split(command.replace("VORGANG", numbers[12]))
        if arguments[0] == "health":
            continue  # its exit code is that of the whole machine: tests/unit/cli/test_health.py
        status, text = desk.run(*arguments, given="y\n")
        expected = {0, 1} if arguments[1] == "retry" else {0}
        assert status in expected, (command, text)
    assert stat.S_IMODE((tmp_path / "berichtigung.csv").stat().st_mode) == 0o600
