"""The law of the change feed: what one application still has to be told of one person.

An application has one feed per contract major: while it changes over, both are complete, each with its own cursor,
and a person has the same identifier in both. "Application" below means one such stream.

For each (person, application) the store keeps the *current* digest D (None: invisible) and the digest A that the
application last acknowledged (None: it knows nothing). Let K be the set of states the application may hold: A, and
everything it was shown since. Shown means: delivered by the feed, on a page of a snapshot, by a search or a find.

1. A pending entry exists exactly as long as K may hold anything but D. It has one number; if D changes again, the
   entry gets the next number (the latest wins). Numbers come from the application's counter row, which is locked
   before the feed state is read: they have no gap, and no two writers decide on old state.
2. What was shown is known *before* it leaves: a page of the feed moves `delivered` up to its last number, under the
   lock and only for entries that still stand as they were read; a snapshot stores its N before its first page is
   read; search and find mark `told`, and read again, before they answer.
   So a crash between marking and sending errs towards telling twice, never towards telling nothing.
   `told` = something else than A may have been shown. A pending number <= max(delivered, snapshot) says the same.
   While a snapshot can still be paged (its token lives 24 h), every change of a person it contains counts as told:
   the page may or may not have shown the state in between, or have left the person out.
3. If D returns to A, the entry is dropped if nothing else was shown (K = {A}), else it stays and repeats D.
   With A = D = None this means: a person never shown vanishes without a word, one that was shown gets `entfallen`.
4. An acknowledgement "up to m" says: everything with a number <= m was taken in. A pending entry <= m is done,
   A := D. If the entry the application saw under n <= m has been superseded since, `feed_shown` remembers the digest
   that stood under n; A becomes that digest, and the newer entry stays. So nothing is `neu` twice after its
   acknowledgement. m is at most max(delivered, N of a completely paged snapshot).
5. A snapshot does not name who has gone. Acknowledging its N therefore does not settle an `entfallen` that the feed
   has not delivered: that entry is renumbered behind N and stays.
6. The kind is no column: it follows from (A, D) at reading time.
7. D covers the fields that may go out in bulk, and of those for single queries only the ones that this application
   was told (`feed_told`). Telling one more changes how D is written, not what the application has to be told: A
   follows if it was D. What is told outside the feed is known before it leaves, as in 2.
8. `owed_since` is the moment since when the application has to learn that something it was shown no longer holds: a
   correction, a restriction or an erasure, not that somebody is new. It ends with the acknowledgement; if that is of
   an older entry, it begins when that one was superseded.

Snapshot(N) + feed(> N) = projection: who was visible at N and is when its page is read, stands on the page, in its
state of that moment; whatever changed after N has a number > N by 1 to 3, also those who were left out because they
had gone or came back during paging (their `visible_since` is then > N).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from gateway.agreements.agreement import Agreement
from gateway.errors import TokenRefused

if TYPE_CHECKING:
    from gateway.store.fragments import Disclosed  # fragments know the feed's streams; the law itself knows no person


class ChangeKind(StrEnum):
    """What an application must do with its own record; the value is the word on the wire."""

    NEU = "neu"
    GEAENDERT = "geaendert"
    ENTFALLEN = "entfallen"
    ZUSAMMENGEFUEHRT = "zusammengefuehrt"


@dataclass(frozen=True, slots=True)
class Change:
    """One entry: `person` is there for `neu` and `geaendert`, `merged_into` for `zusammengefuehrt`."""

    number: int
    kind: ChangeKind
    kennung: str = field(repr=False)
    merged_into: str | None = field(repr=False)
    person: Disclosed | None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """What is pending, oldest first; `last_number` may always be acknowledged; `more` beyond this page."""

    changes: tuple[Change, ...]
    last_number: int
    more: bool
    epoch: str


@dataclass(frozen=True, slots=True)
class State:
    """Where one person stands in the feed of one application; the letters of the module: digest D, acked A."""

    digest: bytes | None = None
    acked: bytes | None = None
    number: int | None = None
    visible_since: int = 0
    told: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A superseded entry that the application may already have: what stood under its number, and until when."""

    number: int
    digest: bytes | None
    until: datetime | None = None


@dataclass(slots=True)
class Counter:
    """The counter row of one application; held locked while it is changed.

    `last` is the highest number given, `delivered` the highest the feed may have sent, `acked` the highest
    acknowledged, `snapshot` the highest N handed out (readable until `snapshot_until`), `snapshot_done` the highest N
    whose last page was handed out. `anew`: a restore took back what the application may know, and it has not fetched
    its stock since. `waiting_since`: changes wait, and since then none was acknowledged; `waiting_from` is what `last`
    was just before. For health only, the law does not ask.
    """

    last: int = 0
    delivered: int = 0
    acked: int = 0
    snapshot: int = 0
    snapshot_done: int = 0
    snapshot_until: datetime | None = None
    anew: bool = False
    waiting_since: datetime | None = None
    waiting_from: int = 0

    @property
    def shown(self) -> int:
        return max(self.delivered, self.snapshot)

    def next(self) -> int:
        self.last += 1
        return self.last

    def wait(self, now: datetime, *, given: int, pending: bool) -> None:
        """Afterwards it is noted since when changes wait; `given` is what `last` was before this transaction."""
        if not pending:
            self.waiting_since = None
        elif self.waiting_since is None:
            self.waiting_since, self.waiting_from = now, given

    def paging(self, now: datetime) -> bool:
        """True while some page token of a snapshot may still be used."""
        return self.snapshot_until is not None and now <= self.snapshot_until


def stream(agreement: Agreement) -> str:
    """The name of the feed under this agreement: one per application and contract major, each with its own cursor."""
    return f"{agreement.application}/{agreement.major}"


def streams(agreements: Iterable[Agreement]) -> dict[str, Agreement]:
    """The agreements by the feed they are responsible for."""
    return {stream(agreement): agreement for agreement in agreements}


def moved(state: State, digest: bytes | None, counter: Counter, now: datetime) -> tuple[State, Shown | None]:
    """The state after D has become `digest`, and the entry that was superseded though it may have been seen."""
    if digest == state.digest:
        return state, None
    seen = state.number is not None and state.number <= counter.shown
    shown = Shown(state.number, state.digest) if seen and state.number is not None else None
    told = state.told or seen
    if digest == state.acked and not told:
        return replace(state, digest=digest, number=None), None
    number = counter.next()
    came = state.digest is None
    told = told or (counter.paging(now) and not came and state.visible_since <= counter.snapshot)
    since = number if came else state.visible_since
    return State(digest, state.acked, number, since, told), shown


def owed_since(since: datetime | None, before: State, after: State, now: datetime) -> datetime | None:
    """Law 8, after a move from `before` to `after`."""
    if after.number is None:
        return None
    knows = after.acked is not None or after.told
    return (since or now) if knows and after.digest != before.digest else since


def settled(state: State, up_to: int, shown: Shown | None, counter: Counter) -> State:
    """The state after "up to m"; `shown` is the latest superseded entry <= m. `counter.delivered` is still the old."""
    if shown is not None:
        state = replace(state, acked=shown.digest)
    if state.number is None or state.number > up_to:
        return state
    if state.digest is None and state.number > counter.delivered:
        return replace(state, number=counter.next(), told=True)
    return replace(state, acked=state.digest, number=None, told=False)


def require_acknowledgeable(up_to: int, counter: Counter) -> None:
    """TokenRefused for a number that neither the feed nor a complete snapshot has handed out."""
    if not 0 <= up_to <= max(counter.delivered, counter.snapshot_done):
        raise TokenRefused("acknowledged beyond what was delivered")


def kind(state: State, *, merged: bool) -> ChangeKind:
    """What a pending entry says; `merged`: the record went into one that this application sees."""
    if state.digest is not None:
        return ChangeKind.NEU if state.acked is None else ChangeKind.GEAENDERT
    return ChangeKind.ZUSAMMENGEFUEHRT if merged else ChangeKind.ENTFALLEN
