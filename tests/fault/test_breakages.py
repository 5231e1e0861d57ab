"""What breaks is never told OK, and told within seconds; what is mended is told OK again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from gateway.health import State
from tests.fault import forked
from tests.fault.breakages import BREAKAGES, Breakage
from tests.fault.breaking_counters import listened
from tests.fault.breaking_server import served
from tests.running import Running, installed

TABLE = Path(__file__).parents[2] / "docs" / "health-breakages.md"
HEAD = ("| what is broken | check | state | exit |", "|---|---|---|---|")
NEVER_OK = {"server", "approvals", "metrics"}
"""Mostly nobody serves or counts in this house, and its approvals are trial ones."""
ONLY_SERVED = {"workers", "probe"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A house that has polled, answered, been backed up and cleaned; nobody serves at the moment."""
    with installed(tmp_path_factory.mktemp("breakages") / "house") as running:
        running.simulate(persons=24)
        running.poll()
        told = running.gateway("probe", "init").stdout
        settings = running.installation.settings
        section = told[told.index("[probe]") :].replace(f"{running.folder}/", "")
        settings.write_text(settings.read_text("utf-8") + "\n" + section, "utf-8")
        running.serve()
        running.client("wohnung2000").call("bestandAbrufen")
        running.end("serve")
        running.gateway("retention", "run")
        running.gateway("source", "reconcile")
        running.gateway("db", "backup", str(running.folder / "copy"))
        running.gateway("health", check=False)
        yield running


def asked(running: Running, check: str) -> tuple[str, int, str, float]:
    """State, exit code, what is said first, seconds; as monitoring sees it."""
    began = time.monotonic()
    done = forked.gateway(running, "health", "--format", "json", "--check", check)
    told = json.loads(done.said)
    bad = next((one["text"] for one in told["checks"] if one["state"] == told["state"]), "")
    return told["state"], done.status, bad, time.monotonic() - began


@pytest.mark.parametrize("one", BREAKAGES, ids=lambda one: one.what)
def test_what_breaks_is_told_and_what_is_mended_too(house: Running, one: Breakage) -> None:
    """With its own state and exit code while it lasts, within a minute on any machine; OK afterwards."""
    with served(house) if one.served else nullcontext():
        seen_through(house, one)


def seen_through(house: Running, one: Breakage) -> None:
    """Broken, told, mended, told."""
    with one.made(house):
        state, code, text, seconds = asked(house, one.check)
        print(f"{one.what}: {one.check} {state} ({code}) after {seconds:.1f} s: {text}")
    assert (state, code) == (one.state, State[one.state])
    assert seconds < 60
    if one.check not in NEVER_OK and (one.served or one.check not in ONLY_SERVED):
        assert asked(house, one.check)[:2] == ("OK", 0)


def test_counters_that_are_given_out(house: Running) -> None:
    """OK where everything is as the settings say."""
    with listened(house):
        assert asked(house, "metrics")[:2] == ("OK", 0)


def test_the_published_table_is_this_list() -> None:
    """docs/health-breakages.md says what was tried."""
    rows = [f"| {one.what} | `{one.check}` | {one.state} | {State[one.state].value} |" for one in BREAKAGES]
    assert len(BREAKAGES) >= 30
    assert "\n".join((*HEAD, *rows)) in TABLE.read_text("utf-8")
