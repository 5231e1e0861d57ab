"""The snapshot: stable while everything moves, and its token good for one application, one day, one epoch."""

from __future__ import annotations

import base64
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from gateway.agreements.operation import Operation
from gateway.errors import TokenRefused
from gateway.store.persons import SnapshotPage
from gateway.store.tables import feed_counter
from tests.unit.store.store_kit import AWAY, BLOCK, House, agreement, grant, removal, upsert


def read(house: House, token: str | None = None, limit: int = 2, application: str = "wohnung") -> SnapshotPage:
    return house.store.snapshot(house.grant(Operation.BESTAND_ABRUFEN, application), token, limit, house.now)


def fill(house: House, count: int = 5) -> None:
    house.take(*(upsert(str(number), number) for number in range(1, count + 1)))


def test_pages_cover_everyone_once(house: House) -> None:
    """All pages together hold every visible person once; each says the same N and epoch, the last has no token."""
    fill(house)
    house.take(upsert("7", 7, auskunftssperre=BLOCK), upsert("8", 8, person={"anschrift": AWAY}))
    pages = [read(house)]
    while pages[-1].token:
        pages.append(read(house, pages[-1].token))
    kennungen = [one.kennung for page in pages for one in page.persons]
    assert [len(page.persons) for page in pages] == [2, 2, 1]
    assert len(set(kennungen)) == 5
    assert {(page.number, page.epoch) for page in pages} == {(5, house.store.epoch())}


def test_an_empty_stock_is_one_empty_page(house: House) -> None:
    """Without anyone visible there is one page with N = 0 that can be acknowledged."""
    page = read(house)
    assert (page.persons, page.number, page.token) == ((), 0, None)
    assert house.store.acknowledge(house.grant(), page.number, page.epoch) == 0


def test_who_comes_while_paging_comes_through_the_feed(house: House) -> None:
    """A person visible only after N stands on no page, but in the feed after N."""
    fill(house)
    first = read(house)
    house.take(upsert("9", 9))
    rest = read(house, first.token, 10)
    assert len(first.persons) + len(rest.persons) == 5
    house.store.acknowledge(house.grant(), rest.number, rest.epoch)
    assert [(one.number, one.kind) for one in house.changes().changes] == [(6, "neu")]


def test_who_goes_while_paging_is_left_out_and_entfallen(house: House) -> None:
    """Whoever goes after N, read already or not, comes as `entfallen` after N."""
    fill(house)
    first = read(house)
    house.take(*(removal(str(number), 10 + number) for number in range(1, 6)))
    rest = read(house, first.token, 10)
    assert rest.persons == ()
    house.store.acknowledge(house.grant(), rest.number, rest.epoch)
    page = house.changes()
    assert [one.kind for one in page.changes] == ["entfallen"] * 5
    assert {one.kennung for one in first.persons} <= {one.kennung for one in page.changes}


def test_who_leaves_and_returns_while_paging_is_not_lost(house: House) -> None:
    """A person away while its page is read, but back before anything was announced, comes through the feed."""
    fill(house, 3)
    house.settle()
    first = read(house, limit=1)
    for number in (1, 2, 3):
        house.take(upsert(str(number), 10 + number, person={"anschrift": AWAY}))
    rest = read(house, first.token, 10)
    assert rest.persons == ()
    for number in (1, 2, 3):
        house.take(upsert(str(number), 20 + number))
    house.store.acknowledge(house.grant(), rest.number, rest.epoch)
    told = {one.kennung for one in house.changes().changes if one.person is not None}
    assert len(told) == 3


def test_acknowledging_a_complete_snapshot_settles_it(house: House) -> None:
    """Once the last page was read, N can be acknowledged and nobody on the pages is announced again."""
    fill(house)
    page = read(house, limit=10)
    house.store.acknowledge(house.grant(), page.number, page.epoch)
    assert house.kinds() == []


def test_an_incomplete_snapshot_cannot_be_acknowledged(house: House) -> None:
    """Before the last page was read, N is refused: the rest would never be told."""
    fill(house)
    page = read(house)
    with pytest.raises(TokenRefused):
        house.store.acknowledge(house.grant(), page.number, page.epoch)


def test_a_page_can_be_read_again(house: House) -> None:
    """The same token gives the same page."""
    fill(house)
    token = read(house).token
    first, second = read(house, token), read(house, token)
    assert [one.kennung for one in first.persons] == [one.kennung for one in second.persons]


def test_a_token_is_good_for_a_day(house: House) -> None:
    """A token works 24 hours from the first page on, not from the last."""
    fill(house)
    token = read(house).token
    house.now += timedelta(hours=23, minutes=59)
    second = read(house, token, 1).token
    assert second is not None
    house.now += timedelta(minutes=2)
    with pytest.raises(TokenRefused):
        read(house, second)


def test_a_token_of_the_future_is_refused(house: House) -> None:
    """A token issued by a clock more than a day ahead is not accepted."""
    fill(house)
    token = read(house).token
    house.now -= timedelta(hours=25)
    with pytest.raises(TokenRefused):
        read(house, token)


def test_a_token_belongs_to_one_application_and_version(light_house: House) -> None:
    """Another application, contract major or version of the agreement cannot use a token."""
    house = light_house
    house.agreements = {"wohnung": agreement(), "schule": agreement("schule")}
    fill(house)
    token = read(house).token
    with pytest.raises(TokenRefused):
        read(house, token, application="schule")
    for change in ({"version": 2}, {"major": 2}):
        other = grant(replace(house.agreements["wohnung"], **change), Operation.BESTAND_ABRUFEN)
        with pytest.raises(TokenRefused):
            house.store.snapshot(other, token, 2, house.now)
    assert read(house, token).persons


def test_a_token_dies_with_its_epoch(house: House) -> None:
    """After a restore the stock must be read anew."""
    fill(house)
    token = read(house).token
    house.holding.after_restore(house.agreements, now=house.now, stichtag=house.today)
    with pytest.raises(TokenRefused):
        read(house, token)


def test_a_token_of_a_feed_that_is_no_longer_is_refused(house: House) -> None:
    """A restore that nobody announced leaves the epoch as it was; that the feed has not come so far betrays it."""
    fill(house)
    token = read(house).token
    for last, refused in ((4, True), (5, False), (6, False)):
        with house.database.write() as connection:
            connection.execute(sa.update(feed_counter).values(last=last))
        with pytest.raises(TokenRefused) if refused else nullcontext():
            read(house, token)


def test_a_changed_token_is_refused(light_house: House) -> None:
    """Whatever character changes, and whatever garbage comes, is refused and not quoted."""
    house = light_house
    fill(house)
    token = read(house).token or ""
    raw = bytearray(base64.urlsafe_b64decode(token + "=="))
    changed = []
    for place in range(0, len(raw), 7):
        broken = bytearray(raw)
        broken[place] ^= 1
        changed.append(base64.urlsafe_b64encode(bytes(broken)).decode().rstrip("="))
    for text in (*changed, "x", "A" * 5000, "ä", token[:-4], token + "AAAA", "=", " " + token):
        with pytest.raises(TokenRefused) as caught:
            read(house, text)
        assert text not in str(caught.value) or len(text) == 1
