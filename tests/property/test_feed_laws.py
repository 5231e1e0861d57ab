"""The laws of the change feed: whatever happens in whatever order, each application knows what it may, and is told so.

Source, clock, operator (`feed_events`) and applications (`feed_machine`) act at random; a model of dictionaries
(`feed_world`) says what each application may know, and the applications (`feed_client`) do nothing but what the
contract tells them to do.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from gateway.store.database import Database, upgrade
from tests.cluster import Cluster, cluster
from tests.property.feed_machine import Feed

SOME = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""The same every time: what is found by chance belongs into the long run, not into somebody else's commit."""
FEW = settings(SOME, max_examples=4)
MANY = settings(SOME, derandomize=False, max_examples=2_000)


def _run(fresh: Callable[[Path], str], how: settings) -> None:
    Feed.fresh = staticmethod(fresh)
    run_state_machine_as_test(Feed, settings=how)  # type: ignore[no-untyped-call]  # hypothesis has no annotation here


def on_sqlite(folder: Path) -> Callable[[Path], str]:
    """A copy of one migrated file for every history."""
    template = folder / "template.sqlite"
    Database.open(f"sqlite:///{template}", create=True).close()
    upgrade(f"sqlite:///{template}")

    def fresh(into: Path) -> str:
        shutil.copyfile(template, into / "gateway.sqlite")
        return f"sqlite:///{into / 'gateway.sqlite'}"

    return fresh


def on_postgresql(place: Cluster) -> Callable[[Path], str]:
    """A migrated database of its own for every history."""

    def fresh(_into: Path) -> str:
        url = place.fresh()
        upgrade(url)
        return url

    return fresh


def test_the_copy_of_an_application_is_the_projection(tmp_path: Path) -> None:
    """Whatever happens in between: snapshot(N) + feed(> N) = projection, and nothing is `neu` twice."""
    _run(on_sqlite(tmp_path), SOME)


def test_the_copy_is_the_projection_on_postgresql() -> None:
    """The same law where readers do not hinder writers."""
    with cluster() as place:
        _run(on_postgresql(place), FEW)


@pytest.mark.long
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_copy_is_the_projection_many_times(tmp_path: Path, database: str) -> None:
    """The same law over random histories."""
    if database == "sqlite":
        _run(on_sqlite(tmp_path), MANY)
    else:
        with cluster() as place:
            _run(on_postgresql(place), settings(MANY, max_examples=300))
