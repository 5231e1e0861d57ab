"""Fetches refused records again, each by its change number, and has them judged anew.

Nothing here overwrites a newer version: what comes back goes into the store like any page, and the store keeps the
newest. A record that stands under another change number by now is left to the ordinary round.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import structlog
from lxml.etree import _Element

from gateway.errors import SourceError
from gateway.sources.advance import State
from gateway.sources.okvisa import Page
from gateway.sources.refusing import CONTRADICTORY
from gateway.store.batch import Batch, Position
from gateway.store.tenure import Tenure
from gateway.store.waiting import Fate, Outcome, Tried

LOG = structlog.get_logger(__name__)

_PER_ROUND = 500
"""So many records, and so many calls, may a round spend before it reads what is new; the rest waits for the next."""
_CALLS = 20
_MOST_FAILURES = 2
"""So many calls may fail in a round: one about a record that the source cannot give, no more if it is down."""
_SPAN = 100
"""Records whose change numbers lie so near each other are read by one call."""


class Source(Protocol):
    """What is needed of the case system."""

    @property
    def name(self) -> str: ...
    @property
    def basis(self) -> bytes: ...
    def state(self, *, once: bool = False) -> State: ...
    def page(self, after: int, token: str | None, *, full: bool, size: int | None = None) -> Page: ...
    def numbers(self, record: _Element) -> tuple[str | None, int | None]: ...


class Waiting(Protocol):
    """What is needed of the store's refused records; see `gateway.store.waiting.Waiting`."""

    def due(self, source: str, basis: bytes, limit: int) -> list[Tried]: ...
    def chosen(self, source: str, numbers: Collection[str] | None) -> tuple[list[Tried], list[Fate]]: ...
    def settle(
        self, tenure: Tenure, tried: Sequence[Tried], delivered: Collection[str], basis: bytes, *, complete: bool
    ) -> list[Fate]: ...
    def forget_vanished(self, tenure: Tenure, source: str, before: datetime) -> int: ...


@dataclass(frozen=True, slots=True)
class Retry:
    """One source's refused records; `judge` and `ingest` are those of the round."""

    source: Source
    waiting: Waiting
    tenure: Tenure
    judge: Callable[[Page], Batch]
    ingest: Callable[[Batch], object]

    def due(self) -> None:
        """Afterwards the first of those that were judged by other rules are judged by today's, none of them twice.

        Broken off anywhere, the next round goes on. What the source does not answer here must keep neither the round
        from what is new, nor what follows from being judged: it is logged, passed over, and tried again with the next.
        """
        tried = self.waiting.due(self.source.name, self.source.basis, _PER_ROUND)
        self._doubtful(tried)
        left, failures = _alone(tried), 0
        for _ in range(_CALLS):
            if not left or failures == _MOST_FAILURES:
                break
            try:
                seen, _fates = self._settled(left, complete=False)
            except SourceError as error:
                failures, seen = failures + 1, _near(left)
                LOG.warning("refused records cannot be fetched again", source=self.source.name, error=error.code)
            left = left[len(seen) :]

    def chosen(self, numbers: Collection[str] | None, position: Position | None) -> list[Fate]:
        """What becomes of the records with these numbers (None: of all), in no order; NotFound before anything is done.

        `position` is how far the source has been read: it tells what changed since from what is gone.
        """
        tried, fates = self.waiting.chosen(self.source.name, numbers)
        complete = _is_complete(position, self.source.state())
        fates += self._doubtful(tried)
        left = _alone(tried)
        while left:
            seen, found = self._settled(left, complete=complete)
            fates += found
            left = left[len(seen) :]
        return fates

    def _doubtful(self, tried: Sequence[Tried]) -> list[Fate]:
        """The fates of those that no single record can tell anything about."""
        doubtful = [one for one in tried if one.code == CONTRADICTORY]
        if not doubtful:
            return []
        left = self.waiting.settle(self.tenure, doubtful, (), self.source.basis, complete=False)
        return [replace(fate, outcome=Outcome.WHOLE_LOAD) if fate.outcome is Outcome.CHANGED else fate for fate in left]

    def _settled(self, tried: Sequence[Tried], *, complete: bool) -> tuple[Sequence[Tried], list[Fate]]:
        """The first of `tried`, so many as one call is about, with their fates."""
        seen, delivered = self._fetch(tried)
        return seen, self.waiting.settle(self.tenure, seen, delivered, self.source.basis, complete=complete)

    def _fetch(self, tried: Sequence[Tried]) -> tuple[Sequence[Tried], set[str]]:
        """Reads the first of `tried` and those near it into the store: which were looked for, and which came."""
        first = tried[0].change_number
        near = _near(tried)
        # No change number is given twice: so many records hold every one of these.
        page = self.source.page(first - 1, None, full=False, size=near[-1].change_number - first + 1)
        numbers = [self.source.numbers(record) for record in page.records]
        highest = max((number for _, number in numbers if number is not None), default=first)
        seen = near if page.next_token is None else [one for one in near if one.change_number <= max(highest, first)]
        found = {
            place: one.number
            for place, (person, number) in enumerate(numbers)
            for one in seen
            if person is not None and number == one.change_number and one.concerns(person)
        }
        if found:
            self.ingest(self.judge(_only(page, list(found))))
        return seen, set(found.values())


def _alone(tried: Sequence[Tried]) -> list[Tried]:
    """Those that a single record can tell about, by change number."""
    return sorted((one for one in tried if one.code != CONTRADICTORY), key=lambda one: one.change_number)


def _near(tried: Sequence[Tried]) -> Sequence[Tried]:
    """The first of them, so many as one call is to bring."""
    return [one for one in tried if one.change_number < tried[0].change_number + _SPAN]


def _only(page: Page, places: Sequence[int]) -> Page:
    """The page as if nothing but the records at these places stood on it."""
    doubtful = frozenset(new for new, old in enumerate(places) if old in page.contradictory)
    return replace(page, records=tuple(page.records[place] for place in places), contradictory=doubtful)


def _is_complete(position: Position | None, state: State) -> bool:
    if position is None or position.full_load or position.page_token is not None:
        return False
    return position.change_number >= state.change_number
