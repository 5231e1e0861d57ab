"""RSA keys for tests, each of its own modulus, for a small part of what finding their primes takes.

A key that was really made brings two primes; with every prime there is already, each makes one further key. No key
comes twice, so two that must differ do; but they share factors, and are good for nothing else than tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from threading import Lock
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

generate: Callable[[int, int], rsa.RSAPrivateKey] = rsa.generate_private_key
"""The real one, whatever takes its place later."""


@dataclass(frozen=True)
class Thrift:
    """Makes keys in the place of `generate`, and reads them in the place of `load_pem_private_key`."""

    _kinds: dict[tuple[int, int], Iterator[rsa.RSAPrivateKey]] = field(default_factory=dict)
    _made: set[rsa.RSAPrivateNumbers] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def generate(self, public_exponent: int, key_size: int, backend: Any = None) -> rsa.RSAPrivateKey:
        """A key of that kind, and never one that was given before."""
        kind = (public_exponent, key_size)
        with self._lock:
            key = next(self._kinds.setdefault(kind, _keys(*kind)))
            self._made.add(key.private_numbers())
        return key

    def read(self, octets: bytes, password: bytes | None, *, unsafe_skip_rsa_key_validation: bool = False) -> Any:
        """The key in the PEM text; one that was made here is not tested once more, the others as it is asked."""
        if password is None:
            key = load_pem_private_key(octets, None, unsafe_skip_rsa_key_validation=True)
            if isinstance(key, rsa.RSAPrivateKey) and key.private_numbers() in self._made:
                return key
        skip = unsafe_skip_rsa_key_validation
        return load_pem_private_key(octets, password, unsafe_skip_rsa_key_validation=skip)


def _keys(public_exponent: int, key_size: int) -> Iterator[rsa.RSAPrivateKey]:
    primes: list[int] = []
    while True:
        key = generate(public_exponent, key_size)
        yield key
        numbers = key.private_numbers()
        fresh = (numbers.p, numbers.q)
        yield from (_key(*pair, public_exponent) for pair in product(primes, fresh))
        primes += fresh


def _key(p: int, q: int, exponent: int) -> rsa.RSAPrivateKey:
    d = rsa.rsa_recover_private_exponent(exponent, p, q)
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, *crt, rsa.RSAPublicNumbers(exponent, p * q))
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)  # each prime was tested when it was found
