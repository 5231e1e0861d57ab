"""The house that the programs of others call, started once for all tests in here; the matrix at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.calling import House
from tests.interop.matrix import Matrix
from tests.running import installed

MATRIX = pytest.StashKey[Matrix]()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A gateway with 240 synthetic persons, polled once and serving all shipped applications."""
    with installed(tmp_path_factory.mktemp("interop") / "house") as running:
        running.simulate()
        running.poll()
        running.serve()
        yield House(running)


@pytest.fixture(scope="session")
def matrix(pytestconfig: pytest.Config) -> Matrix:
    """What the foreign stacks showed in this run."""
    return pytestconfig.stash.setdefault(MATRIX, Matrix())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the matrix if foreign stacks ran."""
    if MATRIX in config.stash:
        terminalreporter.section("stack x operation: applications for which it works")
        for line in config.stash[MATRIX].lines():
            terminalreporter.write_line(line)
