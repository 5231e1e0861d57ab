"""Check of the counters for Prometheus: that there is room to count in, and that who asks for them gets ours."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException

from gateway.health.finding import Examination, Finding, Levels, State
from gateway.settings.sections import MetricsSettings

_ROOM = 4 * 1024**2
"""Octets: about what five server processes count in, and as much again for those that replace them."""
_PATIENCE = 5.0
_OURS = b"gateway_database_up"
_MOST = 4 * 1024**2


def metrics(e: Examination) -> Iterator[Finding]:
    """Nothing is said if the settings have no [metrics]; what is not counted was answered all the same: never worse."""
    told = e.settings.metrics
    if told is None:
        return
    levels = Levels(warning=_ROOM, falling=True)
    try:
        free = shutil.disk_usage(told.folder).free
    except OSError as error:
        text = f"no folder to count in ({type(error).__name__})"
        yield Finding("metrics room", State.WARNING, text, "restart the server: it makes the folder", levels=levels)
    else:
        text, remedy = f"{free // 1024} KiB free to count in", "make room; until then new counters are not counted"
        yield Finding("metrics room", levels.judge(free), text, remedy, free, "B", levels)
    answered = _asked(told)
    state = State.WARNING if answered else State.OK
    remedy = "`gateway metrics`, and does another program have its port? See its log"
    yield Finding("metrics listener", state, answered or "gives out our counters", remedy)


def _asked(told: MetricsSettings) -> str:
    """What is wrong with the answer to Prometheus; empty if nothing is."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(told.host, told.host)  # noqa: S104 - not bound, replaced
    connection = HTTPConnection(host, told.port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        if response.status != 200 or _OURS not in response.read(_MOST):
            return f"somebody else answers, or not well (HTTP {response.status})"
    except (OSError, HTTPException) as error:
        return f"nobody gives them out ({type(error).__name__})"
    finally:
        connection.close()
    return ""
