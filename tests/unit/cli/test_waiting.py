"""Long work tells how far it is: on a terminal as a bar, elsewhere not at all."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from gateway.app import build, load, open_house
from gateway.cli import db
from gateway.cli.audit import inspect, inspect_export
from gateway.cli.main import cli
from gateway.cli.waiting import progress_bars
from gateway.store import backup
from gateway.store.audit import Entry, Kind
from gateway.store.batch import Batch
from gateway.store.progress import counted, silent
from gateway.store.reprojecting import PROJECTIONS
from gateway.upkeep import retention_rules
from gateway.upkeep.retention import Retention
from tests.unit.place import NOW, Place, copy
from tests.unit.store.store_kit import Holding, upsert

_TERMINAL = {"TTY_INTERACTIVE": "1", "TTY_COMPATIBLE": "1", "TERM": "xterm"}
_PEOPLE, _BATCHES = 30, 20


class Told:
    """What work has said, by name."""

    def __init__(self) -> None:
        self.said: dict[str, list[tuple[int, int | None]]] = {}

    def __call__(self, what: str, done: int, total: int | None) -> None:
        self.said.setdefault(what, []).append((done, total))

    def ended(self) -> dict[str, tuple[int, int | None]]:
        """The last word of everything; nothing has ever gone back, or ended short of a total."""
        for what, said in self.said.items():
            done = [one for one, _ in said]
            assert done == sorted(done), what
            assert said[-1][1] in (None, done[-1]), what
        return {what: said[-1] for what, said in self.said.items()}


@pytest.fixture(scope="module")
def lived_in(made: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """An installation with persons, a trail of some batches and a checkpoint."""
    place = copy(made, tmp_path_factory.mktemp("lived-in"))
    with build(place.settings, clock=lambda: NOW) as app:
        changes = tuple(upsert(str(number), number) for number in range(1, _PEOPLE + 1))
        Holding(app.store, app.database).ingest(
            Batch("okvisa", changes), app.rules.agreements, now=NOW, stichtag=NOW.date()
        )
        for _ in range(_BATCHES):
            app.audit.record(Entry(kind=Kind.BETRIEB, operation="probe", outcome="ok"))
        app.audit.checkpoint()
    return place


@pytest.fixture
def console() -> tuple[Console, io.StringIO]:
    """A console that is a terminal, and what is written to it."""
    written = io.StringIO()
    return Console(file=written, force_terminal=True, force_interactive=True, width=100), written


def test_on_a_terminal_the_bar_shows_how_far_it_is(console: tuple[Console, io.StringIO]) -> None:
    """The name, what is done and the total are to be read, and the bar is gone at the end."""
    terminal, written = console
    with progress_bars(console=terminal) as told:
        for done in range(8):
            told("persons", done, 7)
    assert "persons" in written.getvalue()
    assert "7/7" in written.getvalue()
    assert written.getvalue().endswith("\x1b[2K")


@pytest.mark.parametrize(("terminal", "quiet"), [(False, False), (True, True)])
def test_elsewhere_nothing_is_written(*, terminal: bool, quiet: bool) -> None:
    """With --quiet, and where nobody looks, the work reports to nobody at all."""
    written = io.StringIO()
    with progress_bars(quiet=quiet, console=Console(file=written, force_terminal=terminal)) as told:
        assert told is silent
    assert not written.getvalue()


def test_telling_costs_less_than_counting() -> None:
    """Of many items it is told at the beginning, every 500 and at the end."""
    told = Told()
    assert list(counted(range(1200), "items", 1200, told)) == list(range(1200))
    assert [done for done, _ in told.said["items"]] == [0, 500, 1000, 1200]


def test_the_audit_trail_is_told_of_to_its_end(lived_in: Place, tmp_path: Path) -> None:
    """Verification, export and verification of the export each count the batches up to the last."""
    told, settings = Told(), lived_in.settings
    assert inspect(settings, anchor=settings.audit.anchor, progress=told).exit_code == 0
    [(batches, total)] = told.ended().values()
    assert batches == total > _BATCHES
    told = Told()
    exported = run(lived_in, "audit", "export", str(tmp_path / "trail"))
    assert exported.exit_code == 0, exported.output
    key = settings.keys.directory / "checkpoint.pub"
    assert inspect_export(tmp_path / "trail", public_key=key, anchor=None, progress=told).exit_code == 0
    assert told.ended()["lines of the file"][0] > told.ended()["batches of the audit trail"][0] > batches


def test_a_backup_tells_of_pages_and_batches(lived_in: Place, tmp_path: Path) -> None:
    """The copy and the trail in it are counted to their ends."""
    place, told = copy(lived_in, tmp_path), Told()
    db.make_backup(load(place.settings), tmp_path / "backup", told)
    ended = told.ended()
    assert ended["pages of the database"][0] == ended["pages of the database"][1]
    assert ended["batches of the audit trail"][0] > _BATCHES


def test_whoever_writes_meanwhile_does_not_make_a_backup_begin_again(
    lived_in: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy is of the moment at which it was begun, however many entries come between its pieces."""
    place, told = copy(lived_in, tmp_path), Told()
    monkeypatch.setattr(backup, "_PAGES", 20)
    rules = load(place.settings)
    with open_house(rules) as app:

        def writing(what: str, done: int, total: int | None) -> None:
            told(what, done, total)
            if what == "pages of the database":
                app.audit.record(Entry(kind=Kind.BETRIEB, operation="probe", outcome="ok"))

        made = db.make_backup(rules, tmp_path / "backup", writing)
        assert app.audit.checkpoint().gesamt - made.eintraege > len(told.said["pages of the database"]) > 2
    told.ended()


def test_computing_everybody_anew_is_told_of(lived_in: Place, tmp_path: Path) -> None:
    """After a change of an agreement the persons are counted up to the last; when nothing is due, nothing is said."""
    place, told, idle = copy(lived_in, tmp_path), Told(), Told()
    place.edit("schemas/wohnung2000/agreement.toml", "bestandAbrufen =", "bestandAbrufen  =")
    with build(place.settings, clock=lambda: NOW) as app:
        for say in (told, idle):
            with app.store.poll_lock() as tenure:
                app.store.reproject(tenure, app.rules.agreements, now=NOW, stichtag=NOW.date(), progress=say)
    assert told.ended() == {PROJECTIONS: (_PEOPLE, _PEOPLE)}
    assert idle.said == {}


def test_deletion_tells_of_persons(lived_in: Place, tmp_path: Path) -> None:
    """Every person looked at is counted."""
    place, told = copy(lived_in, tmp_path), Told()
    with build(place.settings, clock=lambda: NOW) as app:
        rules = retention_rules.load(place.settings.retention.rules)
        work = Retention(app.store, app.rules.agreements, rules, app.rules.city.timezone, pause=lambda _s: None)
        work.run(NOW, dry_run=True, progress=told)
    assert told.ended()["persons"] == (_PEOPLE, _PEOPLE)


def run(place: Place, *arguments: str, terminal: bool = False) -> Result:
    settings = ("--settings", str(place.folder / "settings.toml"))
    return CliRunner().invoke(cli, [*arguments, *settings], env=_TERMINAL if terminal else {"TTY_INTERACTIVE": "0"})


@pytest.mark.parametrize("command", [("audit", "verify"), ("retention", "run", "--dry-run", "--clock-is-right")])
def test_what_is_written_to_stdout_is_the_same_with_a_bar(lived_in: Place, command: tuple[str, ...]) -> None:
    """The bar is on stderr alone; --quiet and cron have none."""
    plain, shown = run(lived_in, *command), run(lived_in, *command, terminal=True)
    assert (plain.exit_code, plain.stdout) == (shown.exit_code, shown.stdout)
    assert plain.stdout
    assert (plain.stderr, "\x1b[" in shown.stderr) == ("", True)
    assert "\x1b[" not in run(lived_in, *command, "--quiet", terminal=True).stderr


def test_a_restore_counts_the_bytes_that_it_puts_in_place(lived_in: Place, tmp_path: Path) -> None:
    """As a command on a terminal: the bar is there, and the words on stdout are those of any restore."""
    place = copy(lived_in, tmp_path)
    taken = run(place, "db", "backup", str(tmp_path / "backup"), terminal=True)
    assert "pages of the database" in taken.stderr
    done = run(place, "db", "restore", str(tmp_path / "backup"), terminal=True)
    assert done.exit_code == 0, done.output
    assert "bytes of the database" in done.stderr
    assert done.stdout.startswith("in place: the backup of ")
