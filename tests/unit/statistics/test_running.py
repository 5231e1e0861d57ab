"""A run is on the audit trail before the first person is read, and says nothing unless it has read everybody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway import shipped
from gateway.agreements.city import load_city
from gateway.errors import AuditError, StatisticError
from gateway.statistics.definition import Definition, load_definitions
from gateway.statistics.running import OPERATION, Run, run
from gateway.store import standing
from gateway.store.audit_tables import entry as audit_entry
from gateway.store.database import Database
from tests.migrated import migrated
from tests.unit.store.store_kit import NOW, TODAY, House, removal, upsert

CITY = load_city(shipped.schemas() / "stadt.toml")
STOCK = load_definitions(shipped.schemas())["bestand"]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A store with five persons."""
    database = Database.open(migrated(tmp_path / "gateway.sqlite"))
    made = House(database, tmp_path)
    made.take(*(upsert(str(number), 1) for number in range(1, 6)))
    yield made
    made.trail.close()
    database.close()


def ran(house: House, report: Definition = STOCK, day: date = TODAY, **more: Any) -> Run:
    return run(report, day, store=house.store, audit=house.trail, city=CITY, now=house.now, **more)


def trail(house: House) -> list[dict[str, Any]]:
    """What the trail says of runs, and of what was not delivered."""
    with house.database.read() as connection:
        contents = connection.execute(sa.select(audit_entry.c.content)).scalars().all()
    told = [json.loads(content) for content in contents]
    return [entry for entry in told if entry["operation"] == OPERATION]


def test_a_run_is_an_entry_that_names_nobody(house: House) -> None:
    """Kind Abfrage, report, version and the very text of it, period, legal basis; no person, and who ran it only
    sealed.
    """
    done = ran(house, clerk="sb-anna")
    [entry] = trail(house)
    assert (entry["art"], entry["zweck"], entry["fassung"], entry["ergebnis"]) == ("Abfrage", "bestand", 1, "ok")
    assert entry["anzahlen"] == {"von": 20261123, "bis": 20261123}
    assert entry["anfrageDigest"] == sha256(STOCK.text.encode()).hexdigest()
    assert "DSG NRW § 17" in entry["rechtsgrundlage"]
    assert "personen" not in entry
    assert "sb-anna" not in json.dumps(entry)
    assert (done.number, done.known) == (entry["protokollnummer"], NOW)
    assert (done.counted.read, sum(done.counted.counts.values())) == (5, 5)
    assert "432" not in repr(done)


def test_nothing_is_read_before_the_entry_is_durable(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the trail cannot be written, nobody is opened."""
    monkeypatch.setattr(standing, "_page", lambda *_: pytest.fail("somebody was read"))
    monkeypatch.setattr(house.trail, "record", _broken)
    with pytest.raises(AuditError):
        ran(house)


def _broken(*_: object) -> None:
    raise AuditError("the trail cannot be written")


def test_what_breaks_off_is_said_in_a_second_entry(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry without numbers is allowed, and says so; numbers without an entry never."""
    monkeypatch.setattr(standing, "_life", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        ran(house)
    assert [entry["art"] for entry in trail(house)] == ["Abfrage", "nicht ausgeliefert"]


def test_who_goes_while_being_counted_makes_it_void(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read is not what is stored: no numbers, and the advice to repeat, which then works."""
    gone: list[int] = []

    def leaving(_what: str, done: int, _total: int | None) -> None:
        if done == 2 and not gone:
            gone.append(house.take(removal("1", 2)).removed)

    monkeypatch.setattr(standing, "PAGE", 2)
    with pytest.raises(StatisticError, match="repeat") as raised:
        ran(house, progress=leaving)
    assert raised.value.code == "bestand-bewegt"
    assert ran(house).counted.read == 4


def test_who_comes_while_it_is_counted_does_not_matter(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is recorded after the moment of knowledge belongs to a later run."""
    came: list[int] = []

    def arriving(_what: str, done: int, _total: int | None) -> None:
        if done == 2 and not came:
            house.now += timedelta(seconds=1)
            came.append(house.take(upsert("9", 2), upsert("1", 2, person={"geschlecht": "m"})).stored)

    monkeypatch.setattr(standing, "PAGE", 2)
    assert ran(house, progress=arriving).counted.read == 5


def test_the_same_moment_of_knowledge_gives_the_same_numbers(house: House) -> None:
    """What was corrected afterwards changes a new run, not one as of then."""
    first = ran(house)
    house.now += timedelta(days=30)
    house.take(upsert("1", 2, person={"fortzugsdatum": "2026-11-01", "fortzugsart": "ausland"}))
    again = ran(house, known=first.known)
    assert again.counted == first.counted
    assert sum(ran(house).counted.counts.values()) == 4


@pytest.mark.parametrize(
    ("day", "known", "said"),
    [
        (TODAY + timedelta(days=1), None, "still to come"),
        (TODAY, NOW + timedelta(seconds=1), "nobody knows yet"),
        (TODAY, datetime(2026, 11, 22, 22, 59, tzinfo=UTC), "says nothing of it"),
    ],
)
def test_a_period_must_be_over_and_known(house: House, day: date, known: datetime | None, said: str) -> None:
    """Refused before anything is recorded or read; the day is the city's."""
    with pytest.raises(StatisticError, match=said):
        ran(house, day=day, known=known)
    assert trail(house) == []


def test_a_month_that_is_not_over_cannot_be_reported(house: House) -> None:
    """The Bestandsmeldung goes by the last day of the month."""
    report = load_definitions(shipped.schemas())["flueag"]
    with pytest.raises(StatisticError, match="2026-11-30"):
        ran(house, report)
    assert ran(house, report, date(2026, 10, 5)).counted.subject.period.last == date(2026, 10, 31)


def test_record_keys_are_summed_where_noise_is_asked_for(house: House) -> None:
    """Only then: they are sums of 32 bits of each person's key, modulo 2**32."""
    assert ran(house).counted.keys == {}
    rules = {audience: replace(rule, noise=2) for audience, rule in STOCK.rules.items()}
    counted = ran(house, replace(STOCK, rules=rules)).counted
    assert counted.keys.keys() == counted.counts.keys()
    lives = house.store.standing(NOW, total=5)
    assert sum(counted.keys.values()) % 2**32 == sum(life.key for life in lives) % 2**32
