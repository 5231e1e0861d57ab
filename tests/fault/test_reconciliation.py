"""The whole house over a source that drifts silently: found by the operator's command, told by every feed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.simulator.drift import SILENT
from tests.fault.house import House, house

IDENTITIES = ("zusammenfuehrung", "trennung", "loeschung", "loeschung-ruecknahme", "azr-nummer", "zusammenfuehrung")


@pytest.mark.long
def test_the_command_finds_and_mends_what_drifted(tmp_path: Path) -> None:
    """Over real processes: identities change, records drift, the command says so in figures, and all feeds agree."""
    with house(tmp_path) as under_test:
        under_test.polled(full=True)
        under_test.serve()
        for application in under_test.applications.values():
            application.load()
        under_test.happen(IDENTITIES)
        under_test.examine()
        under_test.happen(sorted(SILENT))
        under_test.polled()
        told = _reconcile(under_test, expected=1)
        assert "NOTHING REMOVED" in told
        assert "KV-" not in told
        assert "complete: what differed is mended" in _reconcile(under_test, "--confirm-removals", "9", expected=0)
        assert "clean" in _reconcile(under_test, expected=0)
        under_test.examine()
        assert under_test.compare_with_fresh(tmp_path / "fresh") > 0


def _reconcile(under_test: House, *options: str, expected: int) -> str:
    done = under_test.running.gateway("source", "reconcile", *options, check=False)
    assert done.returncode == expected, done.stderr
    return done.stdout
