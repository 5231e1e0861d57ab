"""Hash keys in use: a process with others begins again or refuses, and never says "not found" of who is there."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.agreements.operation import Operation
from gateway.errors import KeysMoved, VaultError
from gateway.store.database import Database
from gateway.store.keyed import KeyedDatabase
from gateway.store.keyring import KeyRing
from gateway.store.persons import Store
from gateway.store.search import Criteria
from gateway.store.tables import key_use
from gateway.store.vault import Vault
from tests.unit.store.keys_kit import Keyed
from tests.unit.store.store_kit import House, upsert


@pytest.fixture
def keyed(database: Database, folder: Path) -> Keyed:
    """A filled house with key files on a fresh database of each kind."""
    made = Keyed(database, folder)
    made.fill()
    return made


def asking(house: House) -> dict[str, Callable[[], Any]]:
    """Everything that looks somebody up by a hash."""
    kennung = house.kennungen()["Musterf"]
    return {
        "find": lambda: house.store.find(house.grant(Operation.PERSON_ABRUFEN), kennung),
        "search": lambda: house.store.search(house.grant(Operation.PERSON_SUCHEN), Criteria("Musterf", vornamen="Ada")),
        "report": lambda: house.store.report(house.grant(Operation.UNSTIMMIGKEIT_MELDEN), kennung, None, "falsch"),
        "subject": lambda: house.store.subject("okvisa", "5"),
    }


@pytest.mark.parametrize("question", ["find", "search", "report"])
def test_a_switch_amid_a_question_changes_no_answer(
    keyed: Keyed, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the index key changes after a question was hashed and before it is looked up, it is hashed again."""
    ask, rotated = asking(keyed.house)[question], []
    vault, blind = keyed.house.vault, keyed.house.vault.blind

    def and_then(purpose: str, text: str) -> bytes:
        made = blind(purpose, text)
        if not rotated:
            rotated.append(keyed.rotate("index"))
        return made

    monkeypatch.setattr(vault, "blind", and_then)
    assert ask()
    assert rotated
    monkeypatch.undo()
    assert ask()


@pytest.mark.parametrize("question", ["find", "search", "report", "subject"])
def test_who_cannot_learn_the_key_refuses(keyed: Keyed, question: str) -> None:
    """A process that has no way to the new key answers with an error of the house, never with "not found"."""
    ring = KeyRing.load(keyed.keys)
    lonely = replace(keyed.house, vault=Vault(replace(ring, folder=None), keyed.chance))
    ask = asking(lonely)[question]
    keyed.rotate("index")
    with pytest.raises(VaultError, match="not in the ring"):
        ask()


@pytest.mark.parametrize("purpose", ["index", "digest"])
def test_another_installations_key_is_refused(keyed: Keyed, purpose: str) -> None:
    """With another hash key under the same name nothing is read or written: the database knows its own."""
    (keyed.keys / f"{purpose}.key").write_text("ab" * 32)
    stranger = keyed.another()
    with pytest.raises(VaultError, match=f"the {purpose} key is not the one"):
        stranger.kinds()
    with pytest.raises(VaultError, match=f"the {purpose} key is not the one"):
        stranger.take(upsert("9", 90))


def test_a_database_from_before_learns_its_key_from_who_fits(keyed: Keyed) -> None:
    """A database that does not know its keys yet takes them from the first writer, if a stored person agrees."""
    with keyed.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM key_use")
    before = (keyed.keys / "index.key").read_text()
    (keyed.keys / "index.key").write_text("ab" * 32)
    with pytest.raises(VaultError, match="index key"):
        keyed.another().take(upsert("9", 90))
    (keyed.keys / "index.key").write_text(before)
    assert keyed.another().take(upsert("9", 90)).stored == 1
    assert sorted(keyed.column(key_use.c.purpose)) == ["digest", "index"]


def test_a_reader_with_older_keys_is_told_at_once(keyed: Keyed) -> None:
    """Outside the store's own methods a transaction under older keys is refused with the generations in use."""
    vault = keyed.house.vault
    keyed.rotate("digest")
    database = KeyedDatabase(keyed.database, vault)
    for begin in (database.read, database.view, database.write, database.append):
        with pytest.raises(KeysMoved) as caught, begin():
            pass
        assert caught.value.generations == {"index": 1, "digest": 2}


def test_a_page_token_outlives_every_change(keyed: Keyed) -> None:
    """A snapshot begun before changes of all keys goes on after them: everyone once, nobody twice."""
    grant = keyed.house.grant(Operation.BESTAND_ABRUFEN)
    whole = {one.kennung for one in keyed.house.store.snapshot(grant, None, 100, keyed.house.now).persons}
    page = keyed.house.store.snapshot(grant, None, 1, keyed.house.now)
    seen, number = [one.kennung for one in page.persons], page.number
    for purpose in ("index", "token", "digest", "vault", "feed"):
        if page.token is None:
            break
        keyed.rotate(purpose)
        page = keyed.another().store.snapshot(grant, page.token, 1, keyed.house.now)
        seen += [one.kennung for one in page.persons]
        assert page.number == number
    while page.token is not None:
        page = keyed.house.store.snapshot(grant, page.token, 1, keyed.house.now)
        seen += [one.kennung for one in page.persons]
    assert sorted(seen) == sorted(whole)


def test_every_way_into_the_store_is_under_its_keys() -> None:
    """Each public method of the store begins again when keys move."""
    methods = {name for name, member in vars(Store).items() if inspect.isfunction(member) and not name.startswith("_")}
    bare = {name for name in methods if not hasattr(vars(Store)[name], "__wrapped__")}
    assert bare == set()
