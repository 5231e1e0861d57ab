"""The house that the programs of others call: started once for all tests in here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.calling import House
from tests.running import installed


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A gateway with 240 synthetic persons, polled once and serving all shipped applications."""
    with installed(tmp_path_factory.mktemp("interop") / "house") as running:
        running.simulate()
        running.poll()
        running.serve()
        yield House(running)
