"""The audit id of a person in memory: opened once, and gone with the key."""

from __future__ import annotations

import pytest

from gateway.errors import VaultError
from gateway.store import dossier as d
from gateway.store.dossier import Dossier
from gateway.store.recording import entomb
from gateway.store.vault import Vault
from tests.unit.store.store_kit import Chance, ring


@pytest.fixture
def vault() -> Vault:
    return Vault(ring(), Chance())


@pytest.fixture
def one(vault: Vault) -> Dossier:
    key = vault.new_key()
    made = Dossier(b"1" * 16, "okvisa", b"2" * 32, 1, 1, "active", None, vault.wrap(key), None, key, key)
    d.give_audit_id(made, vault, "0190-a")
    return made


def test_the_id_that_was_given_is_the_one_that_is_stored(vault: Vault, one: Dossier) -> None:
    """Known at once, and opened again by whoever reads the row."""
    read = Dossier(one.id, one.source, one.source_key, 1, 1, "active", None, None, one.audit_cipher, one.key, one.key)
    assert d.audit_id(one, vault) == d.audit_id(read, vault) == d.audit_id(read, vault) == "0190-a"
    assert "0190-a" not in repr(one)


def test_another_id_is_never_told_as_the_one_before(vault: Vault, one: Dossier) -> None:
    """Who comes back after an erasure has another."""
    d.give_audit_id(one, vault, "0190-b")
    assert d.audit_id(one, vault) == "0190-b"


def test_the_id_of_a_tombstone_cannot_be_told(vault: Vault, one: Dossier) -> None:
    """Although it was known a moment before."""
    assert d.audit_id(one, vault)
    entomb(one, vault)
    with pytest.raises(VaultError):
        d.audit_id(one, vault)
