"""A server that may open only few files: whoever is answered is answered whole, and it recovers by itself."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.patience import attempts
from tests.running import installed

FEW = 64
CROWD = 150


@pytest.mark.long
def test_a_server_with_few_descriptors_answers_again(tmp_path: Path) -> None:
    """With more callers than descriptors each answer is verified and whole, or none comes; afterwards all is well."""
    with installed(tmp_path / "house") as running:
        running.serve(under=("sh", "-c", f'ulimit -n {FEW}; exec "$@"', "sh"))
        client = running.client("sozialamt")
        client.call("dienstauskunft", {})
        answered = refused = 0
        with ExitStack() as crowd:
            for _ in range(CROWD):
                caller = crowd.enter_context(socket.socket())
                caller.settimeout(5)
                caller.connect_ex(("127.0.0.1", running.installation.plan.port))
            for _ in range(10):
                try:
                    running.client("sozialamt").call("dienstauskunft", {})  # verifies the signature
                    answered += 1
                except requests.RequestException:
                    refused += 1
        print(f"{answered} answered, {refused} refused while {CROWD} callers held {FEW} descriptors")
        for _ in attempts("an answer after the crowd has gone"):
            try:
                running.client("sozialamt").call("dienstauskunft", {})
                break
            except requests.RequestException:
                continue
        assert running.gateway("audit", "verify", check=False).returncode == 0
