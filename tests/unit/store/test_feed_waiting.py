"""Since when an application has acknowledged nothing, and how much has come since: true whatever way it ends."""

from __future__ import annotations

from datetime import timedelta

from gateway.store.overview import Waiting, waiting_feeds
from tests.unit.store.store_kit import AWAY, NOW, House, upsert

HOUR = timedelta(hours=1)


def waiting(house: House) -> Waiting:
    return waiting_feeds(house.database)["wohnung/1"]


def at(house: House, hours: int) -> None:
    house.now = NOW + hours * HOUR


def test_it_waits_since_the_first_change_and_grows(house: House) -> None:
    """Later changes do not make it younger."""
    house.take(upsert("1", 1))
    at(house, 5)
    house.take(upsert("2", 2), upsert("3", 3))
    house.take(upsert("1", 4, person={"vornamen": "Eva"}))
    assert waiting(house) == Waiting(3, NOW, 4, begun=False)


def test_an_acknowledgement_ends_it_or_begins_it_anew(house: House) -> None:
    """What was left waits since then: the application is alive."""
    house.take(upsert("1", 1), upsert("2", 2))
    at(house, 5)
    page = house.changes(1)
    house.acknowledge(page)
    assert waiting(house) == Waiting(1, house.now, 0, begun=True)
    at(house, 6)
    house.settle()
    assert waiting(house) == Waiting(0, None, 0, begun=True)


def test_to_fetch_without_acknowledging_is_no_end(house: House) -> None:
    """An application that reads the same page for ever has not taken it in."""
    house.take(upsert("1", 1))
    at(house, 5)
    house.changes()
    assert waiting(house).since == NOW


def test_a_change_that_takes_itself_back_ends_it(house: House) -> None:
    """Nothing waits, and what comes later waits since then."""
    house.take(upsert("1", 1))
    assert waiting(house).since == NOW
    house.take(upsert("1", 2, person={"anschrift": AWAY}))  # never shown: it goes without a word
    assert waiting(house) == Waiting(0, None, 0, begun=False)
    at(house, 9)
    house.take(upsert("2", 3))
    assert waiting(house) == Waiting(1, house.now, 1, begun=False)


def test_one_of_two_that_takes_itself_back_leaves_the_other(house: House) -> None:
    """The other still waits since its own moment."""
    house.take(upsert("1", 1))
    at(house, 3)
    house.take(upsert("2", 2))
    house.take(upsert("2", 3, person={"anschrift": AWAY}))
    assert waiting(house).since == NOW
