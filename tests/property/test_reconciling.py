"""Whatever silently happened at the source, after one reconciliation the store is what a fresh one would be."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gateway.errors import StoreError
from gateway.simulator.drift import SILENT
from gateway.store.database import Database, upgrade
from gateway.store.reconciled import Outcome
from tests.drifting import Town, simulator

ORDINARY = (
    *("umzug", "zuzug", "namensaenderung", "loeschung", "loeschung-ruecknahme", "zusammenfuehrung", "trennung"),
    *("sperre-setzen", "sperre-aufheben", "fortzug"),
)
STEPS = st.one_of(
    st.sampled_from(sorted(SILENT)), st.sampled_from(sorted(SILENT)), st.sampled_from(ORDINARY),
    st.sampled_from(["poll", "erase", "feed", "reconcile", "refused"]),
)  # fmt: skip
PERSONS = 10
SOME = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.generate),  # a history is dear: shrinking one would take minutes
)
MANY = settings(SOME, max_examples=400, derandomize=False)


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    """An empty store, to be copied."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.sqlite"
        Database.open(f"sqlite:///{path}", create=True).close()
        upgrade(f"sqlite:///{path}")
        yield path


@contextmanager
def stores(template: Path) -> Iterator[tuple[Path, Database, Database]]:
    """A folder with two empty stores."""
    with tempfile.TemporaryDirectory() as folder:
        opened = []
        for name in ("lived", "fresh"):
            path = Path(folder) / f"{name}.sqlite"
            shutil.copyfile(template, path)
            opened.append(Database.open(f"sqlite:///{path}"))
        yield Path(folder), opened[0], opened[1]
        for one in opened:
            one.close()


def live(town: Town, steps: list[str]) -> None:
    """The steps happen; what cannot happen to anybody does not."""
    for step in steps:
        if step == "poll":
            town.poll.run_once()
        elif step == "feed":
            town.replay()
        elif step == "reconcile":
            town.reconcile()
        elif step == "erase":
            town.erase(f"KV-{len(steps) % PERSONS + 1:07d}")
        elif step == "refused":
            # Only newcomers: of somebody known, whose newer record is refused, a fresh store knows nothing.
            town.happen("name-mit-schraegstrich", town.happen("zuzug"))
        else:
            try:
                town.happen(step)
            except LookupError:
                continue


def broken_off(town: Town, after: int) -> None:
    """A reconciliation ends in the middle: at its `after`-th write, like a process that is killed."""
    ingest, calls = town.store.ingest, iter(range(1000))

    def failing(*arguments: Any, **named: Any) -> Any:
        if next(calls) == after:
            raise StoreError("power cut")
        return ingest(*arguments, **named)

    town.store.ingest = failing  # type: ignore[method-assign]  # a power cut is nobody's method
    try:
        town.reconcile()
    except StoreError:
        pass
    finally:
        town.store.ingest = ingest  # type: ignore[method-assign]  # see above


def check(template: Path, steps: list[str], seed: int, after: int) -> None:
    """The law."""
    with stores(template) as (folder, lived, empty):
        town = Town(lived, folder, simulator(persons=PERSONS, seed=seed), page_size=4)
        town.poll.run_once()
        town.replay()
        live(town, steps)
        broken_off(town, after)
        assert town.reconcile().outcome.complete
        again = town.reconcile()
        assert (again.outcome, dict(again.found)) == (Outcome.CLEAN, {})
        fresh = town.fresh(empty, folder)
        assert town.known() == fresh.known()
        assert {key: one for key, one in town.stored().items() if one[1] == "active"} == fresh.stored()
        assert town.refused() == fresh.refused()
        town.replay()


@given(steps=st.lists(STEPS, min_size=6, max_size=14), seed=st.integers(1, 4), after=st.integers(0, 8))
@SOME
def test_after_a_reconciliation_the_store_is_a_fresh_one(
    template: Path, steps: list[str], seed: int, after: int
) -> None:
    """For every application, in every feed, of every record in quarantine; killed in between, it is done again."""
    check(template, steps, seed, after)


@pytest.mark.long
@given(steps=st.lists(STEPS, min_size=6, max_size=40), seed=st.integers(1, 50), after=st.integers(0, 20))
@MANY
def test_after_many_reconciliations_the_store_is_a_fresh_one(
    template: Path, steps: list[str], seed: int, after: int
) -> None:
    """The same over many and longer histories."""
    check(template, steps, seed, after)
