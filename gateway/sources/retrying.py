"""Fetches refused records again, each by its change number, and has them judged anew.

Nothing here overwrites a newer version: what comes back goes into the store like any page, and the store keeps the
newest. A record that stands under another change number by now is left to the ordinary round.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
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

        Broken off anywhere, the next round goes on. What the source does not answer here must not keep the round
        from what is new: it is logged, and tried again with the next.
        """
        tried = self.waiting.due(self.source.name, self.source.basis, _PER_ROUND)
        try:
            for calls, _ in enumerate(self._fetched(tried, complete=False), start=1):
                if calls == _CALLS:
                    break
        except SourceError as error:
            LOG.warning("refused records cannot be fetched again", source=self.source.name, error=error.code)

    def chosen(self, numbers: Collection[str] | None, position: Position | None) -> list[Fate]:
        """What becomes of the records with these numbers (None: of all), in no order; NotFound before anything is done.

        `position` is how far the source has been read: it tells what changed since from what is gone.
        """
        tried, fates = self.waiting.chosen(self.source.name, numbers)
        complete = _is_complete(position, self.source.state())
        return [*fates, *(fate for some in self._fetched(tried, complete=complete) for fate in some)]

    def _fetched(self, tried: Sequence[Tried], *, complete: bool) -> Iterator[list[Fate]]:
        """The fates of one call after the other; first of those that no single record can tell anything about."""
        doubtful = [one for one in tried if one.code == CONTRADICTORY]
        if doubtful:
            left = self.waiting.settle(self.tenure, doubtful, (), self.source.basis, complete=False)
            yield [
                replace(fate, outcome=Outcome.WHOLE_LOAD) if fate.outcome is Outcome.CHANGED else fate for fate in left
            ]
        open_ones = sorted((one for one in tried if one.code != CONTRADICTORY), key=lambda one: one.change_number)
        while open_ones:
            seen, delivered = self._fetch(open_ones)
            yield self.waiting.settle(self.tenure, seen, delivered, self.source.basis, complete=complete)
            open_ones = open_ones[len(seen) :]

    def _fetch(self, tried: Sequence[Tried]) -> tuple[Sequence[Tried], set[str]]:
        """Reads the first of `tried` and those near it into the store: which were looked for, and which came."""
        first = tried[0].change_number
        near = [one for one in tried if one.change_number < first + _SPAN]
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


def _only(page: Page, places: Sequence[int]) -> Page:
    """The page as if nothing but the records at these places stood on it."""
    doubtful = frozenset(new for new, old in enumerate(places) if old in page.contradictory)
    return replace(page, records=tuple(page.records[place] for place in places), contradictory=doubtful)


def _is_complete(position: Position | None, state: State) -> bool:
    if position is None or position.full_load or position.page_token is not None:
        return False
    return position.change_number >= state.change_number
