"""Whoever asks a process for its end is heard, whenever he asks, and no process outlives the one that made it."""

from __future__ import annotations

import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.exchange import ending
from tests.patience import PATIENCE, attempts
from tests.ports import free_port
from tests.unit.exchange.certificates import issue

_BESIDE = """
import signal, time
from gateway.exchange.beside import beside
made = beside(lambda: time.sleep(600) or [])
"""
_COMMAND = """
from gateway.cli.children import command
made = command(None, "--version")
"""
_FORKING = """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started us may not want to hear of it
os.register_at_fork(before=lambda: signal.raise_signal(signal.SIGINT))
try:
    with made:
        print("went on")
except KeyboardInterrupt:
    print("heard")
"""
_LEFT = """
import os, time
from gateway.exchange.beside import beside
with beside(lambda: print(os.getpid(), flush=True) or time.sleep(60) or []):
    time.sleep(60)
"""
_SERVER = """
import os, signal, sys
from pathlib import Path
from gateway.exchange.server import serve
from tests.unit.exchange.test_server import Opened, settings
def told_at_once():
    os.write(1, b"%d\\n" % os.getpid())
    os.kill(os.getpid(), signal.SIGQUIT)
os.register_at_fork(after_in_child=told_at_once)
proxy = {"addresses": ["127.0.0.1"], "tls": False}
told = settings(Path(sys.argv[1]), int(sys.argv[2]), processes=1, proxy=proxy)
serve(told, None, lambda: Opened(told))
"""


@pytest.mark.parametrize("made", [_BESIDE, _COMMAND])
def test_who_asks_in_the_middle_of_a_fork_is_heard(made: str) -> None:
    """Python throws away what is raised in its hooks around a fork; the process would go on for good."""
    done = subprocess.run([sys.executable, "-c", made + _FORKING], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("heard\n", "")


def test_who_asks_just_before_it_is_held_back_leaves_nothing_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python runs his handler when the signals are blocked already: what it raises must not leave them so for good."""
    blocks = signal.pthread_sigmask

    def asked_just_before(how: int, which: Sequence[signal.Signals]) -> set[int | signal.Signals]:
        before = blocks(how, which)
        if how == signal.SIG_BLOCK and which:
            raise KeyboardInterrupt
        return before

    monkeypatch.setattr(signal, "pthread_sigmask", asked_just_before)
    with pytest.raises(KeyboardInterrupt), ending.held_back():
        pass
    left = blocks(signal.SIG_UNBLOCK, ending.ENDING)
    assert left.isdisjoint(ending.ENDING)


def test_a_server_process_hears_what_it_was_told_before_it_could_end(tmp_path: Path) -> None:
    """Told in the moment it was made, it ends all the same: another takes its place."""
    issue("ca").write(tmp_path, "ca")
    command = [sys.executable, "-c", _SERVER, str(tmp_path), str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as server:
        assert server.stdout is not None
        try:
            for _ in range(2):
                assert select.select([server.stdout], [], [], PATIENCE)[0]
                assert server.stdout.readline().strip().isdigit()
        finally:
            server.kill()


def test_a_process_beside_a_start_ends_with_it() -> None:
    """Also if the start is killed, and nobody is there to end it."""
    with subprocess.Popen([sys.executable, "-c", _LEFT], stdout=subprocess.PIPE, text=True) as start:
        assert start.stdout is not None
        left = Path("/proc") / start.stdout.readline().strip()
        assert left.is_dir()
        start.send_signal(signal.SIGKILL)
        for _ in attempts("it has ended"):
            if not left.is_dir():
                break
