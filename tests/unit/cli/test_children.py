"""Our own commands beside us: each has the port it was to have, and all end when they are told, however often."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import ExitStack

import pytest
import requests

from gateway.cli.children import _end_child, is_free, listen, port_of, simulator


def test_each_has_a_port_of_its_own() -> None:
    """However many look for one at the same moment, and all for the same: who has found it has it."""
    with ExitStack() as held:
        first = held.enter_context(listen(0))
        wanted = port_of(first)
        ports = [port_of(held.enter_context(listen(wanted))) for _ in range(20)]
        assert len({wanted, *ports}) == 21
        assert not any(is_free(port) for port in ports)
    with listen(wanted) as again:
        assert port_of(again) == wanted


def test_the_simulator_answers_where_somebody_listened_for_it() -> None:
    """The port is never free on the way to it, and is so when it has ended."""
    with ExitStack() as running:
        listener = running.enter_context(listen(0))
        port = port_of(listener)
        running.enter_context(simulator(listener, "--persons", "3"))
        assert listener.fileno() == -1
        assert requests.get(f"http://127.0.0.1:{port}/lebt", timeout=30).json()["personen"] == 3
    assert is_free(port)


def test_who_asks_again_does_not_leave_a_child_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second Ctrl-C while a child is waited for comes when it has ended."""
    monkeypatch.setattr("gateway.cli.children._ENDING_SECONDS", 0.2)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        end = child.terminate

        def asked_again() -> None:
            end()
            signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(child, "terminate", asked_again)
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # with nohup it would be ignored
        try:
            with pytest.raises(KeyboardInterrupt):
                _end_child(child)
            assert child.poll() == -signal.SIGKILL
        finally:
            signal.signal(signal.SIGINT, before)
            child.kill()
