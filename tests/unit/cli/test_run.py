"""A poller ends when it is asked to, however often, and wherever it is then."""

from __future__ import annotations

import subprocess
import sys

from tests.patience import PATIENCE

_AGAIN = """
import signal, sys
from gateway.cli.run import Ending
ending = Ending()
def again(frame, event, argument):
    signal.raise_signal(signal.SIGTERM)
    return again
sys.settrace(again)
signal.raise_signal(signal.SIGINT)
ending.sleep(600)
sys.settrace(None)
print(ending.asked())
"""


def test_a_poller_that_is_asked_again_and_again_ends() -> None:
    """Wherever it is when the next signal comes, also in the middle of taking note of the last one."""
    done = subprocess.run([sys.executable, "-c", _AGAIN], capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert done.stdout == "True\n"
