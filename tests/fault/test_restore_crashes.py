"""Kills a restore at every step: nothing of an old state is served before it has been repeated, and it can be."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import traceback
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gateway.app import App, Rules, load, open_house
from gateway.cli import db
from gateway.errors import AuditError, StoreError
from gateway.store.audit_anchor import PUBLIC_KEY
from gateway.store.audit_verdict import Verdict
from gateway.store.audit_verify import verify
from gateway.store.batch import Batch
from gateway.store.database import Database
from gateway.store.ledger import LEDGER
from tests.fault.crash import Step, Trap, points
from tests.unit.place import NOW, make
from tests.unit.store.store_kit import upsert

RESTORE = (
    Step("prepare", "gateway.store.restoring:prepare"),
    Step("copy", "gateway.store.restoring:_copied"),
    Step("upgrade", "gateway.store.database:Database.upgrade"),
    Step("remember", "gateway.store.backup:remember"),
    Step("set-aside", "gateway.store.restoring:set_aside"),
    Step("put-in-place", "gateway.store.restoring:put_in_place"),
    Step("keys", "gateway.store.key_check:KeyCheck.opened"),
    Step("forget", "gateway.store.audit:AuditTrail.begin_anew"),
    Step("anchor", "gateway.store.audit_anchor:Anchor.append"),
    Step("ledger", "gateway.store.erasing:Eraser._apply_ledger"),
    Step("entomb", "gateway.store.erasing:Eraser._entomb"),
    Step("erase-rows", "gateway.store.recording:erase_rows"),
    Step("trail", "gateway.store.audit:AuditTrail.stage"),
)
RENAMES = tuple(f"rename {number}" for number in range(1, 4))
"""The names that change one after the other: the old file, its log, the copy."""


@dataclass
class Lost:
    """An installation whose database and backup differ: person 1 was erased since, person 3 came."""

    folder: Path
    rules: Rules

    @property
    def path(self) -> Path:
        return self.folder / "gateway.sqlite"

    def again(self, folder: Path) -> Lost:
        """The same once more, to be spoiled."""
        shutil.copytree(self.folder, folder)
        settings = self.rules.settings
        told = settings.model_copy(
            update={
                "database": settings.database.model_copy(update={"url": f"sqlite:///{folder / 'gateway.sqlite'}"}),
                "keys": settings.keys.model_copy(update={"directory": folder / "keys"}),
                "audit": settings.audit.model_copy(update={"anchor": folder / "audit.anchor"}),
            }
        )
        return Lost(folder, replace(self.rules, settings=told))

    def restore(self) -> None:
        db.put_back(self.rules, self.folder / "backup")

    def served(self) -> set[str] | None:
        """Whom a server or poller that starts now would know; None if it would not start."""
        try:
            with open_house(self.rules) as app:
                app.store.require_erasures()
                return {one for one in ("1", "2", "3") if app.store.subject("okvisa", one) is not None}
        except (StoreError, AuditError):
            return None


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Lost:
    folder = tmp_path_factory.mktemp("lost")
    place = make(folder)
    rules = replace(load(place.settings), clock=lambda: NOW)
    assert rules.settings.audit.anchor.parent == place.folder

    def take(app: App, *numbers: str) -> None:
        batch = Batch("okvisa", tuple(upsert(number, int(number)) for number in numbers))
        with app.store.poll_lock() as tenure:
            app.store.ingest(tenure, batch, rules.agreements, now=NOW, stichtag=NOW.date())

    with open_house(rules) as app:
        take(app, "1", "2")
    db.make_backup(rules, place.folder / "backup")
    with open_house(rules) as app, app.store.poll_lock() as tenure:
        assert app.store.erase(tenure, "okvisa", "1", rules.agreements, now=NOW, stichtag=NOW.date())
    assert (place.folder / "keys" / LEDGER).exists()
    child = os.fork()
    if child == 0:
        try:
            app = open_house(rules)
            Database.scrub = lambda _self: True  # type: ignore[method-assign]  # in the child only
            take(app, "3")
        finally:
            os._exit(0)  # without closing the database, as a killed poller does
    os.waitpid(child, 0)
    assert (place.folder / "gateway.sqlite-wal").stat().st_size > 0, "the last change stands in the log alone"
    return Lost(place.folder, rules)


def killed_at(point: str, lost: Lost) -> bool:
    """Whether a restore in a process of its own died at `point`."""
    child = os.fork()
    if child == 0:
        _restore_and_end(point, lost)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert ended in (0, -signal.SIGKILL), f"{point}: ended with {ended}"
    return ended == -signal.SIGKILL


def _restore_and_end(point: str, lost: Lost) -> None:
    status = 1
    try:
        trap = Trap(lost.folder / "trap.json")
        trap.install(RESTORE)
        if point.startswith("rename"):
            _die_after_renaming(int(point.split()[1]))
        else:
            trap.arm(point)
        lost.restore()
        status = 0
    except BaseException:  # noqa: BLE001 -- the end of this process: say why, whatever it was
        traceback.print_exc()
    finally:
        os._exit(status)


def _die_after_renaming(times: int) -> None:
    rename, left = Path.rename, [times]

    def renamed(self: Path, target: Path) -> Path:
        result = rename(self, target)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    Path.rename = renamed  # type: ignore[method-assign,assignment]  # in the child only


SHARP = ("prepare:after", *RENAMES, "anchor:before", "anchor:after", "entomb:after", "ledger:after", "trail:after")
"""The steps between which most can be lost."""


def test_a_restore_killed_at_its_sharpest_steps_can_be_repeated(lost: Lost, tmp_path: Path) -> None:
    """Before the file is exchanged the house is as it was; after it is closed, until the command has gone through."""
    outcomes = kill_and_repeat(lost, tmp_path, SHARP)
    assert outcomes["None"] > len(SHARP) // 2, "the house was hardly ever closed"


@pytest.mark.long
def test_a_restore_killed_at_any_step_serves_nothing_old_and_can_be_repeated(lost: Lost, tmp_path: Path) -> None:
    """As above, before and after every step."""
    outcomes = kill_and_repeat(lost, tmp_path, (*points(RESTORE), *RENAMES))
    assert outcomes["None"] > len(RESTORE), "the house was hardly ever closed"


def kill_and_repeat(lost: Lost, folder: Path, every: Sequence[str]) -> Counter[str]:
    """How often a house that was left so would have served whom."""
    outcomes: Counter[str] = Counter()
    for number, point in enumerate(every):
        one = lost.again(folder / str(number))
        died = killed_at(point, one)
        assert died or point == "rename 3", f"{point} is passed by no restore"
        served = one.served()
        assert served in (None, {"2", "3"}) or (served == {"2"} and _is_done(one)), f"{point}: {served} served"
        outcomes[str(served)] += 1
        if not _is_done(one):
            one.restore()
        assert one.served() == {"2"}, point
        assert _is_done(one)
        verdict = _verdict(one)
        assert (verdict.findings, bool(verdict.restores)) == ((), True), point
        assert not (one.folder / "gateway.sqlite.restoring").exists()
        shutil.rmtree(one.folder)
    return outcomes


def _is_done(lost: Lost) -> bool:
    """Whether the new epoch is there, and the mark of the restore gone."""
    if not lost.path.exists():
        return False
    with closing(sqlite3.connect(lost.path)) as raw:
        marked = raw.execute("SELECT restoring FROM epoch").fetchone()[0]
        told = any(b"datenbankWiederherstellen" in one for (one,) in raw.execute("SELECT content FROM audit_entry"))
    return told and not marked


def _verdict(lost: Lost) -> Verdict:
    settings = lost.rules.settings
    database = Database.open(settings.database.url)
    try:
        return verify(database, anchor=settings.audit.anchor, public_key=settings.keys.directory / PUBLIC_KEY)
    finally:
        database.close()
