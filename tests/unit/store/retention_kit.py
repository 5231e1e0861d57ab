"""What the tests of deletion by time share: a house whose clock is set, and runs of the rules at that moment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from gateway.store import tables
from gateway.store.batch import Batch, Quarantined
from gateway.upkeep.retention import Report, Retention
from gateway.upkeep.retention_rules import Rules, load, parse
from tests.unit.store.store_kit import SOURCE, House

CITY = ZoneInfo("Europe/Berlin")
RULES = load()

HEALTH: dict[str, Any] = {
    "gesundheitsuntersuchung": [{"art": "ASYL62", "datum": "2026-02-10"}, {"art": "ASYL62", "datum": "2026-11-10"}],
    "impfung": [{"art": "masern"}],
    "keineMedizinischenBedenkenGemeinschaftsunterkunft": {"unbedenklich": True, "datum": "2026-03-31"},
}


def at(house: House, day: date, hour: int = 12) -> None:
    """Afterwards it is that hour of that day in the city."""
    house.now = datetime.combine(day, time(hour), CITY).astimezone(UTC)
    house.today = day


def forward(house: House, days: int) -> None:
    """Afterwards it is so many days later, at the same hour."""
    at(house, house.today + timedelta(days=days))


def retention(house: House, rules: Rules = RULES) -> Retention:
    def pause(_seconds: float) -> None:
        raise AssertionError("nobody else holds the lock")

    return Retention(house.store, house.agreements, rules, CITY, pause=pause)


def run(house: House, *, rules: Rules = RULES, dry: bool = False) -> dict[str, int]:
    """What a run took, by kind of data, without those of which nothing went."""
    return counts(retention(house, rules).run(house.now, dry_run=dry))


def counts(report: Report) -> dict[str, int]:
    return {line.rule.datenart.value: line.gone for line in report.lines if line.gone}


def rules_with(**periods: str) -> Rules:
    """The shipped rules with other periods; names in snake case."""
    named = {name.replace("_", "-"): period for name, period in periods.items()}
    listed = [rule.model_dump(mode="json") for rule in RULES]
    for rule in listed:
        rule["frist"] = named.get(rule["datenart"], rule["frist"])
    return parse({"regel": listed})


def column(house: House, wanted: sa.ColumnElement[Any], *where: sa.ColumnElement[bool]) -> list[Any]:
    with house.database.read() as connection:
        return list(connection.execute(sa.select(wanted).where(*where)).scalars())


def living(house: House, numbers: Iterable[str]) -> set[str]:
    """Those of the person numbers of which anything is held."""
    return {number for number in numbers if house.store.subject(SOURCE, number) is not None}


def refuse(house: House, number: str, change: int) -> None:
    """The source sends a record of that person that cannot be taken."""
    cut = {"person": {"familienname": "Abgewiesen"}}
    bad = Quarantined(number, change, ("geburt.datum: kein Datum",), cut, change.to_bytes(32))
    house.holding.ingest(Batch(SOURCE, (), (bad,)), house.agreements, now=house.now, stichtag=house.today)


def everything(house: House) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, to see that nothing has changed."""
    with house.database.read() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=repr)
            for table in tables.metadata.sorted_tables
        }
