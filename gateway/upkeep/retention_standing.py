"""Whether the deletion rules are applied, as health sees it: by counting rows, without opening anyone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from gateway.store.database import Database
from gateway.store.ending import End
from gateway.store.expiring import LastRun, last_run
from gateway.store.expiring_rows import overdue
from gateway.upkeep.retention import expiries
from gateway.upkeep.retention_rules import Datenart, Rules

_LATE, _MISSING = timedelta(days=2), timedelta(days=7)
"""A run is to come every day; so long without one, or with something left behind, warns and is critical."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How much is due, `late` for two days and `missing` for seven; values of health and versions are not counted."""

    last: LastRun | None
    age: timedelta | None
    due: int
    late: int
    missing: int

    @property
    def grade(self) -> int:
        """0 all is well, 1 warning, 2 critical."""
        if self.missing or (self.due and self.age is not None and self.age > _MISSING):
            return 2
        return 1 if self.late or (self.age is not None and self.age > _LATE) else 0

    @property
    def text(self) -> str:
        """In one line."""
        when = "no run yet" if self.age is None else f"last run {self.age.total_seconds() / 86400:.1f} days ago"
        return f"{when}; {self.due} due, {self.late} of it for more than two days"


def standing(database: Database, rules: Rules, now: datetime, timezone: tzinfo) -> Standing:
    """How it stands at `now`; persons that the last run held back are not counted as due."""
    last = last_run(database)
    spans = (timedelta(), _LATE, _MISSING)
    due, late, missing = (_left(database, rules, now - span, timezone, last) for span in spans)
    return Standing(last, None if last is None else now - last.finished_at, due, late, missing)


def _left(database: Database, rules: Rules, moment: datetime, timezone: tzinfo, last: LastRun | None) -> int:
    due = expiries(rules, moment, timezone)
    ends = {
        End.UMFANG: [due[Datenart.PERSON], due[Datenart.VERSTORBEN]],
        End.ZUSAMMENGEFUEHRT: [due[Datenart.ZUSAMMENGEFUEHRT]],
    }
    found = overdue(
        database,
        ends=ends,
        quarantined=due[Datenart.QUARANTAENE],
        reported=due[Datenart.UNSTIMMIGKEIT],
        texts=due[Datenart.ANGABEN],
    )
    return max(0, found.persons - (last.held if last is not None else 0)) + found.others
