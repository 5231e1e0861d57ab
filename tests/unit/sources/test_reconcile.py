"""What has silently drifted apart is found and mended, and nothing is concluded from half an answer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.errors import SourceError
from gateway.sources.circuit import WINDOW
from gateway.sources.reconcile import COMPARED
from gateway.store import audit_tables
from gateway.store.database import Database
from gateway.store.reconciled import Outcome, Reconciled
from gateway.store.reconciling import Drift
from tests.drifting import NOW, ZONE, Town, simulator

Made = Callable[[], Database]


@pytest.fixture
def another(sqlite_template: Path, folder: Path) -> Iterator[Made]:
    """Makes a further empty store on SQLite."""
    opened: list[Database] = []

    def make() -> Database:
        path = folder / f"further{len(opened)}.sqlite"
        shutil.copyfile(sqlite_template, path)
        opened.append(Database.open(f"sqlite:///{path}"))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def town(database: Database, folder: Path) -> Town:
    """A store on each kind of database that has read everything, and whose applications know it."""
    made = Town(database, folder, simulator())
    made.poll.run_once()
    made.replay()
    return made


@pytest.fixture
def light(another: Made, folder: Path) -> Town:
    """The same on SQLite only, where the database plays no part."""
    made = Town(another(), folder, simulator())
    made.poll.run_once()
    made.replay()
    return made


def assert_mended(town: Town, database: Database, folder: Path) -> None:
    """The store is what a fresh one would be, for every application, and a second reconciliation finds nothing."""
    fresh = town.fresh(database, folder)
    assert town.known() == fresh.known()
    assert town.refused() == fresh.refused()
    assert {key: one for key, one in town.stored().items() if one[1] == "active"} == fresh.stored()
    town.replay()
    again = town.reconcile()
    assert (again.outcome, dict(again.found)) == (Outcome.CLEAN, {})


SILENT = (
    *("stilles-verschwinden", "stille-aenderung", "verlorene-aenderung", "verlorener-zuzug", "verlorene-sperre"),
    "verlorene-loeschung",
)


def test_without_drift_there_is_nothing_to_find(light: Town) -> None:
    """A store that follows the changes, with records in quarantine, is clean; nothing is told to anybody."""
    for event in ("name-mit-schraegstrich", *[None] * 9):
        light.simulator.history.step(event)
    result = light.reconcile()
    assert (result.outcome, dict(result.found), result.change_number) == (
        Outcome.CLEAN, {}, light.simulator.history.number,
    )  # fmt: skip
    assert light.refused()


def test_progress_ends_at_what_the_source_counts(light: Town) -> None:
    """Each page adds the records compared, up to the stock that the source itself counts."""
    told: list[tuple[str, int, int | None]] = []
    light.reconcile(progress=lambda *one: told.append(one))
    done = [count for what, count, _ in told if what == COMPARED]
    assert done == sorted(set(done))
    assert len(done) > 1
    assert told[-1] == (COMPARED, done[-1], done[-1])


def test_every_kind_of_drift_is_found_and_mended(town: Town, another: Made, folder: Path) -> None:
    """What happened without a word is counted by kind, and afterwards everybody is told what is true."""
    arrived, known = town.happen("zuzug"), town.happen("name-mit-schraegstrich")
    town.happen("name-mit-schraegstrich", arrived)
    town.poll.run_once()
    assert len(town.refused()) == 2
    for event in SILENT:
        town.happen(event)
    for refused in (arrived, known):
        town.happen("stilles-verschwinden", refused)
    removed = town.happen("loeschung")
    town.poll.run_once()
    town.happen("stille-rueckkehr", removed)
    result = town.reconcile()
    assert result.outcome is Outcome.MENDED
    assert result.found[Drift.VANISHED] == 3, "two without a word, one whose record in quarantine went with it"
    assert result.found[Drift.OUTDATED] == 1
    assert result.found[Drift.CHANGED] == 1
    assert result.found[Drift.REVIVED] == 1
    assert result.found[Drift.MISSED] >= 3, "a move takes the household with it"
    assert_mended(town, another(), folder)


def test_a_record_spoiled_on_its_way_waits_until_it_comes_whole(light: Town, another: Made, folder: Path) -> None:
    """A record of the sweep that cannot be read is in quarantine; the next sweep that can read it takes it out."""
    light.simulator.stoerungen.switch("invalid-record:1+1")
    assert light.reconcile().found[Drift.REFUSED] == 1
    assert light.reconcile().found == {Drift.OUTDATED: 1}
    assert_mended(light, another(), folder)


def test_what_was_lost_comes_with_its_own_words(light: Town, another: Made, folder: Path) -> None:
    """Somebody merged whose record Z stands among the changes, too late for the poll, is told as merged."""
    light.happen("umzug")
    light.poll.run_once()
    away, kept = light.simulator.history.step("verlorene-zusammenfuehrung").aenderungen
    light.happen("umzug")
    light.poll.run_once()
    light.simulator.history.deliver(away[1])
    result = light.reconcile()
    assert result.found[Drift.ENDED] == 1
    assert Drift.VANISHED not in result.found
    assert kept
    assert_mended(light, another(), folder)


@pytest.mark.parametrize("fault", ["early-end+1", "lost-record:1+1", "wrong-count"])
def test_nothing_is_concluded_from_a_sweep_that_is_not_the_counted_stock(light: Town, fault: str) -> None:
    """A source that answers half, loses a record or counts another stock causes no removal."""
    before = light.stored()
    light.happen("stilles-verschwinden")
    light.poll.run_once()
    light.simulator.stoerungen.switch(f"{fault}@datensaetzeLesen" if fault != "wrong-count" else fault)
    result = light.reconcile()
    assert result.outcome is Outcome.CONTRADICTION
    assert light.stored() == before
    light.simulator.stoerungen.switch("keine")
    assert light.reconcile().found[Drift.VANISHED] == 1


def test_more_than_the_set_share_needs_an_operator(another: Made, folder: Path) -> None:
    """The brake holds everybody, mends the rest, and gives way to exactly as many as were confirmed."""
    light = Town(another(), folder, simulator(), percent=5.0)
    light.poll.run_once()
    light.replay()
    for _ in range(4):
        light.happen("stilles-verschwinden")
    light.happen("stille-aenderung")
    before = len(light.stored())
    result = light.reconcile()
    assert (result.outcome, dict(result.found)) == (Outcome.BRAKED, {Drift.CHANGED: 1, "held": 4})
    assert len(light.stored()) == before
    assert light.reconcile(confirmed=3).outcome is Outcome.BRAKED
    assert light.reconcile(confirmed=4).found[Drift.VANISHED] == 4
    assert_mended(light, another(), folder)


def test_the_erased_stay_erased(light: Town) -> None:
    """Who was erased here and lives on at the source is no drift, and comes back by no reconciliation."""
    person = light.happen("namensaenderung")
    light.erase(person)
    left = light.stored().keys()
    for event in ("namensaenderung", "stille-aenderung"):
        light.happen(event, person)
        light.poll.run_once()
        result = light.reconcile()
        assert (result.outcome, dict(result.found)) == (Outcome.CLEAN, {})
    assert light.stored().keys() == left
    light.replay()


def test_who_was_deleted_by_time_is_no_drift(light: Town) -> None:
    """A tombstone of our own deletion rules, under the number that stands at the source, is left alone."""
    from gateway.store.tables import person  # only this test looks so deep

    key = next(iter(light.stored()))
    with light.database.write() as connection:
        gone = {"state": "removed", "wrapped_key": None, "audit_cipher": None}
        connection.execute(person.update().where(person.c.source_key == key).values(gone))
    assert dict(light.reconcile().found) == {}
    assert key not in light.stored()


def test_who_stands_there_again_is_seen(light: Town, another: Made, folder: Path) -> None:
    """Somebody who vanished, was removed here, and stands there again under the old number, comes back."""
    person = light.happen("stilles-verschwinden")
    assert light.reconcile().found == {Drift.VANISHED: 1}
    light.simulator.history.reappear(person)
    assert light.reconcile().found == {Drift.REVIVED: 1}
    assert_mended(light, another(), folder)


def test_what_changes_during_the_sweep_is_no_drift(light: Town, another: Made, folder: Path) -> None:
    """Who is deleted, merged, moves or comes before the first page or after it is left to the changes."""
    pages, counts = iter(range(100)), iter(range(100))
    asked, counted = light.source.page, light.source.stock

    def stock() -> object:
        if next(counts) == 0:
            for event in ("loeschung", "zusammenfuehrung", "zuzug"):
                light.happen(event)
        return counted()

    def page(*args: object, **named: object) -> object:
        if named.get("full") and next(pages) == 1:
            for event in ("loeschung", "zusammenfuehrung", "umzug", "zuzug"):
                light.happen(event)
        return asked(*args, **named)  # type: ignore[arg-type]  # handed on as they came

    light.source.stock = stock  # type: ignore[method-assign, assignment]  # something happens before the first page
    light.source.page = page  # type: ignore[method-assign, assignment]  # and between two pages
    result = light.reconcile()
    assert (result.outcome, dict(result.found)) == (Outcome.CLEAN, {})
    light.source.page = asked  # type: ignore[method-assign]  # see above
    light.poll.run_once()
    assert_mended(light, another(), folder)


def test_a_source_that_never_stands_still_is_not_judged(light: Town) -> None:
    """If the count never fits the number of the stock, nothing is concluded from absence."""
    light.happen("stilles-verschwinden")
    counted = light.source.stock

    def stock() -> object:
        light.happen("umzug")
        found = counted()
        light.happen("umzug")
        return found

    light.source.stock = stock  # type: ignore[method-assign, assignment]  # something happens at each count
    before = light.stored().keys()
    assert light.reconcile().outcome is Outcome.UNSETTLED
    assert light.stored().keys() == before


def test_what_is_mended_is_on_the_trail_with_its_reason(light: Town) -> None:
    """Löschung, Veränderung and Erhebung of a reconciliation name it as their purpose."""
    for event in ("stilles-verschwinden", "stille-aenderung", "verlorener-zuzug"):
        light.happen(event)
    light.reconcile()
    for kind in ("Erhebung", "Veränderung", "Löschung"):
        assert _purposes(light, kind)[-1] == "abgleich"


def test_a_source_that_fails_is_noted(light: Town) -> None:
    """The code ends the command, the outcome is remembered, and what is stored stays."""
    before = light.stored()
    light.simulator.stoerungen.switch("http500@bestandszaehlung")
    with pytest.raises(SourceError):
        light.reconcile()
    assert light.store.reconciliations("okvisa")[0].outcome is Outcome.FAILED
    assert light.stored() == before


def test_it_is_due_after_some_days_at_a_quiet_hour(light: Town) -> None:
    """Counted from the first poll on; at night once the days are over, by day only after another one."""
    due = light.reconciliation.run_if_due
    assert due() is None
    assert light.store.reconciliations("okvisa")[0].outcome is Outcome.BEGUN
    light.now = NOW + timedelta(days=6, hours=18)  # 3 o'clock in Cologne, a day too early
    assert due() is None
    light.now = NOW + timedelta(days=7, hours=1)  # by day
    assert due() is None
    light.now = NOW + timedelta(days=7, hours=18)
    assert isinstance(due(), Reconciled)
    assert due() is None
    light.now += timedelta(days=8, hours=8)  # 11 o'clock, overdue
    light.simulator.stoerungen.switch("http500@bestandszaehlung")
    assert due() is None
    light.simulator.stoerungen.switch("keine")
    light.now += timedelta(hours=1)
    assert due() is None, "what failed is not tried again at once"
    light.now += timedelta(hours=6)
    assert due() is not None


def test_a_clock_that_was_ahead_does_not_reconcile_in_every_round(light: Town) -> None:
    """What was noted in the future must not stay the last one: the whole stock would be asked for every minute."""
    due = light.reconciliation.run_if_due
    light.now += timedelta(days=400)
    assert due() is None
    light.now -= timedelta(days=400)
    assert due() is not None
    light.now += timedelta(minutes=1)
    assert due() is None
    assert [one.outcome for one in light.store.reconciliations("okvisa")] == [Outcome.CLEAN]


def test_the_source_is_not_asked_in_a_window_nor_is_that_a_failure(another: Made, folder: Path) -> None:
    """A sweep that runs into its maintenance ends between two pages, one ordered in it does not begin."""
    town = Town(another(), folder, simulator(), maintenance=("10:00-11:00",))
    town.poll.run_once()
    asked, page = [], town.source.page

    def slow(*args: Any, **named: Any) -> Any:
        asked.append(named)
        found = page(*args, **named)
        if named["full"]:
            town.now = NOW.astimezone(ZONE).replace(hour=10)
        return found

    town.source.page = slow  # type: ignore[method-assign]  # the first page takes until the window
    for calls in (1, 0):
        asked.clear()
        with pytest.raises(SourceError) as caught:
            town.reconcile()
        assert caught.value.code == WINDOW
        assert sum(one["full"] for one in asked) == calls
        assert len(asked) == calls * 2, "the changes, the first page, and no other"
    assert town.store.reconciliations("okvisa") == []


def test_who_is_told_to_stop_stops_between_two_pages(light: Town) -> None:
    """Nothing is noted then: the next one begins anew."""
    light.now += timedelta(days=9)
    light.store.note_reconciliation("okvisa", Reconciled(Outcome.BEGUN, NOW, None, {}))
    assert light.reconciliation.run_if_due(lambda: True) is None
    assert [one.outcome for one in light.store.reconciliations("okvisa")] == [Outcome.BEGUN]


def _numbers(town: Town) -> list[str]:
    return [one.number for one in town.store.quarantine_entries()]


def _purposes(town: Town, kind: str) -> list[str | None]:
    query = sa.select(audit_tables.entry.c.content)
    with town.database.read() as connection:
        contents = connection.execute(query).scalars().all()
    trees = sorted((json.loads(one) for one in contents), key=lambda tree: str(tree["protokollnummer"]))
    return [tree.get("zweck") for tree in trees if tree["art"] == kind]
