"""The keys that tests make are as good as others for all that is looked at, and each is another."""

from __future__ import annotations

from math import gcd

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from gateway.wire import issuing
from tests import primes
from tests.primes import Thrift


def pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_no_two_keys_are_equal() -> None:
    """Of a stranger, of an installation, of the next: who must be told apart has another modulus, in the size asked."""
    thrift = Thrift()
    keys = [thrift.generate(65537, size) for size in (1024, 2048) for _ in range(20)]
    assert len({key.public_key().public_numbers().n for key in keys}) == 40
    assert [key.key_size for key in keys] == [1024] * 20 + [2048] * 20


def test_openssl_finds_nothing_wrong() -> None:
    """Read with all its checks, each is the key that was made, in whichever way."""
    thrift = Thrift()
    for key in [thrift.generate(65537, 2048) for _ in range(7)]:
        read = load_pem_private_key(pem(key), None)
        assert isinstance(read, rsa.RSAPrivateKey)
        assert read.private_numbers() == key.private_numbers() == thrift.read(pem(key), None).private_numbers()


def test_a_broken_key_is_refused_as_ever() -> None:
    """Only what was made here is not tested: a key with another exponent is, and fails."""
    thrift = Thrift()
    sound = thrift.generate(65537, 2048).private_numbers()
    p, d = sound.p, sound.d + 2  # another exponent: the key still says what it is, but signs nothing that holds
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, sound.q), sound.iqmp
    numbers = rsa.RSAPrivateNumbers(p, sound.q, d, *crt, sound.public_numbers)
    broken = numbers.private_key(unsafe_skip_rsa_key_validation=True)
    with pytest.raises(ValueError, match="Invalid private key"):
        thrift.read(pem(broken), None)


def test_the_house_finds_two_primes_for_each_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is spared here is spared in tests only: two keys of an installation share no factor."""
    monkeypatch.setattr(rsa, "generate_private_key", primes.generate)
    first, second = (issuing.new_key().public_key().public_numbers() for _ in range(2))
    assert isinstance(first, rsa.RSAPublicNumbers)
    assert isinstance(second, rsa.RSAPublicNumbers)
    assert gcd(first.n, second.n) == 1
