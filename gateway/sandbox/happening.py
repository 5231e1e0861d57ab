"""Lets something happen to a person an application knows, and fetches it at once: seconds later it is in the feed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from threading import Lock

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from gateway.agreements import projection
from gateway.app import App
from gateway.errors import NotFound, StoreError
from gateway.model import derived
from gateway.sandbox.source import Event, OwnSource
from gateway.simulator.events import BEFORE
from gateway.store.overview import overview
from gateway.store.subjects import Record

_SOURCE = "okvisa"
_ELSEWHERE = "abruf-laeuft"
_MOST_SEEN, _MOST_KNOWN = 40, 2000
_LONGEST_WAIT, _PAUSE = 15.0, 0.1


@dataclass(frozen=True, slots=True)
class Known:
    """A person number, the identifier that the application has for it, and whether it may see the person today."""

    number: str
    kennung: str
    visible: bool


@dataclass(frozen=True, slots=True)
class Happened:
    """What the application knows of the persons that changed, and how many changes wait in its feed now."""

    event: Event
    persons: tuple[Known, ...]
    others: int
    waiting: int


class Happening:
    """What happens in the sandbox's case system, seen from one gateway process. Safe for several threads."""

    def __init__(self, app: App, source: OwnSource, random: Callable[[], Random]) -> None:
        self._app, self._source, self._random = app, source, random
        self._numbers: dict[tuple[str, str], str] = {}
        self._lock = Lock()

    def let(self, event: Event, application: str, kennung: str | None = None) -> Happened:
        """The event has happened, and the gateway has read it; to that person, else to one drawn by lot.

        NotFound if the application does not know the identifier, or if it can happen to nobody (to that person).
        SourceError or StoreError if it cannot be read at once: the poller will.
        """
        with self._lock:
            changed = self._happen(event, application, kennung)
            for attempt in Retrying(
                retry=retry_if_exception(_is_elsewhere),
                stop=stop_after_delay(_LONGEST_WAIT),
                wait=wait_fixed(_PAUSE),
                reraise=True,
            ):
                with attempt:
                    self._app.poll.run_once()
            found = [self.known(application, number) for number in changed]
        persons = tuple(one for one in found if one is not None)
        return Happened(event, persons, len(found) - len(persons), self.waiting(application))

    def waiting(self, application: str) -> int:
        """How many changes wait in the feeds of this application."""
        pending = overview(self._app.database).pending
        return sum(count for stream, count in pending.items() if stream.rpartition("/")[0] == application)

    def known(self, application: str, number: str) -> Known | None:
        """What the application knows of the person with this number; None if it never had an identifier for it."""
        subject = self._app.store.subject(_SOURCE, number)
        for record in subject.records if subject is not None else ():
            for name, kennung in record.kennungen:
                if name == application:
                    self._numbers.setdefault((application, kennung), number)
                    return Known(number, kennung, self._is_visible(application, record))
        return None

    def _happen(self, event: Event, application: str, kennung: str | None) -> tuple[str, ...]:
        """By lot it happens to somebody the application sees, to anybody else only if there is none to whom it can.

        What takes something back happens to somebody it knows, seen or not.
        """
        drawn = self._drawn(application, seen_only=not event.undoes)
        first = drawn if kennung is None else [self._number_of(application, kennung)]
        groups = [first, drawn] if event.two else [first]
        changed = self._source.happen(event.name, *groups) if all(groups) else None
        if changed is None and kennung is None and not event.undoes:
            changed = self._source.happen(event.name)
        if changed is None:
            before = f": first let {BEFORE[event.name]} happen to somebody" if event.name in BEFORE else ""
            raise NotFound(f"{event.name} can happen to nobody" + before)
        return changed

    def _drawn(self, application: str, *, seen_only: bool) -> list[str]:
        """The person numbers, in an order by lot, of some whom the application knows, or of those it sees today."""
        numbers, found = self._source.numbers(), list[str]()
        self._random().shuffle(numbers)
        for number in numbers:
            one = self.known(application, number)
            if one is not None and (one.visible or not seen_only):
                found.append(number)
            if len(found) == (_MOST_SEEN if seen_only else _MOST_KNOWN):
                break
        return found

    def _number_of(self, application: str, kennung: str) -> str:
        if (application, kennung) not in self._numbers:
            every = (self.known(application, number) for number in self._source.numbers())
            found = next((one for one in every if one is not None and one.kennung == kennung), None)
            if found is None:
                raise NotFound
            self._numbers[application, kennung] = found.number
        return self._numbers[application, kennung]

    def _is_visible(self, application: str, record: Record) -> bool:
        agreements = [one for one in self._app.rules.agreements.values() if one.application == application]
        if record.state != "active" or record.current is None or not agreements:
            return False
        today = self._app.rules.city.today(self._app.rules.clock())
        told = derived.derive(record.current, stichtag=today)
        return any(projection.visible(one, record.current, told, stichtag=today) for one in agreements)


def _is_elsewhere(error: BaseException) -> bool:
    return isinstance(error, StoreError) and error.code == _ELSEWHERE
