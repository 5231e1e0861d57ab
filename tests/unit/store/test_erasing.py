"""Erasure: what was erased here stays erased, whatever the source says and whatever is restored."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.errors import StoreError, VaultError
from gateway.store import dossier, tables
from gateway.store.database import Database
from gateway.store.ledger import Ledger
from gateway.store.vault import KeyRing, Vault
from tests.unit.store.store_kit import SOURCE, Chance, House, merge, upsert


def erase(house: House, number: str) -> bool:
    return house.holding.erase(SOURCE, number, house.agreements, now=house.now, stichtag=house.today)


def column(house: House, wanted: sa.ColumnElement[Any]) -> list[Any]:
    with house.database.read() as connection:
        return list(connection.execute(sa.select(wanted)).scalars())


def test_an_erased_person_never_comes_back(house: House) -> None:
    """After an erasure the source may state the person again: it is counted and ignored."""
    house.take(upsert("1", 1), upsert("2", 2))
    house.settle()
    assert erase(house, "1")
    assert house.kinds() == ["entfallen"]
    counts = house.take(upsert("1", 9))
    assert (counts.stored, counts.erased) == (0, 1)
    assert set(house.kennungen()) == {"Musterc"}


def test_erasing_twice_or_nobody_is_no_error(house: House) -> None:
    """Erasing again, or somebody never seen, says that there was nobody; the ledger remembers it once."""
    house.take(upsert("1", 1))
    assert [erase(house, "1"), erase(house, "1"), erase(house, "9")] == [True, False, False]
    assert len(house.ledger) == 2
    assert house.take(upsert("9", 3)).erased == 1


def test_records_merged_into_the_erased_go_too(house: House) -> None:
    """With a person go all records that were merged into it."""
    house.take(upsert("1", 1), upsert("2", 2), upsert("3", 3))
    house.take(merge("1", "2", 4), merge("2", "3", 5))
    assert erase(house, "3")
    assert set(column(house, tables.person.c.wrapped_key)) == {None}


def test_a_restore_brings_no_one_back(light_house: House) -> None:
    """A database restored from before the erasure is erased again from the ledger, under a new epoch."""
    house = light_house
    house.take(upsert("1", 1), upsert("2", 2))
    house.database.scrub()
    path = house.folder / "gateway.sqlite"
    shutil.copyfile(path, house.folder / "backup")
    erase(house, "1")
    before = house.store.epoch()
    house.database.close()
    for file in house.folder.glob("gateway.sqlite-*"):
        file.unlink()
    shutil.copyfile(house.folder / "backup", path)
    assert set(house.kennungen()) == {"Musterb", "Musterc"}
    assert house.holding.after_restore(house.agreements, now=house.now, stichtag=house.today) == 1
    assert set(house.kennungen()) == {"Musterc"}
    assert house.store.epoch() != before
    assert house.take(upsert("1", 9)).erased == 1


def test_a_lost_ledger_stops_the_poller(house: House) -> None:
    """If the ledger is shorter than the database remembers, nothing is taken in."""
    house.take(upsert("1", 1))
    erase(house, "1")
    (house.folder / "erased.ledger").unlink()
    with pytest.raises(StoreError, match="ledger"):
        house.take(upsert("2", 2))
    with pytest.raises(StoreError, match="ledger"):
        erase(house, "2")
    with pytest.raises(StoreError, match="ledger"):
        house.holding.after_restore(house.agreements, now=house.now, stichtag=house.today)
    assert column(house, tables.person.c.state) == ["removed"]


def test_the_ledger_says_nothing(tmp_path: Path) -> None:
    """The file holds HMACs only, is private, and survives a line that a crash tore."""
    vault = Vault(KeyRing.create(tmp_path / "keys"), Chance())
    path = tmp_path / "erased.ledger"
    ledger = Ledger(path, vault)
    assert not ledger.holds(SOURCE, "4711")
    ledger.add(SOURCE, "4711")
    assert b"4711" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open("ab") as file:
        file.write(b"0123abc")
    again = Ledger(path, vault)
    again.add(SOURCE, "4712")
    assert [again.holds(SOURCE, number) for number in ("4711", "4712", "4713")] == [True, True, False]
    assert not again.holds("other", "4711")
    assert ledger.holds(SOURCE, "4712")
    again.require(2)
    with pytest.raises(StoreError):
        again.require(3)


def test_after_a_rotation_the_old_generation_can_go(database: Database, tmp_path: Path) -> None:
    """`rewrap` wraps every person's key anew; then all of it opens without the old generation, and nothing before."""
    old = Vault(KeyRing.create(tmp_path / "keys"))
    House(database, tmp_path, vault=old).take(upsert("1", 1), upsert("2", 2))
    ring = KeyRing.rotate(tmp_path / "keys")
    house = House(database, tmp_path, vault=Vault(ring))
    alone = House(database, tmp_path, vault=Vault(KeyRing({2: ring.generations[2]}, ring.keys)))
    with pytest.raises(VaultError):
        alone.kinds()
    assert [house.store.rewrap(), house.store.rewrap()] == [2, 0]
    assert alone.kinds() == ["neu", "neu"]
    assert set(column(house, tables.person.c.ring_key_id)) == {2}


def test_old_versions_can_be_forgotten(house: House) -> None:
    """Superseded versions older than a moment go, the current one stays however old it is."""
    house.take(upsert("1", 1))
    house.take(upsert("1", 2, person={"familienname": "Neu"}))
    house.now += timedelta(days=1)
    house.take(upsert("1", 3, person={"familienname": "Neuer"}), upsert("2", 4))
    assert house.holding.forget_versions(house.now) == 2
    subject = house.store.subject(SOURCE, "1")
    assert subject is not None
    assert [version.version for version in subject.versions] == [3]
    assert house.holding.forget_versions(house.now + timedelta(days=1)) == 0
    assert set(house.kennungen()) == {"Neuer", "Musterc"}


def test_the_subject_sees_everything_held(house: House) -> None:
    """An Art. 15 report finds all versions, audit identifiers and identifiers, and nothing once erased."""
    house.take(upsert("1", 1), upsert("2", 2))
    house.take(upsert("1", 3, person={"familienname": "Neu"}))
    known = house.kennungen()
    house.take(merge("2", "1", 4))
    subject = house.store.subject(SOURCE, "1")
    assert subject is not None
    held = [dossier.group(one.datensatz, "person")["familienname"] for one in subject.versions]
    assert (sorted(map(str, held[:2])), held[2]) == (["Musterb", "Musterc"], "Neu")
    assert set(subject.kennungen) == {("wohnung", kennung) for kennung in known.values()}
    assert len(set(subject.audit_ids)) == 2
    assert known["Neu"] not in repr(subject)
    erase(house, "1")
    assert house.store.subject(SOURCE, "1") is None
    assert house.store.subject(SOURCE, "unknown") is None
