"""What all tests share: keys of few primes, what is read or compiled once, a garbage collector that comes seldom."""

from __future__ import annotations

import gc
import pickle
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from threading import get_ident
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from xdist.scheduler import LoadFileScheduling

from gateway.contract.validation import Validator
from tests.primes import Thrift

READERS = ("seal", "issuing", "cms")
SCHEMAS_KEPT = 64
SERVED = ("tests/attacks/", "tests/interop/test_pip_")
"""Files that begin so share a running gateway: one test process has all of them, and starts it once."""


class ByHouse(LoadFileScheduling):
    """Hands out file by file, but the files of one gateway together."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return next((served for served in SERVED if file.startswith(served)), file)


@pytest.hookimpl(optionalhook=True)  # of xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByHouse | None:
    """In the place of `--dist loadfile`."""
    return ByHouse(config, log) if config.getoption("dist") == "loadfile" else None


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


@pytest.fixture(scope="session", autouse=True)
def schemas_compiled_once() -> Iterator[None]:
    """The same octets are the same schema, in each thread its own: houses by the hundred publish the same contracts."""
    kept: dict[tuple[bytes, int], etree.XMLSchema] = {}
    compiled = Validator._compiled

    def once(self: Validator) -> etree.XMLSchema:
        key = (self._schema, get_ident())
        if key not in kept:
            if len(kept) == SCHEMAS_KEPT:
                kept.clear()
            kept[key] = compiled(self)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Validator, "_compiled", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def toml_parsed_once() -> Iterator[None]:
    """The same text is the same tree, a new one each time: agreements are read by whatever is started."""
    parse = tomllib.loads
    packed = cache(lambda text: pickle.dumps(parse(text)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tomllib, "loads", lambda text: pickle.loads(packed(text)))
        yield


@pytest.fixture(scope="session", autouse=True)
def frozen_counted_once() -> Iterator[None]:
    """To count what `pytest_collection_finish` has frozen takes a tenth of a second: it is done after a change only."""
    count = cache(gc.get_freeze_count)

    def changing(change: Callable[[], None]) -> Callable[[], None]:
        def changed() -> None:
            count.cache_clear()
            change()

        return changed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "get_freeze_count", count)
        patch.setattr(gc, "freeze", changing(gc.freeze))
        patch.setattr(gc, "unfreeze", changing(gc.unfreeze))
        yield
