"""Changes of keys: everything stays readable, nobody is told anything, and whatever breaks off can be finished."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.store.database import Database
from tests.unit.store.keys_kit import EVERY, Deadly, Keyed, Killed
from tests.unit.store.store_kit import upsert


@pytest.fixture
def keyed(database: Database, folder: Path) -> Keyed:
    """A filled house with key files on a fresh database of each kind."""
    made = Keyed(database, folder)
    made.fill()
    return made


@pytest.mark.parametrize("purpose", EVERY)
def test_nobody_notices_a_change_of_keys(keyed: Keyed, purpose: str) -> None:
    """After a change of any key a process that ran through and one that starts see what was there before, exactly."""
    before, state = keyed.look(keyed.house), keyed.feed_state()
    done = keyed.rotate(purpose)
    assert (done.generation, done.resumed) == (2, False)
    assert keyed.look(keyed.house) == before
    assert keyed.look(keyed.another()) == before
    assert keyed.another().reproject() == 0
    assert keyed.house.take(upsert("5", 5)).stale == 1
    assert keyed.feed_state() == state


@pytest.mark.parametrize("purpose", EVERY)
def test_a_change_that_was_killed_is_finished(keyed: Keyed, purpose: str) -> None:
    """Killed before any of its transactions, the house goes on as it is; asked again, the change comes to its end."""
    before, state = keyed.look(keyed.house), keyed.feed_state()
    kill = 0
    while True:
        kill += 1
        deadly = Deadly(keyed.database, kill)
        try:
            keyed.rekeying(deadly).rotate(purpose)
            break
        except Killed:
            assert keyed.look(keyed.house) == before
            assert keyed.look(keyed.another()) == before
    assert keyed.feed_state() == state
    assert keyed.rotate(purpose).resumed is False
    assert keyed.look(keyed.house) == before
