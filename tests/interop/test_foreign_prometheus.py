"""Prometheus' own tool takes what the gateway gives out, and the shipped alerts."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.exchange.measuring import begin, measure
from gateway.exchange.message import Reply
from gateway.health import Finding, State
from gateway.health.forms import as_prometheus
from gateway.health.metrics import Stored, exposition
from gateway.store.database import Database, upgrade
from tests.interop.stacks import run

ALERTS = Path(__file__).parents[2] / "docs" / "operations" / "prometheus-alerts.yml"


def checked(text: bytes) -> None:
    """promtool finds nothing to say: names, units, help and types are as Prometheus wants them."""
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What `gateway metrics` gives out."""
    folder = tmp_path_factory.mktemp("metrics")
    begin(folder / "counted")
    measure(folder / "counted")(
        Reply(200, "text/xml", b"x", "ok", "1", "bestandAbrufen", persons=1, signature=0.001, validation=0.001),
        "wohnung2000",
        0.1,
    )
    url = f"sqlite:///{folder}/gateway.sqlite"
    Database.open(url, create=True).close()
    upgrade(url)
    return exposition(folder / "counted", Stored(Database.open(url), lambda: datetime.now(UTC)))


def test_promtool_takes_the_metrics(metrics: bytes) -> None:
    """Of the listener."""
    assert b"gateway_requests_total" in metrics
    checked(metrics)


def test_promtool_takes_what_health_writes() -> None:
    """For the textfile collector."""
    found = [Finding("disk data", State.WARNING, "x", value=1.5, unit="B"), Finding('a"b', State.OK, "y")]
    checked(("\n".join(as_prometheus(found, datetime.now(UTC))) + "\n").encode())


def test_promtool_takes_the_alerts(metrics: bytes) -> None:
    """Each rule can be evaluated, and asks for metrics that there are."""
    assert "SUCCESS: 11 rules found" in run(["promtool", "check", "rules", str(ALERTS)])
    asked = set(re.findall(r"\bgateway_[a-z_]+", " ".join(_expressions())))
    health = "\n".join(as_prometheus([Finding("a", State.OK, "b", value=1)], datetime.now(UTC)))
    given = set(re.findall(r"\bgateway_[a-z_]+", metrics.decode() + health)) | {"gateway_data_age_seconds"}
    assert asked <= given


def _expressions() -> list[str]:
    lines = ALERTS.read_text("utf-8").splitlines()
    return [line for line in lines if "gateway_" in line and "summary" not in line]


def test_alerts_fire(tmp_path: Path) -> None:
    """On the series that a broken gateway gives, by promtool's own unit tests of rules; and not on a sound one's."""
    series = {
        "gateway_database_up": ("0x20", "GatewayDatabaseDown"),
        "gateway_health_worst_state": ("2x20", "GatewayHealthCritical"),
        'gateway_requests_total{application="a",outcome="interner-fehler"}': ("0+1x20", "GatewayHouseErrors"),
    }
    tests = []
    for name, (values, alert) in series.items():
        sound = {"gateway_database_up": "1x20", "gateway_health_worst_state": "0x20"}.get(name, "0x20")
        for given, fires in ((values, True), (sound, False)):
            expected = [{"exp_labels": _labels(alert, name)}] if fires else []
            tests.append(
                {
                    "interval": "1m",
                    "input_series": [{"series": name, "values": given}],
                    "alert_rule_test": [{"eval_time": "15m", "alertname": alert, "exp_alerts": expected}],
                }
            )
    (tmp_path / "alerts.yml").write_text(
        re.sub(r"annotations: .*", "annotations: {}", ALERTS.read_text("utf-8")), "utf-8"
    )
    (tmp_path / "test.yml").write_text(json.dumps({"rule_files": ["alerts.yml"], "tests": tests}), "utf-8")
    assert "SUCCESS" in run(["promtool", "test", "rules", str(tmp_path / "test.yml")])


def _labels(alert: str, name: str) -> dict[str, str]:
    labels = {"severity": "critical"}
    return labels | ({"application": "a"} if alert == "GatewayHouseErrors" else {})
