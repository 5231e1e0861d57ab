"""Connections are spread evenly over the processes, and no process that hangs, stops or dies keeps anybody out."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.exchange.server import Server
from gateway.exchange.sharing import GLANCE, PATIENCE, Shares, Turn
from tests.patience import attempts
from tests.unit.exchange.certificates import issue
from tests.unit.exchange.certificates import server as server_certificate
from tests.unit.exchange.processes import serving, watched
from tests.unit.exchange.test_server import Running, client_context, post, start, stop
from tests.unit.exchange.test_server_start import SETTINGS

CROWD = 16
IDLE = 2
"""What a process without connections waits for: the listener, and its own threads."""
SOON = 4.5
"""Seconds in which a crowd has its answers, handshakes included."""


def two(has: int) -> tuple[Turn, Turn]:
    """The turns of two processes, of which the other one has so many connections."""
    shares = Shares()
    one, other = Turn(shares, 1), Turn(shares, 2)
    other.note(has)
    return one, other


def test_a_connection_is_left_to_the_process_with_fewest() -> None:
    """Among equals anybody takes it, at once; whoever has more waits for the others, however many they take."""
    one, other = two(0)
    one.note(0)
    assert one.has_come(0, 10.0)
    one.took(1)
    assert other.has_come(0, 10.0)
    for number in range(1, 4):
        one.note(4)
        other.took(number)
        assert not one.has_come(4, 10.0 + number * PATIENCE * 0.9)
    other.took(4)
    assert one.has_come(4, 13.0)


def test_who_takes_nothing_is_waited_for_once() -> None:
    """After PATIENCE the connection is taken, and after a GLANCE each behind it; until the other takes one again."""
    turn, hung = two(0)
    now = 10.0
    assert not turn.has_come(1, now)
    assert not turn.has_come(1, now := now + PATIENCE * 0.9)
    assert turn.has_come(1, now := now + PATIENCE * 0.1)
    for has in range(2, 9):
        assert not turn.has_come(has, now)
        assert turn.has_come(has, now := now + GLANCE)
    assert turn.has_come(0, now)  # they are equal for a moment
    assert not turn.has_come(1, now)
    assert turn.has_come(1, now := now + GLANCE)
    hung.took(1)
    assert not turn.has_come(2, now)
    assert not turn.has_come(2, now + PATIENCE * 0.9)


def test_a_wait_begins_anew_when_the_last_one_is_over() -> None:
    """That somebody was waited for long ago does not shorten the wait for who has taken his connection since."""
    turn, other = two(0)
    assert not turn.has_come(3, 10.0)
    other.took(1)
    assert not turn.has_come(3, 99.0)


@pytest.mark.parametrize("processes", [0, 1])
def test_nobody_waits_for_who_is_not_there(processes: int) -> None:
    """A process that has not begun, has left, or is alone counts for nothing; neither does what it had."""
    shares = Shares()
    turn = Turn(shares, 1)
    if processes:
        Turn(shares, 2).note(0)
        assert not turn.has_come(5, 10.0)
        shares.leave(2)
    turn.note(5)
    assert turn.has_come(5, 10.0)


def test_more_connections_than_can_be_noted_are_as_many_as_can() -> None:
    """Two that have more than that are equal; one that has taken as often as can be counted begins anew."""
    turn, other = two(70_000)
    assert turn.has_come(65_534, 10.0)
    assert not turn.has_come(70_000, 10.0)
    for _ in range(2**16):
        other.took(1)
    assert not turn.has_come(2, 10.0)


def test_the_parent_notes_that_a_process_has_ended() -> None:
    """Whatever it died of."""
    server = Server(SETTINGS, None, lambda: pytest.fail("nothing is opened"))
    server.shares.note(3, 0, 0)
    server.cfg.child_exit(None, SimpleNamespace(age=3))
    assert server.shares.fewer(1) == {}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A server of two processes that have nothing to do."""
    ca = issue("ca")
    ca.write(tmp_path, "ca")
    server_certificate(ca).write(tmp_path, "server")
    issue("client", ca).write(tmp_path, "client")
    running = start(tmp_path, tmp_path, read_timeout=30)
    yield running
    stop(running)


def idle(running: Running) -> list[int]:
    """The two processes, when they wait for connections and have none."""
    running.close()
    for _ in attempts("two processes wait"):
        with suppress(OSError):
            found = serving(running.process.pid)
            if [watched(one) for one in found] == [IDLE, IDLE]:
                return found
    raise AssertionError


def spread(running: Running, number: int) -> Counter[int]:
    """So many clients connect at once, and each has its answer; by process. They stay."""
    plain = [socket.create_connection(("127.0.0.1", running.port), timeout=5) for _ in range(number)]
    found: Counter[int] = Counter()
    for one in plain:
        client = running.connect()
        client.sock = client_context(running.place, "client").wrap_socket(one, server_hostname="localhost")
        status, told = post(client)
        assert status == 200
        found[int(told.split()[2])] += 1
    return found


def mostly(holds: Callable[[Running], bool], running: Running) -> bool:
    """Whether it holds three times of five: who is kept from his core for longer than PATIENCE loses a turn."""
    found = {True: 0, False: 0}
    while max(found.values()) < 3:
        idle(running)
        found[holds(running)] += 1
    return found[True] == 3


def test_a_crowd_is_spread_evenly(running: Running) -> None:
    """Sixteen at once: each process has half of them. Eight one by one: neither is passed over."""

    def together(running: Running) -> bool:
        found = spread(running, CROWD)
        return all(abs(found[one] - CROWD / 2) <= 1 for one in serving(running.process.pid))

    def one_by_one(running: Running) -> bool:
        found = sum((spread(running, 1) for _ in range(8)), Counter())
        return all(found[one] >= 3 for one in serving(running.process.pid))

    assert mostly(together, running)
    assert mostly(one_by_one, running)


def test_who_hangs_up_makes_room_for_another(running: Running) -> None:
    """A process whose clients have gone has the next ones, whichever it is."""

    def has_the_next(left: int, running: Running) -> bool:
        spread(running, 8)
        for one in running.connections:
            if one.sock is not None and int(post(one)[1].split()[2]) == left:
                one.close()
        for _ in attempts("they have gone"):
            if watched(left) == IDLE:
                break
        return spread(running, 3)[left] >= 2

    for left in idle(running):
        assert mostly(partial(has_the_next, left), running)


def test_a_stopped_process_keeps_nobody_out(running: Running) -> None:
    """It has nobody, so all are left to it; each is taken by the other nevertheless, and soon."""

    def soon(running: Running) -> bool:
        stopped, other = serving(running.process.pid)
        os.kill(stopped, signal.SIGSTOP)
        try:
            began = time.monotonic()
            assert spread(running, CROWD) == {other: CROWD}
            return time.monotonic() - began < SOON
        finally:
            os.kill(stopped, signal.SIGCONT)

    assert mostly(soon, running)


def test_a_killed_process_is_not_waited_for_and_the_next_has_its_share(running: Running) -> None:
    """What the dead one had counts no more: those who come go to the one that takes its place."""

    def has_its_share(running: Running) -> bool:
        killed, other = serving(running.process.pid)
        had = spread(running, CROWD)[other]
        os.kill(killed, signal.SIGKILL)
        assert spread(running, 1).total() == 1
        for _ in attempts("another process waits"):
            with suppress(OSError):
                following = [one for one in serving(running.process.pid) if one not in (killed, other)]
                if following and watched(following[0]) >= IDLE:
                    break
        return spread(running, had)[following[0]] >= had - 2

    assert mostly(has_its_share, running)
