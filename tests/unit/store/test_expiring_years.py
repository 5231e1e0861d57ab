"""Three years of comings and goings: after every run exactly that is held which the rules still allow."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from gateway.store import dossier
from gateway.store.audit_verify import verify
from tests.unit.store.retention_kit import at, forward, refuse, run
from tests.unit.store.store_kit import AWAY, SOURCE, House, address, merge, removal, upsert

DAYS = 54 * 21
STEPS = {"sqlite": 54, "postgresql": 27}
"""Runs within the same time; on PostgreSQL, where each takes longer, half as many."""
PERSONS = [str(number) for number in range(1, 11)]


def months_after(day: date, months: int) -> date:
    """The last day of so many months from `day` (BGB § 188 Abs. 2, 3), written down once more."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def quarter_end(day: date) -> date:
    last = (day.month + 2) // 3 * 3
    return date(day.year, last, monthrange(day.year, last)[1])


@dataclass
class Life:
    """What must be known of one person: when its versions came, its examinations, how it ended."""

    versions: list[tuple[date, tuple[date, ...]]] = field(default_factory=list)
    away_since: date | None = None
    merged_since: date | None = None
    into: str | None = None
    held: bool = False

    def over(self, today: date) -> bool:
        if self.merged_since is not None:
            return today > months_after(self.merged_since, 24)
        return self.away_since is not None and today > months_after(self.away_since, 6)

    def expected(self, today: date) -> list[list[str]]:
        """Days of examinations by version, of the versions still held."""
        found = []
        for index, (_, days) in enumerate(self.versions):
            if index + 1 < len(self.versions) and today > months_after(self.versions[index + 1][0], 24):
                continue
            last_days = [
                (day, date(quarter_end(day).year + 1, quarter_end(day).month, quarter_end(day).day)) for day in days
            ]
            found.append([day.isoformat() for day, last in last_days if today <= last])
        return found


class Years:
    """The house, what the source does to it, and what must be true of it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.random = Random(7)
        self.change = 0
        self.lives = {number: Life() for number in PERSONS}
        self.refused: list[date] = []

    def live(self) -> None:
        today, number = self.house.today, self.random.choice(PERSONS)
        life = self.lives[number]
        self.change += 1
        kind = self.random.choice(["here", "here", "away", "away", "merge", "remove", "refuse"])
        others = [n for n, other in self.lives.items() if n != number and other.held and other.merged_since is None]
        if kind == "refuse":
            refuse(self.house, f"9{self.change}", self.change)
            self.refused.append(today)
        elif kind == "merge" and life.held and life.merged_since is None and others:
            life.into, life.merged_since = self.random.choice(others), today
            self.house.take(merge(number, life.into, self.change))
        elif kind == "remove" and life.held:
            self.house.take(removal(number, self.change))
            self.forget(number)
        elif kind in ("here", "away"):
            self.state(number, life, away=kind == "away")

    def state(self, number: str, life: Life, *, away: bool) -> None:
        today = self.house.today
        exams = tuple(today - timedelta(days=self.random.randrange(200)) for _ in range(self.random.randrange(3)))
        stated: dict[str, Any] = {
            "anschrift": AWAY if away else address(),
            "rufname": self.random.choice(["Ada", "Bea"]),
        }
        stated["gesundheitsuntersuchung"] = [{"art": "ASYL62", "datum": day.isoformat()} for day in exams] or None
        stated["beruf"] = [f"Nummer {self.change}"]
        self.house.take(upsert(number, self.change, person=stated))
        life.versions.append((today, exams))
        # Stated anew after it was merged, a record begins anew.
        since = life.away_since if life.merged_since is None else None
        life.held, life.merged_since, life.into = True, None, None
        life.away_since = (since or today) if away else None

    def forget(self, number: str) -> None:
        """The person is gone, and with it what was merged into it."""
        self.lives[number] = Life()
        for other, life in self.lives.items():
            if life.into == number:
                self.forget(other)

    def check(self) -> None:
        today = self.house.today
        for number in [number for number, life in self.lives.items() if life.held and life.over(today)]:
            life = self.lives[number]
            if life.merged_since is not None:
                for other in self.lives.values():
                    other.into = life.into if other.into == number else other.into
                self.lives[number] = Life()
            elif life.held:
                self.forget(number)
        for number, life in self.lives.items():
            subject = self.house.store.subject(SOURCE, number)
            assert (subject is not None) == life.held, (today, number)
            if subject is not None and life.into is None and not [o for o in self.lives.values() if o.into == number]:
                stored = [dossier.group(version.datensatz, "person") for version in subject.versions]
                days = [[str(e["datum"]) for e in dossier.items(p.get("gesundheitsuntersuchung"))] for p in stored]
                assert days == life.expected(today), (today, number)
        held = self.house.store.quarantine_entries()
        assert len(held) == sum(today < date(day.year + 2, 1, 1) for day in self.refused)
        opened = [self.house.store.quarantine_entry(entry.number).cut is not None for entry in held]
        assert sum(opened) == sum(today <= day + timedelta(days=30) for day in self.refused)


def test_over_the_years_nothing_is_kept_longer_and_nothing_goes_earlier(house: House) -> None:
    """Whatever happens, at every run: who and which version, examination and refused record is held is what may be."""
    at(house, date(2026, 11, 23))
    years, steps = Years(house), STEPS[house.database.dialect]
    for _ in range(steps):
        for _ in range(3):
            years.live()
        years.house.reproject()
        forward(house, DAYS // steps)
        run(house)
        years.check()
    assert sum(life.held for life in years.lives.values()) >= 1
    assert years.change > steps
    assert verify(house.database).findings == ()
