"""The key ring's files: generations come whole, are read anew when they change, and go only when nothing needs them."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.errors import VaultError
from gateway.store.keyring import CHAINED, REPLACED, ROTATABLE, KeyRing, destroy, file_name
from gateway.store.vault import Vault


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with a new ring."""
    KeyRing.create(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.mark.parametrize("purpose", ROTATABLE)
def test_a_rotation_adds_one_private_file(keys: Path, purpose: str) -> None:
    """A rotation writes one file of mode 0600 under the next number, and leaves every other as it was."""
    before = {path.name: path.read_bytes() for path in keys.iterdir()}
    ring = KeyRing.rotate(keys, purpose=purpose)
    made = keys / file_name(purpose, 2)
    assert ring.newest(purpose) == 2
    assert made.stat().st_mode & 0o777 == 0o600
    assert {path.name: path.read_bytes() for path in keys.iterdir() if path != made} == before


@pytest.mark.parametrize("purpose", ["ledger", "checkpoint"])
def test_what_cannot_change_is_refused(keys: Path, purpose: str) -> None:
    """There is no second generation of the ledger key, nor of a key the ring does not know."""
    with pytest.raises(VaultError, match="cannot be changed"):
        KeyRing.rotate(keys, purpose=purpose)
    (keys / "ledger-2.key").write_text("ab" * 32)
    (keys / "ledger-2.key").chmod(0o600)
    with pytest.raises(VaultError, match="ledger"):
        KeyRing.load(keys)


@pytest.mark.parametrize("purpose", CHAINED)
def test_every_generation_of_a_hash_is_needed(keys: Path, purpose: str) -> None:
    """A later hash key is nothing without the earlier ones: such a ring does not load, and none can be destroyed."""
    KeyRing.rotate(keys, purpose=purpose)
    with pytest.raises(VaultError, match="build on it"):
        destroy(keys, purpose, 1)
    (keys / file_name(purpose, 1)).unlink()
    with pytest.raises(VaultError, match="missing"):
        KeyRing.load(keys)


@pytest.mark.parametrize("name", ["vault-0.key", "vault-01.key", "index-1.key", "vault-x.key", "feed-.key"])
def test_near_misses_are_refused(keys: Path, name: str) -> None:
    """A file that looks like a key of the ring but is none stops the house instead of being overlooked."""
    (keys / name).write_text("ab" * 32)
    (keys / name).chmod(0o600)
    with pytest.raises(VaultError, match="unexpected names"):
        KeyRing.load(keys)


def test_a_ring_learns_what_came(keys: Path) -> None:
    """A ring is the same while its folder is, and the folder's once a key has come or gone."""
    ring = KeyRing.load(keys)
    assert ring.refreshed() is ring
    KeyRing.rotate(keys)
    assert ring.refreshed().current == 2
    destroy(keys, "vault", 1)
    assert set(ring.refreshed().generations) == {2}


def test_a_ring_is_never_exchanged(keys: Path) -> None:
    """If the folder holds another key under a known name, a running process refuses it."""
    ring = KeyRing.load(keys)
    (keys / "vault-1.key").write_text("ab" * 32)
    KeyRing.rotate(keys)
    with pytest.raises(VaultError, match="another vault key"):
        ring.refreshed()


def test_a_half_written_key_is_not_seen(keys: Path) -> None:
    """A file that a killed rotation left behind is no key, and the next rotation clears it away."""
    (keys / ".vault-2.key.new").write_text("ab")
    assert KeyRing.load(keys).current == 1
    assert KeyRing.rotate(keys).current == 2
    assert not list(keys.glob(".*.new"))


@pytest.mark.parametrize("purpose", REPLACED)
def test_the_newest_is_never_destroyed(keys: Path, purpose: str) -> None:
    """Only an older generation goes: its file is overwritten, then gone."""
    with pytest.raises(VaultError, match="in use"):
        destroy(keys, purpose, 1)
    KeyRing.rotate(keys, purpose=purpose)
    held = (keys / file_name(purpose, 1)).open("rb")
    destroy(keys, purpose, 1)
    with held:
        assert set(held.read().strip()) == {ord("0")}
    assert set(KeyRing.load(keys).of(purpose)) == {2}
    with pytest.raises(VaultError, match="no generation 1"):
        destroy(keys, purpose, 1)


def test_ages_are_of_the_newest(keys: Path) -> None:
    """The age of a key is that of its newest generation, in days."""
    now = datetime.now(UTC)
    long_ago = (now - timedelta(days=400)).timestamp()
    for path in keys.iterdir():
        os.utime(path, (long_ago, long_ago))
    assert KeyRing.rotate(keys, purpose="index").ages(now) == dict.fromkeys(ROTATABLE, 400) | {"index": 0}


def test_who_makes_something_makes_it_with_the_newest(keys: Path) -> None:
    """A process that began before a rotation wraps, seals and authenticates with the new key, and opens both."""
    vault = Vault(KeyRing.load(keys))
    wrapped, sealed, mac = vault.wrap(b"k" * 32), vault.seal_feed(b"t", "a", b"s"), vault.mac("p", b"c")
    for purpose in REPLACED:
        KeyRing.rotate(keys, purpose=purpose)
    assert vault.wrap(b"k" * 32)[:4] == (2).to_bytes(4, "big")
    assert vault.open_feed_under(vault.seal_feed(b"t", "a", b"s"), "a", b"s") == (2, b"t")
    assert vault.mac("p", b"c") != mac
    assert (vault.unwrap(wrapped), vault.open_feed(sealed, "a", b"s"), vault.verify("p", b"c", mac)) == (
        *(b"k" * 32, b"t"),
        True,
    )


def test_who_meets_something_new_looks_for_its_key(keys: Path) -> None:
    """What another process made with a key that came later is opened; without the folder it is refused."""
    vault, blind = Vault(KeyRing.load(keys)), Vault(KeyRing(KeyRing.load(keys).generations, KeyRing.load(keys).keys))
    for purpose in REPLACED:
        KeyRing.rotate(keys, purpose=purpose)
    other = Vault(KeyRing.load(keys))
    wrapped, sealed, mac = other.wrap(b"k" * 32), other.seal_feed(b"t", "a", b"s"), other.mac("p", b"c")
    assert vault.unwrap(wrapped) == b"k" * 32
    assert vault.open_feed(sealed, "a", b"s") == b"t"
    assert vault.verify("p", b"c", mac)
    for opening in (lambda: blind.unwrap(wrapped), lambda: blind.open_feed(sealed, "a", b"s")):
        with pytest.raises(VaultError):
            opening()
    assert not blind.verify("p", b"c", mac)


def test_a_hash_is_carried_on_from_itself(keys: Path) -> None:
    """The next generation of a hash follows from the stored one, whole or cut, and says nothing without the new key."""
    old = Vault(KeyRing.load(keys))
    values = (old.blind("p", "text"), old.digest("p", b"text"), old.digest("p", b"text", 8))
    KeyRing.rotate(keys, purpose="index")
    KeyRing.rotate(keys, purpose="digest")
    new = Vault(KeyRing.load(keys))
    carried = (new.further("index", 2, values[0]), *(new.further("digest", 2, value) for value in values[1:]))
    assert carried == (new.blind("p", "text"), new.digest("p", b"text"), new.digest("p", b"text", 8))
    assert not set(carried) & set(values)
