"""From a counted report to the register: safe against all that is there at that very moment, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from hashlib import sha256
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
import sqlalchemy as sa

from gateway import shipped
from gateway.errors import ApprovalRefused, RegisterMoved, ReleaseRefused, StatisticError, StoreError
from gateway.model.statistic import Counted, Period, Published, Subject
from gateway.statistics import releasing
from gateway.statistics.definition import Audience, Definition, Rule, load_definitions
from gateway.statistics.releasing import Earlier, Safety
from gateway.statistics.running import Run
from gateway.store import audit_tables
from gateway.store import released as register
from gateway.store.audit import Personal
from gateway.store.audit_verify import verify
from gateway.store.packing import packed
from gateway.store.released import Approved, Reason, Registered
from gateway.store.released_draft import KEPT, Draft
from gateway.store.released_tables import draft as drafts
from gateway.store.released_tables import released
from tests.unit.store.released_kit import REPORT, a_draft, a_table
from tests.unit.store.released_kit import release as entered
from tests.unit.store.store_kit import NOW, House

Make = Callable[[Counted, Rule, Audience, Sequence[Earlier]], Published]
Hold = Callable[[Draft, Sequence[Earlier], Sequence[Earlier]], None]
STOCK = load_definitions(shipped.schemas())["bestand"]
DAY = date(2026, 10, 31)
RUN = "019ad000-0000-7000-8000-000000000000"


def counted(day: date = DAY, definition: Definition = STOCK) -> Run:
    table = Counted(Subject("bestand", Period(day, day)), definition.dimensions, {}, 0)
    return Run(definition, table, NOW, RUN)


def total(table: Counted, _rule: Rule, _audience: Audience, earlier: Sequence[Earlier]) -> Published:
    """A table that says how many were released before it."""
    return Published(table.subject, table.dimensions, {(): {(): len(earlier)}})


HELD: list[int] = []
"""How many releases a draft was held against, each time."""


def holding(_draft: Draft, earlier: Sequence[Earlier], _since: Sequence[Earlier]) -> None:
    HELD.append(len(earlier))


def draft(
    house: House, run: Run | None = None, audience: Audience = Audience.RAT, make: Make = total, clerk: str = "sb1"
) -> Draft:
    return releasing.draft(
        run or counted(),
        audience,
        database=house.database,
        audit=house.trail,
        safety=Safety(make, holding),
        now=lambda: house.now,
        clerk=Personal(kennung=clerk),
    )


def let_out(house: House, digest: bytes, *, hold: Hold = holding, clerk: str = "sb2", **changes: Any) -> Registered:
    given = {"definitions": {"bestand": STOCK}, "approvals": lambda _: (), **changes}
    return releasing.release(
        digest,
        database=house.database,
        audit=house.trail,
        safety=Safety(total, hold),
        now=lambda: house.now,
        clerk=Personal(kennung=clerk),
        **given,
    )


def release(house: House, run: Run | None = None, audience: Audience = Audience.RAT, make: Make = total) -> Registered:
    return let_out(house, draft(house, run, audience, make).digest)


def register_of(house: House) -> register.Register:
    with house.database.read() as connection:
        return register.read(connection)


def told(house: House) -> list[int | None]:
    """How many releases each table had been checked against."""
    with house.database.read() as connection:
        tables = register.read(connection).tables
        return [register.load(connection, one)[0].margins[()][()] for one in tables]


def test_a_release_carries_its_definition_and_rule(house: House) -> None:
    """So that it can be read, and later ones be checked, when the definition is long another one."""
    one = release(house)
    assert one.rule == STOCK.rules[Audience.RAT].told()
    found, table, text, earlier = releasing.opened(one.number, database=house.database)
    assert (found, text, earlier) == (one, STOCK.text, ())
    assert (one.title, one.purpose, one.legal_bases) == (STOCK.title, STOCK.purpose, STOCK.legal_bases)
    assert table.margins == {(): {(): 0}}


def test_what_is_released_is_what_was_looked_at(house: House) -> None:
    """Byte for byte, though another release came first that a draft of now would know of; once, and never again."""
    one = draft(house)
    release(house, counted(date(2026, 9, 30)))
    HELD.clear()
    found = let_out(house, one.digest)
    assert told(house) == [0, 0]
    assert HELD == [1]
    with house.database.read() as connection:
        row = connection.execute(sa.select(released).where(released.c.number == found.number)).one()
    assert packed(json.loads(row.head)["entwurf"]).decode() == one.text
    assert (sha256(one.text.encode()).digest(), row.content) == (one.digest, one.content)
    with pytest.raises(StatisticError, match="no such draft"):
        let_out(house, one.digest)


def test_what_is_released_meanwhile_is_checked_against(house: House) -> None:
    """Another release between the look at the register and the entry: held against that one too."""
    others = [draft(house, counted(date(2026, month, 1))).digest for month in (8, 9)]
    one = draft(house)
    seen = []

    def interrupted(_draft: Draft, earlier: Sequence[Earlier], since: Sequence[Earlier]) -> None:
        seen.append((len(earlier), len(since)))
        if others:
            let_out(house, others.pop())

    let_out(house, one.digest, hold=interrupted)
    assert seen == [(0, 0), (1, 1), (2, 2)]


def test_of_many_at_once_each_knows_all_before_it(house: House) -> None:
    """Drafts that were all made beside an empty register, released from several threads at the same time: each was
    held against all that came before it, at the moment of its entry.
    """
    drafts = [draft(house, counted(date(2026, month, 1))) for month in range(1, 5)]
    start, seen = Barrier(4), dict[bytes, int]()

    def hold(one: Draft, earlier: Sequence[Earlier], since: Sequence[Earlier]) -> None:
        assert len(earlier) == len(since)
        seen[one.digest] = len(earlier)

    def one(draft: Draft) -> int:
        start.wait(timeout=60)
        for _ in range(20):
            try:
                found = let_out(house, draft.digest, hold=hold).number
            except RegisterMoved:  # so many came first that it gave up: nothing was written
                continue
            assert seen[draft.digest] == found - 1
            return found
        raise AssertionError("never released")

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, drafts)) == [1, 2, 3, 4]
    assert verify(house.database).intact


def test_of_two_at_once_that_would_give_away_only_one_is_told(house: House) -> None:
    """Two drafts that each are safe, and not beside each other: whoever comes second is refused, on both databases."""
    drafts = [draft(house, counted(date(2026, month, 1))).digest for month in (1, 2)]
    start = Barrier(2)

    def hold(_draft: Draft, earlier: Sequence[Earlier], _since: Sequence[Earlier]) -> None:
        if not earlier:
            with suppress(BrokenBarrierError):
                start.wait(timeout=10)  # both have looked before either is entered
        else:
            raise ReleaseRefused("a cell would follow from both")

    def one(digest: bytes) -> bool:
        try:
            let_out(house, digest, hold=hold)
        except ReleaseRefused:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(one, drafts)) == [False, True]
    assert told(house) == [0]


def test_who_is_overtaken_for_ever_gives_up(house: House) -> None:
    """No endless loop, and nothing of it stands there."""
    others = [draft(house, counted(date(2020, 1, number))).digest for number in range(1, 9)]
    one = draft(house)

    def overtaken(*_: object) -> None:
        let_out(house, others.pop())

    with pytest.raises(RegisterMoved):
        let_out(house, one.digest, hold=overtaken)
    assert len(told(house)) == releasing.AGAIN


def test_who_had_it_made_does_not_let_it_out(house: House) -> None:
    """However the name is typed, and though nobody knows any more who it was; but what stays in the house one may."""
    one = draft(house, clerk="sb-Anna")
    for clerk in ("sb-Anna", " SB-ANNA"):
        assert "somebody else" in refused(house, partial(let_out, house, one.digest, clerk=clerk), ReleaseRefused)
    inside = draft(house, audience=Audience.INTERN, clerk="sb-Anna")
    let_out(house, inside.digest, clerk="sb-Anna")
    with house.database.write() as connection:
        connection.execute(sa.update(audit_tables.segment).values(wrapped=None))
    house.now += timedelta(days=30)
    assert "somebody else" in refused(house, lambda: let_out(house, one.digest), ReleaseRefused)


def test_only_what_a_run_has_made_is_released(house: House) -> None:
    """Not a draft that was changed, put there by hand, is too old, or was made by another text; and of each draft it
    stands beside which register it was found safe.
    """
    one = draft(house)
    with house.database.write() as connection:
        connection.execute(sa.update(drafts).values(content=sa.func.replace(drafts.c.content, "[[0]]", "[[1]]")))
    refused(house, lambda: let_out(house, one.digest), StoreError)
    by_hand = a_draft(REPORT, a_table())
    with house.database.write() as connection:
        row = {"digest": by_hand.digest, "text": by_hand.text, "content": by_hand.content, "entry": RUN, "made": NOW}
        connection.execute(sa.insert(drafts), [row])
    refused(house, lambda: let_out(house, by_hand.digest), StoreError)
    house.now += timedelta(seconds=1)
    two = draft(house)
    other = replace(STOCK, text=STOCK.text + "\n# anders\n")
    for reports in ({"bestand": other}, {}):
        again = partial(let_out, house, two.digest, definitions=reports)
        assert "was changed since" in refused(house, again)
    house.now += KEPT + timedelta(seconds=1)
    assert "older than" in refused(house, lambda: let_out(house, two.digest))
    release(house, counted(date(2026, 9, 30)))
    three = draft(house)
    with house.database.read() as connection:
        assert connection.execute(sa.select(drafts.c.digest)).scalars().all() == [three.digest], "what is over is gone"
    assert register_of(house).head == three.seen
    elsewhere = replace(three.seen, digest=bytes(32))
    with house.database.read() as connection:
        assert not register.holds(connection, elsewhere)


def test_without_its_signature_nothing_is_released(house: House) -> None:
    """What the approvals say is asked at the release, and stands in the row."""

    def nobody(_draft: Draft) -> Sequence[Approved]:
        raise ApprovalRefused("not approved")

    one = draft(house)
    refused(house, lambda: let_out(house, one.digest, approvals=nobody), ApprovalRefused)
    given = Approved("abgebende-stelle", "sha256:" + "0" * 64, "1" * 64)
    assert let_out(house, one.digest, approvals=lambda _: [given]).approvals == (given,)
    assert register_of(house).tables[0].approvals == (given,)


def refused(house: House, what: Callable[[], object], kind: type[Exception] = StatisticError) -> str:
    before = told(house)
    with pytest.raises(kind) as error:
        what()
    assert told(house) == before
    return str(error.value)


def test_what_is_refused_leaves_nothing(house: House) -> None:
    """An audience without a rule, a report that is out, a text that was changed: nothing is entered."""
    release(house)
    narrow = replace(STOCK, rules={Audience.INTERN: STOCK.rules[Audience.INTERN]})
    assert "not for the audience" in refused(house, lambda: release(house, counted(definition=narrow)))
    assert "withdraw it first" in refused(house, lambda: release(house))
    other = replace(STOCK, text=STOCK.text + "\n# anders\n")
    assert "raise fassung" in refused(house, lambda: release(house, counted(date(2026, 9, 30), other)))
    release(house, audience=Audience.OEFFENTLICH)


def test_more_than_was_asked_for_is_not_released(house: House) -> None:
    """A margin that the audience may not have, or another period, is refused whoever made it safe."""
    detailed = STOCK.margins[-1]
    assert detailed not in STOCK.rules[Audience.RAT].margins

    def generous(table: Counted, _rule: Rule, _audience: Audience, _earlier: Sequence[Earlier]) -> Published:
        return Published(table.subject, table.dimensions, {detailed: {}})

    def strange(_counted: Counted, _rule: Rule, _audience: Audience, _earlier: Sequence[Earlier]) -> Published:
        return a_table()

    for make in (generous, strange):
        late = counted(date(2026, 9, 30))
        refused(house, lambda make=make, late=late: release(house, late, make=make), ReleaseRefused)  # type: ignore[misc]  # mypy sees no lambda of nothing


def test_a_withdrawn_table_is_still_known(house: House) -> None:
    """The next one for the same period is checked against it; whoever looks for earlier months does not see it."""
    old = release(house, counted(date(2026, 9, 30)))
    first = release(house)
    clerk = Personal(kennung="sb1")
    told_of = {"database": house.database, "audit": house.trail, "now": house.now, "clerk": clerk}
    gone = releasing.withdraw(first.number, Reason.FEHLER, **told_of)  # type: ignore[arg-type]  # named above
    assert gone.withdrawn is not None
    second = release(house)
    assert told(house) == [0, 1, 2]
    assert len(releasing.opened(second.number, database=house.database)[3]) == 1
    assert releasing.opened(old.number, database=house.database)[3] == ()
    with pytest.raises(StatisticError):
        releasing.withdraw(99, Reason.FEHLER, **told_of)  # type: ignore[arg-type]  # named above
    with pytest.raises(StatisticError):
        releasing.opened(99, database=house.database)


def test_nothing_is_released_beside_a_broken_register(house: House) -> None:
    """Who cannot know what was told before does not tell more."""
    entered(house, a_table())
    with house.database.write() as connection:
        connection.execute(sa.update(released).values(content=sa.func.replace(released.c.content, "20", "21")))
    with pytest.raises(StoreError, match="was changed"):
        release(house)


@pytest.mark.parametrize("rows", [(2, 3), (3,), (1, 2, 3)])
def test_nothing_is_released_where_the_trail_knows_more(house: House, rows: tuple[int, ...]) -> None:
    """What was cut away at the end of the register, or all of it, was told all the same: the trail says so."""
    for month in (7, 8, 9):
        release(house, counted(date(2026, month, 1)))
    with house.database.write() as connection:
        connection.execute(sa.delete(released).where(released.c.number.in_(rows)))
    with pytest.raises(StoreError, match=f"release {rows[0]}, which the register does not have"):
        release(house)
