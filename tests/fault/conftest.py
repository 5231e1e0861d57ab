"""The databases that houses die on, and the table of what was killed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import Cluster, cluster
from tests.fault.tally import Tally

_TALLY = pytest.StashKey[Tally]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TALLY] = Tally()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several test processes hands over what it counted."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["tally"] = session.config.stash[_TALLY].counts()


@pytest.hookimpl(optionalhook=True)  # of xdist
def pytest_testnodedown(node: Any) -> None:
    """What a process handed over is added."""
    for database, counts in getattr(node, "workeroutput", {}).get("tally", {}).items():
        node.config.stash[_TALLY].add(database, counts)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What was killed, how often, on which database; what was looked at afterwards."""
    if lines := list(config.stash[_TALLY].lines()):
        terminalreporter.section("killed and examined")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """Where a house writes down what was done to it."""
    return request.config.stash[_TALLY]


@pytest.fixture(scope="session")
def own_cluster() -> Iterator[Cluster]:
    """A PostgreSQL server that may be killed; never the one of GATEWAY_TEST_DATABASE_URL, which is somebody's."""
    with cluster() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Cluster | None:
    """Where the database of a house lies: in a server of its own, or (None) in a file."""
    if request.param == "sqlite":
        return None
    found: Cluster = request.getfixturevalue("own_cluster")
    return found
