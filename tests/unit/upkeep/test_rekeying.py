"""Changes of keys: everything stays readable, nobody is told anything, and whatever breaks off can be finished."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from gateway.errors import StoreError, VaultError
from gateway.store import tables
from gateway.store.audit_tables import entry, metadata
from gateway.store.audit_verify import verify
from gateway.store.database import Database
from gateway.store.key_check import KeyCheck
from gateway.store.keyed import KeyedDatabase
from gateway.store.keyring import KeyRing
from gateway.store.vault import Vault
from tests.unit.store.keys_kit import AGREEMENTS, EVERY, Deadly, Keyed, Killed
from tests.unit.store.store_kit import SOURCE, TODAY, merge, upsert

HASHES = ("index", "digest")
KILLS = {"vault": 6, "feed": 2, "index": 3, "digest": 1, "token": 0}
"""Transactions of each change, the looking whether anything is left included; persons fit into one here."""


@pytest.fixture
def keyed(database: Database, folder: Path) -> Keyed:
    """A filled house with key files on a fresh database of each kind."""
    made = Keyed(database, folder)
    made.fill()
    return made


def told(keyed: Keyed) -> list[dict[str, Any]]:
    """What the audit trail says of changes of keys, in order."""
    found = [json.loads(content) for content in keyed.column(entry.c.content)]
    changes = [one for one in found if one["operation"] == "schluesselwechsel"]
    return sorted(changes, key=lambda one: str(one["protokollnummer"]))


def tried(keyed: Keyed) -> dict[str, tuple[int, int]]:
    """What `keys check --all` finds: by what was tried, how often and how often in vain."""
    vault = Vault(KeyRing.load(keyed.keys), keyed.chance)
    streams = {f"{name}/1": agreement for name, agreement in AGREEMENTS.items()}
    check = KeyCheck(KeyedDatabase(keyed.database, vault), vault, streams, TODAY)
    return {one.what: (one.count, one.failed) for one in check.run(None)}


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
    assert [one["ergebnis"] for one in told(keyed)] == ["begonnen", "abgeschlossen"]
    assert all(one["art"] == "Betrieb" and one["anzahlen"][purpose] == 2 for one in told(keyed))
    assert verify(keyed.database).findings == ()
    with keyed.database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("purpose", EVERY)
def test_a_change_that_was_killed_is_finished(keyed: Keyed, purpose: str) -> None:
    """Killed before any of its transactions, the house goes on as it is; asked again, the change comes to its end."""
    before, state, kills = keyed.look(keyed.house), keyed.feed_state(), 0
    while True:
        try:
            keyed.rekeying(Deadly(keyed.database, kills + 1)).rotate(purpose)
            break
        except Killed:
            kills += 1
        assert keyed.look(keyed.house) == before
        assert keyed.look(keyed.another()) == before
        begun = KeyRing.load(keyed.keys).newest(purpose)
        done = keyed.rotate(purpose)
        assert done.generation == begun + (not done.resumed)
        assert keyed.feed_state() == state
        assert not any(failed for _, failed in tried(keyed).values())
    assert kills == KILLS[purpose]
    assert keyed.look(keyed.another()) == before


@pytest.mark.parametrize("purpose", HASHES)
def test_life_goes_on_between_a_kill_and_the_end(keyed: Keyed, purpose: str) -> None:
    """Persons change, come, merge and go while a change lies half done; finished, all hashes are as they should be."""
    for kill in range(1, KILLS[purpose] + 1):
        with pytest.raises(Killed):
            keyed.rekeying(Deadly(keyed.database, kill)).rotate(purpose)
        keyed.house.take(upsert("1", 30 + kill, person={"familienname": f"Umbenannt{'abc'[kill - 1]}"}))
        keyed.another().take(upsert(f"2{kill}", 40 + kill), merge("7", "5", 50 + kill))
    keyed.rotate(purpose)
    assert not any(failed for _, failed in tried(keyed).values())
    assert set(keyed.column(tables.search_index.c.generation)) == {2 if purpose == "index" else 1}
    before = keyed.look(keyed.house)
    assert keyed.another().reproject() == 0
    assert keyed.look(keyed.another()) == before


@pytest.mark.parametrize("purpose", HASHES)
def test_what_nobody_knows_the_text_of_changes_too(keyed: Keyed, purpose: str) -> None:
    """Tombstones, merges into records not known yet, and acknowledged states outlive the change of their hash."""
    keyed.rotate(purpose)
    house = keyed.another()
    people = len(keyed.column(tables.person.c.id))
    assert house.take(upsert("3", 13)).stale == 1
    assert house.take(upsert("3", 60)).stored == 1
    assert len(keyed.column(tables.person.c.id)) == people
    house.settle()
    house.take(upsert("99", 61))
    house.settle()
    house.take(upsert("1", 62, person={"familienname": "Anders"}))
    house.take(upsert("1", 63, person={"familienname": "Neuer"}))
    assert house.kinds() == []


def test_an_erased_person_stays_erased(keyed: Keyed) -> None:
    """After changes of all keys the ledger still knows whom it must not let in again."""
    keyed.house.holding.erase(SOURCE, "5", AGREEMENTS, now=keyed.house.now, stichtag=TODAY)
    for purpose in EVERY:
        keyed.rotate(purpose)
    assert keyed.another().take(upsert("5", 70)).erased == 1


def test_keys_change_again_and_again(keyed: Keyed) -> None:
    """Several generations on, everything is as it was, and nothing is left under the older ones."""
    before = keyed.look(keyed.house)
    for generation in (2, 3, 4):
        for purpose in EVERY:
            assert keyed.rotate(purpose).generation == generation
    assert keyed.look(keyed.house) == before
    for purpose in ("vault", "feed"):
        for generation in (1, 2, 3):
            keyed.rekeying().retire(purpose, generation, datetime.now(UTC))
    assert keyed.look(keyed.house) == before
    assert keyed.look(keyed.another()) == before
    assert not any(failed for _, failed in tried(keyed).values())


def test_a_key_that_is_needed_is_not_destroyed(keyed: Keyed) -> None:
    """While anything stands under it a generation stays, and the refusal says how much."""
    KeyRing.rotate(keyed.keys)
    with pytest.raises(VaultError, match=r"still needed: 6 persons, 1 quarantine, 1 audit-segments"):
        keyed.rekeying().retire("vault", 1, datetime.now(UTC))
    KeyRing.rotate(keyed.keys, purpose="feed")
    with pytest.raises(VaultError, match=r"generation 1 of the feed key is still needed"):
        keyed.rekeying().retire("feed", 1, datetime.now(UTC))
    assert {"vault-1.key", "feed.key"} <= {path.name for path in keyed.keys.iterdir()}


def test_token_keys_wait_for_their_tokens(keyed: Keyed) -> None:
    """An older token key goes once no token under it can hold any more; then older tokens are refused."""
    keyed.rotate("token")
    made = datetime.fromtimestamp(os.stat(keyed.keys / "token-2.key").st_mtime, UTC)
    with pytest.raises(VaultError, match="25 h"):
        keyed.rekeying().retire("token", 1, made + timedelta(hours=24))
    keyed.rekeying().retire("token", 1, made + timedelta(hours=26))
    assert not (keyed.keys / "token.key").exists()
    assert told(keyed)[-1]["ergebnis"] == "vernichtet"


def test_a_running_poll_is_waited_for(keyed: Keyed) -> None:
    """The change of a hash waits for the poller, and gives up with its error when it takes too long."""
    waits: list[float] = []
    work = keyed.rekeying()
    impatient = type(work)(keyed.database, work.vault, work.trail, keyed.keys, waits.append, patience=3)
    with keyed.house.store.poll_lock(), pytest.raises(StoreError) as caught:
        impatient.rotate("index")
    assert caught.value.code == "abruf-laeuft"
    assert waits == [1.0, 1.0, 1.0]
    assert not (keyed.keys / "index-2.key").exists()


def test_two_changes_do_not_run_at_once(keyed: Keyed) -> None:
    """While one change of keys is running another is refused."""
    work = keyed.rekeying()

    def meanwhile(_what: str, _done: int, _total: int) -> None:
        with pytest.raises(VaultError, match="another change"):
            keyed.rotate("token")

    type(work)(keyed.database, work.vault, work.trail, keyed.keys, lambda _: None, progress=meanwhile).rotate("vault")
    assert not (keyed.keys / "token-2.key").exists()


def test_the_ledger_key_is_refused_with_its_reason(keyed: Keyed) -> None:
    """The ledger key cannot be changed, and it is said why."""
    with pytest.raises(VaultError, match="nobody knows any more"):
        keyed.rotate("ledger")


def test_the_rehearsal_sees_what_is_wrong(keyed: Keyed) -> None:
    """One changed index or digest is found by trying everything; a sound house has none."""
    keyed.house.reproject()
    sound = tried(keyed)
    assert not any(failed for _, failed in sound.values())
    assert [what for what, (count, _) in sound.items() if not count] == ["open notices"]
    rows = tables.projection
    for column, what in ((rows.c.digest, "digests"), (rows.c.kennung_index, "blind indexes")):
        value = next(value for value in keyed.column(column) if value is not None)
        for old, new, found in ((value, b"x" * 32, 1), (b"x" * 32, value, 0)):
            with keyed.database.write() as connection:
                connection.execute(rows.update().where(column == old).values({column.name: new}))
            assert tried(keyed)[what][1] == found
