"""`gateway db`: a backup is whole or there is none; a restore takes nobody back and can be repeated."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.app import App, build
from gateway.cli.main import cli
from gateway.errors import AuditError, GatewayError, StoreError, TokenRefused
from gateway.health import CHECKS, Finding, State
from gateway.health.finding import Examination
from gateway.store import backup
from gateway.store.batch import Batch, Change
from gateway.store.database import Database
from tests.unit.place import NOW, Place, copy
from tests.unit.store.store_kit import Holding, grant, upsert

_ASYLUM = {"aufenthaltsstatus": [{"art": "AG01", "beginn": "2026-01-01"}]}
_FOREVER = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT 1 FROM epoch').fetchall(); "
_FOREVER += "print('open', flush=True); sys.stdin.read()"


def run(place: Place, *arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments, "--settings", str(place.folder / "settings.toml")])


def take(place: Place, *changes: Change) -> None:
    with build(place.settings, clock=lambda: NOW) as app:
        Holding(app.store, app.database).ingest(
            Batch("okvisa", changes), app.rules.agreements, now=NOW, stichtag=NOW.date()
        )


def there(place: Place) -> set[str]:
    """The person numbers that something is known of."""
    with build(place.settings, clock=lambda: NOW) as app:
        return {number for number in ("1", "2", "3") if app.store.subject("okvisa", number) is not None}


def epoch_of(place: Place) -> str:
    with closing(sqlite3.connect(place.folder / "gateway.sqlite")) as raw:
        return str(raw.execute("SELECT value FROM epoch").fetchone()[0])


@pytest.fixture(scope="module")
def kept_once(made: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Persons 1 and 2, a backup, and then person 3."""
    place = copy(made, tmp_path_factory.mktemp("kept"))
    take(place, upsert("1", 1, person=_ASYLUM), upsert("2", 2, person=_ASYLUM))
    done = run(place, "db", "backup", str(place.folder / "backup"))
    assert done.exit_code == 0, done.output
    take(place, upsert("3", 3, person=_ASYLUM))
    return place


@pytest.fixture
def kept(kept_once: Place, tmp_path: Path) -> tuple[Place, Path]:
    place = copy(kept_once, tmp_path)
    return place, place.folder / "backup"


def test_a_backup_is_private_whole_and_without_keys(kept: tuple[Place, Path]) -> None:
    """Nothing but the database and its manifest, for the owner alone; no key, no ledger, no anchor is in it."""
    place, folder = kept
    files = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert files == {"gateway.sqlite": 0o600, "manifest": 0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    content = b"".join(path.read_bytes() for path in folder.iterdir())
    for path in (place.folder / "keys").iterdir():
        secret = path.read_text().strip()
        assert secret.encode() not in content
        assert path.suffix != ".key" or len(secret) != 64 or bytes.fromhex(secret) not in content


def test_a_backup_is_written_over_nothing(kept: tuple[Place, Path]) -> None:
    """A name that is taken is refused, and what is there stays as it was."""
    place, folder = kept
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert isinstance(run(place, "db", "backup", str(folder)).exception, StoreError)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_backup_that_is_not_whole_is_none(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails while it is made, nothing is left, and the database does not claim that there is one."""
    for step in ("_copy", "_described", "backup_manifest.write"):
        with monkeypatch.context() as patch:
            patch.setattr(f"gateway.store.backup.{step}", _fails)
            assert isinstance(run(place, "db", "backup", str(tmp_path / "backup")).exception, StoreError)
        assert [path.name for path in tmp_path.iterdir()] == ["g"]
    database = Database.open(place.settings.database.url)
    assert backup.last(database) is None
    database.close()


def _fails(*_given: object, **_named: object) -> object:
    raise OSError(28, "No space left on device")


def test_a_damaged_database_is_not_backed_up(place: Place, tmp_path: Path) -> None:
    """A copy in which rows are missing, or whose trail is violated, is refused instead of kept for the bad day."""
    take(place, upsert("1", 1))
    wounds = {"UPDATE audit_entry SET content = x'7b7d'": "trail in the copy", "DELETE FROM person": "not whole"}
    for wound, said in wounds.items():
        with closing(sqlite3.connect(place.folder / "gateway.sqlite")) as raw, raw:
            raw.execute(wound)
        done = run(place, "db", "backup", str(tmp_path / "backup"))
        assert isinstance(done.exception, GatewayError), done.output
        assert said in str(done.exception)
        assert not (tmp_path / "backup").exists()


def test_a_restore_takes_back_what_came_later_and_says_so(kept: tuple[Place, Path]) -> None:
    """The state of the backup, under a new epoch; feeds wait; the trail verifies and names the restore."""
    place, folder = kept
    before = epoch_of(place)
    done = run(place, "db", "restore", str(folder))
    assert done.exit_code == 0, done.output
    assert there(place) == {"1", "2"}
    assert epoch_of(place) != before
    with build(place.settings, clock=lambda: NOW) as app, pytest.raises(TokenRefused):
        read_feed(app)
    verified = run(place, "audit", "verify")
    assert (verified.exit_code, "Rücksicherung" in verified.output) == (0, True), verified.output
    assert (place.folder / "gateway.sqlite.replaced").exists()
    assert not (place.folder / "gateway.sqlite.restoring").exists()
    assert run(place, "db", "restore", str(folder)).exit_code == 1, "what was set aside is not written over"


def read_feed(app: App) -> None:
    agreement = app.rules.agreements["sozialamt/1"]
    app.store.changes(grant(replace(agreement, purposes={"U1": "Prüfung"}), today=NOW.date()), 10)


def test_who_was_erased_since_stays_erased(kept: tuple[Place, Path]) -> None:
    """Also after everything has been read from the source anew."""
    place, folder = kept
    assert run(place, "person", "erase", "--number", "1", "--yes").exit_code == 0
    done = run(place, "db", "restore", str(folder))
    assert (done.exit_code, "1 persons erased again" in done.output) == (0, True)
    take(place, upsert("1", 9), upsert("3", 9))
    assert there(place) == {"2", "3"}


def test_no_backup_of_ours_can_be_put_back_unnoticed(kept: tuple[Place, Path]) -> None:
    """Even the one just made: that it was made is anchored, and stands behind what is in it."""
    place, folder = kept
    run(place, "db", "backup", str(folder.parent / "second"))
    for path in place.folder.glob("gateway.sqlite*"):
        path.unlink()
    shutil.copyfile(folder.parent / "second" / "gateway.sqlite", place.folder / "gateway.sqlite")
    with pytest.raises(AuditError, match="does not continue"):
        there(place)
    assert run(place, "db", "restored").exit_code == 0
    assert there(place) == {"1", "2", "3"}


def test_a_changed_backup_is_refused(kept: tuple[Place, Path]) -> None:
    """A byte of free space in the copy, a number in the manifest: refused, and the database is the one it was."""
    place, folder = kept
    before = epoch_of(place)
    copy_of, manifest = folder / "gateway.sqlite", folder / "manifest"
    good = copy_of.read_bytes()
    copy_of.write_bytes(good.replace(b"\0" * 64, b"\0" * 63 + b"\1", 1))
    assert "not the one its manifest speaks of" in str(run(place, "db", "restore", str(folder)).exception)
    copy_of.write_bytes(good)
    manifest.write_bytes(manifest.read_bytes().replace(b'"loeschungen":0', b'"loeschungen":0 '))
    assert "not signed" in str(run(place, "db", "restore", str(folder)).exception)
    assert epoch_of(place) == before
    assert not (place.folder / "gateway.sqlite.replaced").exists()


@pytest.fixture
def reader(kept: tuple[Place, Path]) -> Iterator[None]:
    """Another process has the database open."""
    command = [sys.executable, "-c", _FOREVER, str(kept[0].folder / "gateway.sqlite")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        yield
        other.stdin.close()


@pytest.mark.usefixtures("reader")
def test_nothing_is_restored_under_a_running_house(kept: tuple[Place, Path]) -> None:
    """While anybody has the database open both commands refuse, and nothing has changed."""
    place, folder = kept
    before = epoch_of(place)
    for arguments in (["restore", str(folder)], ["restored"]):
        done = run(place, "db", *arguments)
        assert isinstance(done.exception, StoreError)
        assert done.exception.code == "in-betrieb"
    assert epoch_of(place) == before


def test_keys_that_were_destroyed_since_are_named(kept: tuple[Place, Path]) -> None:
    """A backup that needs a retired key is refused before anything happens; one that needs older keys is welcome."""
    place, folder = kept
    assert run(place, "keys", "rotate", "vault", "--quiet").exit_code == 0
    assert run(place, "keys", "retire", "vault", "1").exit_code == 0
    done = run(place, "db", "restore", str(folder))
    assert isinstance(done.exception, StoreError)
    assert "vault 1" in str(done.exception)
    assert there(place) == {"1", "2", "3"}


@pytest.mark.long
def test_keys_that_were_changed_since_are_named(kept: tuple[Place, Path]) -> None:
    """The restored database goes on with the keys of its time, and the operator is told to change them again."""
    place, folder = kept
    for purpose in ("vault", "index"):
        assert run(place, "keys", "rotate", purpose, "--quiet").exit_code == 0
    done = run(place, "db", "restore", str(folder))
    assert done.exit_code == 0, done.output
    assert "keys changed since the backup (index 2, vault 2)" in done.output
    assert there(place) == {"1", "2"}
    assert run(place, "keys", "check", "--all").exit_code == 0
    assert run(place, "keys", "rotate", "index", "--quiet").exit_code == 0
    assert there(place) == {"1", "2"}


def test_a_ledger_older_than_the_backup_is_refused(kept: tuple[Place, Path]) -> None:
    """Who lost the erasure ledger must find it first: nobody knows who must not come back."""
    place, folder = kept
    run(place, "person", "erase", "--number", "3", "--yes")
    run(place, "db", "backup", str(folder.parent / "second"))
    (place.folder / "keys" / "erasures.ledger").unlink()
    done = run(place, "db", "restore", str(folder.parent / "second"))
    assert isinstance(done.exception, StoreError)
    assert "ledger" in str(done.exception)
    assert not (place.folder / "gateway.sqlite.replaced").exists()


@pytest.mark.long
def test_a_lost_database_is_restored_too(kept: tuple[Place, Path]) -> None:
    """With nothing left of the old one, not even half of it."""
    place, folder = kept
    (place.folder / "gateway.sqlite").unlink()
    assert run(place, "db", "restore", str(folder)).exit_code == 0
    assert there(place) == {"1", "2"}
    (place.folder / "gateway.sqlite").write_bytes(os.urandom(9000))
    assert run(place, "db", "restore", str(folder)).exit_code == 0
    assert there(place) == {"1", "2"}


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_postgresql_is_left_to_its_own_tools(place: Place, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """The command says which they are instead of doing half of their work; it does not even connect."""
    monkeypatch.setenv("GATEWAY_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    done = run(place, "db", command, str(place.folder / "backup"))
    assert isinstance(done.exception, StoreError)
    assert "its own tools" in str(done.exception)


def test_health_says_how_old_the_last_backup_is(kept: tuple[Place, Path]) -> None:
    """None, one of today, one of the day before yesterday; after a restore that of the backup restored."""
    place, folder = kept

    def said(moment: datetime) -> Finding:
        examination = Examination(place.settings, moment)
        (found,) = CHECKS["backup"](examination)
        examination.database.close()
        return found

    taken = datetime.now(UTC)
    assert said(taken).state is State.OK
    assert said(taken + timedelta(hours=27)).state is State.WARNING
    assert said(taken - timedelta(hours=1)).state is State.WARNING, "a clock that is wrong makes no backup fresh"
    run(place, "db", "restore", str(folder))
    assert said(taken).state is State.OK
