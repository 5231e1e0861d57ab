"""A balancer learns within a second that a process cannot serve, and strangers who ask cost nothing."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from gateway.errors import StoreError
from gateway.exchange.http import READY, Web
from gateway.exchange.readiness import AGE, PATIENCE, Readiness


class Database:
    """There or not; how often it was asked."""

    def __init__(self) -> None:
        self.there, self.asked = True, 0

    def __call__(self) -> None:
        self.asked += 1
        if not self.there:
            raise StoreError("gone")


def test_it_is_asked_once_a_second_at_most() -> None:
    """However often somebody wants to know, and the answer is never older than that."""
    database, now = Database(), [100.0]
    ready = Readiness(database, lambda: now[0])
    assert all(ready() for _ in range(50))
    assert database.asked == 1
    database.there = False
    assert ready()
    now[0] += AGE
    assert not any(ready() for _ in range(50))
    assert database.asked == 2
    database.there = True
    now[0] += AGE
    assert ready()


def test_nobody_waits_for_a_database_that_does_not_answer() -> None:
    """While one thread still asks, the others get the last answer, and no for an answer once that is too old."""
    now, asks, go_on = [100.0], threading.Event(), threading.Event()
    blocked = False

    def probe() -> None:
        if blocked:
            asks.set()
            go_on.wait(30)

    ready = Readiness(probe, lambda: now[0])
    assert ready()
    blocked = True
    now[0] += AGE
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ready)
        assert asks.wait(30)
        assert ready()
        now[0] += PATIENCE
        assert not ready()
        go_on.set()
        assert first.result(30)


def test_the_page_says_it_by_its_status() -> None:
    """200 and 503, without a certificate, in a word."""
    answer = [True]
    web = Web(
        None,  # type: ignore[arg-type]  # nothing is asked of it
        {},
        services={},
        max_bytes=1,
        peer=lambda _environ: None,
        monotonic=lambda: 0.0,
        ready=lambda: answer[0],
    )
    found = []
    for answer[0] in (True, False):
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": READY, "wsgi.input": _Empty()}
        body = b"".join(web(environ, lambda status, _headers: found.append(status)))
        assert body == (b"ready\n" if answer[0] else b"not ready\n")
    assert [status[:3] for status in found] == ["200", "503"]


class _Empty:
    def read(self, _size: int) -> bytes:
        return b""
