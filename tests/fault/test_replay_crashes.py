"""A signed message counts as seen exactly if its entry is on the trail, wherever the process that handled it died."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from gateway.wire.seal import SigningKey
from tests.attacks.attack import SIGNED, Fortress, besieged, refusal
from tests.attacks.test_signatures import SOUND, Signer, of
from tests.fault import crash
from tests.interop.calling import Answer
from tests.running import wait

APPLICATION = "sozialamt"
POINTS = {
    "prove:after": SOUND,
    "dispatch:before": SOUND,
    "audit-record:before": SOUND,
    "audit-append:after": SOUND,
    "audit-commit:after": "wiederholung-abgewiesen",
    "audit-record:after": "wiederholung-abgewiesen",
    "sign:before": "wiederholung-abgewiesen",
}
"""Where the process dies, and what the same message meets afterwards."""


def serve(fortress: Fortress, trap: crash.Trap) -> None:
    """The server, looking into the trap at each step."""
    running = fortress.running
    with (running.folder / "serve.log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.fault.crash", str(trap.path)],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "GATEWAY_SETTINGS": str(running.installation.settings)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    running.children["serve"] = child
    wait(f"{running.base_url}/health/live", child, verify=str(running.installation.ca))


def entries(fortress: Fortress, message: bytes) -> int:
    """Audit entries about exactly this message."""
    digest = hashlib.sha256(message).hexdigest()
    return sum(entry.get("anfrageDigest") == digest for entry in fortress.house.audit())


def again(fortress: Fortress, message: bytes) -> Answer:
    """What the message meets once somebody serves again."""
    running = fortress.running
    wait(f"{running.base_url}/health/live", running.children["serve"], verify=str(running.installation.ca))
    return fortress.house.post(APPLICATION, message)


def test_seen_is_what_is_on_the_trail(tmp_path: Path) -> None:
    """Before the commit of its entry a message is good for another attempt, from then on it is spent; never both."""
    with besieged(tmp_path, {APPLICATION: SIGNED}) as fortress:
        trap = crash.Trap(tmp_path / "trap.json")
        serve(fortress, trap)
        certificate, key = fortress.running.installation.clients[APPLICATION]
        signer = Signer(APPLICATION, "wsse", of(SigningKey.load(key, certificate, "rsa-sha256"), APPLICATION, "L1"))
        for point, meets in POINTS.items():
            message = signer.message()
            trap.arm(point)
            with pytest.raises(requests.ConnectionError):
                fortress.house.post(APPLICATION, message)
            assert trap.fired(), point
            assert (entries(fortress, message) == 0) == (meets == SOUND), point
            assert refusal(again(fortress, message)) == meets, point
