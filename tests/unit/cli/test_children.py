"""Our own commands beside us: each has the port it was to have, and answers there."""

from __future__ import annotations

from contextlib import ExitStack

import requests

from gateway.cli.children import is_free, listen, port_of, simulator


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
