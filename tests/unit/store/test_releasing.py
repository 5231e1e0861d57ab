"""From a counted report to the register: safe against all that is there at that very moment, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from threading import Barrier

import pytest
import sqlalchemy as sa

from gateway import shipped
from gateway.errors import RegisterMoved, ReleaseRefused, StatisticError, StoreError
from gateway.model.statistic import Counted, Period, Published, Subject
from gateway.statistics import releasing
from gateway.statistics.definition import Audience, Definition, Rule, load_definitions
from gateway.statistics.releasing import Earlier, Safety
from gateway.statistics.running import Run
from gateway.store import released as register
from gateway.store.audit import Personal
from gateway.store.audit_verify import verify
from gateway.store.released import Reason, Registered
from gateway.store.released_tables import released
from tests.unit.store.released_kit import a_table
from tests.unit.store.released_kit import release as entered
from tests.unit.store.store_kit import NOW, House

STOCK = load_definitions(shipped.schemas())["bestand"]
DAY = date(2026, 10, 31)


def counted(day: date = DAY, definition: Definition = STOCK) -> Run:
    table = Counted(Subject("bestand", Period(day, day)), definition.dimensions, {}, 0)
    return Run(definition, table, NOW, "0" * 36)


def total(table: Counted, _rule: Rule, _audience: Audience, earlier: Sequence[Earlier]) -> Published:
    """A table that says how many were released before it."""
    return Published(table.subject, table.dimensions, {(): {(): len(earlier)}})


def release(
    house: House, run: Run | None = None, audience: Audience = Audience.RAT, safety: Safety = total
) -> Registered:
    return releasing.release(
        run or counted(),
        audience,
        database=house.database,
        audit=house.trail,
        safety=safety,
        now=lambda: house.now,
        clerk=Personal(kennung="sb1", begruendung="Vier Augen: sb2"),
    )


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


def test_what_is_released_meanwhile_is_checked_against(house: House) -> None:
    """Another release between the look at the register and the entry: made safe anew, knowing that one too."""
    others = [date(2026, 9, 30), date(2026, 8, 31)]

    def interrupted(table: Counted, rule: Rule, audience: Audience, earlier: Sequence[Earlier]) -> Published:
        safe = total(table, rule, audience, earlier)
        if others:
            release(house, counted(others.pop()))
        return safe

    release(house, safety=interrupted)
    assert told(house) == [0, 1, 2]


def test_of_many_at_once_each_knows_all_before_it(house: House) -> None:
    """Released from several threads at the same time, the n-th was checked against n - 1."""
    start = Barrier(4)

    def one(month: int) -> int:
        start.wait(timeout=60)
        for _ in range(20):
            try:
                return release(house, counted(date(2026, month, 1))).number
            except RegisterMoved:  # so many came first that it gave up: nothing was written
                continue
        raise AssertionError("never released")

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, range(1, 5))) == [1, 2, 3, 4]
    assert told(house) == [0, 1, 2, 3]
    assert verify(house.database).intact


def test_who_is_overtaken_for_ever_gives_up(house: House) -> None:
    """No endless loop, and nothing of it stands there."""
    days = [date(2020, 1, number) for number in range(1, 9)]

    def overtaken(table: Counted, rule: Rule, audience: Audience, earlier: Sequence[Earlier]) -> Published:
        release(house, counted(days.pop()))
        return total(table, rule, audience, earlier)

    with pytest.raises(RegisterMoved):
        release(house, safety=overtaken)
    assert len(told(house)) == releasing.AGAIN


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
    unsafe = "cannot prove that a table is safe"
    late = counted(date(2026, 9, 30))
    assert unsafe in refused(house, lambda: release(house, late, safety=releasing.nothing_is_safe), ReleaseRefused)
    release(house, audience=Audience.OEFFENTLICH)


def test_more_than_was_asked_for_is_not_released(house: House) -> None:
    """A margin that the audience may not have, or another period, is refused whoever made it safe."""
    detailed = STOCK.margins[-1]
    assert detailed not in STOCK.rules[Audience.RAT].margins

    def generous(table: Counted, _rule: Rule, _audience: Audience, _earlier: Sequence[Earlier]) -> Published:
        return Published(table.subject, table.dimensions, {detailed: {}})

    def strange(_counted: Counted, _rule: Rule, _audience: Audience, _earlier: Sequence[Earlier]) -> Published:
        return a_table()

    for safety in (generous, strange):
        late = counted(date(2026, 9, 30))
        refused(house, lambda safety=safety, late=late: release(house, late, safety=safety), ReleaseRefused)  # type: ignore[misc]  # mypy sees no lambda of nothing


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
