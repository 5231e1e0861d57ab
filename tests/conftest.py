"""What all tests share: keys made of few primes and read once, and a garbage collector that looks at what is new."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.primes import Thrift

READERS = ("seal", "issuing", "cms")


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: from here on the collector passes it by, and comes seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


@pytest.fixture(scope="session", autouse=True)
def keys_made_and_read_once() -> Iterator[None]:
    """Each prime serves several keys, and the same octets are the same key.

    To find primes takes longer than most tests, and OpenSSL tests those of every RSA key that it reads, too. What it
    refuses is not kept: other octets, or another password, are read anew.
    """
    thrift = Thrift()
    read = cache(thrift.read)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rsa, "generate_private_key", thrift.generate)
        for module in READERS:
            patch.setattr(f"gateway.wire.{module}.load_pem_private_key", read)
        yield
