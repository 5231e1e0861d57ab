"""What all tests share: private keys that were read once, and a garbage collector that looks at what is new."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from functools import cache

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

READERS = ("seal", "issuing", "cms")


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: from here on the collector passes it by, and comes seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


@pytest.fixture(scope="session", autouse=True)
def keys_read_once() -> Iterator[None]:
    """The same octets are the same key: OpenSSL tests the primes of an RSA key, which takes longer than most tests.

    What it refuses is not kept: other octets, or another password, are read anew.
    """
    read = cache(load_pem_private_key)
    with pytest.MonkeyPatch.context() as patch:
        for module in READERS:
            patch.setattr(f"gateway.wire.{module}.load_pem_private_key", read)
        yield
