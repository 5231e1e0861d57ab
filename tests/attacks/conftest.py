"""The fortress: a gateway whose agreements ask for signed requests, in both profiles; and the count at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.attacks.attack import SIGNED, Fortress, besieged

COUNTED = "attack"


@pytest.fixture(scope="session")
def fortress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fortress]:
    """wohnung2000 (umschlag) and sozialamt (wsse) must sign their requests, schulentwicklung need not."""
    changed = dict.fromkeys(("wohnung2000", "sozialamt"), SIGNED)
    with besieged(tmp_path_factory.mktemp("fortress"), changed) as made:
        made.running.serve()
        yield made


@pytest.fixture
def counted(record_property: pytest.RecordProperty) -> None:
    """The test is one attack of the count."""
    record_property(COUNTED, 1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many attacks were tried, and how many came through."""
    tried = {
        outcome: sum(
            value
            for report in terminalreporter.stats.get(outcome, [])
            for name, value in getattr(report, "user_properties", [])
            if name == COUNTED and isinstance(value, int)
        )
        for outcome in ("passed", "failed")
    }
    if any(tried.values()):
        terminalreporter.write_line(f"{sum(tried.values())} attacks, {tried['failed']} came through")
