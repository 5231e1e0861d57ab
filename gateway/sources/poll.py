"""The way of the data into the house: page by page from the source, judged record by record, into the store.

Law: whatever happens at any step, the store holds the position up to which everything is stored, and the next
round goes on from there. Reading a record twice, late or out of order changes nothing: the store keeps the newest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from datetime import date, datetime, tzinfo
from functools import partial
from typing import Protocol
from zoneinfo import ZoneInfo

from lxml.etree import _Element

from gateway.agreements.agreement import Agreement
from gateway.errors import RecordRefused, SourceError
from gateway.model.reasons import INTERNAL
from gateway.sources import circuit, collecting, retrying
from gateway.sources.advance import WENT_BACK, Advance
from gateway.sources.endpoint import FAULT_CLIENT
from gateway.sources.maintenance import Windows
from gateway.sources.okvisa import Page
from gateway.sources.refusing import CONTRADICTORY, INVALID, MISTAKE
from gateway.sources.retrying import Retry
from gateway.sources.schedule import keep_polling
from gateway.sources.telling import logged
from gateway.sources.transport import NOT_ITS_CONTRACT
from gateway.sources.turns import Remembered, Turns
from gateway.store.batch import Batch, Change, Ingested, Position, Quarantined, Turn, Withholding
from gateway.store.progress import Progress, silent
from gateway.store.tenure import Tenure
from gateway.store.waiting import Fate

Clock = Callable[[], datetime]
Agreements = Callable[[date], Mapping[str, Agreement]]
"""The agreements in force on a day: each step of a round asks for those of its own day."""

RECORDS = "records"
"""What progress calls the records that were read."""
_OVERLAP = 100
_LATEST = 2**53 - 1
"""The highest change number there can be."""
_ANOTHER_CONTRACT = 10
"""A page of so many records of which not one is valid is not bad luck with records."""


class Source(retrying.Source, Protocol):
    """A case system; `gateway.sources.okvisa.OkVisa` is one."""

    def take(self, record: _Element) -> Change: ...
    def quarantined(self, record: _Element, refusal: RecordRefused) -> Quarantined: ...


class Store(Remembered, Protocol):
    """What the poller needs of the store."""

    @property
    def waiting(self) -> retrying.Waiting: ...
    def poll_lock(self) -> AbstractContextManager[Tenure]: ...
    def position(self, source: str) -> Position | None: ...
    def knows(self, source: str, records: Sequence[tuple[str | None, int | None]]) -> frozenset[int]: ...
    def ingest(
        self, tenure: Tenure, batch: Batch, agreements: Mapping[str, Agreement], *, now: datetime, stichtag: date
    ) -> Ingested: ...
    def reproject(
        self,
        tenure: Tenure,
        agreements: Mapping[str, Agreement],
        *,
        now: datetime,
        stichtag: date,
        progress: Progress,
    ) -> object: ...
    def finish_poll(self, tenure: Tenure, source: str, stand: datetime, now: datetime) -> None: ...
    def forget_numbers(self, tenure: Tenure, source: str, at: int) -> Position: ...


@dataclass(slots=True)
class Counts:
    """What a round has done so far; `stale` and `erased` were read but are not stored (again)."""

    pages: int = 0
    records: int = 0
    stored: int = 0
    removed: int = 0
    merged: int = 0
    stale: int = 0
    erased: int = 0
    quarantined: int = 0
    entries: int = 0


@dataclass(frozen=True, slots=True)
class PollResult:
    """How a round ended; `complete` means the store held everything the source had when the round began."""

    counts: Counts
    complete: bool


class Poll:
    """Reads one source into the store; the store's lock lets one round run at a time, wherever it runs.

    `timezone` is the city's: the day that obligations and blocks refer to. `overlap` is how many change numbers
    each round reads again, `every` how many seconds lie between two rounds, whoever does them; none is begun in the
    hours of `maintenance`. See docs/polling.md.
    """

    def __init__(
        self,
        source: Source,
        store: Store,
        agreements: Agreements,
        clock: Clock,
        *,
        timezone: tzinfo | None = None,
        overlap: int = _OVERLAP,
        every: float = 60.0,
        maintenance: Iterable[str] = (),
    ) -> None:
        self._source = source
        self._store = store
        self._agreements = agreements
        self._clock = clock
        self._timezone = timezone or ZoneInfo("Europe/Berlin")
        self._overlap = overlap
        windows = Windows(maintenance, self._timezone)
        self.turns = Turns(store, source.name, clock, windows, every=every)

    def run_once(self, *, full: bool = False, progress: Progress = silent) -> PollResult:
        """Everything the source has is in the store, or SourceError and the position is where it broke off.

        `full` reads the whole stock again, as the very first round does; `progress` is told of persons computed
        anew, and of records.
        What changes by the date alone is done first: a block that ends does not wait for the source.
        """
        counts = Counts()
        with self._store.poll_lock() as tenure:
            self.catch_up(tenure, counts, full=full, progress=progress)
        return PollResult(counts, complete=True)

    def catch_up(
        self,
        tenure: Tenure,
        counts: Counts,
        *,
        full: bool = False,
        progress: Progress = silent,
    ) -> None:
        """What `run_once` does, for a caller who holds the lock already."""
        turn = self.turns.take(tenure)
        self._reproject(tenure, progress)
        with self.turns.attempt(tenure, turn), collecting.rarely():
            self._read(tenure, turn, counts, full=full, progress=progress)

    def take_turn(self, seen: Turn | None) -> PollResult | None:
        """The turn after `seen` is taken, with a round if the source is not left in peace; None if somebody was faster.

        What changes by the date alone is done in any case.
        """
        counts = Counts()
        with self._store.poll_lock() as tenure:
            if self.turns.last() != seen:
                return None
            if self.turns.is_resting(seen):
                self.turns.rest(tenure)
                self._reproject(tenure)
                return PollResult(counts, complete=False)
            self.catch_up(tenure, counts)
        return PollResult(counts, complete=True)

    def _read(self, tenure: Tenure, turn: Turn, counts: Counts, *, full: bool, progress: Progress) -> None:
        """From the source's first word in this round to its last; between two pages a maintenance window may begin."""
        self.turns.require_open()
        state, stored = self._source.state(once=circuit.is_open(turn)), self._store.position(self._source.name)
        went_back = turn.went_back or (stored is not None and state.change_number < stored.change_number)
        if went_back and full:
            stored = self._store.forget_numbers(tenure, self._source.name, state.change_number)
        elif went_back:
            raise SourceError("it went back behind what was read: gateway poll --once --full", code=WENT_BACK)
        begun = self._clock()
        advance = Advance(state, stored, full=full, overlap=self._overlap)
        whole = advance.asking.full_load and advance.asking.page_token is None
        self._retry(tenure, counts).due()
        while not advance.done:
            self.turns.require_open()
            asked_at = self._clock()
            page = self._fetch(advance)
            # Of a first load nothing is known.
            known = self._known(page) if stored is not None or not advance.asking.full_load else frozenset()
            position = advance.follow(page, asked_at=asked_at)
            batch = self.judge(page, position, known)
            # After a clock that was set back what is seen now would count as not seen since the beginning.
            begun = min(begun, self._clock())
            passed = len(page.records) - _records(batch)
            self._ingest(tenure, batch, counts)
            counts.records += passed
            counts.stale += passed
            counts.pages += 1
            progress(RECORDS, counts.records, None)
        self._finish(tenure, advance)
        if whole:
            self._store.waiting.forget_vanished(tenure, self._source.name, begun)

    def retry(self, numbers: Collection[str] | None = None) -> list[Fate]:
        """Records in quarantine (None: all) are read and judged again: what became of each; NotFound, SourceError."""
        counts = Counts()
        with self._store.poll_lock() as tenure:
            self.turns.require_open()
            return self._retry(tenure, counts).chosen(numbers, self._store.position(self._source.name))

    def _retry(self, tenure: Tenure, counts: Counts) -> Retry:
        # Refused records are invalid together more often than by a change of the contract: not judged as a page.
        judge, ingest = partial(self._judge_each, position=None), partial(self._ingest, tenure, counts=counts)
        return Retry(self._source, self._store.waiting, tenure, lambda page: judge(page)[0], ingest)

    def run_forever(
        self,
        every: float,
        stop: Callable[[], bool],
        sleep: Callable[[float], None],
        *,
        anchor: Callable[[], object] = lambda: None,
        reconcile: Callable[[], object] = lambda: None,
    ) -> None:
        """Turns, `every` seconds apart, until `stop()`, as far as nobody else takes them (see `keep_polling`).

        After a complete round `reconcile` may compare the whole stock, if that is due. After each turn, however it
        ended, `anchor` puts what it told the audit trail under a signed checkpoint.
        """

        def take(seen: Turn | None) -> PollResult | None:
            try:
                result = self.take_turn(seen)
                if result is not None and result.complete:
                    reconcile()
                return result
            finally:
                anchor()

        self.turns.every = every
        keep_polling(self.turns, take, self._source.name, stop=stop, sleep=sleep)

    def _fetch(self, advance: Advance) -> Page:
        """The page to take now; one that contradicts itself is asked for once more: it may have been an accident."""
        page = self._ask(advance)
        return self._ask(advance) if page.contradictory else page

    def _ask(self, advance: Advance) -> Page:
        asking = advance.asking
        try:
            return self._source.page(asking.change_number, asking.page_token, full=asking.full_load)
        except SourceError as error:
            if error.code != FAULT_CLIENT or asking.page_token is None:
                raise
        advance.restart()
        return self._source.page(advance.asking.change_number, None, full=advance.asking.full_load)

    def _known(self, page: Page) -> frozenset[int]:
        """Places of records that the store would find stale, read off before anything dear is done with them.

        The first ones count as unknown: by those another contract is noticed.
        """
        numbers = [self._source.numbers(record) for record in page.records[_ANOTHER_CONTRACT:]]
        found = self._store.knows(self._source.name, numbers) if numbers else ()
        return frozenset(place + _ANOTHER_CONTRACT for place in found)

    def judge(self, page: Page, position: Position | None, known: Collection[int] = ()) -> Batch:
        """Each record alone: a change, or a place in the quarantine; a bad one holds up no other.

        Those at the places `known` are passed over, unless no other one is valid.
        """
        batch, invalid = self._judge_each(page, position, known)
        if _ANOTHER_CONTRACT <= invalid == len(page.records) - len(known):
            if not known:
                raise SourceError("no record of a page is valid: another contract?", code=NOT_ITS_CONTRACT)
            return self.judge(page, position)
        return batch

    def _judge_each(self, page: Page, position: Position | None, known: Collection[int] = ()) -> tuple[Batch, int]:
        """What becomes of the records, and how many are not even valid."""
        changes: list[Change] = []
        quarantined: list[Quarantined] = []
        invalid = 0
        for place, record in enumerate(page.records):
            if place in known:
                continue
            try:
                changes.append(self._take(page, place))
            except RecordRefused as refusal:
                invalid += refusal.code == INVALID
                quarantined.append(self._source.quarantined(record, refusal))
            except Exception as error:  # noqa: BLE001  # the poll's record border: our own mistake costs one record
                mistake = RecordRefused(reasons=[f"datensatz: {INTERNAL} {type(error).__name__}"], code=MISTAKE)
                quarantined.append(self._source.quarantined(record, mistake))
        changes += withholdings(quarantined)
        return Batch(self._source.name, tuple(changes), tuple(quarantined), position), invalid

    def _take(self, page: Page, place: int) -> Change:
        if place in page.contradictory:
            raise RecordRefused(reasons=["personennummer: zwei Personen unter einer Nummer"], code=CONTRADICTORY)
        return self._source.take(page.records[place])

    def _ingest(self, tenure: Tenure, batch: Batch, counts: Counts) -> None:
        today = self._today()
        ingested = self._store.ingest(tenure, batch, self._agreements(today), now=self._clock(), stichtag=today)
        counts.records += _records(batch)
        for one in fields(ingested):
            setattr(counts, one.name, getattr(counts, one.name) + getattr(ingested, one.name))

    def _reproject(self, tenure: Tenure, progress: Progress = silent) -> None:
        today = self._today()
        agreements = self._agreements(today)
        told = logged(progress)
        self._store.reproject(tenure, agreements, now=self._clock(), stichtag=today, progress=told)

    def _finish(self, tenure: Tenure, advance: Advance) -> None:
        now = self._clock()
        # A clock that was set back meanwhile must not leave a moment that is still to come.
        self._store.finish_poll(tenure, self._source.name, min(advance.since or now, now), now)

    def _today(self) -> date:
        return self._clock().astimezone(self._timezone).date()


def _records(batch: Batch) -> int:
    return len(batch.quarantined) + sum(not isinstance(one, Withholding) for one in batch.changes)


def withholdings(quarantined: Iterable[Quarantined]) -> Iterator[Withholding]:
    """Persons to be hidden although their newer record could not be taken; one without a change number is newer."""
    for one in quarantined:
        if one.hides and one.personennummer is not None:
            yield Withholding(one.personennummer, _LATEST if one.aenderungsnummer is None else one.aenderungsnummer)
