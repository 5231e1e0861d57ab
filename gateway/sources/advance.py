"""Where a round of the poller stands, and what page it asks for next; notices a source that turns in circles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from gateway.errors import SourceError
from gateway.sources.transport import NOT_ITS_CONTRACT
from gateway.store.batch import Position

STUCK = "quelle-kommt-nicht-voran"
WENT_BACK = "quelle-zurueckgesetzt"
GAP = "quelle-luecke"


@dataclass(frozen=True, slots=True)
class State:
    """How far the source itself is: its highest change number, and its own clock (UTC)."""

    change_number: int
    at: datetime


class PageHead(Protocol):
    """What a page says of itself; see `gateway.sources.okvisa.Page`."""

    @property
    def next_token(self) -> str | None: ...
    @property
    def change_number(self) -> int: ...
    @property
    def taken_at(self) -> datetime: ...
    @property
    def digest(self) -> bytes: ...


class Advance:
    """A round over one source: perhaps a whole load, then changes, until nothing is left.

    `asking` is what to ask for now: the change number to ask after (of a whole load: the number at which changes
    go on afterwards), the token, and whether it is a whole load. `done` once a withdrawal of changes that this
    round began is complete; `since` is when that was begun, by the source's clock or ours, whichever is behind: what
    the source knew then is stored. Raises SourceError at once if the source has gone back behind what is stored
    (`quelle-zurueckgesetzt`): it was restored from a backup, and only a whole load can say what is true.
    """

    def __init__(self, state: State, stored: Position | None, *, full: bool, overlap: int) -> None:
        self.asking: Position
        self.since: datetime | None
        self._last: int
        self._state = state
        self._overlap = overlap
        self._complete_to = 0 if stored is None or full else stored.change_number
        self._restarted = False
        self.done = False
        if state.change_number < self._complete_to:
            raise SourceError("the source's change number is lower than what was read before", code=WENT_BACK)
        if stored is not None and stored.page_token is not None and not full:
            self._begin(stored, here=False)
        elif stored is None or full or stored.full_load:
            self._begin(Position(stored.change_number if stored else state.change_number, None, True), here=True)
        else:
            self._begin(self._changes_after(stored.change_number), here=True)

    def follow(self, page: PageHead, *, asked_at: datetime) -> Position:
        """The position that holds once `page`, asked for at that moment of ours, is stored; `asking` goes on.

        Raises SourceError if a page or token comes again (`quelle-kommt-nicht-voran`), if the change number falls
        (`quelle-zurueckgesetzt`), if a whole load changes its own (`quelle-vertrag-verletzt`), or if changes end
        before the number the source had named at the beginning (`quelle-luecke`).
        """
        if page.digest in self._digests or page.next_token in self._tokens:
            raise SourceError("the source sent a page or token a second time", code=STUCK)
        if page.change_number < self._last:
            raise SourceError("the source's change number fell between two pages", code=WENT_BACK)
        if self.asking.full_load and self._digests and page.change_number != self._last:
            raise SourceError("a whole load changed its own change number", code=NOT_ITS_CONTRACT)
        self._digests.add(page.digest)
        self._last = page.change_number
        self.since = self.since or min(page.taken_at, asked_at)
        if self.asking.full_load:
            # A whole load does not say who was removed meanwhile: changes go on where they were known before.
            self.asking = replace(self.asking, change_number=min(self.asking.change_number, page.change_number))
        if page.next_token is not None:
            self._tokens.add(page.next_token)
            self.asking = replace(self.asking, page_token=page.next_token)
            return self.asking
        return self._end(page)

    def restart(self) -> None:
        """The source does not know the token any more: the withdrawal begins anew, once in a round."""
        if self._restarted:
            raise SourceError("the source refuses its own tokens", code=STUCK)
        self._restarted = True
        self._begin(replace(self.asking, page_token=None), here=True)

    def _end(self, page: PageHead) -> Position:
        if self.asking.full_load:
            complete_to = self.asking.change_number
        else:
            complete_to = page.change_number
            if complete_to < max(self._complete_to, self._state.change_number if self._here else 0):
                raise SourceError("the changes end before the number the source has named", code=GAP)
            self.done = self._here
        if not self.done:
            self._begin(self._changes_after(complete_to), here=True)
        return Position(complete_to, None, full_load=False)

    def _begin(self, position: Position, *, here: bool) -> None:
        self.asking = position
        self.since = None
        self._here = here
        self._last = 0
        self._tokens: set[str] = set() if position.page_token is None else {position.page_token}
        self._digests: set[bytes] = set()

    def _changes_after(self, number: int) -> Position:
        # A source may make a lower number visible after a higher one: two clerks save, the first commits last.
        return Position(max(0, number - self._overlap), None, full_load=False)
