"""The deletion rules applied: by the clock, in short steps, to be broken off and begun again at any moment.

Every step finds anew what is due and deletes it together with its audit entry in one transaction; nothing is
remembered between steps but what the store itself says. So a run after a killed one simply goes on, and a second run
on the same day finds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from gateway.agreements.agreement import Agreement
from gateway.errors import StoreError
from gateway.store import expiring_audit, expiring_rows
from gateway.store.expiring import Expiring, Expiry
from gateway.store.expiring_persons import PersonPass, PersonRules
from gateway.store.persons import Store
from gateway.store.progress import Progress, silent
from gateway.store.tenure import Tenure
from gateway.upkeep.retention_periods import last_due
from gateway.upkeep.retention_rules import Datenart, Rule, Rules

_POLLING = "abruf-laeuft"
_IN_UTC = frozenset({Datenart.ANGABEN, Datenart.INHALT})
"""The audit trail counts its months in UTC, everything else goes by the city's days."""
_PATIENCE = 300
"""So often, about a second apart, the lock of a running poll is asked for before a run gives up."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one rule took, or in a dry run would take."""

    rule: Rule
    gone: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did: one line per rule in the file's order, whom it held back and why, what it must complain of.

    `escalated` are the numbers of refused records that were never mended, with "field: rule" each: the foreigners
    office must be told, for their content is gone now.
    """

    lines: tuple[Line, ...]
    held: Mapping[str, int]
    escalated: tuple[tuple[str, tuple[str, ...]], ...]
    dry_run: bool


class Retention:
    """Applies one set of rules to one store; `timezone` is the city's, `pause` waits a second for a running poll."""

    def __init__(
        self,
        store: Store,
        agreements: Mapping[str, Agreement],
        rules: Rules,
        timezone: tzinfo,
        *,
        pause: Callable[[float], None],
    ) -> None:
        self._store = store
        self._agreements = agreements
        self._rules = rules
        self._timezone = timezone
        self._pause = pause

    def run(self, now: datetime, *, dry_run: bool = False, progress: Progress = silent) -> Report:
        """Afterwards nothing is left that a rule calls due at `now`; with `dry_run` the same is only counted.

        StoreError (code "abruf-laeuft") if a poll does not end for minutes: what is done is done, the next run goes
        on. Every step asks for the poll lock anew, so that polls are not held up.
        """
        place = self._store.expiring(
            self._agreements,
            now=now,
            stichtag=now.astimezone(self._timezone).date(),
            dry=dry_run,
            lock=self._patiently,
        )
        due = expiries(self._rules, now, self._timezone)
        expiring_rows.remains(place, due[Datenart.ENTFERNT])
        persons = _persons(place, due, progress)
        progress("quarantine, reports, notices", 0, None)
        expiring_rows.quarantine_contents(place, due[Datenart.QUARANTAENE], persons)
        expiring_rows.quarantine_notes(place, due[Datenart.VERMERK], due[Datenart.QUARANTAENE], persons)
        expiring_rows.discrepancies(place, due[Datenart.UNSTIMMIGKEIT], persons)
        expiring_rows.deliveries(place, due[Datenart.ZUSTELLUNG])
        _walk("audit trail", _audit(place, due), progress)
        place.finish()
        return self._report(place)

    def _report(self, place: Expiring) -> Report:
        lines = tuple(Line(rule, place.tally.gone[rule.datenart]) for rule in self._rules)
        return Report(lines, dict(place.tally.held), tuple(place.tally.escalated), place.dry)

    @contextmanager
    def _patiently(self) -> Iterator[Tenure]:
        with _acquired(self._store.poll_lock, self._pause) as tenure:
            yield tenure


def expiries(rules: Rules, now: datetime, timezone: tzinfo) -> dict[str, Expiry]:
    """What each rule takes at `now`, by kind of data."""
    return {rule.datenart: _expiry(rule, now, UTC if rule.datenart in _IN_UTC else timezone) for rule in rules}


def _expiry(rule: Rule, now: datetime, timezone: tzinfo) -> Expiry:
    last = last_due(rule.startzeitpunkt, rule.period, now.astimezone(timezone).date())
    return Expiry(rule.datenart, rule.norm, _midnight_after(last, timezone), last)


def _midnight_after(day: date, timezone: tzinfo) -> datetime:
    """The moment at which `day` is over in `timezone`, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), timezone).astimezone(UTC)


def _persons(place: Expiring, due: Mapping[str, Expiry], progress: Progress) -> PersonPass:
    rules = PersonRules(
        outside=due[Datenart.PERSON],
        dead=due[Datenart.VERSTORBEN],
        merged=due[Datenart.ZUSAMMENGEFUEHRT],
        version=due[Datenart.FASSUNG],
        health=due[Datenart.GESUNDHEIT],
    )
    persons = PersonPass(place, rules)
    _walk("persons", persons.run(), progress, total=persons.count())
    return persons


def _audit(place: Expiring, due: Mapping[str, Expiry]) -> Iterator[int]:
    yield from expiring_audit.texts(place, due[Datenart.ANGABEN])
    yield from expiring_audit.contents(place, due[Datenart.INHALT])


def _walk(what: str, steps: Iterator[int], progress: Progress, *, total: int | None = None) -> None:
    done = 0
    progress(what, done, total)
    for step in steps:
        done += step
        progress(what, done, total)


@contextmanager
def _acquired(lock: Callable[[], AbstractContextManager[Tenure]], pause: Callable[[float], None]) -> Iterator[Tenure]:
    with ExitStack() as held:
        for attempt in range(_PATIENCE):
            try:
                tenure = held.enter_context(lock())
                break
            except StoreError as error:
                if error.code != _POLLING:
                    raise
                if attempt + 1 == _PATIENCE:
                    raise StoreError(
                        "a poll has been running for minutes: run this again later", code=_POLLING
                    ) from None
            pause(1.0)
        yield tenure
