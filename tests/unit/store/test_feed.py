"""The law of the change feed, tried in every order of events up to a depth that no example would reach."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.errors import TokenRefused
from gateway.store.feed import ChangeKind, Counter, Shown, State, kind, moved, require_acknowledgeable, settled

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=25)
DEPTH = 7


NOTHING = State()


@dataclass(frozen=True)
class Game:
    """One person and one application. `held` is what the application has; `mark` what it may acknowledge next."""

    state: State = NOTHING
    counter: tuple[int, int, int, int, int, bool] = (0, 0, 0, 0, 0, False)
    shown: tuple[tuple[int, bytes | None], ...] = ()
    held: bytes | None = None
    mark: int = 0
    run: tuple[int, bool, bytes | None] | None = None
    acked_known: bool = False
    pending_known: tuple[tuple[int, bool], ...] = ()
    now: datetime = NOW

    def figures(self) -> Counter:
        *numbers, paging = self.counter
        return Counter(*numbers, NOW + timedelta(hours=24) if paging else None)


def packed(figures: Counter) -> tuple[int, int, int, int, int, bool]:
    paging = figures.snapshot_until is not None
    return (figures.last, figures.delivered, figures.acked, figures.snapshot, figures.snapshot_done, paging)


def change(game: Game, digest: bytes | None) -> Game:
    figures = game.figures()
    state, shown = moved(game.state, digest, figures, game.now)
    more = ((shown.number, shown.digest),) if shown else ()
    return replace(game, state=state, counter=packed(figures), shown=game.shown + more)


def fetch(game: Game, *, lost: bool) -> Game:
    """A page of the feed; the law "nothing is neu twice after its acknowledgement" is checked here."""
    state, figures = game.state, game.figures()
    if state.number is None:
        return replace(game, mark=figures.acked)
    figures.delivered = max(figures.delivered, state.number)
    game = replace(game, counter=packed(figures))
    if lost:
        return game
    said = kind(state, merged=False)
    assert not (said is ChangeKind.NEU and game.acked_known)
    entry = (state.number, said is not ChangeKind.ENTFALLEN)
    return replace(game, held=state.digest, mark=state.number, pending_known=(*game.pending_known, entry))


def acknowledge(game: Game) -> Game:
    figures = game.figures()
    up_to = game.mark
    require_acknowledgeable(up_to, figures)
    if up_to <= figures.acked:
        return game
    latest = max((Shown(*one) for one in game.shown if one[0] <= up_to), key=lambda one: one.number, default=None)
    state = settled(game.state, up_to, latest, figures)
    figures.acked = up_to
    known = game.acked_known
    for number, alive in game.pending_known:
        known = alive if number <= up_to else known
    return replace(
        game,
        state=state,
        counter=packed(figures),
        shown=tuple(one for one in game.shown if one[0] > up_to),
        acked_known=known,
        pending_known=tuple(one for one in game.pending_known if one[0] > up_to),
    )


def tell(game: Game) -> Game:
    """A find or search of a visible person."""
    if game.state.digest is None:
        return game
    told = game.state.number is not None or game.state.told
    return replace(game, state=replace(game.state, told=told), held=game.state.digest)


def begin(game: Game) -> Game:
    figures = game.figures()
    figures.snapshot, figures.snapshot_until = figures.last, NOW + timedelta(hours=24)
    return replace(game, counter=packed(figures), run=(figures.last, False, None))


def read_page(game: Game) -> Game:
    assert game.run is not None
    number, _, _ = game.run
    on_page = game.state.digest if game.state.visible_since <= number else None
    return replace(game, run=(number, True, on_page))


def finish(game: Game) -> Game:
    assert game.run is not None
    number, _, held = game.run
    figures = game.figures()
    figures.snapshot_done = max(figures.snapshot_done, number)
    return replace(game, counter=packed(figures), run=None, held=held, mark=number, pending_known=())


def moves(game: Game) -> Iterator[Game]:
    """Everything that can happen next."""
    for digest in (None, b"a", b"b"):
        if digest != game.state.digest:
            yield change(game, digest)
    yield fetch(game, lost=True)
    if game.run is None:
        yield fetch(game, lost=False)
        yield acknowledge(game)
        yield tell(game)
        if game.now == NOW:
            yield begin(game)
    elif game.now == NOW and not game.run[1]:
        yield read_page(game)
    elif game.run[1]:
        yield finish(game)
    if game.now == NOW and game.run is None:
        yield replace(game, now=LATER)


def synchronised(game: Game) -> Game:
    """The application takes what is pending and acknowledges, until nothing is."""
    if game.run is not None:
        game = finish(read_page(game)) if not game.run[1] else finish(game)
    for _ in range(4):
        game = acknowledge(fetch(game, lost=False))
    return game


def test_in_every_order_the_application_ends_with_the_projection() -> None:
    """Whatever is changed, fetched, lost, acknowledged, paged or found in whatever order, it ends in sync."""
    known, front = {Game()}, [Game()]
    for _ in range(DEPTH):
        reached = {after for game in front for after in moves(game)} - known
        known |= reached
        front = list(reached)
        for game in front:
            end = synchronised(game)
            assert end.held == end.state.digest, game
            assert end.state.number is None, game
    assert len(known) > 10_000


def test_never_shown_vanishes_without_a_word() -> None:
    """A person that came and went before anyone asked leaves no entry: not even its identifier is told."""
    figures = Counter()
    state, _ = moved(State(), b"a", figures, NOW)
    state, _ = moved(state, None, figures, NOW)
    assert (state.number, state.digest) == (None, None)


def test_the_latest_change_wins_with_a_new_number() -> None:
    """Two changes before delivery are one entry, under the later number."""
    figures = Counter()
    state, _ = moved(State(), b"a", figures, NOW)
    state, shown = moved(state, b"b", figures, NOW)
    assert (state.number, shown, figures.last) == (2, None, 2)


def test_no_one_acknowledges_what_was_not_delivered() -> None:
    """Beyond what the feed delivered and a complete snapshot covers, an acknowledgement is refused."""
    figures = Counter(last=9, delivered=4, snapshot=8, snapshot_done=5)
    require_acknowledgeable(5, figures)
    for number in (6, 8, 9, -1):
        with pytest.raises(TokenRefused):
            require_acknowledgeable(number, figures)


def test_a_snapshot_does_not_settle_who_has_gone() -> None:
    """`entfallen` that only a snapshot covers comes after it, under a number behind N."""
    figures = Counter(last=3, delivered=1, snapshot=3, snapshot_done=3)
    after = settled(State(None, b"a", 3, 1, False), 3, None, figures)
    assert (after.number, after.told, kind(after, merged=False)) == (4, True, ChangeKind.ENTFALLEN)


@pytest.mark.parametrize(
    ("digest", "acked", "merged", "expected"),
    [
        (b"a", None, False, ChangeKind.NEU),
        (b"a", b"b", False, ChangeKind.GEAENDERT),
        (b"a", b"a", False, ChangeKind.GEAENDERT),
        (None, b"a", False, ChangeKind.ENTFALLEN),
        (None, None, False, ChangeKind.ENTFALLEN),
        (None, b"a", True, ChangeKind.ZUSAMMENGEFUEHRT),
    ],
)
def test_the_kind_follows_from_both_digests(
    digest: bytes | None, acked: bytes | None, merged: bool, expected: ChangeKind
) -> None:
    """What an entry says is a function of what is acknowledged and what is, and of nothing else."""
    assert kind(State(digest, acked, 1), merged=merged) is expected
