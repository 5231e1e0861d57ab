"""The commands of one installation over real processes and sockets: health follows what is really there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.health import Finding, State, examine
from gateway.settings import load
from tests.running import APPLICATIONS, STATISTICS, Running, installed


def examined(running: Running, *, later: timedelta = timedelta()) -> dict[str, Finding]:
    settings = load(running.installation.settings, {})
    return {finding.check: finding for finding in examine(settings, datetime.now(UTC) + later)}


def wrong(found: dict[str, Finding]) -> dict[str, State]:
    """What is not OK, but for the trial approvals of every new installation."""
    trial = {name for name, one in found.items() if one.state is State.WARNING and one.text.startswith("trial approv")}
    assert len(trial) == len((*APPLICATIONS, STATISTICS))
    return {name: one.state for name, one in found.items() if one.state is not State.OK and name not in trial}


def test_health_follows_what_is_really_there(tmp_path: Path) -> None:
    """Sound while all runs, but that nothing has been backed up yet; then each thing that ends is named.

    At last a server that finds a database from before its anchor does not start.
    """
    with installed(tmp_path / "g") as running:
        running.simulate(persons=40)
        running.poll()
        assert "clean" in running.here("source", "reconcile")
        before = (running.folder / "gateway.sqlite").read_bytes()
        running.serve()
        running.client("wohnung2000").call("bestandAbrufen", {"anzahl": 5})
        found = examined(running)
        assert wrong(found) == {"backup": State.WARNING}
        expected = wrong(found)
        assert found["server"].text == "answers over TLS"
        assert running.gateway("health", "--format", "nagios", check=False).returncode == State.WARNING
        assert wrong(examined(running, later=timedelta(minutes=31)))["freshness"] is State.WARNING

        running.end("serve")
        expected |= {"server": State.CRITICAL, "workers": State.UNKNOWN}
        assert wrong(examined(running)) == expected
        running.end("okvisa")
        assert wrong(examined(running)) == expected | {"source": State.CRITICAL}
        assert running.gateway("health", "--format", "json", check=False).returncode == State.CRITICAL
        assert running.here("audit", "verify").startswith("UNVERSEHRT")

        for path in running.folder.glob("gateway.sqlite*"):
            path.unlink()
        (running.folder / "gateway.sqlite").write_bytes(before)
        refused = running.gateway("serve", check=False)
        assert (refused.returncode, "Traceback" in refused.stderr) == (2, False)
        assert "rolled back" in refused.stderr
