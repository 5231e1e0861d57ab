"""Reconciliation: reads the whole stock of the source, finds what has silently drifted apart, and mends it.

All under one poll lock: first the changes, so that what is stored is complete up to a number; then the whole stock at
the source's number N, page by page, each record compared with what is stored and mended at once (what a page says is
true however the rest ends); at last, and only if the pages are exactly what the source counts at N, those of whom no
page spoke. Of them the changes are asked first: a record L or Z that was never delivered says more than absence.
If more would be removed than a set share, nobody is, until an operator confirms. Whoever is killed begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta, tzinfo
from math import ceil
from typing import Protocol

import structlog

from gateway.errors import RecordRefused, SourceError
from gateway.settings import SourceSettings
from gateway.sources.advance import STUCK, WENT_BACK
from gateway.sources.circuit import WINDOW
from gateway.sources.okvisa import Page
from gateway.sources.poll import Agreements, Clock, Counts, Poll, Source, Store
from gateway.sources.sweep import Stock, Sweep, person_number
from gateway.store.batch import Batch, Change, Merge, Removal
from gateway.store.progress import Progress, silent
from gateway.store.reconciled import Outcome, Reconciled
from gateway.store.reconciling import Absent, Comparison, Drift
from gateway.store.tenure import Tenure

COMPARED = "records compared"
HELD = "held"
"""How many a brake kept from being removed."""
RETITLED = "titles"
"""How many (kind, title) the source counts otherwise than its own records say: no drift of ours."""
_TRIES = 5
_QUIET = range(1, 5)
"""Hours of the city's day in which a reconciliation that is due is begun; after a day of waiting, at any."""
_AGAIN = timedelta(hours=6)
"""What could not be completed is tried again after this time."""
_DAY = timedelta(days=1)


class CountedSource(Source, Protocol):
    """A case system that counts its stock."""

    def stock(self) -> Stock: ...


class ComparedStore(Store, Protocol):
    """What a reconciliation needs of the store."""

    def comparison(self, source: str, *, at: int, known: int) -> Comparison: ...
    def note_reconciliation(self, source: str, one: Reconciled) -> None: ...
    def reconciliations(self, source: str) -> list[Reconciled]: ...


@dataclass(frozen=True, slots=True)
class _Verdict:
    outcome: Outcome
    held: int = 0


class Stopped(Exception):  # not an error: whoever asked for the end gets it
    """The reconciliation was told to end between two pages; what it has mended stays."""


class Reconciliation:
    """Reconciles one source with the store: when it is due, or at once."""

    def __init__(
        self,
        source: CountedSource,
        store: ComparedStore,
        poll: Poll,
        agreements: Agreements,
        clock: Clock,
        *,
        settings: SourceSettings,
        timezone: tzinfo,
    ) -> None:
        self._source = source
        self._store = store
        self._poll = poll
        self._agreements = agreements
        self._clock = clock
        self._every = timedelta(days=settings.reconcile_days)
        self._share = settings.reconcile_removals_percent / 100
        self._timezone = timezone
        self._stop: Callable[[], bool] = lambda: False

    def run_if_due(self, stop: Callable[[], bool] = lambda: False) -> Reconciled | None:
        """The result, if one was due and `stop()` did not end it; a source that fails is noted, tried again later."""
        if not self._due():
            return None
        try:
            return self.run(stop=stop)
        except (Stopped, SourceError):
            return None  # noted and logged there, if it is a failure

    def run(
        self, *, confirmed: int = 0, stop: Callable[[], bool] = lambda: False, progress: Progress = silent
    ) -> Reconciled:
        """At once. Afterwards what is stored is what the source says, as far as the outcome says so.

        `confirmed` persons and refused records may be removed although that is more than the set share. SourceError
        if the source cannot be read; Stopped, with nothing noted, if `stop()` said so between two pages. Neither
        is anything noted if a maintenance window of the source keeps it from being asked. `progress` is told of every
        page.
        """
        self._stop = stop
        log = structlog.get_logger("gateway.reconciliation")
        with self._store.poll_lock() as tenure:
            try:
                result = self._run(tenure, confirmed, progress)
            except SourceError as error:
                if error.code == WINDOW:
                    raise  # no failure: it ends like one that was told to stop
                self._store.note_reconciliation(self._source.name, self._result(Outcome.FAILED, None, {}))
                # No traceback: it may quote what a library below was given.
                log.error(  # noqa: TRY400  # see above
                    "reconciliation", source=self._source.name, outcome=error.code, reason=str(error)
                )
                raise
            self._store.note_reconciliation(self._source.name, result)
        log.info("reconciliation", source=self._source.name, outcome=result.outcome.value, **result.found)
        return result

    def _run(self, tenure: Tenure, confirmed: int, progress: Progress) -> Reconciled:
        self._poll.catch_up(tenure, Counts(), progress=progress)
        position = self._store.position(self._source.name)
        known = 0 if position is None else position.change_number
        stock, first = self._begin()
        if first.change_number < known:
            raise SourceError("the source's change number is lower than what was read before", code=WENT_BACK)
        comparison = self._store.comparison(self._source.name, at=first.change_number, known=known)
        sweep = Sweep(first.change_number)
        for page in self._pages(first, 0, full=True):
            sweep.add(page)
            self._mend_page(tenure, comparison, page)
            progress(COMPARED, sweep.records, None if stock is None else stock.total)
        verdict = self._verdict(stock, sweep)
        if verdict is None:
            verdict = self._end(tenure, comparison, first, confirmed)
        found = {kind.value: comparison.found[kind] for kind in Drift if comparison.found[kind]}
        found |= {HELD: verdict.held} if verdict.held else {}
        if stock is not None and (otherwise := sweep.otherwise_titled(stock)):
            found[RETITLED] = otherwise
        return self._result(verdict.outcome, sweep.at, found)

    def _begin(self) -> tuple[Stock | None, Page]:
        """The first page of the whole stock, and what the source counts at the same number; None if it never fits."""
        stock = self._source.stock()
        for _ in range(_TRIES):
            first = self._ask(0, None, full=True)
            if first.change_number == stock.change_number:
                return stock, first
            stock = self._source.stock()
            if first.change_number == stock.change_number:
                return stock, first
        return None, first

    def _verdict(self, stock: Stock | None, sweep: Sweep) -> _Verdict | None:
        """What is wrong with the sweep; None if it is the stock that the source counts."""
        if stock is None:
            return _Verdict(Outcome.UNSETTLED)
        if sweep.agrees(stock):
            return None
        # Did the source count otherwise now? Then something was saved late, and neither was wrong.
        again = self._source.stock()
        moved = again.change_number == stock.change_number and again.digest != stock.digest
        return _Verdict(Outcome.UNSETTLED if moved else Outcome.CONTRADICTION)

    def _mend_page(self, tenure: Tenure, comparison: Comparison, page: Page) -> None:
        agreements = self._agreements(self._today())
        batch = comparison.differing(self._poll.judge(page, None), agreements, now=self._clock())
        if batch.changes or batch.quarantined:
            comparison.found[Drift.REFUSED] += self._ingest(tenure, batch)

    def _ingest(self, tenure: Tenure, batch: Batch) -> int:
        today = self._today()
        ingested = self._store.ingest(tenure, batch, self._agreements(today), now=self._clock(), stichtag=today)
        return ingested.quarantined

    def _end(self, tenure: Tenure, comparison: Comparison, first: Page, confirmed: int) -> _Verdict:
        """Those of whom the complete sweep did not speak are as the source says, unless the brake holds them."""
        missing = comparison.absent()
        if missing:
            # What has only been deleted or merged since the sweep began is no drift: the next changes bring it.
            self._poll.catch_up(tenure, Counts())
            missing = comparison.unmoved(missing)
        told, silent = self._asked(missing, first.change_number)
        comparison.keep(set(missing).difference(silent))
        if told:
            batch = Batch(self._source.name, tuple(told), (), None, mending=True)
            comparison.found[Drift.REFUSED] += self._ingest(tenure, batch)
            named = {change.personennummer for change in told}
            stayed = comparison.unmoved([one for one in missing if one.personennummer in named])
            comparison.found[Drift.ENDED] += len(told) - len(stayed)
        outdated = comparison.outdated()
        removing = len(silent) + len(outdated)
        if removing > max(ceil(comparison.stock() * self._share), confirmed):
            return _Verdict(Outcome.BRAKED, removing)
        if silent:
            stand = first.taken_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            # At the sweep's own number: should the person stand there again, under whatever number, it is seen.
            gone = [Removal(one.personennummer, first.change_number, stand) for one in silent]
            comparison.found[Drift.VANISHED] += len(gone)
            self._ingest(tenure, Batch(self._source.name, tuple(gone), (), None, mending=True))
        comparison.drop(tenure, comparison.outdated())
        return _Verdict(Outcome.MENDED if comparison.found.total() else Outcome.CLEAN)

    def _asked(self, missing: Sequence[Absent], at: int) -> tuple[list[Change], list[Absent]]:
        """What the changes say of the missing up to `at`, and those of whom they say nothing at all."""
        if not missing:
            return [], []
        silent = {one.personennummer: one for one in missing}
        told: list[Change] = []
        begin = min(one.change_number for one in missing)
        for page in self._pages(self._ask(begin, None, full=False), begin, full=False):
            for record in page.records:
                if silent.pop(person_number(record), None) is not None:
                    told += self._ends(record, at)
        return told, list(silent.values())

    def _ends(self, record: object, at: int) -> Iterator[Change]:
        """The record if it says that a person has ended; one that lives, or cannot be read, comes by the next round."""
        try:
            change = self._source.take(record)  # type: ignore[arg-type]  # lxml's element, as the page holds it
        except RecordRefused:
            return
        if isinstance(change, (Removal, Merge)) and change.aenderungsnummer <= at:
            yield change

    def _pages(self, first: Page, after: int, *, full: bool) -> Iterator[Page]:
        page, tokens = first, set[str]()
        while True:
            yield page
            if page.next_token is None:
                return
            if page.next_token in tokens:
                raise SourceError("the source sent a token a second time", code=STUCK)
            tokens.add(page.next_token)
            if self._stop():
                raise Stopped
            page = self._ask(after, page.next_token, full=full)

    def _ask(self, after: int, token: str | None, *, full: bool) -> Page:
        """A page; one that contradicts itself is asked for once more: it may have been an accident.

        SourceError (code "quelle-wartungsfenster") if the source must not be asked now.
        """
        self._poll.turns.require_open()
        page = self._source.page(after, token, full=full)
        return self._source.page(after, token, full=full) if page.contradictory else page

    def _due(self) -> bool:
        now, done = self._clock(), self._store.reconciliations(self._source.name)
        if not done:
            self._store.note_reconciliation(self._source.name, self._result(Outcome.BEGUN, None, {}))
            return False
        counted = next((one for one in done if one.outcome.complete or one.outcome is Outcome.BEGUN), done[-1])
        age = now - counted.finished_at
        if not done[0].outcome.complete and timedelta() <= now - done[0].finished_at < _AGAIN:
            return False
        quiet = now.astimezone(self._timezone).hour in _QUIET
        # Far in the future: the clock was wrong then, or is now. Better once too often.
        return age < -_DAY or age >= self._every + (timedelta() if quiet else _DAY)

    def _result(self, outcome: Outcome, at: int | None, found: Mapping[str, int]) -> Reconciled:
        return Reconciled(outcome, self._clock(), at, found)

    def _today(self) -> date:
        return self._clock().astimezone(self._timezone).date()
