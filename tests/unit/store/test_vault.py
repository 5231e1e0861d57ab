"""The vault: a key ring nobody else can read, and sealed texts that open in one place only."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from gateway.errors import VaultError
from gateway.store.vault import KeyRing, Vault, _cipher
from tests.unit.store.store_kit import Chance, ring

SECRET = b"Familienname"


@pytest.fixture
def vault() -> Vault:
    return Vault(ring(), Chance())


def test_a_new_ring_is_private(tmp_path: Path) -> None:
    """The folder of a new ring is 0700, every key file 0600, and loading gives the same ring."""
    made = KeyRing.create(tmp_path / "keys")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()}
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert set(modes.values()) == {0o600}
    assert set(modes) == {f"{name}.key" for name in ("index", "digest", "token", "ledger", "feed", "vault-1")}
    assert KeyRing.load(tmp_path / "keys") == made


def test_a_uuid_is_a_random_one() -> None:
    """As RFC 9562 wants version 4: all that is not version and variant is drawn."""
    for drawn in (bytes(16), b"\xff" * 16, bytes(range(16))):
        made = Vault(ring(), lambda size, drawn=drawn: drawn[:size]).new_uuid()  # type: ignore[misc]  # one of bytes
        assert made == str(UUID(bytes=drawn, version=4))


def test_a_key_is_forgotten_after_a_few_others(vault: Vault) -> None:
    """What is kept ready of keys is a handful, whatever was opened."""
    for _ in range(20):
        vault.seal(vault.new_key(), SECRET, "document")
    assert _cipher.cache_info().currsize <= 8


def test_a_ring_is_never_overwritten(tmp_path: Path) -> None:
    """Making a ring where one is refuses: a lost key is lost data."""
    KeyRing.create(tmp_path / "keys")
    with pytest.raises(VaultError, match="already"):
        KeyRing.create(tmp_path / "keys")


@pytest.mark.parametrize("name", ["", "index.key", "vault-1.key"])
def test_keys_that_others_may_read_are_refused(tmp_path: Path, name: str) -> None:
    """A folder or key file with rights for anybody else does not load."""
    folder = tmp_path / "keys"
    KeyRing.create(folder)
    (folder / name if name else folder).chmod(0o750)
    with pytest.raises(VaultError, match="others"):
        KeyRing.load(folder)


@pytest.mark.parametrize("name", ["index", "digest", "token", "ledger", "feed", "vault-1"])
def test_every_key_is_needed(tmp_path: Path, name: str) -> None:
    """A ring with one key missing does not load."""
    KeyRing.create(tmp_path / "keys")
    (tmp_path / "keys" / f"{name}.key").unlink()
    with pytest.raises(VaultError, match=r"missing|no vault"):
        KeyRing.load(tmp_path / "keys")


@pytest.mark.parametrize("content", [b"", b"00", b"g" * 64, b"\xff" * 64])
def test_a_malformed_key_is_refused_without_quoting_it(tmp_path: Path, content: bytes) -> None:
    """A key file that does not hold 64 hexadecimal digits is named, its content is not."""
    KeyRing.create(tmp_path / "keys")
    (tmp_path / "keys" / "token.key").write_bytes(content)
    with pytest.raises(VaultError) as caught:
        KeyRing.load(tmp_path / "keys")
    assert "token.key" in str(caught.value)
    assert "ggg" not in str(caught.value)


def test_two_purposes_never_share_a_key(tmp_path: Path) -> None:
    """A ring in which one file is the copy of another does not load."""
    folder = tmp_path / "keys"
    KeyRing.create(folder)
    (folder / "token.key").write_bytes((folder / "index.key").read_bytes())
    with pytest.raises(VaultError, match="same"):
        KeyRing.load(folder)


def test_keys_are_wrapped_under_what_is_newest_when_many_are_begun(tmp_path: Path) -> None:
    """Each is the same as wrapped alone; who begins again after a rotation wraps under the new generation."""
    KeyRing.create(tmp_path / "keys")
    vault = Vault(KeyRing.load(tmp_path / "keys"))
    first = vault.wrapping("person-key")
    KeyRing.rotate(tmp_path / "keys")
    later = vault.wrapping("person-key")
    wrapped = [first(b"k" * 32, b"p1"), later(b"k" * 32, b"p1"), vault.wrap(b"k" * 32, "person-key", b"p1")]
    assert [int.from_bytes(one[:4], "big") for one in wrapped] == [1, 2, 2]
    assert {vault.unwrap(one, "person-key", b"p1") for one in wrapped} == {b"k" * 32}
    for subject, purpose in ((b"p2", "person-key"), (b"p1", "segment")):
        with pytest.raises(VaultError):
            vault.unwrap(wrapped[0], purpose, subject)


def test_rotation_adds_a_generation_and_keeps_the_old(tmp_path: Path) -> None:
    """After a rotation new keys are wrapped by the new generation, and old ones still open."""
    before = Vault(KeyRing.create(tmp_path / "keys"))
    wrapped = before.wrap(b"k" * 32, "person-key", b"p1")
    after = Vault(KeyRing.rotate(tmp_path / "keys"))
    assert (before.generation, after.generation) == (1, 2)
    assert after.unwrap(wrapped, "person-key", b"p1") == b"k" * 32


@pytest.mark.parametrize(
    ("purpose", "subject", "version"), [("other", b"p1", 1), ("document", b"p2", 1), ("document", b"p1", 2)]
)
def test_a_sealed_text_opens_in_its_place_only(vault: Vault, purpose: str, subject: bytes, version: int) -> None:
    """Purpose, person and version are bound to the text: moved elsewhere it cannot be opened."""
    key = vault.new_key()
    sealed = vault.seal(key, SECRET, "document", b"p1", 1)
    assert vault.open(key, sealed, "document", b"p1", 1) == SECRET
    with pytest.raises(VaultError):
        vault.open(key, sealed, purpose, subject, version)


def test_many_are_opened_as_one_is(vault: Vault) -> None:
    """What opens many of one kind opens what `unwrap` and `open` do, in its place only, under each generation."""
    sealed = []
    for place in range(4):
        key, subject = vault.new_key(), bytes([place])
        text = vault.seal(key, SECRET + subject, "links/a", subject)
        sealed.append((vault.wrap(key, "person-key", subject), text, subject))
    opened = vault.opening("person-key", "links/a").open
    assert [opened(*one) for one in sealed] == [SECRET + bytes([place]) for place in range(4)]
    (wrapped, text, subject), (other_wrapped, other_text, other_subject), *_ = sealed
    wrong = [
        *((other_wrapped, text, subject), (wrapped, other_text, subject), (wrapped, text, other_subject)),
        *((wrapped, text[:-1], subject), (wrapped[:-1], text, subject), (wrapped, b"", subject)),
        *((b"\xff" + wrapped[1:], text, subject), (b"", text, subject)),
    ]
    for one in wrong:
        with pytest.raises(VaultError) as caught:
            opened(*one)
        assert SECRET.decode() not in str(caught.value)
    for purposes in (("person-key", "links/b"), ("segment", "links/a")):
        with pytest.raises(VaultError):
            vault.opening(*purposes).open(wrapped, text, subject)


def test_a_changed_bit_is_noticed_and_nothing_is_quoted(vault: Vault) -> None:
    """Whatever byte of a sealed text changes, it does not open, and the error holds none of it."""
    key = vault.new_key()
    sealed = vault.seal(key, SECRET, "document")
    for place in range(len(sealed)):
        broken = bytearray(sealed)
        broken[place] ^= 1
        with pytest.raises(VaultError) as caught:
            vault.open(key, bytes(broken), "document")
        assert caught.value.__cause__ is None
        assert "Familienname" not in str(caught.value)


@pytest.mark.parametrize("sealed", [b"", b"\x00" * 5, b"\x00" * 40])
def test_garbage_is_a_vault_error(vault: Vault, sealed: bytes) -> None:
    """Bytes that were never sealed raise VaultError, whatever their length."""
    for opening in (
        lambda: vault.open(vault.new_key(), sealed, "document"),
        lambda: vault.unwrap(sealed, "person-key"),
        lambda: vault.open_box(sealed, "quarantine"),
        lambda: vault.open(b"", sealed, "document"),
    ):
        with pytest.raises(VaultError):
            opening()


def test_a_box_carries_its_own_key(vault: Vault) -> None:
    """A box opens with the ring alone, for its purpose and number only."""
    box = vault.seal_box(SECRET, "quarantine", b"7")
    assert vault.open_box(box, "quarantine", b"7") == SECRET
    for purpose, subject in (("quarantine", b"8"), ("other", b"7")):
        with pytest.raises(VaultError):
            vault.open_box(box, purpose, subject)


def test_nothing_is_sealed_twice_alike(vault: Vault) -> None:
    """Equal texts under an equal key give different bytes: equality does not show."""
    key = vault.new_key()
    assert vault.seal(key, SECRET, "document") != vault.seal(key, SECRET, "document")


def test_purposes_do_not_run_into_each_other(vault: Vault) -> None:
    """Index, digest, token and ledger values of one text all differ, and ("ab", "c") is not ("a", "bc")."""
    values = {
        vault.blind("a", "bc"),
        vault.blind("ab", "c"),
        vault.digest("a", b"bc"),
        vault.mac("a", b"bc"),
        bytes.fromhex(vault.ledger_line("bc")),
    }
    assert len(values) == 5


def test_a_mac_holds_for_its_text_only(vault: Vault) -> None:
    """A MAC verifies for its purpose and content, and for nothing else."""
    mac = vault.mac("bestand", b"1")
    assert vault.verify("bestand", b"1", mac)
    assert not vault.verify("bestand", b"2", mac)
    assert not vault.verify("andere", b"1", mac)
    assert not vault.verify("bestand", b"1", b"")


def test_a_ring_does_not_show_its_keys() -> None:
    """Printed or logged, a ring says nothing."""
    assert repr(ring()) == "KeyRing()"
