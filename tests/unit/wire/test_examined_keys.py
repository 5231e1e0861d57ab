"""A private key is examined once for exactly the bytes that are used; what nobody has examined is never skipped."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from gateway.errors import SettingsError
from gateway.wire import seal
from gateway.wire.seal import SigningKey, examined

CERTIFICATES = Path(__file__).parents[3] / "fixtures" / "certificates"
KEY, CERTIFICATE = CERTIFICATES / "signing-rsa.key.pem", CERTIFICATES / "signing-rsa.pem"


def unsound() -> bytes:
    """An RSA key of 3,072 bit, in PEM form, one of whose factors is no prime."""
    whole = load_pem_private_key(KEY.read_bytes(), None)
    assert isinstance(whole, rsa.RSAPrivateKey)
    small = rsa.generate_private_key(public_exponent=65537, key_size=1536).private_numbers()
    p, q = whole.private_numbers().p, small.p * small.q
    d = pow(65537, -1, (p - 1) * (small.p - 1) * (small.q - 1))
    parts = (d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(65537, p * q))
    numbers = rsa.RSAPrivateNumbers(p, q, d, *parts)
    key = numbers.private_key(unsafe_skip_rsa_key_validation=True)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def skipped(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each key that is loaded, whether it was not examined."""
    found: list[bool] = []

    def load(pem: bytes, password: None, *, unsafe_skip_rsa_key_validation: bool = False) -> object:
        found.append(unsafe_skip_rsa_key_validation)
        skip = unsafe_skip_rsa_key_validation
        return load_pem_private_key(pem, password, unsafe_skip_rsa_key_validation=skip)

    monkeypatch.setattr(seal, "load_pem_private_key", load)
    return found


def test_only_sound_keys_count_as_examined(tmp_path: Path) -> None:
    """Neither a key of composite factors, nor what is no key, nor what is not there."""
    (tmp_path / "unsound").write_bytes(unsound())
    (tmp_path / "no key").write_bytes(b"Geheimnis")
    found = examined([KEY, tmp_path / "unsound", tmp_path / "no key", tmp_path / "nothing"])
    assert found == {sha256(KEY.read_bytes()).hexdigest()}


def test_a_key_that_nobody_has_examined_is_examined_when_it_is_loaded(skipped: list[bool], tmp_path: Path) -> None:
    """Without anybody's word, and if that is of another file: an unsound key is then refused by its path."""
    SigningKey.load(KEY, CERTIFICATE, "rsa-sha256")
    known = examined([KEY])
    path = tmp_path / "key.pem"
    path.write_bytes(unsound())
    with pytest.raises(SettingsError, match=r"key\.pem"):
        SigningKey.load(path, CERTIFICATE, "rsa-sha256", lambda pem: sha256(pem).hexdigest() in known)
    assert skipped == [False, False, False]


def test_a_key_is_examined_once(skipped: list[bool]) -> None:
    """Whose very bytes were found sound is loaded as it is, and is the same key."""
    asked: list[bytes] = []
    key = SigningKey.load(KEY, CERTIFICATE, "rsa-sha256", lambda pem: bool(asked.append(pem) or True))
    assert asked == [KEY.read_bytes()]
    assert skipped == [True]
    assert key.key.private_numbers() == SigningKey.load(KEY, CERTIFICATE, "rsa-sha256").key.private_numbers()
