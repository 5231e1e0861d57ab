"""How the population changes: life events give records new states and change numbers; nothing is forgotten."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from random import Random
from threading import Event as Signal
from threading import RLock, Thread
from typing import Final

from gateway.simulator import canaries, drift, events
from gateway.simulator.chance import chance
from gateway.simulator.draft import number
from gateway.simulator.drift import SILENT, Drift, Silence
from gateway.simulator.events import Change
from gateway.simulator.population import Population, moment
from gateway.simulator.record import Inhalt, Satz, Satzart, get

Clock = Callable[[], datetime]

_DRAWS: Final = 400
PERSON_PREFIX: Final = "KV-"


@dataclass(frozen=True, slots=True)
class Schritt:
    """What one step did: the event and the new (personennummer, aenderungsnummer) in order."""

    ereignis: str
    aenderungen: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Zaehlung:
    """The population counted as of a change number: per (satzart, title), and the digest of the contract."""

    number: int
    total: int
    counts: tuple[tuple[tuple[str, str | None], int], ...]
    digest: str


class History:
    """The population and all that happened to it. Safe for several threads; the events follow from the seed.

    Only persons that changed are kept (every state of them, so that a full load stays as of its change number).
    """

    def __init__(self, population: Population, clock: Clock) -> None:
        self.population, self._clock = population, clock
        self._versions: dict[int, list[Satz]] = {}
        self._log: list[int] = []
        self._log_numbers: list[int] = []
        self._persons = len(population)
        self._steps = 0
        self._silence = Silence()
        self._targets: list[list[str]] = []
        self._base_titles: list[str | None] | None = None
        self._lock = RLock()

    # ---- reading ----

    @property
    def number(self) -> int:
        """The highest change number given out."""
        with self._lock:
            return self._log_numbers[-1] if self._log_numbers else len(self.population)

    @property
    def persons(self) -> int:
        """How many person numbers were given out, newcomers counted."""
        with self._lock:
            return self._persons

    @property
    def changed_at(self) -> str:
        """When the change with the highest number was made."""
        with self._lock:
            return self.latest(self._log[-1] if self._log else len(self.population) - 1).geaendert_am

    def latest(self, index: int) -> Satz:
        """The present state of the person; IndexError if there is none."""
        with self._lock:
            versions = self._versions.get(index)
            return versions[-1] if versions else self.population.record(index)

    def as_of(self, index: int, at: int) -> Satz | None:
        """The state of the person when `at` was the highest change number; None if not recorded by then."""
        with self._lock:
            versions = [satz for satz in self._versions.get(index, ()) if satz.aenderungsnummer <= at]
        if versions:
            return self._silence.seen(versions[-1])
        recorded = index < len(self.population) and index < at
        return self._silence.seen(self.population.record(index)) if recorded else None

    def full(self, at: int, begin: int, limit: int) -> tuple[list[Satz], int | None]:
        """Up to `limit` live records as of `at` from index `begin` on, and where the next page begins (None: end)."""
        page: list[Satz] = []
        for index in range(begin, self._persons):
            satz = self.as_of(index, at)
            if satz is not None and satz.satzart.live:
                if len(page) == limit:
                    return page, index
                page.append(satz)
        return page, None

    def changes(self, after: int, up_to: int, limit: int) -> tuple[list[Satz], bool]:
        """Up to `limit` latest states with `after` < change number <= `up_to`, ascending, and whether more follow."""
        page: list[Satz] = []
        for satz in self._newer(after, up_to):
            if len(page) == limit:
                return page, True
            page.append(satz)
        return page, False

    def count(self) -> Zaehlung:
        """The population counted now. The first call draws every person once, later ones only those that changed."""
        with self._lock:
            if self._base_titles is None:
                self._base_titles = [self.population.titel(index) for index in range(len(self.population))]
            counts: Counter[tuple[str, str | None]] = Counter()
            digest = hashlib.sha256()
            for index in range(self._persons):
                satz = self._stands(index)
                if satz is None:
                    continue
                art, title, given = satz
                if art.live:
                    counts[art.value, title] += 1
                    digest.update(f"{number(index)};{given}\n".encode())
            ordered = sorted(counts.items(), key=lambda item: (item[0][0], item[0][1] or ""))
            return Zaehlung(self.number, sum(counts.values()), tuple(ordered), digest.hexdigest())

    def _stands(self, index: int) -> tuple[Satzart, str | None, int] | None:
        """Kind, title and change number of the record that stands in the stock; None if it has vanished."""
        if index in self._versions or self._silence.knows(number(index)):
            satz = self._silence.seen(self.latest(index))
            return None if satz is None else (satz.satzart, satz.titel, satz.aenderungsnummer)
        title = self._base_titles[index] if self._base_titles is not None else None
        return self.population.satzart(index), title, index + 1

    def canaries(self) -> Iterator[str]:
        """Every marked text of the population and of all states since."""
        yield from self.population.canaries()
        for satz in self._all_versions():
            yield from canaries.marks(satz.inhalt)

    def forbidden_values(self) -> Iterator[str]:
        """Every text that ever stood in a forbidden field."""
        yield from self.population.forbidden_values()
        for satz in self._all_versions():
            yield from canaries.forbidden_texts(satz.inhalt)

    # ---- changing ----

    def step(self, ereignis: str | None = None, *, person: str | None = None) -> Schritt:
        """One event has happened: the named one, else one drawn from the seed; to `person` if it can be.

        `person` may be several person numbers with commas, of whom it happens to the first to whom it can, and for a
        second person in the event the same again behind a plus sign. Of several nothing else has to happen first.
        KeyError for an unknown event, LookupError if nobody is there to whom it could happen.
        """
        with self._lock:
            self._steps += 1
            random = chance(self.population.seed, "schritt", self._steps)
            if ereignis is not None and ereignis in SILENT:
                return self._happen_silently(ereignis, random, person)
            if ereignis is not None:
                return self._happen(ereignis, random, person)
            for _ in range(20):
                try:
                    return self._happen(random.choice(events.USUAL), random, person)
                except LookupError:
                    continue
            raise LookupError("no event fits this population")

    def deliver(self, given: int) -> None:
        """What was lost from the withdrawals of changes is in them from now on: saved late."""
        with self._lock:
            self._silence.deliver(given)

    def reappear(self, personennummer: str) -> None:
        """Who has silently vanished or changed stands there again as if nothing had been."""
        with self._lock:
            self._silence.forget(personennummer)

    def _happen(self, ereignis: str, random: Random, person: str | None) -> Schritt:
        event = events.EVENTS[ereignis]
        self._targets = _targets(person)
        try:
            changes = event(self, random)
            earlier: tuple[tuple[str, int], ...] = ()
            if not changes and ereignis in events.BEFORE and "," not in (person or ""):
                first = self._happen(events.BEFORE[ereignis], random, person)
                earlier, self._targets = first.aenderungen, [[first.aenderungen[0][0]]]
                changes = event(self, random)
        finally:
            self._targets = []
        if not changes:
            raise LookupError("nobody is there to whom this event could happen")
        return Schritt(ereignis, (*earlier, *[self._write(change) for change in changes]))

    def _happen_silently(self, ereignis: str, random: Random, person: str | None) -> Schritt:
        """The event has happened, and no reader of changes will hear of it."""
        how, event = SILENT[ereignis]
        if how is Drift.UNDELIVERED:
            done = self._happen(event, random, person)
            self._silence.withhold(given for _, given in done.aenderungen)
            return Schritt(ereignis, done.aenderungen)
        self._targets = _targets(person)
        found = self.pick(random, lambda satz: satz.satzart.live is not (how is Drift.RETURNS))
        self._targets = []
        if found is None:
            raise LookupError("nobody is there to whom this event could happen")
        index, satz = found
        if how is Drift.VANISHES:
            self._silence.vanish(satz)
        elif how is Drift.SAME_NUMBER:
            self._silence.replace(satz, drift.renamed(satz, random.choice(("Żelazny", "Müller", "Đurić"))))
        else:
            base = self.population.record(index) if index < len(self.population) else None
            earlier = drift.before(self._versions[index], base)
            if earlier is None:
                raise LookupError("nobody is there to whom this event could happen")
            self._silence.replace(satz, earlier)
        return Schritt(ereignis, ((satz.personennummer, satz.aenderungsnummer),))

    def _write(self, change: Change) -> tuple[str, int]:
        following = self.number + 1
        now = moment(self._clock())
        satz = Satz(number(change.index), following, now, change.satzart, change.inhalt, change.ziel)
        self._versions.setdefault(change.index, []).append(satz)
        self._log.append(change.index)
        self._log_numbers.append(following)
        self._persons = max(self._persons, change.index + 1)
        return satz.personennummer, following

    def _newer(self, after: int, up_to: int) -> Iterator[Satz]:
        size = len(self.population)
        for index in range(after, min(up_to, size)):
            if index not in self._versions:
                yield from self._told(self.population.record(index))
        start = bisect_right(self._log_numbers, after)
        for place in range(start, len(self._log)):
            latest = self._versions[self._log[place]][-1]
            if latest.aenderungsnummer == self._log_numbers[place] <= up_to:
                yield from self._told(latest)

    def _told(self, satz: Satz) -> Iterator[Satz]:
        """What a withdrawal of changes has of this latest state: nothing, if it was lost or has silently gone."""
        seen = self._silence.seen(satz)
        if seen is not None and seen.aenderungsnummer == satz.aenderungsnummer and not self._silence.withheld(satz):
            yield seen

    def _all_versions(self) -> list[Satz]:
        with self._lock:
            return [satz for versions in self._versions.values() for satz in versions]

    # ---- what events see (events.Scene) ----

    @property
    def today(self) -> date:
        """The day of the clock."""
        return self._clock().date()

    def pick(self, random: Random, wanted: Callable[[Satz], bool]) -> tuple[int, Satz] | None:
        """One of the next targets of this step, if it has any; else a person drawn, else one of those that changed."""
        if self._targets:
            indices = [int(one.removeprefix(PERSON_PREFIX)) - 1 for one in self._targets[0]]
            candidates = [index for index in indices if 0 <= index < self._persons]
        else:
            candidates = [random.randrange(self._persons) for _ in range(_DRAWS)] + list(self._versions)
        for index in candidates:
            satz = self.latest(index)
            if self._silence.seen(satz) is satz and wanted(satz):
                self._targets = self._targets[1:]
                return index, satz
        return None

    def relatives(self, satz: Satz) -> Sequence[tuple[int, Satz]]:
        """The living records in the present file that `satz` names as family, in the order named."""
        listed = get(satz.inhalt, "familie.angehoeriger")
        numbers = [item.get("personennummer") for item in listed if isinstance(item, dict)] if listed else []
        places = dict.fromkeys(int(n.removeprefix(PERSON_PREFIX)) - 1 for n in numbers if isinstance(n, str))
        found = [(place, self.latest(place)) for place in places if place < self._persons]
        return [(place, one) for place, one in found if one.satzart.live and one.inhalt.get("datei") == "A"]

    def newcomer(self, *, born: bool) -> tuple[int, Inhalt]:
        """Index and ordinary content of the next person that is recorded."""
        index = self._persons
        return index, self.population.newcomer(index, born=born)


def _targets(person: str | None) -> list[list[str]]:
    return [group.split(",") for group in person.split("+")] if person else []


def keep_changing(history: History, *, per_minute: float, stop: Signal) -> Thread:
    """A started thread in which `per_minute` events happen until `stop` is set."""

    def run() -> None:
        while not stop.wait(60.0 / per_minute):
            history.step()

    thread = Thread(target=run, name="simulated life", daemon=True)
    thread.start()
    return thread
