"""What nobody sees costs nothing in the feed: neither a row nor a counter is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from tests.unit.store.store_kit import FIELDS, House, agreement, upsert

_FEED = ("projection", "feed_counter", "feed_shown", "notice")


@contextmanager
def feed_writes() -> Iterator[list[str]]:
    """The statements inside that write to a table of the feed."""
    found: list[str] = []

    def seen(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        verb, *words = statement.split()
        if verb in ("INSERT", "UPDATE", "DELETE") and any(word.strip('"') in _FEED for word in words[:2]):
            found.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", seen)
    try:
        yield found
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", seen)


def test_a_change_that_nobody_sees_costs_no_feed_write(house: House) -> None:
    """Only the person is written; also where an application is told some fields one by one."""
    single = agreement("amt", fields=(*FIELDS, "telefonnummer"), single_only=frozenset({"telefonnummer"}))
    house.agreements = {"wohnung": agreement(), "amt": single}
    house.take(upsert("1", 1))
    with feed_writes() as written:
        counts = house.take(upsert("1", 2, person={"zuzugsdatum": "2020-01-01"}))
    assert (counts.stored, counts.entries, written) == (1, 0, [])


def test_a_change_that_is_seen_is_written(light_house: House) -> None:
    """What the test above looks at is what the feed writes."""
    house = light_house
    with feed_writes() as written:
        house.take(upsert("1", 1))
        assert [statement.split()[0] for statement in written] == ["INSERT", "INSERT", "UPDATE"]
        house.take(upsert("1", 2, person={"familienname": "Neu"}))
    assert [statement.split()[0] for statement in written[3:]] == ["UPDATE", "UPDATE"]
